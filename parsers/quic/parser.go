package quic

import (
	"bytes"
	"sync"

	"flowscope/parsers/internal/wire"
	"flowscope/sensor"
)

var _ sensor.DatagramParser = (*parser)(nil)

// The reasons of an Error.
const (
	reasonHeader  = "this is no packet of QUIC"
	reasonFailed  = "more than 16 packets that cannot be decrypted"
	reasonFrame   = "a frame that does not belong in an Initial packet, or is cut short"
	reasonClient  = "client "
	reasonServer  = "server "
	reasonTooMany = "more hellos than a connection can have"
)

// id is a connection id.
type id struct {
	bytes [maxCID]byte
	n     uint8
}

func idOf(b []byte) (c id) {
	c.n = uint8(copy(c.bytes[:], b))
	return c
}

func (c *id) is(b []byte) bool { return bytes.Equal(c.bytes[:c.n], b) }

// parser is the state of one flow.
type parser struct {
	pool *sync.Pool
	side [2]direction

	version Version // with chosen, what the keys are made of
	chosen  id      // the connection id that the client chose for the server
	source  id      // the client's own
	asked   Version // by the client's last packet with a long header
	known   bool    // chosen is one that opened a packet
	retried bool    // a Retry was told

	datagrams, behind, derived, failed, opened int

	random   [32]byte // of the ClientHello that was told last
	helloAt  sensor.Timestamp
	hellos   int  // ClientHellos told
	answered bool // a ServerHello was told that is no HelloRetryRequest
}

// direction is what the parser knows of one side.
type direction struct {
	opener  *opener
	stream  stream
	largest int64 // packet number, and 1
	packets int   // with a part of the hello
	hellos  int   // of this stream
	closed  bool  // a Close was told
}

// Parse implements sensor.DatagramParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) error {
	if s.EOF {
		return nil
	}
	if p.datagrams++; p.datagrams > maxDatagrams || p.failed > maxFailed || p.opened > maxOpened {
		return sensor.ErrDone
	}
	if p.hellos > 0 || p.answered {
		if p.behind++; p.behind > maxBehind {
			return sensor.ErrDone
		}
	}
	d := p.pool.Get().(*decoder)
	defer p.pool.Put(d)
	var first []byte // the connection id of the datagram's packets
	for b := s.Data; len(b) > 0 && b[0]&0x80 != 0; {
		h, ok := readLong(b)
		at := len(s.Data) - len(b)
		switch {
		case !ok && at == 0 && s.Missing == 0:
			return &Error{0, reasonHeader}
		case !ok:
			return nil // what is behind the packets of a datagram may be anything
		case at == 0:
			first = h.dcid
		case !bytes.Equal(first, h.dcid):
			return nil // RFC 9000, 12.2: to be ignored
		}
		if err := p.packet(s, d, &h, at, emit); err != nil {
			return err
		}
		b = b[len(h.packet):]
	}
	return nil
}

// packet deals with one packet of a datagram, which begins at offset at.
func (p *parser) packet(s sensor.Segment, d *decoder, h *header, at int, emit func(sensor.Message)) error {
	d.text = d.text[:0]
	switch h.kind {
	case versionNegotiation:
		if s.Side == sensor.Responder && s.Missing == 0 {
			p.offer(d, h, emit)
		}
		return nil
	case retry:
		if s.Side == sensor.Responder && s.Missing == 0 {
			p.retry(d, h, emit)
		}
		return nil
	}
	if s.Side == sensor.Initiator {
		p.asked = h.version
		if !p.known {
			p.source, p.chosen = idOf(h.scid), idOf(h.dcid)
		}
	}
	if h.kind != initial || !h.whole {
		return nil
	}
	payload, ok := p.open(s.Side, d, h)
	if !ok {
		if p.failed++; p.failed > maxFailed {
			return &Error{at, reasonFailed}
		}
		return nil
	}
	if p.opened++; p.opened > maxOpened {
		return sensor.ErrDone
	}
	return p.frames(s, d, h, payload, at, emit)
}

// open decrypts an Initial packet. Of the client it need not be protected with
// the keys that are known: after a Retry, and for another attempt, it makes new
// ones of another connection id; and either side may go over to another
// version, with the same id (RFC 9368, 2.3; RFC 9369, 4.1).
func (p *parser) open(side sensor.Side, d *decoder, h *header) ([]byte, bool) {
	dir := &p.side[side]
	if p.known && h.version == p.version {
		if dir.opener == nil && p.derive() {
			dir.opener = d.keys(p.version, p.chosen.bytes[:p.chosen.n], side)
		}
		if payload, ok := p.try(dir.opener, dir, d, h); ok {
			return payload, true
		}
	}
	if p.known && h.version != p.version && p.derive() {
		o := d.keys(h.version, p.chosen.bytes[:p.chosen.n], side)
		if payload, ok := p.try(o, dir, d, h); ok {
			p.version = h.version
			p.side[side.Other()].opener, dir.opener = nil, o
			return payload, true
		}
	}
	if side == sensor.Responder || p.known && p.chosen.is(h.dcid) && p.version == h.version || !p.derive() {
		return nil, false
	}
	fresh := direction{opener: d.keys(h.version, h.dcid, side)}
	payload, ok := p.try(fresh.opener, &fresh, d, h)
	if ok {
		p.version, p.chosen, p.source, p.known = h.version, idOf(h.dcid), idOf(h.scid), true
		p.side, p.answered = [2]direction{}, false
		p.side[side] = fresh
	}
	return payload, ok
}

// derive reports whether keys may be derived once more.
func (p *parser) derive() bool {
	p.derived++
	return p.derived <= maxKeys
}

func (p *parser) try(o *opener, dir *direction, d *decoder, h *header) ([]byte, bool) {
	if o == nil {
		return nil, false
	}
	payload, number, ok := d.open(o, h, dir.largest-1)
	if ok {
		dir.largest = max(dir.largest, number+1)
	}
	return payload, ok
}

// retry tells a Retry that belongs to the client's packet. The client then uses
// the connection id in it, which its next packet shows.
func (p *parser) retry(d *decoder, h *header, emit func(sensor.Message)) {
	if !p.known || p.retried || h.version != p.version || p.side[sensor.Responder].largest > 0 {
		return
	}
	if p.failed++; !d.sealed(h, p.chosen.bytes[:p.chosen.n]) {
		return
	}
	p.failed--
	p.retried = true
	d.retry = Retry{Kind: KindRetry, QUIC: h.version, SCID: d.hex(h.scid), TokenBytes: len(h.packet) - h.number - retryTag}
	emit(&d.retry)
}

// offer tells an offer of versions that answers the client's packet, or of which
// no packet was seen.
func (p *parser) offer(d *decoder, h *header, emit func(sensor.Message)) {
	list, ok := h.versions()
	if !ok || p.side[sensor.Responder].largest > 0 || p.asked != 0 && !(p.source.is(h.dcid) && p.chosen.is(h.scid)) {
		return
	}
	if p.failed++; p.failed > maxFailed { // as each costs a message
		return
	}
	m := &d.offer
	*m = VersionNegotiation{Kind: KindVersionNegotiation, Asked: p.asked, Versions: d.versions[:0]}
	for r := (reader{wire.Cursor{B: list}}); len(r.B) >= 4 && !m.Truncated; {
		if m.Truncated = len(m.Versions) == maxVersions; !m.Truncated {
			m.Versions = append(m.Versions, Version(r.Uint32()))
		}
	}
	emit(m)
}
