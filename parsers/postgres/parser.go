package postgres

import (
	"encoding/binary"

	"flowscope/sensor"
)

var (
	_ sensor.StreamParser = (*parser)(nil)
	_ sensor.Resyncer     = (*parser)(nil)
)

// parser is the state of one flow. The initiator is the frontend.
type parser struct {
	side     [2]direction
	literals bool // are shown
	phase    phase
	gss      bool             // it is GSSAPI that was asked for
	askedAt  sensor.Timestamp // when encryption was, or the Startup came
	assumed  bool             // joined in the middle, or the two sides do not fit
	escapes  escapes
	auth     string
	account  []byte // user and database
	user     int    // length of user
	version  []byte // of the server

	queue queue
	store store
	// What did not fit in the queue: how many responses to Sync it has, and
	// whether something came behind the last of those.
	over     int
	overTail bool

	skipping bool // an error skips all requests before the next Sync
	copyIn   bool // the server reads data of COPY, and no Sync
	copied   int64

	open     bool // cur is the response that is being read
	held     bool // cur is complete, but for the state of the transaction
	cur      Statement
	curKind  byte             // type of the request that cur answers; 0 if that was not seen
	returned int64            // rows since the last command tag
	curAt    sensor.Timestamp // when it was asked; 0 if that was not seen
	fault    Fault
	notice   *Notice
	note     *Notification
	scratch  []byte // what cur points to
	missing  int64  // bytes of the responder not told yet
}

// phase is how far a connection is.
type phase uint8

const (
	starting       phase = iota // a packet without type comes
	asked                       // an answer of one byte comes
	authenticating              // until the first ReadyForQuery
	running
)

// direction is what the parser knows of one side.
type direction struct {
	size   int64   // length of the message that begins there, if it was seen
	skip   int64   // bytes to pass over
	kind   byte    // of the message that begins there, or is passed over
	lost   message // of the responder: one that was not captured, to be noted
	begun  bool
	dead   bool // nothing is told any more
	closed bool // the side ended
}

// kind is what is known of a type of message.
type kind struct {
	known bool
	exact int64 // length, if there is one only
	look  int64 // bytes of the body that are looked at
}

// fits reports whether a message can have that length, itself included.
func (k *kind) fits(n int64) bool {
	return k.known && n >= 4 && n <= maxMessage && (k.exact == 0 || n == k.exact)
}

// The types of message (PostgreSQL documentation, 55.7).
var (
	frontend = [256]kind{
		'Q': {known: true, look: maxLook},
		'P': {known: true, look: maxLook},
		'B': {known: true, look: 2 * (maxName + 1)},
		'D': {known: true, look: maxName + 2},
		'C': {known: true, look: maxName + 2},
		'E': {known: true, look: maxName + 1},
		'F': {known: true},
		'p': {known: true, look: 24},
		'd': {known: true},
		'f': {known: true},
		'c': {known: true, exact: 4},
		'S': {known: true, exact: 4},
		'H': {known: true, exact: 4},
		'X': {known: true, exact: 4},
	}
	backend = [256]kind{
		'R': {known: true, look: 256},
		'S': {known: true, look: maxName},
		'K': {known: true},
		'v': {known: true},
		'Z': {known: true, exact: 5, look: 1},
		'E': {known: true, look: maxFault},
		'N': {known: true, look: maxFault},
		'A': {known: true, look: 4 + maxName},
		'C': {known: true, look: 128},
		'T': {known: true},
		'D': {known: true},
		'd': {known: true},
		'c': {known: true, exact: 4},
		'G': {known: true},
		'H': {known: true},
		'W': {known: true},
		't': {known: true},
		'V': {known: true},
		'1': {known: true, exact: 4},
		'2': {known: true, exact: 4},
		'3': {known: true, exact: 4},
		'n': {known: true, exact: 4},
		's': {known: true, exact: 4},
		'I': {known: true, exact: 4},
	}
)

// Parse implements sensor.StreamParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	d := &p.side[s.Side]
	p.pass(s, d, s.Skipped)
	if m := d.lost; m.missing > 0 {
		d.lost = message{}
		p.take(s, m, emit)
	}
	if p.side[sensor.Responder].dead {
		p.drain(s, emit)
	}
	for !d.dead {
		k, err := p.step(s, d, n, emit)
		n += k
		if err != nil {
			return n, err
		}
		if k == 0 {
			break
		}
	}
	if d.dead {
		n = len(s.Data)
		if p.side[s.Side.Other()].dead {
			return n, sensor.ErrDone
		}
	}
	if s.EOF {
		n = len(s.Data)
		p.eof(s, d, emit)
		return n, nil
	}
	return n + int(d.skip), nil // if there is more to pass over, all of Data is consumed
}

