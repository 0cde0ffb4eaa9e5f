package mqtt

import (
	"time"

	"flowscope/parsers/internal/wire"
	"flowscope/sensor"
)

// packet tells a packet that is no PUBLISH; b is what is looked at of it.
func (p *parser) packet(s sensor.Segment, d *direction, kind byte, b []byte, size int, emit func(sensor.Message)) error {
	if p.out == nil {
		p.out = &messages{}
	}
	r := reader{wire.Cursor{B: b}}
	cut := len(b) < size
	switch kind {
	case typeConnect:
		m := p.connect(s, &r)
		if m == nil {
			return &Error{d.offset, "a version of MQTT that is not known"}
		}
		if m.Truncated = m.Truncated || r.Bad && cut; r.Bad && !cut {
			return malformed(d)
		}
		emit(m)
		return nil
	case typeConnack:
		m := p.connack(s, &r, size)
		if m.Truncated = r.Bad && cut; r.Bad && !cut {
			return malformed(d)
		}
		emit(m)
		return nil
	case typePuback, typePubrec, typePubrel, typePubcomp:
		p.acknowledge(s, kind, &r, size, emit)
	case typeSubscribe, typeUnsubscribe:
		p.subscribe(s, d, kind, &r, cut, emit)
	case typeSuback, typeUnsuback:
		p.suback(s, kind, &r, size, emit)
	case typePingreq:
		p.pings.push(s.Time)
	case typePingresp:
		p.ping(s, emit)
	case typeDisconnect:
		p.disconnect(&r, size, emit)
	case typeAuth:
		m := &p.out.auth
		*m = Auth{Kind: KindAuth, Reason: reason(0)}
		p.version = v5
		if size > 0 {
			var x properties
			m.Code = r.Uint8()
			m.Reason = reason(m.Code)
			if size > 1 {
				r.properties(&x)
			}
			m.Method = clip(x.authMethod)
		}
		if !r.Bad {
			emit(m)
		}
	}
	if r.Bad && !cut {
		return malformed(d)
	}
	return nil
}

// connect reads a CONNECT (MQTT 5, 3.1). It returns nil if its version is not
// known.
func (p *parser) connect(s sensor.Segment, r *reader) *Connect {
	r.text() // "MQTT" or "MQIsdp"
	level, flags := r.Uint8(), r.Uint8()
	v, ok := versionOf(level)
	if !ok && !r.Bad {
		return nil
	}
	p.version, p.connectAt, p.asked = v, s.Time, true
	m := &Connect{Kind: KindConnect, Version: v.String(), Bridge: level&bridgeBit != 0, Clean: flags&2 != 0,
		HasUser: flags&0x80 != 0, HasPassword: flags&0x40 != 0, WillQoS: flags >> 3 & 3, WillRetain: flags&0x20 != 0}
	m.KeepAlive = time.Duration(r.Uint16()) * time.Second
	if v == v5 {
		var x properties
		r.properties(&x)
		m.SessionExpiry, m.ReceiveMaximum, m.AuthMethod = time.Duration(x.sessionExpiry)*time.Second, x.receiveMaximum, clip(x.authMethod)
	}
	id := r.text()
	m.ClientID, m.Truncated = clip(id), len(id) > maxString
	if flags&4 != 0 {
		if v == v5 {
			var x properties
			r.properties(&x)
		}
		topic := r.text()
		m.WillTopic, m.WillBytes = clip(topic), len(r.text())
		m.Truncated = m.Truncated || len(topic) > maxString
	}
	if m.HasUser {
		if user := r.text(); p.cfg.Users {
			m.User = clip(user)
		}
	}
	if m.HasPassword {
		r.text()
	}
	return m
}

// connack reads a CONNACK (MQTT 5, 3.2). Those of MQTT 3 have two bytes, those of
// MQTT 5 more.
func (p *parser) connack(s sensor.Segment, r *reader, size int) *Connack {
	if p.version == versionUnknown {
		p.version = v3
		if size > 2 {
			p.version = v5
		}
	}
	m := &Connack{Kind: KindConnack}
	m.SessionPresent = r.Uint8()&1 != 0
	m.Code = r.Uint8()
	m.Reason = connackReason(p.version, m.Code)
	if p.version == v5 && size > 2 {
		var x properties
		r.properties(&x)
		m.AssignedID, m.AuthMethod = clip(x.assignedID), clip(x.authMethod)
		m.ServerKeepAlive = time.Duration(x.serverKeepAlive) * time.Second
	}
	if p.asked {
		p.asked = false
		m.RTT = s.Time.Sub(p.connectAt)
	} else {
		m.Pairing = PairingNone
	}
	return m
}

var ackKinds = [...]string{KindPuback, KindPubrec, KindPubrel, KindPubcomp}

