package mqtt

import (
	"flowscope/parsers/internal/wire"
	"flowscope/sensor"
)

var (
	_ sensor.StreamParser = (*parser)(nil)
	_ sensor.Resyncer     = (*parser)(nil)
)

// parser is the state of one flow.
type parser struct {
	cfg       *Config
	side      [2]direction
	version   version
	connectAt sensor.Timestamp
	asked     bool // a CONNECT waits for its CONNACK
	lossy     bool // packets were not seen
	pings     pings
	out       *messages
}

// messages are what is emitted, made when it is needed for the first time.
type messages struct {
	ack        Ack
	subscribe  Subscribe
	suback     Suback
	ping       Ping
	disconnect Disconnect
	auth       Auth
}

// direction is what the parser knows of one side.
type direction struct {
	offset  int64 // of the first byte not consumed
	size    int64 // length of the packet that begins at the first byte not consumed, if it was seen
	skip    int64 // bytes to pass over
	left    int64 // bytes of a payload that are left
	pub     Publish
	text    []byte // what pub points to, when its payload is not there at once
	alias   aliases
	waiting table
	begun   bool
	ended   bool // pub is to be told: the end of its payload was lost
	dead    bool // nothing is told any more
}

// Parse implements sensor.StreamParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	d := &p.side[s.Side]
	if d.ended {
		d.ended = false
		emit(&d.pub)
	}
	p.pass(s, d, s.Skipped, emit)
	d.offset = s.Offset
	for !d.dead {
		k, err := p.step(s, d, s.Data[n:], emit)
		n += k
		d.offset += int64(k)
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
		begun := n < len(s.Data) || d.skip > 0
		if d.left > 0 {
			d.pub.Incomplete = true
			emit(&d.pub)
			d.left = 0
		}
		if !d.dead && !begun {
			p.unanswered(s.Side, emit)
		}
		d.dead = true
		return len(s.Data), nil
	}
	switch m := &d.pub; { // if there is more to pass over, all of Data is consumed
	case d.skip > 0:
		n += int(d.skip)
	case d.left > 0 && (len(m.Payload) == p.cfg.Payload || m.Missing > 0):
		n += int(d.left)
	}
	return n, nil
}

// pass notes that bytes that nobody looks at have come.
func (p *parser) pass(s sensor.Segment, d *direction, n int64, emit func(sensor.Message)) {
	switch {
	case n == 0 || d.dead:
	case d.skip > 0:
		d.skip -= n
	default:
		if d.left -= n; d.left == 0 {
			p.published(s, d, emit)
		}
	}
}

// step consumes a packet, or what is there of one.
func (p *parser) step(s sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	switch {
	case len(b) == 0:
		return 0, nil
	case d.left > 0:
		n = int(min(d.left, int64(len(b))))
		p.payload(d, b[:n])
		p.pass(s, d, int64(n), emit)
		return n, nil
	case d.skip > 0:
		n = int(min(d.skip, int64(len(b))))
		p.pass(s, d, int64(n), emit)
		return n, nil
	}
	n, size, ok := header(b)
	if !ok {
		return 0, &Error{d.offset, "this is no packet of MQTT"}
	}
	if n == 0 {
		return 0, nil
	}
	if !d.begun && b[0]>>4 != typeConnect && b[0]>>4 != typeConnack {
		p.lossy = true // joined in the middle
	}
	d.begun = true
	d.size = int64(n + size)
	if b[0]>>4 == typePublish {
		k, err := p.publish(s, d, b[0]&15, b[n:], size, emit)
		if k == 0 || err != nil {
			return 0, err
		}
		d.size = 0
		return n + k, nil
	}
	look := min(size, maxHead)
	if len(b)-n < look {
		return 0, nil
	}
	d.size, d.skip = 0, int64(size-look)
	if err := p.packet(s, d, b[0]>>4, b[n:n+look], size, emit); err != nil {
		return 0, err
	}
	return n + look, nil
}