// pass notes that bytes of a message that nobody looks at have come.
func (p *parser) pass(s sensor.Segment, d *direction, n int64) {
	if n == 0 || d.dead {
		return
	}
	d.skip -= n
	if d.skip == 0 && s.Side == sensor.Initiator {
		p.sent(s)
	}
}

// step consumes what it can of what begins at index at.
func (p *parser) step(s sensor.Segment, d *direction, at int, emit func(sensor.Message)) (n int, err error) {
	switch b := s.Data[at:]; {
	case len(b) == 0:
		return 0, nil
	case d.skip > 0:
		n = int(min(d.skip, int64(len(b))))
		p.pass(s, d, int64(n))
		return n, nil
	case s.Side == sensor.Initiator && p.phase == asked:
		return 0, nil
	case p.phase == starting && !d.begun && (s.Side == sensor.Responder || b[0] != 0):
		p.phase, p.assumed = running, true
	case s.Side == sensor.Initiator && p.phase == starting:
		return p.untyped(s, d, at, emit)
	case p.phase == asked && b[0] != 'E':
		return p.answer(s, at, emit)
	case p.phase == asked: // from before there was TLS
		p.phase, p.auth = authenticating, "trust"
	}
	d.begun = true
	return p.message(s, d, at, emit)
}

// message consumes a message with a type, or its beginning.
func (p *parser) message(s sensor.Segment, d *direction, at int, emit func(sensor.Message)) (n int, err error) {
	b := s.Data[at:]
	if len(b) < header {
		return 0, nil
	}
	k := &frontend[b[0]]
	if s.Side == sensor.Responder {
		k = &backend[b[0]]
	}
	size := int64(binary.BigEndian.Uint32(b[1:]))
	if !k.fits(size) {
		return 0, &Error{s.Offset + int64(at), "this is no message of PostgreSQL"}
	}
	d.kind, d.size = b[0], size+1
	look := min(size-4, k.look)
	if int64(len(b)-header) < look {
		return 0, nil
	}
	d.size, d.skip = 0, size-4-look
	m := message{kind: b[0], body: b[header : header+look], size: size - 4}
	p.take(s, m, emit)
	return int(header + look), nil
}

// take notes what a message says.
func (p *parser) take(s sensor.Segment, m message, emit func(sensor.Message)) {
	if s.Side == sensor.Responder {
		p.response(s, m, emit)
		return
	}
	p.request(s, m)
	if p.side[sensor.Responder].dead {
		p.drain(s, emit)
	}
}

// message is a message, or its beginning.
type message struct {
	kind byte
	body []byte // as much as is looked at
	size int64  // of the body
	// missing is more than 0 if the body was not captured.
	missing int64
}

// whole reports whether all of the body is there.
func (m *message) whole() bool { return int64(len(m.body)) == m.size }

// eof tells what the end of a side ends.
func (p *parser) eof(s sensor.Segment, d *direction, emit func(sensor.Message)) {
	d.dead, d.closed = true, !d.dead
	if s.Side != sensor.Responder {
		return
	}
	if d.closed {
		switch m := (Unanswered{Kind: KindUnanswered, Sent: p.askedAt}); {
		case p.phase == asked && p.gss:
			m.Method = "gss"
			emit(&m)
		case p.phase == asked:
			m.Method = "ssl"
			emit(&m)
		case p.phase == authenticating:
			m.User, m.Database = p.account[:p.user], p.account[p.user:]
			emit(&m)
		}
	}
	p.drain(s, emit)
}

// Resync implements sensor.Resyncer. It is exact within a message whose length is
// known.
func (p *parser) Resync(side sensor.Side, lost int64) bool {
	d := &p.side[side]
	whole := max(d.size, d.skip)
	switch {
	case d.dead:
	case p.phase == asked, p.phase == starting:
		d.dead = true // it is not known whether the rest is encrypted
		return false
	case lost > whole:
		d.dead, d.size, d.skip = true, 0, 0
		p.escapes = escapesUnknown
	default:
		p.lose(side, d, lost)
		d.size, d.skip = 0, whole-lost
	}
	return !p.side[0].dead || !p.side[1].dead
}

// lose notes that bytes within a message of known length are lost.
func (p *parser) lose(side sensor.Side, d *direction, lost int64) {
	switch last := p.queue.last(); {
	case d.size > 0 && side == sensor.Responder:
		d.lost = message{kind: d.kind, size: d.size - header, missing: lost}
	case d.size > 0:
		p.request(sensor.Segment{}, message{kind: d.kind, size: d.size - header, missing: lost})
	case side == sensor.Initiator && last != nil && !p.open:
		last.missing += lost
	case side == sensor.Initiator && last != nil:
		last.missing += lost
		p.missing += lost
	default:
		p.missing += lost
	}
}
