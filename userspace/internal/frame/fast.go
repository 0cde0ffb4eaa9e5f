package frame

import (
	"encoding/binary"

	"flowscope/sensor"
)

// fast does for whole TCP and UDP packets of IPv4 without options in plain
// Ethernet what Parse and fill do, in a quarter of the time. It returns false,
// having done nothing, for everything else.
func (c *Classifier) fast(f *Frame, r *sensor.Record) bool {
	const l3, l4 = 14, 34
	b := f.Data
	if len(b) < l4+8 || b[12] != 0x08 || b[13] != 0x00 || b[14] != 0x45 || f.WireLen < 0 {
		return false
	}
	h := b[: l4+8 : l4+8]
	if binary.BigEndian.Uint16(h[l3+6:])&0x3fff != 0 { // a fragment
		return false
	}
	total := int(binary.BigEndian.Uint16(h[l3+2:]))
	ports := binary.BigEndian.Uint32(h[l4:])
	var header, payload int
	switch proto := sensor.Proto(h[l3+9]); proto {
	case sensor.ProtoTCP:
		if len(b) < l4+20 {
			return false
		}
		t := b[l4 : l4+20 : l4+20]
		header = int(t[12]>>4) * 4
		payload = total - 20 - header
		if header < 20 || payload < 0 {
			return false
		}
		r.Seq, r.Ack = binary.BigEndian.Uint32(t[4:]), binary.BigEndian.Uint32(t[8:])
		r.TCPFlags = t[13]
		r.Window = binary.BigEndian.Uint16(t[14:])
	case sensor.ProtoUDP:
		header = 8
		payload = int(binary.BigEndian.Uint16(h[l4+4:])) - 8
		if payload < 0 || payload > total-28 {
			return false
		}
		if src, dst := uint16(ports>>16), uint16(ports); c.tunnels.may(src, dst) && c.tunnels.kind(src, dst) != sensor.NoTunnel {
			return false
		}
		r.Seq, r.Ack, r.TCPFlags, r.Window = 0, 0, 0, 0
	default:
		return false
	}
	r.Key.Kind, r.Key.Proto, r.Key.VLAN, r.Key.Tunnel = sensor.FiveTuple, sensor.Proto(h[l3+9]), 0, 0
	r.From = putIPv4(&r.Key, binary.BigEndian.Uint32(h[l3+12:]), binary.BigEndian.Uint32(h[l3+16:]), ports)

	r.Kind, r.Reason, r.Flags = sensor.Packet, sensor.LossNone, 0
	r.Time, r.Ordinal = f.Time, f.Ordinal
	r.Count = sensor.Counters{Packets: 1, Bytes: uint64(total), FrameBytes: uint64(f.WireLen), PayloadBytes: uint64(payload)}
	r.Encap = sensor.Encap{}
	r.WireLen = payload
	from := min(l4+header, len(b))
	r.Payload = b[from:min(from+payload, len(b))]

	c.books.enter(f.WireLen, total)
	c.books.out[Accounted].add(f.WireLen, total)
	return true
}

// putIPv4 writes addresses and ports (the sender's in the upper half) in
// order, and returns the index of the sender.
func putIPv4(k *sensor.Key, src, dst, ports uint32) (from uint8) {
	sport, dport := uint16(ports>>16), uint16(ports)
	if src > dst || src == dst && sport > dport {
		src, dst, sport, dport, from = dst, src, dport, sport, 1
	}
	binary.BigEndian.PutUint64(k.Addr[0][:], 0)
	binary.BigEndian.PutUint64(k.Addr[0][8:], 0xffff<<32|uint64(src))
	binary.BigEndian.PutUint64(k.Addr[1][:], 0)
	binary.BigEndian.PutUint64(k.Addr[1][8:], 0xffff<<32|uint64(dst))
	k.Port = [2]uint16{sport, dport}
	return from
}
