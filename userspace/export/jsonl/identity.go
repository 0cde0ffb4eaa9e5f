package jsonl

import "flowscope/sensor"

// identities remembers what lines of the same flow have in common: several lines
// are about one flow, often one after the other, and a Community ID costs as
// much as the rest of a short line.
type identities struct {
	seed  uint16 // of Community IDs
	flows [identitySlots]identity
}

// identitySlots is how many flows are remembered, in 80 KiB.
const identitySlots = 256

type identity struct {
	key       sensor.Key
	initiator uint8
	length    uint16 // of text; 0 if there is none
	id        uint64
	text      [248]byte // an IPv6 flow takes 220
}

// append appends the fields that all objects of a flow have in common.
func (c *identities) append(b []byte, f *sensor.Flow) []byte {
	x := &c.flows[f.ID%identitySlots]
	if x.length == 0 || x.id != f.ID || x.key != f.Key || x.initiator != f.Initiator {
		text := appendIdentity(x.text[:0], f, c.seed)
		if len(text) > len(x.text) {
			x.length = 0
			return append(b, text...)
		}
		x.key, x.initiator, x.length, x.id = f.Key, f.Initiator, uint16(len(text)), f.ID
	}
	return append(b, x.text[:x.length]...)
}

func appendIdentity(b []byte, f *sensor.Flow, seed uint16) []byte {
	src, dst := f.Initiator&1, f.Initiator&1^1
	k := &f.Key
	if k.Kind == sensor.MACPair {
		b = appendMAC(b, `,"src_mac":"`, k.Addr[src])
		b = appendMAC(b, `,"dst_mac":"`, k.Addr[dst])
		return appendUint(b, `,"flow_id":`, f.ID)
	}
	b = append(k.IP(src).AppendTo(append(b, `,"src_ip":"`...)), '"')
	b = append(k.IP(dst).AppendTo(append(b, `,"dst_ip":"`...)), '"')
	if k.Kind == sensor.FiveTuple {
		if hasPorts(k) {
			b = appendUint(b, `,"src_port":`, uint64(k.Port[src]))
			b = appendUint(b, `,"dst_port":`, uint64(k.Port[dst]))
		}
		b = appendName(b, `,"proto":"`, k.Proto.String())
		b = appendUint(b, `,"ip_proto":`, uint64(k.Proto))
		b = append(f.AppendCommunityID(append(b, `,"community_id":"`...), seed), '"')
	}
	return appendUint(b, `,"flow_id":`, f.ID)
}
