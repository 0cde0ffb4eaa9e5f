package sensor

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Proto is an IP protocol number as assigned by IANA.
type Proto uint8

// The protocols that the sensor knows by name.
const (
	ProtoHopByHop Proto = 0
	ProtoICMP     Proto = 1
	ProtoIGMP     Proto = 2
	ProtoIPIP     Proto = 4
	ProtoTCP      Proto = 6
	ProtoUDP      Proto = 17
	ProtoIPv6     Proto = 41
	ProtoGRE      Proto = 47
	ProtoESP      Proto = 50
	ProtoAH       Proto = 51
	ProtoICMPv6   Proto = 58
	ProtoOSPF     Proto = 89
	ProtoPIM      Proto = 103
	ProtoVRRP     Proto = 112
	ProtoSCTP     Proto = 132
	ProtoUDPLite  Proto = 136
	ProtoMPLS     Proto = 137
)

// String returns IANA's keyword in lower case, or the number in decimal for a
// protocol the sensor does not know by name.
func (p Proto) String() string {
	switch p {
	case ProtoICMP:
		return "icmp"
	case ProtoIGMP:
		return "igmp"
	case ProtoIPIP:
		return "ipv4"
	case ProtoTCP:
		return "tcp"
	case ProtoUDP:
		return "udp"
	case ProtoIPv6:
		return "ipv6"
	case ProtoGRE:
		return "gre"
	case ProtoESP:
		return "esp"
	case ProtoAH:
		return "ah"
	case ProtoICMPv6:
		return "ipv6-icmp"
	case ProtoOSPF:
		return "ospfigp"
	case ProtoPIM:
		return "pim"
	case ProtoVRRP:
		return "vrrp"
	case ProtoSCTP:
		return "sctp"
	case ProtoUDPLite:
		return "udplite"
	case ProtoMPLS:
		return "mpls-in-ip"
	}
	return strconv.Itoa(int(p))
}

// KeyKind says which parts of a packet a Key was made of.
type KeyKind uint8

// The kinds of key a user can choose. The zero value is the five-tuple.
const (
	FiveTuple KeyKind = iota // addresses, ports (or ICMP type and code), protocol
	IPPair                   // addresses only; ports and protocol are 0
	MACPair                  // link-layer addresses in the first 6 bytes of Addr; the rest is 0
)

// String returns the name of the kind as the command line spells it.
func (k KeyKind) String() string {
	switch k {
	case FiveTuple:
		return "five-tuple"
	case IPPair:
		return "ip-pair"
	case MACPair:
		return "mac-pair"
	}
	return "key-kind-" + strconv.Itoa(int(k))
}

// Key identifies a flow. Both directions of a flow have the same Key: endpoint
// 0 is the one whose (address, port) sorts first, and [Record].From says which
// endpoint sent a packet. A Key is comparable, has no padding, and has the
// layout of the key that the kernel program uses.
//
// IPv4 addresses are held as IPv4-mapped IPv6 addresses (RFC 4291, 2.5.5.2).
//
// For ICMP and ICMPv6 the ports are as Community ID defines them: the sender's
// port is the type; the receiver's port is the type of the counterpart where
// the message has one (echo request and reply, so that both are one flow) and
// the code where it has none.
type Key struct {
	Addr   [2][16]byte // network byte order
	Port   [2]uint16   // host byte order
	Tunnel uint32      // tunnel id where the user made it part of the key, else 0
	VLAN   uint16      // outer VLAN id where the user made it part of the key, else 0
	Proto  Proto
	Kind   KeyKind
}

// NewKey returns the Key of a packet from src to dst and the index in it of
// the sender.
func NewKey(proto Proto, src, dst netip.AddrPort) (k Key, from uint8) {
	k.Proto = proto
	k.Addr[0], k.Port[0] = src.Addr().As16(), src.Port()
	k.Addr[1], k.Port[1] = dst.Addr().As16(), dst.Port()
	return k, k.Canonicalize()
}

// Canonicalize puts the endpoints in order, given that endpoint 0 is the
// sender, and returns the sender's index afterwards.
func (k *Key) Canonicalize() (from uint8) {
	for i := 0; i < 16; i += 8 {
		a, b := binary.BigEndian.Uint64(k.Addr[0][i:]), binary.BigEndian.Uint64(k.Addr[1][i:])
		if a != b {
			if a > b {
				k.swap()
				return 1
			}
			return 0
		}
	}
	if k.Port[0] > k.Port[1] {
		k.swap()
		return 1
	}
	return 0
}

func (k *Key) swap() {
	k.Addr[0], k.Addr[1] = k.Addr[1], k.Addr[0]
	k.Port[0], k.Port[1] = k.Port[1], k.Port[0]
}

// IP returns the address of endpoint i (0 or 1), as IPv4 where it is
// IPv4-mapped. It is the zero Addr for a MACPair.
func (k *Key) IP(i uint8) netip.Addr {
	if k.Kind == MACPair {
		return netip.Addr{}
	}
	return netip.AddrFrom16(k.Addr[i&1]).Unmap()
}

// AddrPort returns address and port of endpoint i (0 or 1).
func (k *Key) AddrPort(i uint8) netip.AddrPort {
	return netip.AddrPortFrom(k.IP(i), k.Port[i&1])
}

// String returns the key for people, endpoint 0 first. It is no stable format.
func (k Key) String() string {
	if k.Kind == MACPair {
		return MAC(k.Addr[0]) + " <-> " + MAC(k.Addr[1])
	}
	return k.AddrPort(0).String() + " <-> " + k.AddrPort(1).String() + " " + k.Proto.String()
}

// MAC returns the first 6 bytes of a MACPair's address in colon notation.
func MAC(addr [16]byte) string {
	const hex = "0123456789abcdef"
	b := make([]byte, 0, 17)
	for i, c := range addr[:6] {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hex[c>>4], hex[c&15])
	}
	return string(b)
}
