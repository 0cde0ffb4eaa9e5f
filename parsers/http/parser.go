package http

import (
	"bytes"

	"flowscope/sensor"
)

var (
	_ sensor.StreamParser = (*parser)(nil)
	_ sensor.Resyncer     = (*parser)(nil)
	_ sensor.Resetter     = (*parser)(nil)
)

// parser is the state of one flow.
type parser struct {
	shared  *shared
	spare   *exchange // told, to be used again
	side    [2]direction
	pending pending
	client  sensor.Side // who sends requests, once that is known
	known   bool
	began   [2]bool
	// assumed: a response came whose request was not seen, or bytes are missing
	// before the first that were, so that it is not known which response answers
	// which request.
	assumed bool
	// unpaired: requests are missing from the queue.
	unpaired bool
}

// direction is what the parser knows of one side.
type direction struct {
	state  state
	offset int64 // of the first byte not consumed
	start  int64 // of the message
	scan   scan
	x      *exchange // whose request or response it is in

	left    int64 // bytes left of the body, or of the chunk
	trailer int   // bytes of the trailer
	lost    bool  // bytes of the body are missing: the prefix ends there
	found   bool  // messages were found again behind a gap
}

// state is what a direction is in.
type state uint8

const (
	inHead      state = iota
	inBody            // of known length
	inRest            // until the connection closes
	inChunkSize       // the line in front of a chunk
	inChunk           //
	inChunkEnd        // the end of line behind a chunk
	inTrailer         // the fields behind the last chunk
	astray            // behind a gap: a message may begin here
	passed            // nothing is told any more
)

// Parse implements sensor.StreamParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	d := &p.side[s.Side]
	if !p.began[s.Side] { // what is missing before may have been a request or a response
		p.began[s.Side] = true
		p.assumed = p.assumed || s.Offset > 0
	}
	d.offset = s.Offset
	if s.Skipped > 0 {
		p.passed(d, s.Side, s.Skipped)
	}
	for {
		before := d.state
		k, err := p.step(&s, d, s.Data[n:], emit)
		n += k
		d.offset += int64(k)
		if err != nil {
			return n, err
		}
		if k == 0 && d.state == before {
			break
		}
	}
	if len(s.Data) > 0 && p.side[0].state == passed && p.side[1].state == passed {
		return n, sensor.ErrDone
	}
	if s.EOF {
		p.eof(&s, d, n < len(s.Data), emit)
		return len(s.Data), nil
	}
	return n + p.unwanted(d, s.Side), nil
}

// maxUnwanted is the longest stretch that is asked not to be shown at a time.
const maxUnwanted = 1 << 30

// unwanted returns how many of the bytes that come next need not be shown.
func (p *parser) unwanted(d *direction, side sensor.Side) int {
	if d.x != nil && p.room(d, side) > 0 {
		return 0
	}
	switch d.state {
	case inBody, inChunk:
		return int(min(d.left, maxUnwanted))
	case inRest:
		return maxUnwanted
	}
	return 0
}

// passed counts bytes of a body that were not shown.
func (p *parser) passed(d *direction, side sensor.Side, n int64) {
	p.message(d, side).BodyBytes += n
	if d.state != inRest {
		d.left -= n
	}
}

// step consumes what b has of the part of a message that a direction is in.
func (p *parser) step(s *sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	switch d.state {
	case inHead:
		return p.head(s, d, b, emit)
	case inBody:
		n = int(min(d.left, int64(len(b))))
		p.take(d, s.Side, b[:n])
		if d.left -= int64(n); d.left == 0 {
			p.end(s, d, emit)
		}
	case inRest:
		n = len(b)
		p.take(d, s.Side, b)
	case inChunkSize, inChunkEnd, inTrailer:
		return p.chunkLine(s, d, b, emit)
	case inChunk:
		n = int(min(d.left, int64(len(b))))
		p.take(d, s.Side, b[:n])
		if d.left -= int64(n); d.left == 0 {
			d.state = inChunkEnd
		}
	case astray:
		p.seek(d, s.Side, b)
	case passed:
		n = len(b)
	}
	return n, nil
}

