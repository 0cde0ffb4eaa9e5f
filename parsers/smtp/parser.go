package smtp

import (
	"bytes"

	"flowscope/sensor"
)

var (
	_ sensor.StreamParser = (*parser)(nil)
	_ sensor.Resyncer     = (*parser)(nil)
)

// parser is the state of one flow.
type parser struct {
	client  client
	server  server
	pending pending
	mail    envelope
	helo    []byte // how the client named itself
	lmtp    bool
	assumed bool // which command a reply belongs to is not known for certain
	greeted bool
	began   [2]bool
	ended   [2]bool

	greeting Greeting
	command  Command
	told     Mail

	unanswered Unanswered
}

// Parse implements sensor.StreamParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	if !p.began[s.Side] {
		p.began[s.Side] = true
		p.assumed = p.assumed || s.Offset > 0
	}
	offset := &p.client.offset
	if s.Side == sensor.Responder {
		offset = &p.server.offset
	} else {
		p.client.left -= s.Skipped
	}
	*offset += s.Skipped
	for {
		k, more := 0, false
		if s.Side == sensor.Initiator {
			before := p.client.state
			k, err = p.request(s, s.Data[n:])
			more = p.client.state != before
		} else {
			k, err = p.response(s, s.Data[n:], emit)
		}
		n += k
		*offset += int64(k)
		if err != nil {
			return n, err
		}
		if k == 0 && !more {
			break
		}
	}
	switch {
	case s.EOF:
		p.end(s.Side, n < len(s.Data), emit)
		n = len(s.Data)
	case s.Side == sensor.Initiator && p.client.state == inChunk:
		n += int(p.client.left) // passed over when it comes
	}
	return n, nil
}

// end tells what had no reply, once the server will send none. What a client did
// not send to its end is not waited for, and a reply that has begun is one.
func (p *parser) end(side sensor.Side, begun bool, emit func(sensor.Message)) {
	p.ended[side] = true
	if !p.ended[sensor.Responder] || p.client.state == lost {
		return
	}
	begun = side == sensor.Responder && (begun || p.server.reply.lines > 0)
	for w := p.pending.front(); w != nil; w = p.pending.front() {
		sent := !(w.verb == bdat && !w.ended || w.verb == data && w.begun && !w.ended)
		if sent && !begun {
			m := &p.unanswered
			*m = Unanswered{Kind: KindUnanswered, Verb: verbNames[w.verb], Mechanism: w.mechanism, Sent: w.at}
			m.Name, m.Address = w.argument()
			emit(m)
		}
		begun = false
		p.pending.pop()
	}
}

// Resync implements sensor.Resyncer.
func (p *parser) Resync(side sensor.Side, lost int64) bool {
	c := &p.client
	if side == sensor.Responder {
		return false
	}
	c.offset += lost
	switch {
	case c.state == inChunk && c.left >= lost:
		c.left -= lost
		p.pending.last().missing += lost
	case c.state == inData:
		p.mail.missing += lost
		p.mail.bytes += lost
		c.at = inLine
	default:
		return false
	}
	return true
}

// line finds the end of a line whose first scanned bytes have none. size is 0 if
// there is none yet.
func line(b []byte, scanned *int) (text []byte, size int, ok bool) {
	from, to := min(*scanned, len(b)), min(len(b), maxLine)
	end := -1
	if from < to {
		end = bytes.IndexByte(b[from:to], '\n')
	}
	if end < 0 {
		*scanned = to
		return nil, 0, len(b) < maxLine
	}
	*scanned = 0
	size = from + end + 1
	return bytes.TrimSuffix(b[:size-1], []byte{'\r'}), size, true
}
