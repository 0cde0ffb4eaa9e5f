package http2

import (
	"time"

	"flowscope/sensor"
)

// stream is a request and its response. When both are told, the parser uses it for
// another.
type stream struct {
	id         uint32
	prev, next *stream

	request  Request
	response Response
	text     []byte // holds what the two point to
	kept     int    // bytes of text that were counted
	headAt   sensor.Timestamp
	endAt    sensor.Timestamp // of the request
	lastAt   sensor.Timestamp // of the response
	length   [2]int64         // Content-Length of request and response, -1 if there is none
	count    [2]counter       // messages of client and server, if this is gRPC
	trailer  trailer
	timeout  []byte // grpc-timeout
	encoding []byte // grpc-encoding

	hasRequest  bool // its header fields were seen
	hasResponse bool // the same
	asked       bool // the request was told, or cannot be
	answered    bool // the response was
	ended       bool // the request was complete
	grpc        bool
}

// trailer is what gRPC says behind the messages.
type trailer struct {
	code    int // -1: none was seen
	message []byte
}

// keep copies b behind the text and returns the copy.
func (x *stream) keep(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	n := len(x.text)
	x.text = append(x.text, b...)
	return x.text[n:len(x.text):len(x.text)]
}

// streams are those of which something is still to be told, in the order in which
// they began.
type streams struct {
	byID   map[uint32]*stream
	oldest *stream
	newest *stream
	spare  *stream // not used, linked by next
	spares int
	kept   int // bytes of their fields
}

func (l *streams) find(id uint32) *stream { return l.byID[id] }
func (l *streams) first() *stream         { return l.oldest }

// maxSpares is how many unused streams a connection keeps.
const maxSpares = 8

// fresh returns a stream of which nothing is known, which is in no list yet.
func (l *streams) fresh(id uint32) *stream {
	x := l.spare
	if x == nil {
		return &stream{id: id, trailer: trailer{code: -1}, length: [2]int64{-1, -1}}
	}
	l.spare = x.next
	l.spares--
	*x = stream{id: id, text: x.text[:0], trailer: trailer{code: -1}, length: [2]int64{-1, -1},
		request:  Request{Headers: x.request.Headers[:0]},
		response: Response{Headers: x.response.Headers[:0]},
	}
	return x
}

// discard takes back a stream that is in no list.
func (l *streams) discard(x *stream) {
	if l.spares >= maxSpares || cap(x.text) > maxSpare {
		return
	}
	x.prev, x.next = nil, l.spare
	l.spare = x
	l.spares++
}

// add puts a stream at the end.
func (l *streams) add(x *stream) {
	if l.byID == nil {
		l.byID = make(map[uint32]*stream)
	}
	l.byID[x.id] = x
	x.prev, x.next = l.newest, nil
	if l.newest != nil {
		l.newest.next = x
	} else {
		l.oldest = x
	}
	l.newest = x
}

// remove takes a stream out.
func (l *streams) remove(x *stream) {
	delete(l.byID, x.id)
	l.kept -= x.kept
	if x.prev != nil {
		x.prev.next = x.next
	} else {
		l.oldest = x.next
	}
	if x.next != nil {
		x.next.prev = x.prev
	} else {
		l.newest = x.prev
	}
	l.discard(x)
}

// account notes how much a stream keeps.
func (l *streams) account(x *stream) {
	l.kept += len(x.text) - x.kept
	x.kept = len(x.text)
}

// full reports whether the oldest stream must leave.
func (l *streams) full() bool { return len(l.byID) > maxStreams || l.kept > maxKept }

// release forgets a stream of which all is told.
func (p *parser) release(x *stream) {
	if x.asked && x.answered {
		p.streams.remove(x)
	}
}

// makeRoom tells what is known of the oldest streams, and forgets them.
func (p *parser) makeRoom(emit func(sensor.Message)) {
	for p.streams.full() {
		p.abandon(p.streams.first(), emit)
	}
}

// abandon tells what is known of a stream, and forgets it.
func (p *parser) abandon(x *stream, emit func(sensor.Message)) {
	p.endRequest(x, false, emit)
	p.endResponse(x, false, emit)
	x.asked, x.answered = true, true
	p.release(x)
}

