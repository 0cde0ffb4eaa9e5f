package filter

// linkLayer is where a link type keeps what the tests need, and how it names the
// protocol behind it.
type linkLayer struct {
	name       string
	naming     naming
	offType    uint32
	offPayload uint32
}

// naming is how a link layer names the protocol of its payload.
type naming uint8

const (
	byEtherType naming = iota // Ethernet, with 802.3 and 802.2
	byVersion                 // raw IP: the first nibble of the payload
	alwaysIP                  // raw IPv4
	alwaysIP6                 // raw IPv6
	byFamilyLE                // BSD loopback: address family of a little-endian host
	byFamilyBE                // OpenBSD loopback: address family
	byCookedV1                // Linux SLL
	byCookedV2                // Linux SLL2
	byPPP                     // PPP in PPPoE
)

// linkLayers has a row for each supported LINKTYPE_ number (tcpdump.org/linktypes).
var linkLayers = map[uint16]linkLayer{
	0:   {"BSD loopback", byFamilyLE, 0, 4},
	1:   {"Ethernet", byEtherType, 12, 14},
	12:  {"raw IP", byVersion, 0, 0},
	14:  {"raw IP", byVersion, 0, 0},
	101: {"raw IP", byVersion, 0, 0},
	108: {"OpenBSD loopback", byFamilyBE, 0, 4},
	113: {"Linux cooked v1", byCookedV1, 14, 16},
	228: {"raw IPv4", alwaysIP, 0, 0},
	229: {"raw IPv6", alwaysIP6, 0, 0},
	276: {"Linux cooked v2", byCookedV2, 0, 20},
}

// Address families in the loopback headers. That of IPv6 differs between systems
// (Darwin; NetBSD and OpenBSD; FreeBSD), and a file does not say where it is from.
const familyIP = 2

var familiesIP6 = [...]uint32{30, 24, 28}

const (
	cookedLLC    = 0x0004 // protocol of a Linux SLL header with an 802.2 header behind it
	ip6HeaderLen = 40
	mplsLabelLen = 4
	vlanTagLen   = 4
	pppoeLen     = 6
)

// linkType is true if the link layer names the protocol of that Ethernet type,
// or that 802.2 access point if the number is at most 1500. Only IP can be told
// behind MPLS labels.
func (c *compiler) linkType(off int, proto uint32) *cond {
	if c.labels > 0 {
		switch proto {
		case etherIP:
			return c.behindLabels(0x40)
		case etherIP6:
			return c.behindLabels(0x60)
		}
		c.fail(off, "behind mpls, only IPv4 and IPv6 can be told from the frame")
	}
	switch c.link.naming {
	case byEtherType, byCookedV1:
		return c.etherType(proto)
	case byVersion:
		switch proto {
		case etherIP:
			return c.compareMasked(relLink, 0, sizeB, 0x40, 0xf0)
		case etherIP6:
			return c.compareMasked(relLink, 0, sizeB, 0x60, 0xf0)
		}
		return c.constantly(false)
	case alwaysIP:
		return c.constantly(proto == etherIP)
	case alwaysIP6:
		return c.constantly(proto == etherIP6)
	case byFamilyLE, byFamilyBE:
		return c.family(proto)
	case byPPP:
		proto = pppType(proto)
	}
	return c.compare(relType, 0, sizeH, proto)
}

// family compares the address family of a loopback header.
func (c *compiler) family(proto uint32) *cond {
	is := func(family uint32) *cond {
		if c.link.naming == byFamilyLE {
			family <<= 24
		}
		return c.compare(relLink, 0, sizeW, family)
	}
	switch proto {
	case etherIP:
		return is(familyIP)
	case etherIP6:
		f := familiesIP6
		return or(or(is(f[0]), is(f[1])), is(f[2]))
	}
	return c.constantly(false)
}

// behindLabels is true if the last label has the bottom-of-stack bit and the
// payload begins with that IP version.
func (c *compiler) behindLabels(version uint32) *cond {
	bottom := c.compareMasked(relLabel, 2, sizeB, 1, 1)
	return and(bottom, c.compareMasked(relPayload, 0, sizeB, version, 0xf0))
}

