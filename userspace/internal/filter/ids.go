package filter

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// isProtocol says whether a word can stand before host, port, proto or [.
func isProtocol(word string) bool {
	switch word {
	case "link", "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "igrp", "pim", "vrrp", "carp", "ah", "esp",
		"atalk", "aarp", "decnet", "lat", "sca", "moprc", "mopdl", "stp", "ipx", "netbeui", "iso":
		return true
	}
	return false
}

// protocol is true of a frame of that protocol.
func (c *compiler) protocol(t token) *cond {
	if t.text == "link" {
		c.fail(t.off, "ether needs host, src, dst, proto, broadcast or multicast behind it, or an offset in brackets")
	}
	if proto, ok := linkProtocols[t.text]; ok {
		return c.linkType(t.off, proto)
	}
	switch t.text {
	case "tcp":
		return c.ipProto(t.off, "", protoTCP)
	case "udp":
		return c.ipProto(t.off, "", protoUDP)
	case "sctp":
		return c.ipProto(t.off, "", protoSCTP)
	case "ah":
		return c.ipProto(t.off, "", protoAH)
	case "esp":
		return c.ipProto(t.off, "", protoESP)
	case "pim":
		return c.ipProto(t.off, "", protoPIM)
	case "icmp":
		return c.ipProto(t.off, "ip", protoICMP)
	case "igmp":
		return c.ipProto(t.off, "ip", protoIGMP)
	case "igrp":
		return c.ipProto(t.off, "ip", protoIGRP)
	case "vrrp", "carp":
		return c.ipProto(t.off, "ip", protoVRRP)
	}
	return c.ipProto(t.off, "ip6", protoICMP6)
}

// ipProto is true of an IP packet of that protocol. Of the extension headers of
// IPv6 it looks behind a fragment header only, as libpcap does.
func (c *compiler) ipProto(off int, version string, proto uint32) *cond {
	switch version {
	case "ip":
		return and(c.linkType(off, etherIP), c.compare(relPayload, 9, sizeB, proto))
	case "ip6":
		isIP6 := c.linkType(off, etherIP6)
		direct := c.compare(relPayload, 6, sizeB, proto)
		fragment := c.compare(relPayload, 6, sizeB, protoFragment)
		return and(isIP6, or(direct, and(fragment, c.compare(relPayload, ip6HeaderLen, sizeB, proto))))
	}
	return or(c.ipProto(off, "ip", proto), c.ipProto(off, "ip6", proto))
}

// numberID is the meaning of a number behind qualifiers.
func (c *compiler) numberID(t token, q qualifiers) *cond {
	c.needQualifiers(t, q)
	switch q.kind {
	case "port", "portrange":
		return c.ports(t, q, c.transport(t, q), t.num, t.num)
	case "proto":
		return c.proto(t, q, t.num)
	}
	if q.proto == "link" {
		c.fail(t.off, "expected an Ethernet address, as in ether host 02:00:00:00:00:01")
	}
	addr, mask := t.num, uint32(0xffffffff)
	if q.kind == "net" {
		for addr != 0 && addr>>24 == 0 {
			addr, mask = addr<<8, mask<<8
		}
	}
	return c.host(t, q, addr, mask)
}

func (c *compiler) needQualifiers(t token, q qualifiers) {
	if !q.known {
		c.fail(t.off, "an address or number needs host, net, port or proto before it; nothing to its left says which")
	}
}

// addressID is the meaning of an address or a name behind qualifiers.
func (c *compiler) addressID(q qualifiers) *cond {
	t := c.next()
	switch t.kind {
	case tokDotted:
		c.needQualifiers(t, q)
		return c.dottedID(t, q)
	case tokIP6:
		c.needQualifiers(t, q)
		return c.ip6ID(t, q)
	case tokMAC:
		c.needQualifiers(t, q)
		if q.proto != "link" || q.kind != "" && q.kind != "host" {
			c.fail(t.off, "an Ethernet address needs ether host, ether src or ether dst before it")
		}
		return c.ether(t, q.dir, t.mac)
	case tokName, tokEscaped:
		c.needQualifiers(t, q)
		return c.nameID(t, q)
	case tokEnd:
		c.fail(t.off, "the expression ends where %s should follow", idWanted(q))
	case tokWord:
		if why := refused[t.text]; why != "" {
			c.fail(t.off, "%s", why)
		}
		if q.kind == "proto" {
			c.fail(t.off, "the name of a protocol needs a backslash here: proto \\%s", t.text)
		}
	}
	c.fail(t.off, "expected %s", idWanted(q))
	return nil
}

// idWanted says in words what id goes with qualifiers.
func idWanted(q qualifiers) string {
	switch {
	case q.kind == "port":
		return "a port"
	case q.kind == "portrange":
		return "two ports, as in portrange 1-1023"
	case q.kind == "proto":
		return "a protocol number or name"
	case q.proto == "link":
		return "an Ethernet address"
	}
	return "an address"
}

