package frame

import (
	"encoding/binary"

	"flowscope/sensor"
)

// transport is what is read of the header behind the IP header.
type transport struct {
	port     [2]uint16 // sender, receiver
	known    bool      // the ports were captured, or there are none
	header   int       // length of the header: the smallest there is if it was not captured, all if it contradicts itself
	payload  int       // bytes on the wire behind it; 0 if the header contradicts itself
	readable bool      // header and payload can be told apart
}

// readTransport reads the transport header in seg, which is what was captured
// of size bytes.
func readTransport(proto sensor.Proto, seg []byte, size int) (t transport) {
	seg = seg[:min(len(seg), size)]
	switch proto {
	case sensor.ProtoTCP:
		t.readPorts(seg)
		t.header = 20
		if len(seg) >= 14 {
			t.header = int(seg[12]>>4) * 4
			t.readable = t.header >= 20 && t.header <= size
			if !t.readable {
				t.header = size
				return t
			}
		}
	case sensor.ProtoUDP:
		t.readPorts(seg)
		t.header = 8
		t.readable = size >= 8
		if len(seg) >= 6 {
			// 0 is a jumbogram (RFC 2675, 4).
			if n := int(binary.BigEndian.Uint16(seg[4:])); n != 0 {
				t.readable = n >= 8 && n <= size
				size = n
			}
		}
		if !t.readable {
			t.header = size
			return t
		}
	case sensor.ProtoSCTP:
		t.readPorts(seg)
		t.header, t.readable = 12, size >= 12
	case sensor.ProtoICMP, sensor.ProtoICMPv6:
		t.header, t.readable = 8, size >= 8
		if len(seg) >= 2 {
			t.known = true
			t.port[0], t.port[1] = uint16(seg[0]), uint16(seg[1])
			if other, ok := sensor.ICMPCounterpart(proto, seg[0]); ok {
				t.port[1] = uint16(other)
			}
		}
	default:
		t.known, t.readable = true, true
	}
	t.payload = max(0, size-t.header)
	return t
}

func (t *transport) readPorts(seg []byte) {
	if len(seg) < 4 {
		return
	}
	t.known = true
	t.port[0], t.port[1] = binary.BigEndian.Uint16(seg), binary.BigEndian.Uint16(seg[2:])
}

// headerNeed returns how much of the transport header must be there to tell the
// flow of a datagram and where its payload begins.
func headerNeed(proto sensor.Proto) int {
	switch proto {
	case sensor.ProtoTCP:
		return 14
	case sensor.ProtoUDP:
		return 8
	case sensor.ProtoSCTP:
		return 4
	case sensor.ProtoICMP, sensor.ProtoICMPv6:
		return 2
	}
	return 0
}

// checksumWrong says whether the transport checksum of a whole datagram is
// wrong. What has none, or one that cannot be verified, is not wrong.
func checksumWrong(p *Packet, seg []byte) bool {
	if p.Routed || len(seg) < 8 {
		return false
	}
	switch p.Proto {
	case sensor.ProtoTCP:
		if len(seg) < 20 {
			return false
		}
	case sensor.ProtoUDP:
		if n := int(binary.BigEndian.Uint16(seg[4:])); n != 0 {
			if n < 8 || n > len(seg) {
				return false
			}
			seg = seg[:n]
		}
		if seg[6]|seg[7] == 0 { // none: RFC 768; of IPv6, RFC 6936
			return false
		}
	default:
		return false
	}
	sum := uint64(len(seg)) + uint64(p.Proto)
	if p.V6 {
		sum += sum16(p.Src[:]) + sum16(p.Dst[:])
	} else {
		sum += sum16(p.Src[12:]) + sum16(p.Dst[12:])
	}
	sum += sum16(seg)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum != 0xffff
}

// sum16 returns the sum of the 16-bit words of b (RFC 1071), not folded.
func sum16(b []byte) (sum uint64) {
	for len(b) >= 8 {
		w := binary.BigEndian.Uint64(b)
		sum += w>>48 + w>>32&0xffff + w>>16&0xffff + w&0xffff
		b = b[8:]
	}
	for len(b) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}
