package filter

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// bytesOf joins numbers of one byte and slices.
func bytesOf(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case []byte:
			b = append(b, p...)
		case string:
			b = append(b, p...)
		case uint16:
			b = binary.BigEndian.AppendUint16(b, p)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, p)
		}
	}
	return b
}

func ipv4(proto int, fragment uint16, options []byte, src, dst uint32, payload []byte) []byte {
	head := 20 + len(options)
	return bytesOf(0x40|head/4, 0, uint16(head+len(payload)), uint16(7), fragment, 64, proto, uint16(0), src, dst, options, payload)
}

func ipv6(next int, src, dst byte, payload []byte) []byte {
	addr := func(last byte) []byte {
		return bytesOf(uint16(0x2001), uint16(0x0db8), make([]byte, 11), int(last))
	}
	return bytesOf(0x60, 0, uint16(0), uint16(len(payload)), next, 64, addr(src), addr(dst), payload)
}

func tcp(src, dst uint16, flags int, data string) []byte {
	return bytesOf(src, dst, uint32(1), uint32(2), 0x50, flags, uint16(512), uint32(0), data)
}

func udp(src, dst uint16, data string) []byte {
	return bytesOf(src, dst, uint16(8+len(data)), uint16(0), data)
}

const (
	addrA = 0x01020304
	addrB = 0x0a000001
)

// packets are the network layers of the hand-made frames, by Ethernet type.
func packets() map[uint16][][]byte {
	arp := func(op uint16, src, dst uint32) []byte {
		return bytesOf(uint16(1), uint16(0x800), 6, 4, op, "\x02\x00\x00\x00\x00\x01", src, "\x00\x00\x00\x00\x00\x00", dst, make([]byte, 18))
	}
	fragment6 := func(next int, offset uint16, payload []byte) []byte {
		return bytesOf(next, 0, offset, uint32(9), payload)
	}
	ip := func(proto int, payload []byte) []byte { return ipv4(proto, 0, nil, addrA, addrB, payload) }
	return map[uint16][][]byte{
		0x0800: {
			ip(6, tcp(40000, 80, 0x02, "")),
			ip(6, tcp(80, 40000, 0x12, "")),
			ip(6, tcp(443, 51000, 0x18, "GET / HTTP/1.1\r\n")),
			ipv4(6, 0, []byte{7, 4, 0, 0, 1, 1, 1, 0}, addrB, addrA, tcp(22, 1023, 0x11, "x")),
			ip(17, udp(53, 5353, "\x01\x02\x03\x04")),
			ip(17, udp(5000, 53, "answer")),
			ipv4(17, 0x2000, nil, addrA, 0xc0a80001, udp(123, 123, "first fragment")),
			ipv4(17, 0x0010, nil, addrA, 0xc0a80001, udp(123, 123, "later fragment")),
			ip(132, bytesOf(uint16(80), uint16(38412), uint32(0), uint32(0), 1, 0, uint16(20))),
			ip(1, bytesOf(8, 0, uint16(0), uint32(1), "ping")),
			ip(1, bytesOf(3, 1, uint16(0), uint32(0), "unreachable")),
			ipv4(2, 0, nil, addrA, 0xe0000001, bytesOf(0x16, 0, uint16(0), uint32(0))),
			ipv4(17, 0, nil, addrA, 0xffffffff, udp(68, 67, "broadcast")),
			ip(103, bytesOf(0x20, 0, uint16(0), uint32(0))), ip(112, bytesOf(0x21, 1, uint16(0), uint32(0))),
			ip(9, bytesOf(1, 2, 3, 4)), ip(47, bytesOf(uint32(0x800), ip(6, tcp(1, 2, 0, "")))), ip(50, make([]byte, 24)), ip(51, make([]byte, 24)),
			ip(4, ip(6, tcp(1, 80, 0, ""))), ip(0, nil),
			ipv4(6, 0, nil, 0x0a000000, 0x0a010101, nil),
			bytesOf(0x4f, make([]byte, 30)), bytesOf(0x40, make([]byte, 30)), // header lengths that lie
		},
		0x86dd: {
			ipv6(6, 1, 2, tcp(40000, 80, 0x02, "")), ipv6(6, 2, 1, tcp(443, 40000, 0x12, "data")),
			ipv6(17, 1, 2, udp(53, 40000, "\x01\x02\x03\x04")), ipv6(132, 1, 2, tcp(80, 80, 0, "")),
			ipv6(58, 1, 2, bytesOf(128, 0, uint16(0), uint32(1))), ipv6(58, 1, 2, bytesOf(135, 0, uint16(0), uint32(0), make([]byte, 16))),
			ipv6(44, 1, 2, fragment6(6, 1, tcp(40000, 80, 0x10, ""))), ipv6(44, 1, 2, fragment6(17, 1480, udp(53, 53, ""))),
			ipv6(0, 1, 2, bytesOf(58, 0, 5, 2, 0, 0, 1, 0, bytesOf(143, 0, uint16(0), uint32(1)))),
			bytesOf(0x60, make([]byte, 5), 17, 1, make([]byte, 15), 1, 0xff, 0x02, make([]byte, 13), 1, udp(5353, 5353, "multicast")),
			ipv6(50, 1, 2, make([]byte, 16)), ipv6(51, 1, 2, make([]byte, 16)), ipv6(103, 1, 2, make([]byte, 16)), ipv6(59, 1, 2, nil),
		},
		0x0806: {arp(1, addrA, addrB), arp(2, 0x0a000002, addrA)},
		0x8035: {arp(3, addrA, addrB)},
		0x8863: {bytesOf(0x11, 9, uint16(0), uint16(4), uint32(0x01010000))},
		0x809b: {make([]byte, 20)}, 0x80f3: {make([]byte, 20)}, 0x8137: {make([]byte, 30)}, 0x6003: {make([]byte, 20)}, 0x88cc: {make([]byte, 20)},
	}
}

