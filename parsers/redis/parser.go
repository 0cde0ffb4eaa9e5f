package redis

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
	client  request
	server  response
	pending pending

	began   [2]bool
	ended   [2]bool
	assumed bool // which command a reply belongs to is not known for certain
	inMulti bool // MULTI was sent
	skip    bool // CLIENT REPLY SKIP was sent
	mute    bool // CLIENT REPLY OFF was sent
	silent  bool // bytes of the server are missing: only commands are told

	subscribed int64 // channels, by what the server said last
	monitoring bool

	command Command
	reply   Reply
	push    Push

	unanswered Unanswered
}

// value is a string of known length that is passed over.
type value struct {
	left int64 // bytes left of it
	open bool  // it, or its CRLF, is not complete
}

// skip consumes what is there of a value and the CRLF behind it.
func (v *value) skip(b []byte) (n int, done, ok bool) {
	n = int(min(v.left, int64(len(b))))
	v.left -= int64(n)
	b = b[n:]
	switch {
	case v.left > 0 || len(b) == 0 || len(b) == 1 && b[0] == '\r':
		return n, false, true
	case b[0] != '\r' || b[1] != '\n':
		return n, false, false
	}
	v.open = false
	return n + 2, true, true
}

// Parse implements sensor.StreamParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	if !p.began[s.Side] {
		p.began[s.Side] = true
		p.assumed = p.assumed || s.Offset > 0
	}
	offset, v := &p.client.offset, &p.client.value
	if s.Side == sensor.Responder {
		offset, v = &p.server.offset, &p.server.value
	}
	*offset += s.Skipped
	v.left -= s.Skipped
	for n < len(s.Data) {
		k := 0
		if s.Side == sensor.Initiator {
			k, err = p.request(s, s.Data[n:], emit)
		} else {
			k, err = p.response(s, s.Data[n:], emit)
		}
		n += k
		*offset += int64(k)
		if err != nil {
			return n, err
		}
		if k == 0 {
			break
		}
	}
	switch {
	case s.EOF:
		p.end(s.Side, n < len(s.Data), emit)
		n = len(s.Data)
	case v.open && n == len(s.Data):
		n += int(v.left) // passed over when it comes
	}
	return n, nil
}

// end tells what had no reply, once the server will send none. A reply that has
// begun is one, and so are those to SUBSCRIBE and its kin that have come.
func (p *parser) end(side sensor.Side, begun bool, emit func(sensor.Message)) {
	p.ended[side] = true
	if !p.ended[sensor.Responder] || p.silent {
		return
	}
	r := &p.server
	begun = side == sensor.Responder && (begun || r.kind != 0 || r.depth > 0 || r.value.open)
	for w := p.pending.front(); w != nil; w = p.pending.front() {
		if !begun && !w.confirms {
			m := &p.unanswered
			*m = Unanswered{Kind: KindUnanswered, Name: w.nameBytes(), Subcommand: w.sub, Sent: w.at}
			if key := w.key(); len(key) > 0 {
				m.Key = key
			}
			emit(m)
		}
		begun = false
		p.pending.pop()
	}
}

// Resync implements sensor.Resyncer. Within a value it is known where the next
// begins.
func (p *parser) Resync(side sensor.Side, lost int64) bool {
	if side == sensor.Initiator {
		c := &p.client
		c.offset += lost
		if !c.value.open || c.value.left < lost {
			return false
		}
		c.value.left -= lost
		c.missing += lost
		return true
	}
	r := &p.server
	r.offset += lost
	if r.value.open && r.value.left >= lost {
		r.value.left -= lost
		r.missing += lost
		return true
	}
	p.silent = true
	r.value = value{}
	p.pending = pending{}
	return true
}

// line finds the end of a line whose first scanned bytes have none.
func line(b []byte, scanned *int, limit int) (size int) {
	from, to := min(*scanned, len(b)), min(len(b), limit)
	if from < to {
		if end := bytes.IndexByte(b[from:to], '\n'); end >= 0 {
			*scanned = 0
			return from + end + 1
		}
	}
	*scanned = to
	return 0
}