// etherType compares the type of an Ethernet or Linux SLL header, or the 802.2
// header if there is one.
func (c *compiler) etherType(proto uint32) *cond {
	switch proto {
	case sapISO, sapIP, sapNetBEUI:
		return and(c.isLLC(), c.compare(relLLC, 0, sizeH, proto<<8|proto))
	case sapIPX:
		return c.ipx()
	case etherATALK, etherAARP:
		typed := c.compare(relType, 0, sizeH, proto)
		org := uint32(0)
		if proto == etherATALK {
			org = 0x080007 // Apple
		}
		return or(typed, and(c.isLLC(), c.snap(org, proto)))
	}
	if proto <= maxEtherLen {
		return and(c.isLLC(), c.compare(relLLC, 0, sizeB, proto))
	}
	return c.compare(relType, 0, sizeH, proto)
}

// ipx finds its four encapsulations: its Ethernet type, SNAP, 802.2, and a bare
// 802.3 frame, which begins with a checksum that is not used.
func (c *compiler) ipx() *cond {
	sap := func() *cond { return c.compare(relLLC, 0, sizeB, sapIPX) }
	bare := func() *cond { return c.compare(relLLC, 0, sizeH, 0xffff) }
	snap := func() *cond { return c.snap(0, etherIPX) }
	typed := c.compare(relType, 0, sizeH, etherIPX)
	if c.link.naming == byCookedV1 {
		const cookedBare = 0x0001
		inLLC := and(c.isLLC(), or(sap(), snap()))
		return or(typed, or(c.compare(relType, 0, sizeH, cookedBare), inLLC))
	}
	return or(typed, and(c.isLLC(), or(snap(), or(sap(), bare()))))
}

// isLLC is true if an 802.2 header follows.
func (c *compiler) isLLC() *cond {
	if c.link.naming == byCookedV1 {
		return c.compare(relType, 0, sizeH, cookedLLC)
	}
	return not(c.test(c.loadAt(relType, 0, sizeH), jgt, maxEtherLen))
}

// snap compares an 802.2 header with the SNAP extension.
func (c *compiler) snap(org, proto uint32) *cond {
	return c.compareBytes(relLLC, 0, []byte{0xaa, 0xaa, 0x03,
		byte(org >> 16), byte(org >> 8), byte(org), byte(proto >> 8), byte(proto)})
}

// pppType returns the PPP protocol number of what has that Ethernet type, or the
// number itself if it has none of its own.
func pppType(proto uint32) uint32 {
	types := map[uint32]uint32{
		etherIP: 0x21, etherIP6: 0x57, etherDECnet: 0x27, etherATALK: 0x29, 0x0600: 0x25,
		sapISO: 0x23, sapSTP: 0x31, sapIPX: 0x2b,
	}
	if t, ok := types[proto]; ok {
		return t
	}
	return proto
}

// vlan is true of a frame with a VLAN tag, of that id if one is given. What
// stands right of it in the expression looks behind the tag.
func (c *compiler) vlan(t token, id *token) *cond {
	if c.labels > 0 {
		c.fail(t.off, "vlan behind mpls is not supported")
	}
	if c.link.naming != byEtherType {
		c.fail(t.off, "vlan is not supported on this link type, %s; it is on Ethernet", c.link.name)
	}
	b := or(or(c.linkType(t.off, 0x8100), c.linkType(t.off, 0x88a8)), c.linkType(t.off, 0x9100))
	if id != nil {
		if id.num > 0xfff {
			c.fail(id.off, "a VLAN id is at most 4095")
		}
		b = and(b, c.compareMasked(relPayload, 0, sizeH, id.num, 0xfff))
	}
	c.offType += vlanTagLen
	c.offPayload += vlanTagLen
	return b
}