// acknowledge tells a PUBACK, PUBREC, PUBREL or PUBCOMP (MQTT 5, 3.4 to 3.7).
func (p *parser) acknowledge(s sensor.Segment, kind byte, r *reader, size int, emit func(sensor.Message)) {
	m := &p.out.ack
	*m = Ack{Kind: ackKinds[kind-typePuback], PacketID: r.Uint16(), Pairing: PairingNone}
	if size > 2 {
		m.Code = r.Uint8()
	}
	m.Reason = reason(m.Code)
	sender, after := s.Side.Other(), byte(typePublish)
	switch kind {
	case typePubrel:
		sender, after = s.Side, typePubrec
	case typePubcomp:
		after = typePubrel
	}
	if w := p.side[sender].waiting.get(m.PacketID, after); w != nil {
		m.Pairing, m.RTT = "", s.Time.Sub(w.at)
		w.kind, w.at = kind, s.Time
		if kind == typePubcomp {
			m.Duration = s.Time.Sub(w.first)
		}
		if kind == typePuback || kind == typePubcomp || m.Code >= 0x80 {
			*w = inflight{}
		}
	}
	emit(m)
}

// subscribe tells a SUBSCRIBE or UNSUBSCRIBE (MQTT 5, 3.8 and 3.10).
func (p *parser) subscribe(s sensor.Segment, d *direction, kind byte, r *reader, cut bool, emit func(sensor.Message)) {
	m := &p.out.subscribe
	*m = Subscribe{Kind: KindSubscribe, Filters: m.Filters[:0]}
	if kind == typeUnsubscribe {
		m.Kind = KindUnsubscribe
	}
	m.PacketID = r.Uint16()
	layout := p.version
	if layout == versionUnknown && !cut {
		layout = guess(kind, r.B)
	}
	if m.Partial = layout == versionUnknown; !m.Partial {
		if layout == v5 {
			var x properties
			r.properties(&x)
		}
		for len(r.B) > 0 && !r.Bad {
			f := filter(kind, layout, r)
			switch {
			case r.Bad:
			case len(m.Filters) == maxFilters:
				m.Truncated = true
			default:
				m.Truncated = m.Truncated || len(f.Topic) > maxString
				f.Topic = clip(f.Topic)
				m.Filters = append(m.Filters, f)
			}
		}
		m.Truncated = m.Truncated || cut
		if r.Bad && !cut {
			return
		}
	}
	if m.PacketID != 0 {
		*d.waiting.put(m.PacketID) = inflight{id: m.PacketID, kind: kind, at: s.Time, first: s.Time}
	}
	emit(m)
	clear(m.Filters)
}

// filter reads a topic filter and its options.
func filter(kind byte, v version, r *reader) (f Filter) {
	f.Topic = r.text()
	if kind == typeUnsubscribe {
		return f
	}
	options := r.Uint8()
	f.QoS = options & 3
	if v == v5 {
		f.NoLocal, f.RetainAsPublished, f.RetainHandling = options&4 != 0, options&8 != 0, options>>4&3
	}
	return f
}

// guess returns the version of a SUBSCRIBE or UNSUBSCRIBE if its layout is that of
// one only.
func guess(kind byte, b []byte) version {
	fits := func(v version) bool {
		r := reader{wire.Cursor{B: b}}
		if v == v5 {
			var x properties
			r.properties(&x)
		}
		if len(r.B) == 0 {
			return false
		}
		for len(r.B) > 0 && !r.Bad {
			if f := filter(kind, v, &r); len(f.Topic) == 0 {
				return false
			}
		}
		return !r.Bad
	}
	switch three, five := fits(v3), fits(v5); {
	case three && !five:
		return v3
	case five && !three:
		return v5
	}
	return versionUnknown
}

// suback tells a SUBACK or UNSUBACK (MQTT 5, 3.9 and 3.11).
func (p *parser) suback(s sensor.Segment, kind byte, r *reader, size int, emit func(sensor.Message)) {
	m := &p.out.suback
	*m = Suback{Kind: KindSuback, Codes: m.Codes[:0], Pairing: PairingNone}
	of := byte(typeSubscribe)
	if kind == typeUnsuback {
		m.Kind, of = KindUnsuback, typeUnsubscribe
	}
	m.PacketID = r.Uint16()
	m.Partial = p.version == versionUnknown && (kind == typeSuback || size > 2)
	if !m.Partial {
		if p.version == v5 {
			var x properties
			r.properties(&x)
		}
		for _, c := range r.B {
			if c >= 0x80 {
				m.Failed++
			}
			if len(m.Codes) == maxFilters {
				m.Truncated = true
			} else {
				m.Codes = append(m.Codes, int(c))
			}
		}
		m.Truncated = m.Truncated || size > maxHead
	}
	if r.Bad {
		return
	}
	if w := p.side[s.Side.Other()].waiting.get(m.PacketID, of); w != nil {
		m.Pairing, m.RTT = "", s.Time.Sub(w.at)
		*w = inflight{}
	}
	emit(m)
}

// ping tells a PINGRESP.
func (p *parser) ping(s sensor.Segment, emit func(sensor.Message)) {
	m := &p.out.ping
	*m = Ping{Kind: KindPing, Pairing: PairingNone}
	if at, ok := p.pings.pop(); ok {
		m.Pairing, m.RTT = "", s.Time.Sub(at)
		if p.lossy {
			m.Pairing = PairingAssumed
		}
	}
	emit(m)
}

// disconnect tells a DISCONNECT (MQTT 5, 3.14).
func (p *parser) disconnect(r *reader, size int, emit func(sensor.Message)) {
	m := &p.out.disconnect
	*m = Disconnect{Kind: KindDisconnect}
	if size > 0 {
		m.Code = r.Uint8()
	}
	m.Reason = reason(m.Code)
	if m.Code == 0 {
		m.Reason = "normal"
	}
	emit(m)
}
