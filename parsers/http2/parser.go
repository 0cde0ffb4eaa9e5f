package http2

import (
	"encoding/binary"

	"flowscope/parsers/http"
	"flowscope/sensor"
)

var (
	_ sensor.StreamParser = (*parser)(nil)
	_ sensor.Heir         = (*parser)(nil)
	_ sensor.Resyncer     = (*parser)(nil)
)

// parser is the state of one flow.
type parser struct {
	cfg     *shared
	side    [2]direction
	streams streams
	client  sensor.Side // who sends requests; the initiator, until it is known
	known   bool
	head    head // of the block that is being decoded

	// Messages to be told, so that telling allocates nothing.
	resetMessage Reset
	goAway       GoAway
	call         Call
	interim      Response
}

func newParser(cfg *shared) *parser {
	p := &parser{cfg: cfg}
	for i := range p.side {
		p.side[i].hpack.cfg = cfg
	}
	return p
}

// Inherit implements sensor.Heir: the response to the request that asked for the
// upgrade comes on stream 1 (RFC 7540, 3.2).
func (p *parser) Inherit(legacy any) {
	u, ok := legacy.(*http.Upgraded)
	if !ok {
		return
	}
	x := p.streams.fresh(1)
	x.request = Request{Kind: KindRequest, Stream: 1, Method: x.keep(u.Method), Target: x.keep(u.Target), Host: x.keep(u.Host)}
	x.headAt, x.endAt = u.Sent, u.Sent
	x.hasRequest, x.asked, x.ended = true, true, true // it was told as one of HTTP/1.1
	p.side[sensor.Initiator].highest = 1
	p.streams.add(x)
	p.streams.account(x)
}

// direction is what the parser knows of one side.
type direction struct {
	state   state
	offset  int64 // of the first byte not consumed
	hpack   decoder
	partial bool // joined in the middle, or bytes were lost
	prefix  bool // the preface was seen
	highest uint32

	frame frame  // whose payload it is in
	left  uint32 // bytes left of it, without padding
	pad   uint32 // bytes left of the padding

	open     frame // HEADERS or PUSH_PROMISE whose block goes on
	block    []byte
	promised uint32 // the stream that the block is about
	size     int    // of block, with the headers of its frames
}

// state is what a direction is in.
type state uint8

const (
	atStart state = iota
	atFrame       // a frame begins
	inData        // in the payload of DATA
	inSkip        // in a payload that says nothing
	joining       // frames begin here, or they are lost for good
	passed        // nothing is told any more
)

// Parse implements sensor.StreamParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	d := &p.side[s.Side]
	for {
		before := d.state
		k, err := p.step(s, d, s.Data[n:], emit)
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
		if s.Side != p.client && d.state != passed {
			p.unanswered(emit)
		}
		p.pass(s.Side, emit)
		n = len(s.Data)
	}
	return n, nil
}

// step consumes what b has of what a direction is in.
func (p *parser) step(s sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	switch d.state {
	case atStart:
		return p.start(s, d, b), nil
	case joining:
		if len(b) < frameHeader {
			return 0, nil
		}
		if f := frameAt(b); !f.likely() {
			p.pass(s.Side, emit)
			return 0, nil
		}
		d.state = atFrame
	case atFrame:
		if len(b) < frameHeader {
			return 0, nil
		}
		return p.frame(s, d, b, emit)
	case inData:
		// What has not come is not consumed in advance: when the other side
		// resets the stream, what came until then is told.
		n = int(min(uint64(d.left), uint64(len(b))))
		d.left -= uint32(n)
		p.body(s.Side, d.frame.stream, b[:n])
		skip := int(min(uint64(d.pad), uint64(len(b)-n)))
		d.pad -= uint32(skip)
		n += skip
		if d.left == 0 && d.pad == 0 {
			d.state = atFrame
			if d.frame.flags&endStream != 0 {
				p.endStream(s, p.streams.find(d.frame.stream), emit)
			}
		}
	case inSkip:
		n = int(min(uint64(d.left), uint64(len(b))))
		if d.left -= uint32(n); d.left == 0 {
			d.state = atFrame
		}
	case passed:
		n = len(b)
	}
	return n, nil
}

