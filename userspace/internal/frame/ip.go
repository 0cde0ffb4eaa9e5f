package frame

import (
	"encoding/binary"

	"flowscope/sensor"
)

// IPv6 next header values that are not in sensor (IANA, protocol numbers).
const (
	protoRouting  sensor.Proto = 43
	protoFragment sensor.Proto = 44
	protoNone     sensor.Proto = 59
	protoDstOpts  sensor.Proto = 60
	protoMobility sensor.Proto = 135
	protoHIP      sensor.Proto = 139
	protoShim6    sensor.Proto = 140
)

// ip reads an IP header and what extends it, without moving.
func (c *cursor) ip(p *Packet) Reason {
	h := c.peek(1)
	if h == nil {
		return c.shortIP(1)
	}
	switch h[0] >> 4 {
	case 4:
		return c.ip4(p)
	case 6:
		return c.ip6(p)
	}
	return MalformedIP
}

func (c *cursor) shortIP(n int) Reason {
	if c.limit-c.off < n {
		return MalformedIP
	}
	return TruncatedIP
}

// ip4 reads an IPv4 header (RFC 791, 3.1).
func (c *cursor) ip4(p *Packet) Reason {
	h := c.peek(20)
	if h == nil {
		return c.shortIP(20)
	}
	ihl := int(h[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(h[2:]))
	if total == 0 { // segmentation offload: longer than the field can say
		total = c.limit - c.off
	}
	if ihl < 20 || total < ihl {
		return MalformedIP
	}
	p.L3, p.L4, p.End = c.off, c.off+ihl, c.off+total
	p.Proto = sensor.Proto(h[9])
	mapIPv4(&p.Src, h[12:16])
	mapIPv4(&p.Dst, h[16:20])
	if flags := binary.BigEndian.Uint16(h[6:]); flags&0x3fff != 0 {
		p.Frag, p.More = true, flags&0x2000 != 0
		p.FragOff = flags & 0x1fff << 3
		p.FragID = uint32(binary.BigEndian.Uint16(h[4:]))
		return Accounted
	}
	if p.Proto == sensor.ProtoAH {
		p.extensions(c.b)
	}
	return Accounted
}

func mapIPv4(dst *[16]byte, a []byte) {
	binary.BigEndian.PutUint64(dst[:], 0)
	binary.BigEndian.PutUint64(dst[8:], 0xffff<<32|uint64(binary.BigEndian.Uint32(a)))
}

// ip6 reads an IPv6 header (RFC 8200, 3).
func (c *cursor) ip6(p *Packet) Reason {
	h := c.peek(40)
	if h == nil {
		return c.shortIP(40)
	}
	p.V6 = true
	p.Proto = sensor.Proto(h[6])
	total := 40 + int(binary.BigEndian.Uint16(h[4:]))
	if total == 40 && p.Proto != protoNone && c.limit-c.off > 40 { // jumbogram or offload
		total = c.limit - c.off
	}
	p.L3, p.L4, p.End = c.off, c.off+40, c.off+total
	p.Src, p.Dst = [16]byte(h[8:24]), [16]byte(h[24:40])
	p.extensions(c.b)
	return Accounted
}

// extensions walks the extension headers from p.L4, of type p.Proto (RFC 8200,
// 4; RFC 4302 for AH, which IPv4 has too). It stops at the last that can be
// read, and behind the header of a fragment.
func (p *Packet) extensions(b []byte) {
	b = b[:min(len(b), p.End)]
	for range maxExtHeaders {
		if !extends(p.Proto, p.V6) || len(b)-p.L4 < 8 {
			return
		}
		h := b[p.L4 : p.L4+8 : p.L4+8]
		size := 8 + int(h[1])*8
		switch p.Proto {
		case sensor.ProtoAH:
			size = 8 + int(h[1])*4
		case protoFragment:
			size = 8
			if p.fragment6(h) {
				return
			}
		case protoRouting:
			if p.L4+size <= p.End && h[3] != 0 {
				p.Routed = true
			}
		}
		if p.L4+size > p.End {
			return
		}
		next := sensor.Proto(h[0])
		if p.Proto == protoMobility && next == protoNone {
			return
		}
		p.Proto = next
		p.L4 += size
	}
}

// extends says whether a header of this type is one to walk over.
func extends(proto sensor.Proto, v6 bool) bool {
	if proto == sensor.ProtoAH {
		return true
	}
	if !v6 {
		return false
	}
	switch proto {
	case sensor.ProtoHopByHop, protoRouting, protoFragment, protoDstOpts, protoMobility, protoHIP, protoShim6:
		return true
	}
	return false
}

// fragment6 reads a fragment header (RFC 8200, 4.5) and says whether it makes a
// fragment; one that says the packet is whole does not (RFC 6946).
func (p *Packet) fragment6(h []byte) bool {
	flags := binary.BigEndian.Uint16(h[2:])
	if flags&0xfff9 == 0 || p.Frag {
		return p.Frag // a fragment header inside a datagram put together: no further
	}
	p.Frag, p.More = true, flags&1 != 0
	p.FragOff = flags & 0xfff8
	p.FragID = binary.BigEndian.Uint32(h[4:])
	p.Proto = sensor.Proto(h[0])
	p.L4 += 8
	return true
}
