package build

import (
	"encoding/binary"
	"net/netip"
)

// IP protocol numbers that the builder writes.
const (
	protoICMP   = 1
	protoIPIP   = 4
	protoTCP    = 6
	protoUDP    = 17
	protoIPv6   = 41
	protoGRE    = 47
	protoICMPv6 = 58
	protoSCTP   = 132
)

// Extension is an IPv6 extension header.
type Extension struct {
	Type uint8  // 0 hop-by-hop, 43 routing, 60 destination options, 51 authentication
	Body []byte // behind next header and length; padded by the builder
}

// header holds what is optional in a conversation's IP headers.
type header struct {
	options    []byte // of IPv4, a multiple of 4
	extensions []Extension
}

// IPOptions puts options into every IPv4 header. The length is a multiple of 4.
func IPOptions(b ...byte) Option { return func(w *wire) { w.ip.options = b } }

// Extensions puts extension headers into every IPv6 header.
func Extensions(e ...Extension) Option { return func(w *wire) { w.ip.extensions = e } }

// IP returns an IP packet of either version with nothing optional in it.
func IP(src, dst netip.Addr, proto uint8, payload []byte) []byte {
	return header{}.packet(src, dst, proto, payload, fragment{})
}

// fragment says which part of a datagram a packet carries.
type fragment struct {
	id     uint32
	offset int
	more   bool
}

func (f fragment) whole() bool { return f.offset == 0 && !f.more }

// packet returns an IP packet.
func (h header) packet(src, dst netip.Addr, proto uint8, payload []byte, f fragment) []byte {
	if src.Is4() {
		return h.packet4(src, dst, proto, payload, f)
	}
	return h.packet6(src, dst, proto, payload, f)
}

func (h header) packet4(src, dst netip.Addr, proto uint8, payload []byte, f fragment) []byte {
	n := 20 + len(h.options)
	b := make([]byte, n, n+len(payload))
	b[0] = 0x40 | byte(n/4)
	binary.BigEndian.PutUint16(b[2:], uint16(n+len(payload)))
	binary.BigEndian.PutUint16(b[4:], uint16(f.id))
	flags := uint16(f.offset / 8)
	switch {
	case f.more:
		flags |= 0x2000
	case f.whole():
		flags |= 0x4000 // don't fragment
	}
	binary.BigEndian.PutUint16(b[6:], flags)
	b[8], b[9] = 64, proto
	copy(b[12:], src.AsSlice())
	copy(b[16:], dst.AsSlice())
	copy(b[20:], h.options)
	binary.BigEndian.PutUint16(b[10:], ^fold(sum(0, b)))
	return append(b, payload...)
}

func (h header) packet6(src, dst netip.Addr, proto uint8, payload []byte, f fragment) []byte {
	b := make([]byte, 40, 120+len(payload))
	b[0], b[7] = 0x60, 64
	copy(b[8:], src.AsSlice())
	copy(b[24:], dst.AsSlice())
	next := 6 // where the number of the next header goes
	extend := func(kind uint8, body []byte) {
		b[next] = kind
		next = len(b)
		b = append(b, body...)
	}
	for _, e := range h.extensions {
		body := append([]byte{0, 0}, e.Body...)
		unit := 8
		if e.Type == 51 { // RFC 4302, 2.2: in words of 4, less 2
			unit = 4
		}
		for len(body)%8 != 0 {
			body = append(body, 0)
		}
		body[1] = byte(len(body)/unit - 8/unit)
		extend(e.Type, body)
	}
	if !f.whole() {
		body := make([]byte, 8)
		binary.BigEndian.PutUint16(body[2:], uint16(f.offset))
		if f.more {
			body[3] |= 1
		}
		binary.BigEndian.PutUint32(body[4:], f.id)
		extend(44, body)
	}
	b[next] = proto
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
	return b
}

// transport fills in the checksum of a TCP, UDP or ICMPv6 header at offset at
// of b (RFC 9293, 3.1; RFC 8200, 8.1).
func transport(src, dst netip.Addr, proto uint8, b []byte, at int) {
	s := sum(sum(0, src.AsSlice()), dst.AsSlice()) + uint32(proto) + uint32(len(b))
	c := ^fold(sum(s, b))
	if proto == protoUDP && c == 0 {
		c = 0xffff // RFC 768: 0 means none
	}
	binary.BigEndian.PutUint16(b[at:], c)
}

func sum(s uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
		if s > 1<<31 {
			s = s>>16 + s&0xffff
		}
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
