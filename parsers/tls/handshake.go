package tls

import (
	"flowscope/sensor"
)

// handshake consumes handshake messages from b, the part of a record's contents
// that is there.
func (p *parser) handshake(s *sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	for n < len(b) {
		rest := b[n:]
		switch {
		case d.skip > 0:
			k := min(d.skip, len(rest))
			d.skip -= k
			n += k
		case len(d.message) > 0:
			k, err := p.collect(s, d, rest, emit)
			n += k
			if err != nil {
				return n, err
			}
		default:
			k, err := p.message(s, d, rest, d.left-n, emit)
			n += k
			if err != nil || k == 0 {
				return n, err
			}
		}
	}
	return n, nil
}

// message consumes a handshake message that begins with b, of a record of which
// left bytes are left. One that ends in another record it begins to collect.
func (p *parser) message(s *sensor.Segment, d *direction, b []byte, left int, emit func(sensor.Message)) (n int, err error) {
	if len(b) < 4 {
		if left > len(b) {
			return 0, nil // need more
		}
		d.message = append(d.message, b...)
		return len(b), nil
	}
	size := 4 + uint24(b[1:])
	switch {
	case !wanted(b[0]):
		p.passed(b[0], s.Side)
		d.skip = size - 4
		return 4, nil
	case size <= len(b):
		d.pending = 0
		return size, p.decode(s, d, b[:size], size, emit)
	case size <= left:
		d.pending = size
		return 0, nil // need more
	}
	d.message, d.pending = append(d.message, b...), 0
	return len(b), nil
}

// collect adds b to a message that spans records.
func (p *parser) collect(s *sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	if have := len(d.message); have < 4 {
		n = min(4-have, len(b))
		d.message = append(d.message, b[:n]...)
		if len(d.message) < 4 {
			return n, nil
		}
		if kind := d.message[0]; !wanted(kind) {
			p.passed(kind, s.Side)
			d.skip = uint24(d.message[1:])
			d.message = nil
			return n, nil
		}
		b = b[n:]
	}
	size := 4 + uint24(d.message[1:])
	kept := min(size, maxHandshake)
	k := min(kept-len(d.message), len(b))
	d.message = append(d.message, b[:k]...)
	if n += k; len(d.message) < kept {
		return n, nil
	}
	message := d.message
	d.message, d.skip = nil, size-kept
	return n, p.decode(s, d, message, size, emit)
}

// wanted reports whether anything is told of handshake messages of a type. The
// others need not be looked at.
func wanted(kind byte) bool {
	switch kind {
	case typeClientHello, typeServerHello, typeCertificate, typeServerKeyExchange:
		return true
	}
	return false
}

// passed notes that a message is passed over.
func (p *parser) passed(kind byte, side sensor.Side) {
	if kind == typeServerHelloDone && p.answered && side == p.server {
		p.keys = true
	}
}

// decode tells what a handshake message says: b, of a length of size.
func (p *parser) decode(s *sensor.Segment, d *direction, b []byte, size int, emit func(sensor.Message)) error {
	kind, body := b[0], b[4:]
	if kind != typeCertificate && len(b) < size {
		return &Error{d.record, "a handshake message is too long"}
	}
	x := p.pool.Get().(*decoder)
	defer p.release(x)
	switch kind {
	case typeClientHello:
		if err := x.client.Decode(body, OverTCP); err != nil {
			return &Error{d.record, "client " + err.Error()}
		}
		p.clientHello(s, &x.client, emit)
	case typeServerHello:
		if err := x.server.Decode(body); err != nil {
			return &Error{d.record, "server " + err.Error()}
		}
		p.serverHello(s, &x.server, emit)
	case typeCertificate:
		return p.certificates(d, x, body, size-4, emit)
	case typeServerKeyExchange:
		// ECParameters with a named curve (RFC 8422, 5.4).
		if len(body) > 3 && body[0] == 3 && p.answered && keyExchangeIsECDHE(p.cipher) {
			p.group = Group(body[1])<<8 | Group(body[2])
		}
	}
	return nil
}

func (p *parser) clientHello(s *sensor.Segment, m *ClientHello, emit func(sensor.Message)) {
	m.Retry = p.hellos > 0 || p.retry
	p.hellos++
	p.helloAt = s.Time
	if p.hellos == 1 {
		p.firstAt = s.Time
	}
	p.early = p.early || m.EarlyData
	p.server = s.Side.Other()
	emit(m)
}

func (p *parser) serverHello(s *sensor.Segment, m *ServerHello, emit func(sensor.Message)) {
	if p.hellos > 0 {
		m.RTT = s.Time.Sub(p.helloAt)
	}
	p.server = s.Side
	if m.Kind == KindHelloRetryRequest {
		p.retry = true
		p.early = false // the client may send no more of it (RFC 8446, 4.2.10)
	} else {
		p.answered = true
		p.version, p.cipher, p.group, p.resumed = m.Version, m.Cipher, m.Group, m.PSK
		client := &p.side[s.Side.Other()]
		client.sealed = client.sealed || client.ccs && !m.Version.is13()
	}
	emit(m)
}

// certificates tells each certificate of a chain (RFC 5246, 7.4.2), of which
// body is the beginning.
func (p *parser) certificates(d *direction, x *decoder, body []byte, size int, emit func(sensor.Message)) error {
	if p.answered && p.version.is13() {
		return nil
	}
	cut := len(body) < size
	r := reader{b: body}
	total := r.uint24()
	if r.bad || total != size-3 {
		return &Error{d.record, "certificates with a length that is not possible"}
	}
	for i := 0; i < maxChain && len(r.b) > 0; i++ {
		n := r.uint24()
		if r.bad && cut {
			return nil
		}
		b := r.b[:min(n, len(r.b))]
		if r.bad || len(b) < n && !cut {
			return &Error{d.record, "a certificate with a length that is not possible"}
		}
		r.b = r.b[len(b):]
		m := &x.cert
		if n == len(b) && n <= maxKnown {
			m = x.known.certificate(b)
		} else {
			m.decode(b, n)
		}
		m.Index = i
		emit(m)
	}
	return nil
}

// keyExchangeIsECDHE reports whether a suite's ServerKeyExchange begins with the
// parameters of a curve.
func keyExchangeIsECDHE(c CipherSuite) bool {
	const prefix, anonymous = "TLS_ECDHE_", "TLS_ECDH_anon_"
	name := cipherNames[c]
	return len(name) > len(prefix) && name[:len(prefix)] == prefix && !isPSK(name[len(prefix):]) ||
		len(name) > len(anonymous) && name[:len(anonymous)] == anonymous
}

// isPSK reports whether a hint of an identity stands before the parameters (RFC
// 5489, 2).
func isPSK(rest string) bool { return len(rest) > 4 && rest[:4] == "PSK_" }