// mpls is true of a frame with an MPLS label, the given one if there is one.
// What stands right of it in the expression looks behind the label.
func (c *compiler) mpls(t token, label *token) *cond {
	var b *cond
	switch {
	case c.labels > 0: // the label before must not be the last
		b = c.compareMasked(relLabel, 2, sizeB, 0, 1)
	case c.link.naming == byEtherType:
		b = c.linkType(t.off, etherMPLS)
	case c.link.naming == byPPP:
		b = c.linkType(t.off, 0x281)
	default:
		c.fail(t.off, "mpls is not supported on this link type, %s; it is on Ethernet and in PPPoE", c.link.name)
	}
	if label != nil {
		if label.num > 0xfffff {
			c.fail(label.off, "an MPLS label is at most 1048575")
		}
		b = and(b, c.compareMasked(relPayload, 0, sizeW, label.num<<12, 0xfffff000))
	}
	c.offNet += mplsLabelLen
	c.labels++
	return b
}

// pppoes is true of a frame of a PPPoE session, the given one if there is one.
// What stands right of it in the expression looks at the PPP frame inside.
func (c *compiler) pppoes(session *token) *cond {
	off := c.toks[c.pos-1].off
	b := c.linkType(off, etherPPPoES)
	if session != nil {
		if session.num > 0xffff {
			c.fail(session.off, "a PPPoE session id is at most 65535")
		}
		b = and(b, c.compareMasked(relPayload, 0, sizeW, session.num, 0xffff))
	}
	c.offLink = c.offPayload + c.offNet + pppoeLen
	c.offType = c.offLink
	c.offPayload = c.offLink + 2
	c.offNet = 0
	c.link = linkLayer{name: "PPP", naming: byPPP}
	return b
}

// broadcast is true of a frame to the broadcast address of Ethernet, or of IPv4
// if the network mask is not known, as it is not when reading from a file: to
// 0.0.0.0 or 255.255.255.255.
func (c *compiler) broadcast(t token) *cond {
	switch t.text {
	case "broadcast", "link":
		c.needEthernet(t, "broadcast")
		return c.ether(t, dirDst, [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	case "ip":
		isIP := c.linkType(t.off, etherIP)
		dst := or(c.compare(relPayload, 16, sizeW, 0), c.compare(relPayload, 16, sizeW, 0xffffffff))
		return and(isIP, dst)
	}
	c.fail(t.off, "%s broadcast does not exist; ether broadcast and ip broadcast do", t.text)
	return nil
}

// multicast is true of a frame to a group address of Ethernet, IPv4 or IPv6.
func (c *compiler) multicast(t token) *cond {
	switch t.text {
	case "multicast", "link":
		c.needEthernet(t, "multicast")
		return c.test(c.loadAt(relLink, 0, sizeB), jset, 1)
	case "ip":
		return and(c.linkType(t.off, etherIP), c.test(c.loadAt(relPayload, 16, sizeB), jge, 224))
	case "ip6":
		return and(c.linkType(t.off, etherIP6), c.compare(relPayload, 24, sizeB, 255))
	}
	c.fail(t.off, "%s multicast does not exist; ether multicast, ip multicast and ip6 multicast do", t.text)
	return nil
}

func (c *compiler) needEthernet(t token, what string) {
	if c.link.naming != byEtherType {
		c.fail(t.off, "%s is not supported on this link type, %s; ip %s is",
			what, c.link.name, what)
	}
}

// ether compares the Ethernet addresses of a frame.
func (c *compiler) ether(t token, dir string, mac [6]byte) *cond {
	if c.link.naming != byEtherType {
		c.fail(t.off, "Ethernet addresses are not supported on this link type, %s", c.link.name)
	}
	return byDirection(dir, func(dst bool) *cond {
		if dst {
			return c.compareBytes(relLink, 0, mac[:])
		}
		return c.compareBytes(relLink, 6, mac[:])
	})
}

// byDirection joins the tests of source and destination as dir says.
func byDirection(dir string, test func(dst bool) *cond) *cond {
	switch dir {
	case dirSrc:
		return test(false)
	case dirDst:
		return test(true)
	case dirBoth:
		return and(test(false), test(true))
	}
	return or(test(false), test(true))
}
