package frame

import (
	"slices"

	"flowscope/sensor"
)

// Bounds of the walk over the headers of one frame.
const (
	maxTunnels    = 4  // tunnels inside each other
	maxHeaders    = 32 // headers of all kinds, for one frame
	maxLabels     = 16 // MPLS labels of one stack
	maxExtHeaders = 8  // IPv6 extension headers of one packet
)

// Packet is one IP packet as [Parse] finds it. L3, L4 and End count bytes from
// the start of what Parse was given; they are true to the headers and may lie
// behind what was captured.
type Packet struct {
	Src, Dst [16]byte // IPv4 as IPv4-mapped
	L3       int      // the IP header
	L4       int      // behind the IP and extension headers; at most End
	End      int      // behind the packet

	FragID  uint32
	FragOff uint16 // in bytes
	Proto   sensor.Proto
	V6      bool
	Frag    bool // a fragment; the walk ends there
	More    bool // a fragment that is not the last
	Routed  bool // Dst is not the last destination: a routing header has segments left

	Depth  uint8 // IP packets around this one
	Tags   uint8 // VLAN tags of the innermost Ethernet header
	Tunnel sensor.TunnelKind
	// TunnelOneWay says that the other direction has another TunnelID.
	TunnelOneWay bool
	TunnelID     uint32
	VLAN         [2]uint16
	MAC          [12]byte // destination, source
}

// Len returns the length of the packet.
func (p *Packet) Len() int { return p.End - p.L3 }

// Parsed is what [Parse] finds in a frame.
type Parsed struct {
	N       int                    // IP packets found
	Packets [maxTunnels + 1]Packet // outermost first
	// IPBytes is the length of the outermost IP packet or, if its header cannot
	// be read, of what is left of the frame where it should be.
	IPBytes int
}

// Outer returns the outermost packet.
func (ps *Parsed) Outer() *Packet { return &ps.Packets[0] }

// Inner returns the innermost packet, which is the outermost where there is
// but one.
func (ps *Parsed) Inner() *Packet { return &ps.Packets[ps.N-1] }

// Tunnels says where the walk looks for tunnels.
type Tunnels struct {
	look                bool
	vxlan, geneve, gtpu []uint16
	ports               uint64 // bit port%64 is set for each port above
}

func newTunnels(cfg *sensor.Classify) *Tunnels {
	t := &Tunnels{
		look:   cfg.Tunnels != sensor.Outer,
		vxlan:  portsOr(cfg.VXLANPorts, 4789, 8472),
		geneve: portsOr(cfg.GenevePorts, 6081),
		gtpu:   portsOr(cfg.GTPUPorts, 2152),
	}
	if !t.look {
		return t
	}
	for _, p := range slices.Concat(t.vxlan, t.geneve, t.gtpu, []uint16{portMPLS}) {
		t.ports |= 1 << (p % 64)
	}
	return t
}

func portsOr(ports []uint16, or ...uint16) []uint16 {
	if ports == nil {
		return or
	}
	return slices.Clone(ports)
}

// layer is a kind of header, told by the one before it.
type layer uint8

const (
	layerNone     layer = iota
	layerEthernet       // destination, source, EtherType
	layerType           // what cursor.etherType says
	layerLLC            // IEEE 802.2
	layerPPP            // PPP protocol, with or without HDLC framing
	layerMPLS           // label stack
	layerIP             // IPv4 or IPv6, by version
)

// cursor is a position in a frame. Only the bytes captured and inside the
// enclosing packet can be taken.
type cursor struct {
	b         []byte // captured
	off       int    // of the next header
	limit     int    // where the enclosing layer ends on the wire
	next      layer
	etherType uint16
}

// take returns the next n bytes and moves behind them, or nil if there are not
// so many.
func (c *cursor) take(n int) []byte {
	if n < 0 || len(c.b)-c.off < n {
		return nil
	}
	h := c.b[c.off : c.off+n : c.off+n]
	c.off += n
	return h
}

// peek returns the next n bytes, or nil.
func (c *cursor) peek(n int) []byte {
	if len(c.b)-c.off < n {
		return nil
	}
	return c.b[c.off : c.off+n : c.off+n]
}

// short returns the reason why n bytes could not be taken.
func (c *cursor) short(n int) Reason {
	if c.limit-c.off < n {
		return MalformedLink
	}
	return TruncatedLink
}

// Parse finds the IP packets of a frame of which b was captured and which had
// wireLen bytes, at least len(b), on the wire. It returns Accounted if there is
// one, else the reason why there is none.
func Parse(ps *Parsed, t *Tunnels, link LinkType, b []byte, wireLen int) Reason {
	c := cursor{b: b, limit: wireLen}
	ps.N, ps.IPBytes = 0, 0
	ps.Packets[0] = Packet{}
	if why := c.link(link, &ps.Packets[0]); why != Accounted {
		return why
	}
	return ps.walk(t, &c)
}

// parseDatagram finds the IP packets in a datagram that was put together of
// fragments: what p (with L4 and End as offsets in b) carries.
func parseDatagram(ps *Parsed, t *Tunnels, p *Packet, b []byte) {
	c := cursor{b: b, limit: p.End}
	ps.N, ps.IPBytes = 1, p.Len()
	ps.Packets[0] = *p
	if t.enter(&c, p, &ps.Packets[1]) {
		ps.walk(t, &c)
	}
}

// walk goes from header to header to the innermost packet. What cannot be
// parsed inside a packet leaves that packet the innermost.
func (ps *Parsed) walk(t *Tunnels, c *cursor) Reason {
	for range maxHeaders {
		p := &ps.Packets[ps.N]
		var why Reason
		switch c.next {
		case layerEthernet:
			why = c.ethernet(p)
		case layerType:
			why = c.tagged(p)
		case layerLLC:
			why = c.llc()
		case layerPPP:
			why = c.ppp()
		case layerMPLS:
			why = c.mpls(p)
		case layerIP:
			why = c.ip(p)
			if ps.N == 0 {
				ps.IPBytes = c.limit - c.off
				if why == Accounted {
					ps.IPBytes = p.Len()
				}
			} else if p.End > c.limit {
				why = MalformedIP
			}
			if why == Accounted {
				ps.N++
				if p.Frag || p.Depth >= maxTunnels || !t.enter(c, p, &ps.Packets[ps.N]) {
					return Accounted
				}
			}
		default:
			why = NonIP
		}
		if why != Accounted {
			return ps.verdict(why)
		}
	}
	return ps.verdict(TooManyHeaders)
}

func (ps *Parsed) verdict(why Reason) Reason {
	if ps.N > 0 {
		return Accounted
	}
	return why
}
