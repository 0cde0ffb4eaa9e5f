package frame

import (
	"encoding/binary"

	"flowscope/sensor"
)

// EtherTypes (IANA, IEEE 802 numbers).
const (
	etherIPv4    = 0x0800
	etherARP     = 0x0806
	etherTEB     = 0x6558 // transparent Ethernet bridging, in GRE and Geneve
	etherRARP    = 0x8035
	etherVLAN    = 0x8100
	etherIPv6    = 0x86dd
	etherPPP     = 0x880b
	etherMPLS    = 0x8847
	etherMPLSUp  = 0x8848
	etherPPPoE   = 0x8864
	etherQinQ    = 0x88a8
	etherERSPAN2 = 0x88be
	etherERSPAN3 = 0x22eb
	etherQinQOld = 0x9100
	etherQinQ92  = 0x9200
	etherMin     = 0x0600 // below, the field is the length of an 802.3 frame
)

// link reads the header of the link type.
func (c *cursor) link(link LinkType, p *Packet) Reason {
	switch link {
	case LinkEthernet:
		c.next = layerEthernet
	case LinkRaw, LinkRaw12, LinkRaw14, LinkIPv4, LinkIPv6:
		c.next = layerIP
	case LinkNull, LinkLoop:
		return c.loopback()
	case LinkSLL:
		return c.sll(p)
	case LinkSLL2:
		return c.sll2(p)
	case LinkPPP:
		c.next = layerPPP
	case LinkPPPSerial, LinkCHDLC:
		return c.serial()
	case LinkNFLOG:
		return c.nflog()
	case LinkRadiotap:
		return c.radiotap(p)
	case LinkIEEE80211:
		return c.wlan(p)
	default:
		return UnsupportedLink
	}
	return Accounted
}

// loopback reads the address family, whose byte order is that of a host nobody
// knows any more; families are small numbers.
func (c *cursor) loopback() Reason {
	h := c.take(4)
	if h == nil {
		return c.short(4)
	}
	af := binary.LittleEndian.Uint32(h)
	if af > 0xffff {
		af = binary.BigEndian.Uint32(h)
	}
	switch af {
	case 2, 10, 23, 24, 28, 30: // INET; INET6 of Linux, Windows, NetBSD, FreeBSD, Darwin
		c.next = layerIP
		return Accounted
	}
	return NonIP
}

func (c *cursor) sll(p *Packet) Reason {
	h := c.take(16)
	if h == nil {
		return c.short(16)
	}
	copy(p.MAC[6:], h[6:12])
	return c.cooked(binary.BigEndian.Uint16(h[2:]), binary.BigEndian.Uint16(h[14:]))
}

func (c *cursor) sll2(p *Packet) Reason {
	h := c.take(20)
	if h == nil {
		return c.short(20)
	}
	copy(p.MAC[6:], h[12:18])
	return c.cooked(binary.BigEndian.Uint16(h[8:]), binary.BigEndian.Uint16(h[0:]))
}

// cooked goes on behind a cooked header of a device of type arphrd
// (www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html).
func (c *cursor) cooked(arphrd, proto uint16) Reason {
	const netlink = 824 // its protocol field is no EtherType
	if arphrd == netlink {
		return NonIP
	}
	switch proto {
	case 0x0001, 0x000c: // 802.3 without LLC, CAN
		return NonIP
	case 0x0004: // LLC
		c.next = layerLLC
		return Accounted
	}
	c.next, c.etherType = layerType, proto
	return Accounted
}

// serial reads Cisco HDLC, or PPP in HDLC framing.
func (c *cursor) serial() Reason {
	h := c.peek(4)
	if h == nil {
		return c.short(4)
	}
	if h[0] == 0xff && h[1] == 0x03 {
		c.next = layerPPP
		return Accounted
	}
	c.off += 4
	c.next, c.etherType = layerType, binary.BigEndian.Uint16(h[2:])
	return Accounted
}

// ethernet reads destination, source and type.
func (c *cursor) ethernet(p *Packet) Reason {
	h := c.take(14)
	if h == nil {
		return c.short(14)
	}
	p.MAC = [12]byte(h)
	p.Tags = 0
	c.next, c.etherType = layerType, binary.BigEndian.Uint16(h[12:])
	return Accounted
}

// tagged reads what the EtherType announces, if that is another link header.
func (c *cursor) tagged(p *Packet) Reason {
	switch c.etherType {
	case etherIPv4, etherIPv6:
		c.next = layerIP
	case etherVLAN, etherQinQ, etherQinQOld, etherQinQ92:
		return c.vlan(p)
	case etherMPLS, etherMPLSUp:
		c.next = layerMPLS
	case etherPPPoE:
		return c.pppoe(p)
	case etherTEB:
		c.next = layerEthernet
	case etherPPP:
		c.next = layerPPP
	case etherARP, etherRARP:
		return ARP
	default:
		if c.etherType < etherMin {
			c.next = layerLLC
			return Accounted
		}
		return NonIP
	}
	return Accounted
}