// start looks at the first bytes of a side: the preface of a client, or a frame,
// which is SETTINGS if it is the first that a server sent.
func (p *parser) start(s sensor.Segment, d *direction, b []byte) (n int) {
	if n = min(len(b), len(preface)); string(b[:n]) == preface[:n] {
		if n < len(preface) {
			return 0
		}
		p.known, p.client, d.prefix, d.state = true, s.Side, true, atFrame
		return n
	}
	if len(b) < frameHeader {
		return 0
	}
	f := frameAt(b)
	if f.kind != settings || f.flags != 0 || f.check() != "" || p.known && p.client == s.Side {
		p.join(s.Side)
		d.state = joining
		return 0
	}
	d.state = atFrame
	return 0
}

// join notes that the beginning of a side was not seen. If it is the client's,
// nothing says that what was seen of the server is its beginning.
func (p *parser) join(side sensor.Side) {
	for i := range p.side {
		if sensor.Side(i) == side || p.known && p.client == side {
			p.side[i].partial = true
			p.side[i].hpack.table.joined = true
		}
	}
}

// frame consumes the frame at the front of b, or its header if the payload can
// come in pieces.
func (p *parser) frame(s sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	f := frameAt(b)
	wrong := f.check()
	if wrong == "" && d.open.stream != 0 && (f.kind != continuation || f.stream != d.open.stream) {
		wrong = "a header block is interrupted"
	}
	if d.partial && (wrong != "" || !f.likely()) {
		p.pass(s.Side, emit)
		return 0, nil
	}
	if wrong != "" {
		return 0, &Error{d.offset, wrong}
	}
	d.frame, d.left, d.pad = f, f.size, 0
	switch f.kind {
	case data:
		return p.dataFrame(s, d, b, emit)
	case headers, pushPromise, continuation:
		n = frameHeader + int(f.size)
		if len(b) < n {
			return 0, nil
		}
		return n, p.fragment(s, d, b[frameHeader:n], emit)
	case rstStream:
		if len(b) < frameHeader+4 {
			return 0, nil
		}
		p.reset(s, f.stream, binary.BigEndian.Uint32(b[frameHeader:]), emit)
		return frameHeader + 4, nil
	case goAway:
		n = frameHeader + min(int(f.size), 8+maxDebug)
		if len(b) < n {
			return 0, nil
		}
		d.left -= uint32(n - frameHeader)
		d.state = inSkip
		p.goAway = GoAway{Kind: KindGoAway, LastStream: binary.BigEndian.Uint32(b[frameHeader:]) &^ (1 << 31),
			Code: binary.BigEndian.Uint32(b[frameHeader+4:]), Reason: errorName(binary.BigEndian.Uint32(b[frameHeader+4:])), Text: b[frameHeader+8 : n], Partial: p.partial()}
		emit(&p.goAway)
		return n, nil
	}
	d.state = inSkip
	return frameHeader, nil
}

// dataFrame consumes the header of DATA, and the length of the padding.
func (p *parser) dataFrame(s sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	n = frameHeader
	if d.frame.flags&padded != 0 && d.left > 0 {
		if len(b) == n {
			return 0, nil
		}
		d.pad = uint32(b[n])
		d.left--
		n++
	} else if d.frame.flags&padded != 0 {
		d.pad = 1 // too much
	}
	if d.pad > d.left {
		if d.partial {
			p.pass(s.Side, emit)
			return 0, nil
		}
		return 0, &Error{d.offset, "more padding than there is in a frame"}
	}
	d.left -= d.pad
	d.state = inData
	return n, nil
}