// dottedID parses 1.2.3.4, 1.2.3.4/5 and 1.2.3.4 mask 5.6.7.8.
func (c *compiler) dottedID(t token, q qualifiers) *cond {
	addr, mask := c.dotted(t)
	masked := true
	switch next := c.peek(); {
	case next.is("/"):
		c.pos++
		num := c.next()
		if num.kind != tokNumber || num.num > 32 {
			c.fail(num.off, "expected a prefix length from 0 to 32")
		}
		mask = uint32(uint64(0xffffffff) << (32 - num.num))
	case next.is("mask"):
		c.pos++
		m := c.next()
		if m.kind != tokDotted {
			c.fail(m.off, "expected a mask, as in net 10.0.0.0 mask 255.0.0.0")
		}
		mask, _ = c.dotted(m)
	default:
		masked = false
	}
	switch {
	case masked && addr&^mask != 0:
		c.fail(t.off, "%s has bits set behind the mask", t.text)
	case masked && q.kind != "net":
		c.fail(t.off, "a mask or prefix length needs net before the address")
	case q.kind == "port", q.kind == "portrange", q.kind == "proto":
		c.fail(t.off, "expected %s, not an address", idWanted(q))
	case q.proto == "link":
		c.fail(t.off, "expected an Ethernet address, as in ether host 02:00:00:00:00:01")
	}
	return c.host(t, q, addr, mask)
}

// dotted reads one to four numbers of 8 bits, which are the high ones, and
// returns the mask that covers them.
func (c *compiler) dotted(t token) (addr, mask uint32) {
	shift := 32
	for part := range strings.SplitSeq(t.text, ".") {
		n, err := strconv.ParseUint(part, 10, 8) // decimal, whatever it begins with
		if err != nil {
			c.fail(t.off, "not an IPv4 address: %s", t.text)
		}
		shift -= 8
		addr |= uint32(n) << shift
		mask |= 0xff << shift
	}
	return addr, mask
}

// ip6ID parses an IPv6 address or network.
func (c *compiler) ip6ID(t token, q qualifiers) *cond {
	bits := uint32(128)
	if c.accept("/") {
		num := c.next()
		if num.kind != tokNumber || num.num > 128 {
			c.fail(num.off, "expected a prefix length from 0 to 128")
		}
		bits = num.num
	}
	addr := t.addr.As16()
	for i := uint32(0); i < 16; i += 4 {
		if binary.BigEndian.Uint32(addr[i:])&^prefixWord(bits, i) != 0 {
			c.fail(t.off, "%s has bits set behind the prefix", t.text)
		}
	}
	switch {
	case q.kind == "net":
	case q.kind != "" && q.kind != "host":
		c.fail(t.off, "expected %s, not an address", idWanted(q))
	case bits != 128:
		c.fail(t.off, "a prefix length needs net before the address")
	}
	if q.proto != "" && q.proto != "ip6" {
		c.fail(t.off, "an IPv6 address goes with ip6 or no protocol, not with %s", q.proto)
	}
	return c.host6(t, q, addr, bits)
}

// host is true of a frame with that IPv4 address, masked, in an IP or ARP header.
func (c *compiler) host(t token, q qualifiers, addr, mask uint32) *cond {
	one := func(proto, srcOff, dstOff uint32) *cond {
		return byDirection(q.dir, func(dst bool) *cond {
			off := srcOff
			if dst {
				off = dstOff
			}
			return and(c.linkType(t.off, proto), c.compareMasked(relPayload, off, sizeW, addr, mask))
		})
	}
	switch q.proto {
	case "":
		b := one(etherIP, 12, 16)
		if c.labels == 0 {
			b = or(or(b, one(etherARP, 14, 24)), one(etherRARP, 14, 24))
		}
		return b
	case "ip":
		return one(etherIP, 12, 16)
	case "arp":
		return one(etherARP, 14, 24)
	case "rarp":
		return one(etherRARP, 14, 24)
	}
	c.fail(t.off, "an IPv4 address goes with ip, arp, rarp or no protocol, not with %s", q.proto)
	return nil
}

// host6 is true of a frame with that IPv6 address or prefix.
func (c *compiler) host6(t token, q qualifiers, addr [16]byte, bits uint32) *cond {
	return byDirection(q.dir, func(dst bool) *cond {
		off := uint32(8)
		if dst {
			off = 24
		}
		b := c.linkType(t.off, etherIP6)
		for i := uint32(0); i < 16; i += 4 {
			b = and(b, c.compareMasked(relPayload, off+i, sizeW, binary.BigEndian.Uint32(addr[i:]), prefixWord(bits, i)))
		}
		return b
	})
}