// seek looks whether a message begins behind a gap, which nothing tells but its
// first line.
func (p *parser) seek(d *direction, side sensor.Side, b []byte) {
	switch v := begins(b); {
	case v == sensor.Unsure:
	case v == sensor.No, p.known && (v == sensor.MatchInitiator) != (side == p.client):
		p.pass(side)
	default:
		d.state, d.found = inHead, true
	}
}

// head consumes empty lines and the head of a message.
func (p *parser) head(s *sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	if d.scan == (scan{}) {
		for n < len(b) && (b[n] == '\r' || b[n] == '\n') { // RFC 9112, 2.2
			n++
		}
		if n > 0 || len(b) == 0 {
			return n, nil
		}
		d.start = d.offset
	}
	if wait, err := p.role(s.Side, b); wait || err != nil {
		return 0, err
	}
	if s.Side == p.client {
		if x := p.pending.last(); x != nil && x.connect && !x.answered {
			return 0, nil // what follows is told by the response
		}
	} else if x := p.pending.front(); x != nil && x.simple {
		if n := min(len(b), len(statusStart)); string(b[:n]) != statusStart[:n] {
			p.simple(s, d)
			return 0, nil
		}
	}
	bad, ends := false, lines{}
	size := d.scan.end(b, &ends, func(line []byte) (whole bool) {
		if s.Side != p.client {
			_, _, _, ok := statusLine(line)
			bad = !ok
			return bad
		}
		if n := len(line) - len(" HTTP/1.1"); n > 0 && line[n] == ' ' && string(line[n+1:n+8]) == statusStart {
			return false // looked at when the head is complete
		}
		var m Request
		bad = !m.line(line)
		return bad || m.Version == "0.9"
	})
	if bad {
		return 0, p.bad(s.Side, d)
	}
	if size == 0 {
		if len(b) > maxHead {
			return 0, &Error{d.start, "a head of more than 64 KiB"}
		}
		return 0, nil
	}
	if size > maxHead {
		return 0, &Error{d.start, "a head of more than 64 KiB"}
	}
	d.scan = scan{}
	if s.Side == p.client {
		return size, p.newRequest(s, d, b[:size], &ends, emit)
	}
	return size, p.newResponse(s, d, b[:size], &ends, emit)
}

// role finds out from the first bytes of a side whether it sends requests.
func (p *parser) role(side sensor.Side, b []byte) (wait bool, err error) {
	n := min(len(b), len(statusStart))
	isResponse := string(b[:n]) == statusStart[:n]
	switch {
	case isResponse && n < len(statusStart):
		return true, nil
	case !p.known:
		p.known, p.client = true, side
		if isResponse {
			p.client = side.Other()
		}
	case isResponse && side == p.client:
		return false, &Error{p.side[side].start, "requests and responses from one side"}
	}
	return false, nil
}

// bad returns the error of a message whose first line makes no sense.
func (p *parser) bad(side sensor.Side, d *direction) error {
	if side == p.client {
		return &Error{d.start, "this is no request of HTTP"}
	}
	return &Error{d.start, "this is no response of HTTP"}
}

func (p *parser) newRequest(s *sensor.Segment, d *direction, head []byte, ends *lines, emit func(sensor.Message)) error {
	x, length, ok := p.request(s, head, ends)
	if !ok {
		return p.bad(s.Side, d)
	}
	x.request.Resynced = d.found
	switch {
	case p.unpaired || p.side[s.Side.Other()].state == passed:
		x.answered = true
	case p.pending.len() == maxPending:
		p.unpaired, x.answered = true, true
	default:
		p.pending.push(x)
	}
	d.x = x
	alone := x.connect && x.answered // the answer will not be seen
	p.begin(s, d, length, emit)
	if alone {
		p.pass(s.Side)
	}
	return nil
}