// fragment takes the payload of a frame with a piece of a header block.
func (p *parser) fragment(s sensor.Segment, d *direction, payload []byte, emit func(sensor.Message)) error {
	f := d.frame
	block, ok := f.block(payload)
	if !ok {
		return p.wrong(s.Side, "a frame that is too short for what is in it", emit)
	}
	if f.kind == pushPromise {
		at := 0
		if f.flags&padded != 0 {
			at = 1
		}
		f.stream = binary.BigEndian.Uint32(payload[at:]) &^ (1 << 31)
		if f.stream == 0 {
			return p.wrong(s.Side, "a promise of stream 0", emit)
		}
	}
	switch {
	case f.kind == continuation && d.open.stream == 0:
		if !d.partial {
			return &Error{d.offset, "a header block that does not begin"}
		}
		d.hpack.table.forget()
		return nil
	case f.kind == continuation:
		d.size += frameHeader + len(block)
		if d.size > maxBlock {
			return p.wrong(s.Side, "a header block of more than 64 KiB", emit)
		}
		d.block = append(d.block, block...)
		if f.flags&endHeaders == 0 {
			return nil
		}
		f, block = d.open, d.block
		f.stream = d.promised
		d.open = frame{}
	case f.flags&endHeaders == 0:
		d.open, d.size = d.frame, frameHeader+len(block)
		d.promised = f.stream
		d.block = append(d.block[:0], block...)
		return nil
	}
	err := p.headers(s, d, f, block, emit)
	if cap(d.block) > maxSpare {
		d.block = nil
	}
	return err
}

// wrong ends the parser, or only this side if it may not have been HTTP/2 where it
// joined.
func (p *parser) wrong(side sensor.Side, reason string, emit func(sensor.Message)) error {
	if !p.side[side].partial {
		return &Error{p.side[side].offset, reason}
	}
	p.pass(side, emit)
	return nil
}

// partial reports whether something of the connection was not seen.
func (p *parser) partial() bool { return p.side[0].partial || p.side[1].partial }

// pass gives up a side, and tells what was not complete.
func (p *parser) pass(side sensor.Side, emit func(sensor.Message)) {
	d := &p.side[side]
	*d = direction{state: passed, offset: d.offset, partial: d.partial}
	for x := p.streams.first(); x != nil; {
		next := x.next
		if side == p.client {
			p.endRequest(x, false, emit)
			x.asked = true
		} else {
			p.endResponse(x, false, emit)
			x.answered = true
		}
		p.release(x)
		x = next
	}
}

// unanswered tells the requests that wait, once the server has ended. If a part of
// the connection was not seen, a response may have been in it.
func (p *parser) unanswered(emit func(sensor.Message)) {
	if p.partial() {
		return
	}
	for x := p.streams.first(); x != nil; x = x.next {
		if r := &x.request; x.hasRequest && x.ended && !x.hasResponse && !x.answered && !r.Pushed {
			emit(&Unanswered{Kind: KindUnanswered, Stream: x.id, Method: r.Method, Target: r.Target, Host: r.Host, Sent: x.endAt})
		}
	}
}

// Resync implements sensor.Resyncer. It is exact within the payload of frames that
// are passed over. Elsewhere, a side goes on if a frame begins where its bytes
// do again, with a header table of which nothing is known.
func (p *parser) Resync(side sensor.Side, lost int64) bool {
	d := &p.side[side]
	d.offset += lost
	switch {
	case d.state == passed:
	case d.state == inData && lost <= int64(d.left)+int64(d.pad):
		k := min(int64(d.left), lost)
		d.left -= uint32(k)
		d.pad -= uint32(lost - k)
		p.lose(side, d.frame.stream, k)
	case d.state == inSkip && lost <= int64(d.left):
		d.left -= uint32(lost)
	default:
		p.join(side)
		d.state, d.partial, d.open = joining, true, frame{}
		d.hpack.table.forget()
	}
	return p.side[0].state != passed || p.side[1].state != passed
}
