package frame

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"flowscope/sensor"
)

// The functions here build frames from the inside out: each puts a header in
// front of what it is given.

var (
	macA = []byte{0x02, 0, 0, 0, 0, 0x0a}
	macB = []byte{0x02, 0, 0, 0, 0, 0x0b}
)

func be16(n int) []byte    { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

// eth is from macA to macB.
func eth(etherType int, payload []byte) []byte {
	return join(macB, macA, be16(etherType), payload)
}

// tag is what follows the EtherType of a VLAN.
func tag(id, etherType int, payload []byte) []byte {
	return join(be16(id), be16(etherType), payload)
}

type ip4opt func(h []byte)

func frag4(id, off int, more bool) ip4opt {
	return func(h []byte) {
		binary.BigEndian.PutUint16(h[4:], uint16(id))
		f := off / 8
		if more {
			f |= 0x2000
		}
		binary.BigEndian.PutUint16(h[6:], uint16(f))
	}
}

func ip4(src, dst string, proto sensor.Proto, payload []byte, opts ...ip4opt) []byte {
	h := make([]byte, 20)
	h[0], h[8], h[9] = 0x45, 64, byte(proto)
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(payload)))
	s, d := netip.MustParseAddr(src).As4(), netip.MustParseAddr(dst).As4()
	copy(h[12:], s[:])
	copy(h[16:], d[:])
	for _, o := range opts {
		o(h)
	}
	return join(h, payload)
}

func ip6(src, dst string, next sensor.Proto, payload []byte) []byte {
	h := make([]byte, 40)
	h[0], h[6], h[7] = 0x60, byte(next), 64
	binary.BigEndian.PutUint16(h[4:], uint16(len(payload)))
	s, d := netip.MustParseAddr(src).As16(), netip.MustParseAddr(dst).As16()
	copy(h[8:], s[:])
	copy(h[24:], d[:])
	return join(h, payload)
}

// ext is an IPv6 extension header of 8 bytes and what follows.
func ext(next sensor.Proto, payload []byte) []byte {
	return join([]byte{byte(next), 0, 1, 4, 0, 0, 0, 0}, payload)
}

func frag6(next sensor.Proto, id uint32, off int, more bool, payload []byte) []byte {
	f := off
	if more {
		f |= 1
	}
	return join([]byte{byte(next), 0}, be16(f), be32(id), payload)
}

func tcp(sport, dport int, seq uint32, flags byte, payload []byte) []byte {
	return join(be16(sport), be16(dport), be32(seq), be32(77), []byte{0x50, flags}, be16(4096), be16(0), be16(0), payload)
}

func udp(sport, dport int, payload []byte) []byte {
	return join(be16(sport), be16(dport), be16(8+len(payload)), be16(0), payload)
}

func vxlan(vni uint32, payload []byte) []byte {
	return join([]byte{8, 0, 0, 0}, be32(vni<<8), payload)
}

func geneve(vni uint32, proto int, options, payload []byte) []byte {
	return join([]byte{byte(len(options) / 4), 0}, be16(proto), be32(vni<<8), options, payload)
}

func gtpu(teid uint32, payload []byte) []byte {
	return join([]byte{0x30, 255}, be16(len(payload)), be32(teid), payload)
}

func gre(flags, proto int, words, payload []byte) []byte {
	return join(be16(flags), be16(proto), words, payload)
}

func mpls(payload []byte, labels ...uint32) []byte {
	var b []byte
	for i, l := range labels {
		w := l<<12 | 64
		if i == len(labels)-1 {
			w |= 0x100
		}
		b = append(b, be32(w)...)
	}
	return join(b, payload)
}

func pppoe(session int, ppp int, payload []byte) []byte {
	return join([]byte{0x11, 0}, be16(session), be16(2+len(payload)), be16(ppp), payload)
}

// run classifies frames in turn, numbered from 1 and a millisecond apart, and
// returns all records, with Payload copied.
func run(c *Classifier, link LinkType, frames ...[]byte) []sensor.Record {
	var out []sensor.Record
	for i, b := range frames {
		f := Frame{Time: sensor.Timestamp(i) * 1e6, Ordinal: uint64(i + 1), Link: link, WireLen: len(b), Data: b}
		out = append(out, classify(c, &f)...)
	}
	return out
}

func classify(c *Classifier, f *Frame) []sensor.Record {
	var out []sensor.Record
	r := dirty()
	for ok := c.Classify(f, &r); ok; ok = c.Next(&r) {
		keep := r
		keep.Payload = slices.Clone(r.Payload)
		out = append(out, keep)
		r = dirty()
	}
	return out
}

// dirty returns a record in which a field that was forgotten shows.
func dirty() sensor.Record {
	r := sensor.Record{
		Time: -1, Ordinal: 1 << 60, Kind: 99, From: 9, TCPFlags: 0xff, Flags: 0xff, Reason: 9,
		Seq: 99, Ack: 99, Window: 99, WireLen: -9, Payload: []byte("dirty"),
		Count: sensor.Counters{Packets: 9, Bytes: 9, FrameBytes: 9, PayloadBytes: 9},
		Encap: sensor.Encap{VLAN: [2]uint16{9, 9}, TunnelID: 9, Tunnel: 9},
		Key:   sensor.Key{Port: [2]uint16{9, 9}, Tunnel: 9, VLAN: 9, Proto: 9, Kind: 9},
	}
	for i := range 16 {
		r.Key.Addr[0][i], r.Key.Addr[1][i] = 9, 9
	}
	return r
}

func ledger(c *Classifier) *sensor.Ledger {
	var l sensor.Ledger
	c.Account(&l)
	return &l
}

// payloadBytes returns n bytes that are not all alike.
func payloadBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}