func (p *parser) newResponse(s *sensor.Segment, d *direction, head []byte, ends *lines, emit func(sensor.Message)) error {
	x := p.pending.front()
	if x == nil {
		x = p.exchange()
		x.asked = true
	}
	mark := len(x.text)
	length, ok := p.response(s, x, head, ends)
	if !ok {
		return p.bad(s.Side, d)
	}
	m := &x.response
	m.Resynced = d.found
	switch {
	case p.pending.front() == nil:
		m.Pairing = PairingNone
		p.assumed = true
	case p.assumed:
		m.Pairing = PairingAssumed
	}
	if m.Status < 200 && m.Status != 101 { // another one follows
		emit(m)
		x.text = x.text[:mark]
		if m.Pairing == PairingNone {
			x.answered = true
			p.release(x)
		}
		return nil
	}
	if p.pending.front() == x {
		p.pending.pop()
	}
	d.x = x
	upgrade := nextProtocol(m)
	tunnel := x.connect && m.Status/100 == 2
	var legacy *Upgraded
	if upgrade == "http2" && m.Pairing == "" && x.ended {
		legacy = &Upgraded{bytes.Clone(m.Method), bytes.Clone(m.Target), bytes.Clone(m.Host), x.endAt}
	}
	p.begin(s, d, length, emit)
	switch {
	case legacy != nil:
		return sensor.HandOver(upgrade, legacy)
	case m.Status == 101:
		return sensor.HandTo(upgrade)
	case tunnel:
		return sensor.HandTo("")
	}
	return nil
}

// nextProtocol returns the name under which the protocol of an Upgrade is known
// here, or "" if it must be recognised.
func nextProtocol(m *Response) string {
	item, _, _ := listItem(m.Upgrade)
	switch {
	case m.Status != 101:
	case equalFold(item, "websocket"):
		return "websocket"
	case equalFold(item, "h2c"):
		return "http2"
	case len(item) >= 4 && equalFold(item[:4], "TLS/"):
		return "tls"
	}
	return ""
}

// simple begins the response to a request of HTTP/0.9, which has no head.
func (p *parser) simple(s *sensor.Segment, d *direction) {
	x := p.pending.pop()
	d.x = x
	x.clearResponse()
	m := &x.response
	m.Kind, m.Version = KindResponse, "0.9"
	m.Method, m.Target, m.Host = x.request.Method, x.request.Target, x.request.Host
	if p.assumed {
		x.response.Pairing = PairingAssumed
	}
	if x.ended {
		x.response.RTT = s.Time.Sub(x.endAt)
	}
	d.scan, d.state = scan{}, inRest
}

// begin begins the body of a message.
func (p *parser) begin(s *sensor.Segment, d *direction, length int64, emit func(sensor.Message)) {
	d.lost, d.left = false, 0
	switch {
	case length == chunkedBody:
		d.state = inChunkSize
	case length == untilClose:
		d.state = inRest
	case length == unknownBody:
		p.message(d, s.Side).Ambiguous = true
		p.end(s, d, emit)
		p.pass(s.Side)
	case length == 0:
		p.end(s, d, emit)
	default:
		d.state, d.left = inBody, length
	}
}

// message returns what is said of the body of the message that a side is in.
func (p *parser) message(d *direction, side sensor.Side) *Body {
	if side == p.client {
		return &d.x.request.Body
	}
	return &d.x.response.Body
}

// take counts bytes of a body, and keeps those of the prefix.
func (p *parser) take(d *direction, side sensor.Side, b []byte) {
	p.message(d, side).BodyBytes += int64(len(b))
	if room := p.room(d, side); room > 0 {
		body := p.prefix(d, side)
		*body = append(*body, b[:min(room, len(b))]...)
	}
}

// room returns how many bytes of the body that a side is in are still to be kept.
func (p *parser) room(d *direction, side sensor.Side) int {
	if p.shared.cfg.Prefix == 0 || d.lost {
		return 0
	}
	return p.shared.cfg.Prefix - len(*p.prefix(d, side))
}

