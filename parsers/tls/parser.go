package tls

import (
	"sync"

	"flowscope/sensor"
)

var (
	_ sensor.StreamParser = (*parser)(nil)
	_ sensor.Resyncer     = (*parser)(nil)
	_ sensor.Resetter     = (*parser)(nil)
)

// parser is the state of one flow.
type parser struct {
	pool *sync.Pool
	side [2]direction

	hellos   int  // ClientHellos seen
	answered bool // a ServerHello was seen, and version, cipher and group are its
	retry    bool // a HelloRetryRequest was seen
	early    bool // the client may send early data
	keys     bool // the server said that the exchange of keys is complete (TLS 1.2)
	resumed  bool
	lossy    bool
	told     bool // Established was emitted

	sslv2Seen bool

	version Version
	cipher  CipherSuite
	group   Group
	server  sensor.Side      // who sent the ServerHello
	helloAt sensor.Timestamp // when the last ClientHello came
	firstAt sensor.Timestamp // when the first came
}

// direction is what the parser knows of one side.
type direction struct {
	offset int64 // of the first byte not consumed
	record int64 // offset of the record that is being consumed, or comes next
	kind   byte  // type of the record that is being consumed
	left   int   // bytes of it that are left
	size   int   // its length

	message []byte // beginning of a handshake message that spans records
	pending int    // length of the handshake message that begins at the first byte not consumed, if known
	skip    int    // bytes of a handshake message to pass over

	ccs      bool  // ChangeCipherSpec was sent
	sealed   bool  // what follows is encrypted
	finished bool  // something encrypted came that can be a Finished
	data     bool  // application data came
	dead     bool  // bytes are missing, and where the next record begins is not known
	opaque   int64 // encrypted bytes
	begun    bool  // a record was seen
}

// over reports whether nothing more can be told of the side.
func (d *direction) over() bool { return d.data || d.finished || d.dead }

// Parse implements sensor.StreamParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	d := &p.side[s.Side]
	for {
		b := s.Data[n:]
		if d.dead {
			n = len(s.Data)
			break
		}
		k := 0
		if d.left == 0 {
			k, err = p.record(&s, d, b, emit)
		} else {
			k, err = p.fragment(&s, d, b[:min(len(b), d.left)], emit)
			d.left -= k
		}
		n += k
		d.offset += int64(k)
		if err != nil {
			return n, err
		}
		if p.over(&s, d, emit) {
			return n, sensor.ErrDone
		}
		if k == 0 {
			break
		}
	}
	if s.EOF {
		d.message = nil
		n = len(s.Data)
	}
	return n, nil
}

// over reports whether nothing more can be told of the flow, and tells that the
// handshake is complete as soon as it is.
func (p *parser) over(s *sensor.Segment, d *direction, emit func(sensor.Message)) bool {
	a, b := &p.side[0], &p.side[1]
	if !a.over() && !b.over() {
		return false
	}
	if p.hellos == 0 && !p.answered {
		return a.data || b.data || a.dead && b.dead // joined in the middle
	}
	if a.finished && b.finished && p.answered && p.hellos > 0 && !p.told && !p.lossy {
		p.told = true
		x := p.pool.Get().(*decoder)
		x.done = Established{Kind: KindEstablished, Version: p.version, Cipher: p.cipher, Group: p.group,
			Resumed: p.resumed, Duration: s.Time.Sub(p.firstAt)}
		emit(&x.done)
		p.pool.Put(x)
	}
	return a.over() && b.over() || d.opaque > maxOneSided
}

// record consumes a record header.
func (p *parser) record(s *sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	d.record = d.offset
	if !d.begun && len(b) > 0 && b[0]&0x80 != 0 {
		return p.sslv2(s, d, b, emit)
	}
	kind, size, ok := header(b)
	if !ok {
		return 0, &Error{d.record, "this is no TLS record"}
	}
	if len(b) < recordHeader {
		return 0, nil
	}
	if len(d.message) > 0 && kind != recordHandshake {
		return 0, &Error{d.record, "another record within a handshake message"} // RFC 8446, 5.1
	}
	d.begun = true
	d.kind, d.left, d.size = kind, size, size
	if kind == recordApplicationData {
		p.data(s, d)
	}
	return recordHeader, nil
}

