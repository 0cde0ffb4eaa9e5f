package frame

import (
	"encoding/binary"
	"slices"

	"flowscope/sensor"
)

const (
	portMPLS       = 6635 // RFC 7510
	maxGTPUHeaders = 8    // extension headers of one GTP-U packet
)

// enter moves the cursor behind the headers of the tunnel that p is, prepares q
// for the packet inside, and says whether p is a tunnel.
func (t *Tunnels) enter(c *cursor, p, q *Packet) bool {
	if !t.look {
		return false
	}
	switch p.Proto {
	case sensor.ProtoUDP, sensor.ProtoGRE, sensor.ProtoIPIP, sensor.ProtoIPv6, sensor.ProtoMPLS:
	default:
		return false
	}
	c.off, c.limit = p.L4, p.End
	c.b = c.b[:min(len(c.b), p.End)]
	if p.Proto == sensor.ProtoUDP {
		h := c.take(8)
		if h == nil {
			return false
		}
		kind := t.kind(binary.BigEndian.Uint16(h), binary.BigEndian.Uint16(h[2:]))
		if kind == sensor.NoTunnel {
			return false
		}
		q.inside(p, kind)
		return c.udpTunnel(q)
	}
	switch p.Proto {
	case sensor.ProtoGRE:
		q.inside(p, sensor.GRE)
		return c.gre(q)
	case sensor.ProtoMPLS:
		q.inside(p, sensor.MPLSTunnel)
		c.next = layerMPLS
	default:
		q.inside(p, sensor.IPIP)
		c.next = layerIP
	}
	return true
}

// inside resets q to a packet inside p.
func (q *Packet) inside(p *Packet, kind sensor.TunnelKind) {
	*q = Packet{Depth: p.Depth + 1, Tunnel: kind, VLAN: p.VLAN, MAC: p.MAC}
}

// kind returns the tunnel that is usual on these UDP ports. The peers of VXLAN,
// Geneve and MPLS send to the port from any other (RFC 7348, 5; RFC 8926, 3.3;
// RFC 7510, 3), those of GTP-U may answer from it (3GPP TS 29.281, 4.4.2).
func (t *Tunnels) kind(src, dst uint16) sensor.TunnelKind {
	if !t.may(src, dst) {
		return sensor.NoTunnel
	}
	switch {
	case slices.Contains(t.vxlan, dst):
		return sensor.VXLAN
	case slices.Contains(t.geneve, dst):
		return sensor.Geneve
	case slices.Contains(t.gtpu, dst), slices.Contains(t.gtpu, src):
		return sensor.GTPU
	case dst == portMPLS:
		return sensor.MPLSTunnel
	}
	return sensor.NoTunnel
}

// may is a quick no to most ports.
func (t *Tunnels) may(src, dst uint16) bool {
	return (t.ports>>(dst%64)|t.ports>>(src%64))&1 != 0
}

func (c *cursor) udpTunnel(q *Packet) bool {
	switch q.Tunnel {
	case sensor.VXLAN:
		return c.vxlan(q)
	case sensor.Geneve:
		return c.geneve(q)
	case sensor.GTPU:
		return c.gtpu(q)
	}
	c.next = layerMPLS
	return true
}

// vxlan reads a VXLAN header (RFC 7348, 5).
func (c *cursor) vxlan(q *Packet) bool {
	h := c.take(8)
	if h == nil || h[0]&0x08 == 0 {
		return false
	}
	q.TunnelID = binary.BigEndian.Uint32(h[4:]) >> 8
	c.next = layerEthernet
	return true
}

// geneve reads a Geneve header and skips its options (RFC 8926, 3.4).
func (c *cursor) geneve(q *Packet) bool {
	h := c.take(8)
	if h == nil || h[0]>>6 != 0 || c.take(int(h[0]&0x3f)*4) == nil {
		return false
	}
	q.TunnelID = binary.BigEndian.Uint32(h[4:]) >> 8
	c.next, c.etherType = layerType, binary.BigEndian.Uint16(h[2:])
	return c.etherType >= etherMin
}

// gtpu reads the header of a GTPv1-U packet that carries user data (3GPP TS
// 29.281, 5.1 and 5.2).
func (c *cursor) gtpu(q *Packet) bool {
	const (
		version1, protocolType = 0x20, 0x10
		extension, optional    = 0x04, 0x07
		userData               = 255
	)
	h := c.take(8)
	if h == nil || h[0]&0xf0 != version1|protocolType || h[1] != userData {
		return false
	}
	q.TunnelID, q.TunnelOneWay = binary.BigEndian.Uint32(h[4:]), true
	c.next = layerIP
	if h[0]&optional == 0 {
		return true
	}
	opt := c.take(4)
	if opt == nil {
		return false
	}
	next := opt[3]
	if h[0]&extension == 0 {
		next = 0
	}
	for range maxGTPUHeaders {
		if next == 0 {
			return true
		}
		size := c.peek(1)
		if size == nil || size[0] == 0 {
			return false
		}
		ext := c.take(int(size[0]) * 4)
		if ext == nil {
			return false
		}
		next = ext[len(ext)-1]
	}
	return false
}

// gre reads a GRE header, version 0 (RFC 2784, RFC 2890) or 1 (PPTP, RFC 2637,
// 4.1), and ERSPAN behind it (draft-foschiano-erspan).
func (c *cursor) gre(q *Packet) bool {
	const checksum, routing, key, sequence, ack = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
	h := c.take(4)
	if h == nil {
		return false
	}
	flags, proto := binary.BigEndian.Uint16(h), binary.BigEndian.Uint16(h[2:])
	version := flags & 7
	if version > 1 || flags&routing != 0 || (version == 1) != (proto == etherPPP) {
		return false
	}
	if flags&checksum != 0 && c.take(4) == nil {
		return false
	}
	if flags&key != 0 {
		k := c.take(4)
		if k == nil {
			return false
		}
		q.TunnelID = binary.BigEndian.Uint32(k)
		if version == 1 { // length and call id
			q.TunnelID, q.TunnelOneWay = q.TunnelID&0xffff, true
		}
	}
	if flags&sequence != 0 && c.take(4) == nil {
		return false
	}
	if version == 1 && flags&ack != 0 && c.take(4) == nil {
		return false
	}
	switch proto {
	case etherERSPAN2:
		if flags&sequence == 0 { // type I has no header of its own
			c.next = layerEthernet
			return true
		}
		return c.erspan(q, 8)
	case etherERSPAN3:
		return c.erspan(q, 12)
	}
	c.next, c.etherType = layerType, proto
	return proto >= etherMin
}

// erspan skips an ERSPAN header of type II or III; its session id is the
// tunnel's.
func (c *cursor) erspan(q *Packet, size int) bool {
	h := c.take(size)
	if h == nil {
		return false
	}
	q.TunnelID = uint32(binary.BigEndian.Uint16(h[2:]) & 0x03ff)
	if size == 12 && h[11]&1 != 0 && c.take(8) == nil { // platform specific subheader
		return false
	}
	c.next = layerEthernet
	return true
}
