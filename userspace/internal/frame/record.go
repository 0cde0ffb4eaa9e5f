package frame

import (
	"encoding/binary"

	"flowscope/sensor"
)

// origin is where a packet came from: what its record and the books need to
// know of its frame.
type origin struct {
	time      sensor.Timestamp
	ordinal   uint64
	wireLen   int  // of the frame
	ipBytes   int  // of the outermost IP packet
	accounted bool // the frame is in the books already, by its outer packet
}

// fill makes r the record of packet p in b.
func (c *Classifier) fill(r *sensor.Record, p *Packet, b []byte, o *origin) {
	seg := b[min(p.L4, len(b)):min(p.End, len(b))]
	t := readTransport(p.Proto, seg, p.End-p.L4)

	r.Kind, r.Reason, r.Flags = sensor.Packet, sensor.LossNone, 0
	r.Time, r.Ordinal = o.time, o.ordinal
	r.From = c.key(&r.Key, p, &t)
	r.Encap = sensor.Encap{VLAN: p.VLAN, TunnelID: p.TunnelID, Tunnel: p.Tunnel}
	r.Count = sensor.Counters{
		Packets:      1,
		Bytes:        uint64(p.Len()),
		FrameBytes:   uint64(o.wireLen),
		PayloadBytes: uint64(t.payload),
	}
	r.TCPFlags, r.Seq, r.Ack, r.Window = 0, 0, 0, 0
	r.WireLen, r.Payload = 0, nil
	if !t.readable {
		return
	}
	if p.Proto == sensor.ProtoTCP {
		r.TCPFlags = seg[13]
		r.Seq, r.Ack = binary.BigEndian.Uint32(seg[4:]), binary.BigEndian.Uint32(seg[8:])
		if len(seg) >= 16 {
			r.Window = binary.BigEndian.Uint16(seg[14:])
		}
	}
	if c.cfg.VerifyChecksums && len(seg) == p.End-p.L4 && checksumWrong(p, seg) {
		r.Flags |= sensor.BadChecksum
	}
	r.WireLen = t.payload
	r.Payload = seg[min(t.header, len(seg)):min(t.header+t.payload, len(seg))]
}

// key makes k the key of p and returns the index in it of the sender.
func (c *Classifier) key(k *sensor.Key, p *Packet, t *transport) uint8 {
	k.Kind = c.cfg.Key
	k.Tunnel, k.VLAN = 0, 0
	if c.cfg.KeyVLAN {
		k.VLAN = p.VLAN[0]
	}
	if c.cfg.KeyTunnel && !p.TunnelOneWay {
		k.Tunnel = p.TunnelID
	}
	k.Proto, k.Port = 0, [2]uint16{}
	switch c.cfg.Key {
	case sensor.MACPair:
		k.Addr = [2][16]byte{}
		copy(k.Addr[0][:], p.MAC[6:])
		copy(k.Addr[1][:], p.MAC[:6])
	case sensor.IPPair:
		k.Addr[0], k.Addr[1] = p.Src, p.Dst
	default:
		k.Addr[0], k.Addr[1] = p.Src, p.Dst
		k.Port, k.Proto = t.port, p.Proto
	}
	return k.Canonicalize()
}

// withoutPayload makes r a record that only counts.
func withoutPayload(r *sensor.Record) {
	r.WireLen, r.Payload = 0, nil
}