// data notes that a record of application data begins.
func (p *parser) data(s *sensor.Segment, d *direction) {
	const alert = 2 + 1 + 16 // an encrypted alert of TLS 1.3
	switch {
	case !p.answered && p.hellos > 0 && p.early:
		return // early data
	case p.answered && p.version.is13():
		if d.size > alert && !p.early && (s.Side == p.server || p.side[p.server].data) {
			d.finished = true
		}
	}
	d.data = true
}

// fragment consumes what is there of a record's contents.
func (p *parser) fragment(s *sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	switch {
	case len(b) == 0:
		return 0, nil
	case d.kind == recordChangeCipherSpec:
		p.changeCipherSpec(s.Side)
		return len(b), nil
	case d.kind == recordHandshake && d.ccs && !p.answered && !p.retry:
		// Encrypted, if the ServerHello was lost or comes late.
		d.opaque += int64(len(b))
		return len(b), nil
	case d.sealed:
		if d.kind == recordHandshake {
			d.finished = true
		}
		d.opaque += int64(len(b))
		return len(b), nil
	case d.kind == recordHandshake:
		return p.handshake(s, d, b, emit)
	case d.kind == recordAlert:
		if d.size != 2 || d.left != 2 {
			return len(b), nil // encrypted, by a key exchange that was not seen; or cut
		}
		if len(b) < 2 {
			return 0, nil
		}
		x := p.pool.Get().(*decoder)
		x.alert = Alert{Kind: KindAlert, Level: AlertLevel(b[0]), Code: b[1], Reason: AlertDescription(b[1])}
		emit(&x.alert)
		p.pool.Put(x)
		return 2, nil
	}
	d.opaque += int64(len(b))
	return len(b), nil
}

// changeCipherSpec notes that side has begun to encrypt. In TLS 1.3 it means
// nothing (RFC 8446, D.4).
func (p *parser) changeCipherSpec(side sensor.Side) {
	d := &p.side[side]
	if !d.ccs && p.answered && side == p.server && !p.keys && !p.version.is13() {
		p.resumed = true // RFC 5246, 7.3: the abbreviated handshake
	}
	d.ccs = true
	d.sealed = d.sealed || p.answered && !p.version.is13()
}

// sslv2 consumes a hello in the format of SSL 2.0.
func (p *parser) sslv2(s *sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	if p.sslv2Seen {
		return 0, sensor.ErrDone // the answer is in SSL 2.0 too
	}
	if len(b) < sslv2Header {
		return 0, nil
	}
	if probeSSL2(b) != sensor.MatchInitiator {
		return 0, &Error{d.record, "this is no TLS record"}
	}
	size, _ := sslv2Size(b)
	if len(b) < size {
		d.pending = size
		return 0, nil
	}
	x := p.pool.Get().(*decoder)
	defer p.release(x)
	if err := x.client.decodeSSL2(b[2:size]); err != nil {
		return 0, &Error{d.record, err.Error()}
	}
	d.begun, d.pending, p.sslv2Seen = true, 0, true
	p.clientHello(s, &x.client, emit)
	return size, nil
}

// Reset implements sensor.Resetter.
func (p *parser) Reset() { *p = parser{pool: p.pool} }

// Resync implements sensor.Resyncer. Within a record it is known where the next
// begins. Behind any other gap nothing is told of that side any more.
func (p *parser) Resync(side sensor.Side, lost int64) bool {
	d := &p.side[side]
	p.lossy = true
	d.offset += lost
	switch {
	case d.dead:
	case int64(d.left) >= lost && d.left > 0:
		p.resyncInRecord(d, int(lost))
	default:
		d.dead = true
	}
	if d.dead {
		d.message = nil
	}
	return !(p.side[0].over() && p.side[1].over())
}

// resyncInRecord passes over bytes of the record that is being consumed, and
// over the rest of the handshake message they were part of.
func (p *parser) resyncInRecord(d *direction, lost int) {
	d.left -= lost
	if d.kind != recordHandshake || d.sealed {
		return
	}
	rest := d.skip
	switch {
	case len(d.message) >= 4:
		rest = 4 + uint24(d.message[1:]) - len(d.message)
	case d.pending > 0:
		rest = d.pending
	}
	d.message, d.pending = nil, 0
	if d.skip = rest - lost; d.skip < 0 {
		d.dead = true // where the next message begins is not known
	}
}