// vlan reads an 802.1Q tag. The tags of an inner Ethernet header replace those
// around the tunnel; ids of more than two tags are not kept.
func (c *cursor) vlan(p *Packet) Reason {
	h := c.take(4)
	if h == nil {
		return c.short(4)
	}
	if p.Tags == 0 {
		p.VLAN = [2]uint16{}
	}
	if p.Tags < 2 {
		p.VLAN[p.Tags] = binary.BigEndian.Uint16(h) & 0x0fff
		p.Tags++
	}
	c.etherType = binary.BigEndian.Uint16(h[2:])
	return Accounted
}

// llc reads an 802.2 header; IP comes behind SNAP (RFC 1042).
func (c *cursor) llc() Reason {
	h := c.take(8)
	if h == nil || h[0] != 0xaa || h[1] != 0xaa || h[2] != 0x03 || h[3]|h[4]|h[5] != 0 {
		return NonIP
	}
	c.next, c.etherType = layerType, binary.BigEndian.Uint16(h[6:])
	if c.etherType < etherMin { // or this would go in circles
		return NonIP
	}
	return Accounted
}

// pppoe reads a PPPoE session header (RFC 2516, 4).
func (c *cursor) pppoe(p *Packet) Reason {
	h := c.take(6)
	if h == nil {
		return c.short(6)
	}
	if h[0] != 0x11 || h[1] != 0 {
		return NonIP
	}
	p.Tunnel, p.TunnelOneWay = sensor.PPPoE, false
	p.TunnelID = uint32(binary.BigEndian.Uint16(h[2:]))
	c.next = layerPPP
	return Accounted
}

// ppp reads the protocol field, which is one byte if compressed (RFC 1661,
// 6.5), behind the HDLC address and control if they are there.
func (c *cursor) ppp() Reason {
	if h := c.peek(2); h != nil && h[0] == 0xff && h[1] == 0x03 {
		c.off += 2
	}
	h := c.take(1)
	if h == nil {
		return c.short(1)
	}
	proto := uint16(h[0])
	if proto&1 == 0 {
		if h = c.take(1); h == nil {
			return c.short(1)
		}
		proto = proto<<8 | uint16(h[0])
	}
	switch proto {
	case 0x0021, 0x0057: // IPv4, IPv6
		c.next = layerIP
	case 0x0281, 0x0283: // MPLS unicast, multicast (RFC 3032, 4.3)
		c.next, c.etherType = layerType, etherMPLS
	default:
		return NonIP
	}
	return Accounted
}

// mpls reads a label stack (RFC 3032) and guesses what is behind it, which only
// the routers know: IP by its first nibble, else a pseudowire (RFC 4448), with
// or without control word, if an Ethernet header of a common type is there.
func (c *cursor) mpls(p *Packet) Reason {
	for range maxLabels {
		h := c.take(4)
		if h == nil {
			return c.short(4)
		}
		if h[2]&1 == 0 { // not the bottom of the stack
			continue
		}
		p.Tunnel, p.TunnelOneWay = sensor.MPLSTunnel, true
		p.TunnelID = binary.BigEndian.Uint32(h) >> 12
		return c.underMPLS()
	}
	return TooManyHeaders
}

func (c *cursor) underMPLS() Reason {
	h := c.peek(2)
	if h == nil {
		return c.short(2)
	}
	switch nibble := h[0] >> 4; {
	case nibble == 4 || nibble == 6:
		c.next = layerIP
	case h[0]|h[1] == 0 && c.ethernetAt(4):
		c.off += 4
		c.next = layerEthernet
	case c.ethernetAt(0):
		c.next = layerEthernet
	default:
		return NonIP
	}
	return Accounted
}

// ethernetAt says whether an Ethernet header that leads to IP may be there.
func (c *cursor) ethernetAt(skip int) bool {
	h := c.peek(skip + 14)
	if h == nil {
		return false
	}
	switch binary.BigEndian.Uint16(h[skip+12:]) {
	case etherIPv4, etherIPv6, etherVLAN, etherQinQ, etherMPLS, etherPPPoE, etherARP:
		return true
	}
	return false
}

// nflog finds the packet among the attributes of a netfilter log message
// (www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html), which are in the byte order
// of the host: little-endian, as nearly all are.
func (c *cursor) nflog() Reason {
	const payload = 9 // NFULA_PAYLOAD
	h := c.take(4)
	if h == nil {
		return c.short(4)
	}
	if h[0] != 2 && h[0] != 10 { // AF_INET, AF_INET6
		return NonIP
	}
	for range maxHeaders {
		h := c.take(4)
		if h == nil {
			return c.short(4)
		}
		size, kind := int(binary.LittleEndian.Uint16(h)), binary.LittleEndian.Uint16(h[2:])&0x7fff
		if size < 4 {
			return MalformedLink
		}
		if kind == payload {
			c.limit = min(c.limit, c.off+size-4)
			c.b = c.b[:min(len(c.b), c.limit)]
			c.next = layerIP
			return Accounted
		}
		if skip := (size+3)&^3 - 4; c.take(skip) == nil {
			return c.short(skip)
		}
	}
	return TooManyHeaders
}