// prefixWord returns the word at byte i of the mask of a prefix of IPv6.
func prefixWord(bits, i uint32) uint32 {
	n := min(32, max(bits, 8*i)-8*i)
	return uint32(uint64(0xffffffff) << (32 - n))
}

// nameID is the meaning of a name behind qualifiers. No name is ever looked up.
func (c *compiler) nameID(t token, q qualifiers) *cond {
	switch q.kind {
	case "port":
		transport := c.transport(t, q)
		s, ok := services[t.text]
		if !ok {
			c.fail(t.off, "unknown port name %s: use the number (known are %s)", t.text, serviceNames)
		}
		if s.transport != 0 && transport != 0 && s.transport != transport {
			c.fail(t.off, "%s is not a port of %s", t.text, q.proto)
		}
		if transport == 0 {
			transport = s.transport
		}
		return c.ports(t, q, transport, s.port, s.port)
	case "portrange":
		low, high, ok := strings.Cut(t.text, "-")
		first, err1 := strconv.ParseUint(low, 10, 16)
		last, err2 := strconv.ParseUint(high, 10, 16)
		if !ok || err1 != nil || err2 != nil {
			c.fail(t.off, "expected two ports from 0 to 65535, as in portrange 1-1023; names are not supported here")
		}
		first, last = min(first, last), max(first, last)
		return c.ports(t, q, c.transport(t, q), uint32(first), uint32(last))
	case "proto":
		return c.protoName(t, q)
	case "net":
		c.fail(t.off, "network names are not looked up: use a network, as in net 10.0.0.0/8")
	}
	if q.proto == "link" {
		c.fail(t.off, "host names are not looked up: use the Ethernet address")
	}
	c.fail(t.off, "host names are not looked up: use the address")
	return nil
}

// transport returns the IP protocol to which a port is restricted, 0 for any.
func (c *compiler) transport(t token, q qualifiers) uint32 {
	switch q.proto {
	case "":
		return 0
	case "tcp":
		return protoTCP
	case "udp":
		return protoUDP
	case "sctp":
		return protoSCTP
	}
	c.fail(t.off, "ports go with tcp, udp, sctp or no protocol, not with %s", q.proto)
	return 0
}

// ports is true of a packet with a port from first to last, of one transport or,
// with 0, of any. IPv6 is tested first, and without extension headers only.
func (c *compiler) ports(t token, q qualifiers, transport, first, last uint32) *cond {
	if first > 0xffff || last > 0xffff {
		c.fail(t.off, "a port is at most 65535")
	}
	port := func(rel relative, off uint32) *cond {
		if q.kind == "port" {
			return c.compare(rel, off, sizeH, first)
		}
		low := c.test(c.loadAt(rel, off, sizeH), jge, first)
		return and(low, not(c.test(c.loadAt(rel, off, sizeH), jgt, last)))
	}
	either := func(rel relative) *cond {
		return byDirection(q.dir, func(dst bool) *cond {
			if dst {
				return port(rel, 2)
			}
			return port(rel, 0)
		})
	}
	one6 := func(proto uint32) *cond {
		return and(c.compare(relPayload, 6, sizeB, proto), either(relTransport6))
	}
	one := func(proto uint32) *cond {
		header := and(c.compare(relPayload, 9, sizeB, proto), c.notFragment())
		return and(header, either(relTransport))
	}
	each := func(one func(uint32) *cond) *cond {
		if transport != 0 {
			return one(transport)
		}
		return or(one(protoSCTP), or(one(protoTCP), one(protoUDP)))
	}
	v6 := and(c.linkType(t.off, etherIP6), each(one6))
	return or(v6, and(c.linkType(t.off, etherIP), each(one)))
}

// notFragment is true of an IPv4 packet that is no fragment or the first one.
func (c *compiler) notFragment() *cond {
	return not(c.test(c.loadAt(relPayload, 6, sizeH), jset, 0x1fff))
}

// proto is the meaning of `proto N` with ether, ip, ip6 or nothing before it.
func (c *compiler) proto(t token, q qualifiers, n uint32) *cond {
	switch q.proto {
	case "link":
		return c.linkType(t.off, n)
	case "", "ip", "ip6":
		return c.ipProto(t.off, q.proto, n)
	}
	c.fail(t.off, "%s proto is not supported; ether proto, ip proto, ip6 proto and proto are", q.proto)
	return nil
}

func (c *compiler) protoName(t token, q qualifiers) *cond {
	names, hint := ipProtocols, "use the number"
	if q.proto == "link" {
		names, hint = linkProtocols, "use the Ethernet type"
	}
	n, ok := names[t.text]
	if !ok {
		c.fail(t.off, "unknown protocol name %s: %s", t.text, hint)
	}
	return c.proto(t, q, n)
}