// llc are payloads of 802.3 frames.
func llc() [][]byte {
	rest := make([]byte, 30)
	return [][]byte{
		bytesOf(0x42, 0x42, 3, rest), bytesOf(0xe0, 0xe0, 3, rest), bytesOf(0xff, 0xff, rest), bytesOf(0xf0, 0xf0, 3, rest),
		bytesOf(0xfe, 0xfe, 3, 0x83, rest), bytesOf(0x06, 0x06, 3, rest), bytesOf(5, 5, 3, rest),
		bytesOf(0xaa, 0xaa, 3, 0, 0, 0, uint16(0x8137), rest), bytesOf(0xaa, 0xaa, 3, 8, 0, 7, uint16(0x809b), rest),
		bytesOf(0xaa, 0xaa, 3, 0, 0, 0, uint16(0x80f3), rest), bytesOf(0xaa, 0xaa, 3, 0, 0, 0, uint16(0x0800), rest),
	}
}

// frames returns hand-made frames for a link type.
func frames(link uint16) [][]byte {
	var out [][]byte
	add := func(parts ...any) { out = append(out, bytesOf(parts...)) }
	all := packets()
	types := make([]uint16, 0, len(all))
	for t := range all {
		types = append(types, t)
	}
	slices.Sort(types)
	for _, t := range types {
		for _, p := range all[t] {
			switch link {
			case 1:
				add("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01", t, p)
			case 113:
				add(uint16(4), uint16(1), uint16(6), "\x02\x00\x00\x00\x00\x01\x00\x00", t, p)
			case 276:
				add(t, uint16(0), uint32(2), uint16(1), 0, 6, "\x02\x00\x00\x00\x00\x01\x00\x00", p)
			case 0, 108:
				for _, family := range map[uint16][]uint32{0x0800: {2}, 0x86dd: {30, 24, 28, 10}}[t] {
					if link == 0 {
						family <<= 24
					}
					add(family, p)
				}
			default:
				add(p)
			}
		}
	}
	switch link {
	case 1:
		out = append(out, ethernetFrames(all)...)
	case 113:
		for _, p := range llc() {
			add(uint16(0), uint16(1), uint16(6), "\x02\x00\x00\x00\x00\x01\x00\x00", uint16(4), p)
		}
		add(uint16(0), uint16(1), uint16(6), "\x02\x00\x00\x00\x00\x01\x00\x00", uint16(1), make([]byte, 30))
	}
	return append(out, nil)
}

// ethernetFrames returns frames with tags, labels and tunnels of the link layer.
func ethernetFrames(all map[uint16][][]byte) (out [][]byte) {
	const macs = "\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04\x05\x06"
	add := func(parts ...any) { out = append(out, bytesOf(append([]any{macs}, parts...)...)) }
	for _, p := range llc() {
		add(uint16(len(p)), p)
		add(uint16(0x8100), uint16(5), uint16(len(p)), p)
	}
	v4, v6 := all[0x0800], all[0x86dd]
	for _, p := range [][]byte{v4[0], v4[1], v4[2], v4[3], v4[4], v4[7], v4[9]} {
		add(uint16(0x8100), uint16(0x2005), uint16(0x800), p)
		add(uint16(0x88a8), uint16(5), uint16(0x8100), uint16(6), uint16(0x800), p)
		add(uint16(0x9100), uint16(5), uint16(0x9100), uint16(0), uint16(0x800), p)
		add(uint16(0x8847), uint32(5<<12|0x140), p)
		add(uint16(0x8847), uint32(5<<12|0x040), uint32(6<<12|0x140), p)
		add(uint16(0x8100), uint16(5), uint16(0x8847), uint32(5<<12|0x140), p)
		add(uint16(0x8864), 0x11, 0, uint16(5), uint16(len(p)+2), uint16(0x21), p)
		add(uint16(0x8864), 0x11, 0, uint16(5), uint16(len(p)+6), uint16(0x281), uint32(5<<12|0x140), p)
		add(uint16(0x8100), uint16(3), uint16(0x8864), 0x11, 0, uint16(5), uint16(len(p)+2), uint16(0x21), p)
	}
	for _, p := range v6[:6] {
		add(uint16(0x8100), uint16(5), uint16(0x86dd), p)
		add(uint16(0x8847), uint32(5<<12|0x140), p)
		add(uint16(0x8864), 0x11, 0, uint16(5), uint16(len(p)+2), uint16(0x57), p)
	}
	for _, t := range []uint16{0x23, 0x25, 0x27, 0x29, 0x2b, 0x31, 0xc021, 0x806, 0xf0} {
		add(uint16(0x8864), 0x11, 0, uint16(7), uint16(22), t, make([]byte, 20))
	}
	return out
}

// mutated returns a frame with some bytes changed.
func mutated(r *rand.Rand, frame []byte) []byte {
	b := slices.Clone(frame)
	for range 1 + r.IntN(3) {
		if len(b) > 0 {
			b[r.IntN(min(len(b), 60))] = byte(r.Uint32())
		}
	}
	return b
}