// body counts a piece of the payload of DATA.
func (p *parser) body(side sensor.Side, id uint32, b []byte) {
	x := p.streams.find(id)
	if x == nil || len(b) == 0 {
		return
	}
	if m, i := p.message(x, side); m != nil {
		m.BodyBytes += int64(len(b))
		if x.grpc {
			x.count[i].add(b)
		}
	}
}

// lose counts bytes of DATA that are missing.
func (p *parser) lose(side sensor.Side, id uint32, n int64) {
	x := p.streams.find(id)
	if x == nil || n == 0 {
		return
	}
	if m, i := p.message(x, side); m != nil {
		m.BodyBytes += n
		m.Missing += n
		x.count[i].lose(n)
	}
}

// message returns the body of what a side sends on a stream, or nil if its header
// fields were not seen, and 0 for a request or 1 for a response.
func (p *parser) message(x *stream, side sensor.Side) (m *Body, i int) {
	switch {
	case side == p.client && x.hasRequest && !x.asked:
		return &x.request.Body, 0
	case side != p.client && x.hasResponse && !x.answered:
		return &x.response.Body, 1
	}
	return nil, 0
}

// endStream ends what a side sends on a stream.
func (p *parser) endStream(s sensor.Segment, x *stream, emit func(sensor.Message)) {
	if x == nil {
		return
	}
	if s.Side == p.client {
		x.endAt, x.ended = s.Time, true
		p.endRequest(x, true, emit)
		x.asked = true
	} else {
		if p.side[p.client].partial { // its end may have been lost
			p.endRequest(x, false, emit)
			x.asked = true
		}
		x.lastAt = s.Time
		p.endResponse(x, true, emit)
		x.answered = true
		if !x.hasRequest {
			x.asked = true
		}
	}
	p.release(x)
}

// endRequest tells a request, if there is one that was not told.
func (p *parser) endRequest(x *stream, complete bool, emit func(sensor.Message)) {
	if !x.hasRequest || x.asked {
		return
	}
	m := &x.request
	x.asked = true
	m.Incomplete = !complete
	m.Partial = p.partial()
	m.check(x.length[0], string(m.Method) == "CONNECT")
	emit(m)
}

// endResponse tells a response, or call, if there is one that was not told.
func (p *parser) endResponse(x *stream, complete bool, emit func(sensor.Message)) {
	if !x.hasResponse || x.answered {
		return
	}
	m := &x.response
	x.answered = true
	m.Incomplete = !complete
	m.Partial = p.partial()
	m.check(x.length[1], m.Status == 304 || string(m.Method) == "HEAD" || string(m.Method) == "CONNECT")
	if x.grpc {
		p.tellCall(x, emit)
		return
	}
	emit(m)
}

// check compares the length of a body with what was announced (RFC 9113, 8.1.1).
func (b *Body) check(length int64, none bool) {
	if length >= 0 && length != b.BodyBytes && !none && !b.Incomplete && !b.Partial {
		b.Anomalies |= WrongLength
	}
}

// reset takes RST_STREAM.
func (p *parser) reset(s sensor.Segment, id, code uint32, emit func(sensor.Message)) {
	m := &p.resetMessage
	*m = Reset{Kind: KindReset, Stream: id, Code: code, Reason: errorName(code), Partial: p.partial()}
	x := p.streams.find(id)
	if x == nil {
		emit(m)
		return
	}
	m.Method, m.Target, m.Host = x.request.Method, x.request.Target, x.request.Host
	emit(m)
	x.request.Reset, x.response.Reset = m.Reason, m.Reason
	if x.grpc && !x.hasResponse && !x.answered { // told as a call without an answer
		x.hasResponse = true
		p.answers(x)
	}
	x.lastAt = s.Time
	p.abandon(x, emit)
}

// rtt is the response time, as Response.RTT says.
func (x *stream) rtt(t sensor.Timestamp) time.Duration {
	switch {
	case x.ended && t >= x.endAt:
		return t.Sub(x.endAt)
	case x.hasRequest:
		return max(t.Sub(x.headAt), 0)
	}
	return 0
}
