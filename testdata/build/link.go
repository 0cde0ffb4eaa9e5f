package build

import (
	"encoding/binary"
	"net/netip"
)

// EtherTypes that the builder writes.
const (
	etherIPv4  = 0x0800
	etherARP   = 0x0806
	etherTEB   = 0x6558
	etherVLAN  = 0x8100
	etherIPv6  = 0x86dd
	etherMPLS  = 0x8847
	etherPPPoE = 0x8864
	etherQinQ  = 0x88a8
	etherLLDP  = 0x88cc
)

// MAC is a link-layer address.
type MAC [6]byte

// macOf returns a locally administered address that is made of an IP address.
func macOf(a netip.Addr) MAC {
	b := a.AsSlice()
	m := MAC{0x02, 0x00}
	copy(m[2:], b[len(b)-4:])
	return m
}

// packet is what a link layer or a wrapper carries.
type packet struct {
	kind uint16 // EtherType
	data []byte
}

// Link puts a link-layer header in front of a packet.
type Link func(p packet, from, to MAC) []byte

// Ethernet is DLT_EN10MB.
func Ethernet(p packet, from, to MAC) []byte {
	b := make([]byte, 0, 14+len(p.data))
	b = append(append(b, to[:]...), from[:]...)
	b = binary.BigEndian.AppendUint16(b, p.kind)
	return append(b, p.data...)
}

// Padded is Ethernet with frames padded to 60 bytes, as they are on a wire.
func Padded(p packet, from, to MAC) []byte {
	b := Ethernet(p, from, to)
	for len(b) < 60 {
		b = append(b, 0)
	}
	return b
}

// Raw is LINKTYPE_RAW: the IP packet and nothing else.
func Raw(p packet, _, _ MAC) []byte { return p.data }

// SLL is LINKTYPE_LINUX_SLL (tcpdump -i any, old style).
func SLL(p packet, from, _ MAC) []byte {
	b := make([]byte, 16, 16+len(p.data))
	b[3], b[5] = 1, 6 // ARPHRD_ETHER, address length
	copy(b[6:], from[:])
	binary.BigEndian.PutUint16(b[14:], p.kind)
	return append(b, p.data...)
}

// SLL2 is LINKTYPE_LINUX_SLL2.
func SLL2(p packet, from, _ MAC) []byte {
	b := make([]byte, 20, 20+len(p.data))
	binary.BigEndian.PutUint16(b, p.kind)
	b[7], b[9], b[11] = 2, 1, 6 // interface index, ARPHRD_ETHER, address length
	copy(b[12:], from[:])
	return append(b, p.data...)
}

// Null is LINKTYPE_NULL as written on a little-endian BSD.
func Null(p packet, _, _ MAC) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, family(p)), p.data...)
}

// Loop is LINKTYPE_LOOP: as Null, in network byte order.
func Loop(p packet, _, _ MAC) []byte {
	return append(binary.BigEndian.AppendUint32(nil, family(p)), p.data...)
}

// family returns the address family as BSD numbers it.
func family(p packet) uint32 {
	if p.kind == etherIPv6 {
		return 30 // of Darwin; 24 and 28 are NetBSD's and FreeBSD's
	}
	return 2
}

// Link types as in the files (tcpdump.org/linktypes.html).
const (
	LinkNull     = 0
	LinkEthernet = 1
	LinkRaw      = 101
	LinkLoop     = 108
	LinkSLL      = 113
	LinkSLL2     = 276
)