func (p *parser) prefix(d *direction, side sensor.Side) *[]byte {
	if side == p.client {
		return &d.x.body[0]
	}
	return &d.x.body[1]
}

// end tells the message that ends.
func (p *parser) end(s *sensor.Segment, d *direction, emit func(sensor.Message)) {
	x := d.x
	d.x, d.state, d.scan = nil, inHead, scan{}
	if s.Side == p.client {
		x.request.Prefix = x.body[0]
		x.asked, x.ended, x.endAt = true, true, s.Time
		emit(&x.request)
		p.pending.forget(x)
	} else {
		x.response.Prefix = x.body[1]
		x.answered = true
		emit(&x.response)
	}
	p.release(x)
}

// pass gives up a side.
func (p *parser) pass(side sensor.Side) {
	d := &p.side[side]
	*d = direction{state: passed, offset: d.offset}
	if side == p.client || !p.known {
		p.unpaired = true
		return
	}
	if x := p.pending.last(); x != nil && x.connect {
		p.pass(p.client)
	}
	for p.pending.len() > 0 { // nothing will answer them
		x := p.pending.pop()
		x.answered = true
		p.release(x)
	}
}

// eof ends what the end of the connection ends. begun says that bytes are left over:
// those of a head that did not come to its end.
func (p *parser) eof(s *sensor.Segment, d *direction, begun bool, emit func(sensor.Message)) {
	if d.x != nil {
		p.message(d, s.Side).Incomplete = d.state != inRest || s.Aborted
		p.end(s, d, emit)
	}
	if p.known && s.Side != p.client && d.state < astray {
		p.unanswered(begun, emit)
	}
	p.pass(s.Side)
}

// unanswered tells the requests that wait, unless the oldest has a response that
// has begun.
func (p *parser) unanswered(begun bool, emit func(sensor.Message)) {
	for _, x := range p.pending.queue[p.pending.head:] {
		if x.asked && !begun {
			r := &x.request
			emit(&Unanswered{Kind: KindUnanswered, Method: r.Method, Target: r.Target, Host: r.Host, Sent: x.endAt})
		}
		begun = false
	}
}

// Reset implements sensor.Resetter. One exchange is kept for its memory.
func (p *parser) Reset() {
	for side := range p.side {
		if x := p.side[side].x; x != nil {
			x.asked, x.answered = true, true
			p.release(x)
		}
	}
	if x := p.pending.front(); x != nil {
		x.asked, x.answered = true, true
		p.release(x)
	}
	*p = parser{shared: p.shared, spare: p.spare}
}

// Resync implements sensor.Resyncer. It is exact within a body of known length,
// and within one that lasts until the connection closes. Behind any other gap a
// message may begin; what was not told of before it is not known any more.
func (p *parser) Resync(side sensor.Side, lost int64) bool {
	d := &p.side[side]
	d.offset += lost
	switch {
	case d.state == passed:
	case d.state == inRest, (d.state == inBody || d.state == inChunk) && lost <= d.left:
		m := p.message(d, side)
		m.BodyBytes += lost
		m.Missing += lost
		d.lost = true
		if d.state != inRest {
			d.left -= lost
		}
	default:
		p.giveUp(side)
	}
	return p.side[0].state != passed || p.side[1].state != passed
}

// giveUp forgets the message that a side is in, of which bytes are missing that
// would have told where it ends, and from now on which response answers which
// request.
func (p *parser) giveUp(side sensor.Side) {
	d := &p.side[side]
	if x := d.x; x != nil {
		x.asked = x.asked || side == p.client
		x.answered = x.answered || side != p.client
		p.release(x)
	}
	x := p.pending.last()
	tunnel := x != nil && x.connect
	p.pass(side)
	if !tunnel {
		p.unpaired = true
		d.state = astray
	}
}
