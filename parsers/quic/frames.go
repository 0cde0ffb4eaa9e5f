package quic

import (
	"errors"

	"flowscope/parsers/internal/wire"
	"flowscope/parsers/tls"
	"flowscope/sensor"
)

// Types of frame that an Initial packet may have (RFC 9000, 12.4).
const (
	framePadding = 0x00
	framePing    = 0x01
	frameACK     = 0x02
	frameACKECN  = 0x03
	frameCrypto  = 0x06
	frameClose   = 0x1c
)

var (
	errLong          = errors.New("hello is longer than 16 KiB")
	errPieces        = errors.New("hello is in more than 128 pieces")
	errContradiction = errors.New("hello has two versions of the same bytes")
	errType          = errors.New("handshake does not begin with a hello")
)

// frames reads the frames of a decrypted packet.
func (p *parser) frames(s sensor.Segment, d *decoder, h *header, payload []byte, at int, emit func(sensor.Message)) error {
	dir := &p.side[s.Side]
	r := reader{wire.Cursor{B: payload}}
	crypto := false
	for len(r.B) > 0 && !r.Bad {
		switch kind := r.varint(); kind {
		case framePadding:
			for len(r.B) > 0 && r.B[0] == framePadding {
				r.B = r.B[1:]
			}
		case framePing:
		case frameACK, frameACKECN:
			r.ack(kind == frameACKECN)
		case frameCrypto:
			offset := r.varint()
			b := r.bytes64(r.varint())
			if r.Bad || dir.stream.dead {
				break
			}
			crypto = true
			if err := dir.stream.add(offset, b); err != nil {
				return p.giveUp(s.Side, at, err)
			}
		case frameClose:
			p.closed(s, d, h, &r, emit)
		default:
			r.Bad = true
		}
	}
	if r.Bad {
		return &Error{at, reasonFrame}
	}
	if !crypto {
		return nil
	}
	dir.packets++
	return p.told(s, d, h, at, emit)
}

// ack passes over an ACK frame (RFC 9000, 19.3).
func (r *reader) ack(ecn bool) {
	r.varint()
	r.varint()
	n := r.varint()
	r.varint()
	for ; n > 0 && !r.Bad; n-- {
		r.varint()
		r.varint()
	}
	if ecn {
		r.varint()
		r.varint()
		r.varint()
	}
}

// giveUp tells nothing more of a side.
func (p *parser) giveUp(side sensor.Side, at int, err error) error {
	p.side[side].stream = stream{dead: true}
	who := reasonClient
	if side == sensor.Responder {
		who = reasonServer
	}
	return &Error{at, who + err.Error()}
}

// told tells the hellos that are complete.
func (p *parser) told(s sensor.Segment, d *decoder, h *header, at int, emit func(sensor.Message)) (err error) {
	dir := &p.side[s.Side]
	want := byte(typeClientHello)
	if s.Side == sensor.Responder {
		want = typeServerHello
	}
	for !dir.stream.dead {
		if d.hello, err = dir.stream.message(d.hello[:0], want); err != nil {
			return p.giveUp(s.Side, at, err)
		}
		if len(d.hello) == 0 {
			return nil
		}
		if dir.hellos++; dir.hellos > 2 { // one before and one behind a HelloRetryRequest
			return p.giveUp(s.Side, at, errors.New(reasonTooMany))
		}
		dir.stream.consume(len(d.hello))
		if s.Side == sensor.Initiator {
			err = p.clientHello(s, d, h, emit)
		} else {
			err = p.serverHello(s, d, h, emit)
		}
		if err == sensor.ErrDone {
			return err
		}
		if err != nil {
			return p.giveUp(s.Side, at, err)
		}
	}
	return nil
}

// clientHello tells a ClientHello, unless a Retry made the client say it again.
func (p *parser) clientHello(s sensor.Segment, d *decoder, h *header, emit func(sensor.Message)) error {
	dir, m := &p.side[s.Side], &d.client
	if err := m.Decode(d.hello[4:], tls.OverQUIC); err != nil {
		return err
	}
	packets := dir.packets
	dir.packets = 0
	m.Retry = dir.hellos > 1
	if p.hellos > 0 && !m.Retry && string(m.Random) == string(p.random[:]) {
		return nil
	}
	p.hellos++
	p.behind = 0
	p.helloAt = s.Time
	copy(p.random[:], m.Random)
	m.QUIC, m.Packets, m.TokenBytes = h.version, packets, len(h.token)
	m.DCID, m.SCID = d.hex(p.chosen.bytes[:p.chosen.n]), d.hex(h.scid)
	emit(m)
	if p.answered {
		return sensor.ErrDone
	}
	return nil
}

// serverHello tells a ServerHello, which is all there is to tell unless it asks
// for another ClientHello, or was captured before a part of the first.
func (p *parser) serverHello(s sensor.Segment, d *decoder, h *header, emit func(sensor.Message)) error {
	m := &d.server
	if err := m.Decode(d.hello[4:]); err != nil {
		return err
	}
	if p.hellos > 0 {
		m.RTT = max(s.Time.Sub(p.helloAt), 0)
	}
	m.QUIC, m.SCID = h.version, d.hex(h.scid)
	emit(m)
	if m.Kind == tls.KindHelloRetryRequest {
		return nil
	}
	if p.answered = true; p.hellos == 0 {
		return nil
	}
	return sensor.ErrDone
}

// closed reads a CONNECTION_CLOSE frame and tells it, once for each side.
func (p *parser) closed(s sensor.Segment, d *decoder, h *header, r *reader, emit func(sensor.Message)) {
	code, frame := r.varint(), r.varint()
	reason := r.bytes64(r.varint())
	dir := &p.side[s.Side]
	if r.Bad || dir.closed {
		return
	}
	dir.closed = true
	d.close = Close{Kind: KindClose, QUIC: h.version, Code: code, Reason: errorName(code), Frame: frame,
		Text: reason[:min(len(reason), maxReason)], Truncated: len(reason) > maxReason}
	emit(&d.close)
}