// publish consumes what stands before the payload of a PUBLISH. It returns 0 if
// that is not all there.
func (p *parser) publish(s sensor.Segment, d *direction, flags byte, b []byte, size int, emit func(sensor.Message)) (n int, err error) {
	b = b[:min(len(b), size)]
	if len(b) < 2 {
		return 0, nil
	}
	topic := int(b[0])<<8 | int(b[1])
	n = 2 + topic
	if flags&6 != 0 {
		n += 2
	}
	if n > size {
		return 0, malformed(d)
	}
	m := &d.pub
	*m = Publish{Kind: KindPublish, QoS: flags >> 1 & 3, Retain: flags&1 != 0, Dup: flags&8 != 0, Partial: p.version == versionUnknown}
	var x properties
	if p.version == v5 && n+4 <= maxHead {
		length, k, ok := varint(b[min(n, len(b)):])
		switch {
		case !ok, k > 0 && length > size-n-k, k == 0 && n == size:
			return 0, malformed(d)
		case k == 0:
			return 0, nil
		case n+k+length > maxHead:
			m.Truncated = true // the properties are not looked at
			n += k + length
		default:
			if len(b) < n+k+length {
				return 0, nil
			}
			r := reader{wire.Cursor{B: b[n : n+k+length]}}
			if r.properties(&x); r.Bad {
				return 0, malformed(d)
			}
			n += k + length
		}
	} else if p.version == v5 {
		m.Partial = true // it is not known how long the properties are
	}
	if len(b) < min(n, maxHead) {
		return 0, nil
	}
	look := min(n, maxHead)
	m.PayloadBytes = int64(size - n)
	m.Topic = b[2:min(2+topic, look)]
	if flags&6 != 0 && 2+topic+2 <= look {
		m.PacketID = uint16(b[2+topic])<<8 | uint16(b[3+topic])
	}
	p.resolve(d, m, &x)
	if len(m.Topic) > maxString {
		m.Topic, m.Truncated = m.Topic[:maxString], true
	}
	m.ContentType = clip(x.contentType)
	if n > look { // what is cut counts as a part of the payload
		d.skip = int64(size - look)
		p.published(s, d, emit)
		return look, nil
	}
	if d.left = m.PayloadBytes; d.left > int64(len(b)-n) {
		d.text = append(append(d.text[:0], m.Topic...), m.ContentType...)
		m.Topic, m.ContentType = d.text[:len(m.Topic):len(m.Topic)], d.text[len(m.Topic):]
		return n, nil
	}
	m.Payload = b[n:min(n+p.cfg.Payload, size)]
	d.left = 0
	p.published(s, d, emit)
	return size, nil
}

// resolve finds the topic of an alias, or notes it.
func (p *parser) resolve(d *direction, m *Publish, x *properties) {
	switch m.Alias = x.alias; {
	case m.Alias != 0 && len(m.Topic) == 0:
		m.Topic = d.alias.get(m.Alias)
		m.Partial = m.Partial || len(m.Topic) == 0
	case m.Alias != 0:
		d.alias.set(m.Alias, m.Topic)
	}
	if m.Truncated && p.version == v5 {
		d.alias.clear() // there may be one in the properties
		m.Partial = m.Partial || len(m.Topic) == 0
	}
}

// payload notes bytes of a payload.
func (p *parser) payload(d *direction, b []byte) {
	m := &d.pub
	if k := min(p.cfg.Payload-len(m.Payload), len(b)); k > 0 && m.Missing == 0 {
		names := len(m.Topic) + len(m.ContentType)
		d.text = append(d.text[:names+len(m.Payload)], b[:k]...)
		m.Topic = d.text[:len(m.Topic):len(m.Topic)]
		m.ContentType = d.text[len(m.Topic):names:names]
		m.Payload = d.text[names:]
	}
}

// published tells a PUBLISH, at its end.
func (p *parser) published(s sensor.Segment, d *direction, emit func(sensor.Message)) {
	m := &d.pub
	if m.QoS > 0 && m.PacketID != 0 {
		w := d.waiting.put(m.PacketID)
		if !m.Dup || w.id != m.PacketID {
			*w = inflight{id: m.PacketID, kind: typePublish, at: s.Time, first: s.Time}
		}
	}
	emit(m)
	m.Topic, m.ContentType, m.Payload = nil, nil, nil
	if cap(d.text) > 2*maxString {
		d.text = nil
	}
}

func malformed(d *direction) error { return &Error{d.offset, "a malformed packet"} }

func clip(b []byte) []byte { return b[:min(len(b), maxString)] }

// Resync implements sensor.Resyncer. It is exact within a packet whose length is
// known.
func (p *parser) Resync(side sensor.Side, lost int64) bool {
	d := &p.side[side]
	if d.left > 0 && lost <= d.left {
		d.pub.Missing += lost
		d.left -= lost
		if d.left == 0 { // when that was is not known
			d.ended = true
			if w := d.waiting.get(d.pub.PacketID, typePublish); w != nil {
				*w = inflight{}
			}
		}
		return true
	}
	p.lossy = true
	p.side[0].waiting.clear()
	p.side[1].waiting.clear()
	p.asked = false
	d.alias.clear()
	whole := max(d.size, d.skip)
	d.left, d.size = 0, 0
	if lost > whole || d.dead {
		d.dead, d.skip = true, 0
	} else {
		d.skip = whole - lost
	}
	return !p.side[0].dead || !p.side[1].dead
}
