package mqtt

import "flowscope/parsers/internal/wire"

// reader is a cursor over a message of MQTT.
type reader struct{ wire.Cursor }

// text returns a string, or binary data, behind its length.
func (r *reader) text() []byte { return r.Take(int(r.Uint16())) }

// varint returns a variable byte integer.
func (r *reader) varint() int {
	v, n, ok := varint(r.B)
	if !ok || n == 0 {
		r.Fail()
		return 0
	}
	r.B = r.B[n:]
	return v
}

// varint reads a variable byte integer (MQTT 5, 1.5.5) and returns its length, 0
// if it is not all there. It is not ok if it is longer than four bytes.
func varint(b []byte) (v, n int, ok bool) {
	for i := 0; i < 4; i++ {
		if i >= len(b) {
			return 0, 0, true
		}
		v |= int(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return v, i + 1, true
		}
	}
	return 0, 0, false
}

// properties are those of MQTT 5 that are told.
type properties struct {
	alias           uint16
	contentType     []byte
	sessionExpiry   uint32
	receiveMaximum  uint16
	authMethod      []byte
	assignedID      []byte
	serverKeepAlive uint16
}

// properties reads the properties of a packet (MQTT 5, 2.2.2).
func (r *reader) properties(p *properties) {
	*p = properties{}
	in := reader{wire.Cursor{B: r.Take(r.varint())}}
	for len(in.B) > 0 {
		switch id := in.Uint8(); id {
		case 0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a: // a byte
			in.Take(1)
		case 0x13: // Server Keep Alive
			p.serverKeepAlive = in.Uint16()
		case 0x21: // Receive Maximum
			p.receiveMaximum = in.Uint16()
		case 0x22: // Topic Alias Maximum
			in.Take(2)
		case 0x23: // Topic Alias
			p.alias = in.Uint16()
		case 0x11: // Session Expiry Interval
			p.sessionExpiry = in.Uint32()
		case 0x02, 0x18, 0x27: // four bytes
			in.Take(4)
		case 0x0b: // Subscription Identifier
			in.varint()
		case 0x03: // Content Type
			p.contentType = in.text()
		case 0x12: // Assigned Client Identifier
			p.assignedID = in.text()
		case 0x15: // Authentication Method
			p.authMethod = in.text()
		case 0x08, 0x09, 0x16, 0x1a, 0x1c, 0x1f: // a string, or binary data
			in.text()
		case 0x26: // User Property
			in.text()
			in.text()
		default:
			in.Fail()
		}
	}
	r.Bad = r.Bad || in.Bad
}
