package sensor

import (
	"crypto/sha1" //nolint:gosec // the Community ID specification asks for SHA-1
	"encoding/base64"
	"encoding/binary"
)

// CommunityID returns the flow's Community ID, version 1
// (github.com/corelight/community-id-spec), with the given seed (0 by
// default). It is "" for keys that are not five-tuples.
func (f *Flow) CommunityID(seed uint16) string {
	return string(f.AppendCommunityID(nil, seed))
}

// AppendCommunityID appends what CommunityID returns to dst.
func (f *Flow) AppendCommunityID(dst []byte, seed uint16) []byte {
	k := &f.Key
	if k.Kind != FiveTuple {
		return dst
	}
	src, dstEnd := f.Initiator&1, f.Initiator&1^1
	// A message with a counterpart is ordered like any five-tuple, and the Key
	// is in that order already; a one-way ICMP message is not swapped.
	if !oneWayICMP(k, src) {
		src, dstEnd = 0, 1
	}

	var buf [2 + 16 + 16 + 2 + 4]byte
	b := binary.BigEndian.AppendUint16(buf[:0], seed)
	b = appendIP(b, k, src)
	b = appendIP(b, k, dstEnd)
	b = append(b, byte(k.Proto), 0)
	switch k.Proto {
	case ProtoTCP, ProtoUDP, ProtoSCTP, ProtoICMP, ProtoICMPv6:
		b = binary.BigEndian.AppendUint16(b, k.Port[src])
		b = binary.BigEndian.AppendUint16(b, k.Port[dstEnd])
	}
	sum := sha1.Sum(b) //nolint:gosec // see above
	dst = append(dst, '1', ':')
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

func appendIP(b []byte, k *Key, i uint8) []byte {
	if a := k.IP(i); a.Is4() {
		ip := a.As4()
		return append(b, ip[:]...)
	}
	return append(b, k.Addr[i][:]...)
}

// ICMPCounterpart returns the type of the message that answers, or is answered
// by, a message of type t, and whether there is one (Community ID
// specification; RFC 792, RFC 4443, RFC 4861, RFC 2710, RFC 4065).
func ICMPCounterpart(p Proto, t uint8) (uint8, bool) {
	switch p {
	case ProtoICMP:
		switch t {
		case 0, 8:
			return 8 - t, true // echo
		case 9, 10:
			return 19 - t, true // router advertisement, solicitation
		case 13, 14:
			return 27 - t, true // timestamp
		case 15, 16:
			return 31 - t, true // information
		case 17, 18:
			return 35 - t, true // address mask
		}
	case ProtoICMPv6:
		switch t {
		case 128, 129:
			return 1 ^ t, true // echo
		case 130, 131:
			return uint8(261 - int(t)), true // multicast listener query, report
		case 133, 134:
			return uint8(267 - int(t)), true // router solicitation, advertisement
		case 135, 136:
			return uint8(271 - int(t)), true // neighbour solicitation, advertisement
		case 139, 140:
			return uint8(279 - int(t)), true // node information query, response
		case 144, 145:
			return 1 ^ t, true // home agent address discovery
		}
	}
	return 0, false
}

func oneWayICMP(k *Key, src uint8) bool {
	if k.Proto != ProtoICMP && k.Proto != ProtoICMPv6 {
		return false
	}
	_, twoWay := ICMPCounterpart(k.Proto, uint8(k.Port[src&1]))
	return !twoWay
}
