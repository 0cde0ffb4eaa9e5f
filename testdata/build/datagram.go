package build

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// UDP is a scripted exchange of datagrams.
type UDP struct {
	*wire
	// Flow is the truth of this exchange.
	Flow *Flow

	// seen are the bytes of the IP payload of each fragmented datagram that were
	// sent, by id.
	seen map[uint16]map[int]bool
}

// UDP begins an exchange from a to b ("address:port").
func (c *Capture) UDP(a, b string, options ...Option) *UDP {
	w := c.wire("udp", a, b, options)
	return &UDP{wire: w, Flow: w.flow, seen: map[uint16]map[int]bool{}}
}

// Send sends one datagram.
func (u *UDP) Send(s Side, data []byte) *UDP {
	u.packet(s, u.ipPacket(s, protoUDP, u.datagram(s, data)), len(data))
	return u
}

func (u *UDP) datagram(s Side, data []byte) []byte {
	from, to := u.end[s], u.end[s.Other()]
	return datagram(from.Addr(), to.Addr(), from.Port(), to.Port(), data)
}

func datagram(src, dst netip.Addr, from, to uint16, data []byte) []byte {
	b := make([]byte, 8, 8+len(data))
	binary.BigEndian.PutUint16(b, from)
	binary.BigEndian.PutUint16(b[2:], to)
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(data)))
	b = append(b, data...)
	transport(src, dst, protoUDP, b, 6)
	return b
}

// Piece is one fragment of a datagram that was not sent yet.
type Piece struct {
	ip       []byte
	id       uint16
	from, to int // of the IP payload
}

// Cut makes fragments of one datagram, cut at the given offsets of the IP
// payload (multiples of 8; the UDP header is the first 8 bytes).
func (u *UDP) Cut(s Side, data []byte, at ...int) []Piece {
	whole := u.datagram(s, data)
	u.c.ident++
	var p []Piece
	from := 0
	for _, to := range append(at, len(whole)) {
		p = append(p, u.piece(s, u.c.ident, whole[from:to], from, to < len(whole)))
		from = to
	}
	return p
}

// Overlapping makes one more fragment of the datagram that Cut made last, from
// off on, with bytes of the caller's choice.
func (u *UDP) Overlapping(s Side, off int, b []byte, more bool) Piece {
	return u.piece(s, u.c.ident, b, off, more)
}

func (u *UDP) piece(s Side, id uint16, b []byte, off int, more bool) Piece {
	f := fragment{id: uint32(id), offset: off, more: more}
	return Piece{u.ip.packet(u.end[s].Addr(), u.end[s.Other()].Addr(), protoUDP, b, f), id, off, off + len(b)}
}

// Put sends fragments in the order given. Each byte of a datagram counts as
// payload when it is sent for the first time.
func (u *UDP) Put(s Side, pieces ...Piece) *UDP {
	for _, p := range pieces {
		seen := u.seen[p.id]
		if seen == nil {
			seen = map[int]bool{}
			u.seen[p.id] = seen
		}
		payload := 0
		for at := max(p.from, 8); at < p.to; at++ {
			if !seen[at] {
				seen[at] = true
				payload++
			}
		}
		u.packet(s, p.ip, payload)
	}
	return u
}

// Frame returns the frame that Put would send, and sends nothing.
func (u *UDP) Frame(s Side, p Piece) []byte {
	kind := uint16(etherIPv4)
	if p.ip[0]>>4 == 6 {
		kind = etherIPv6
	}
	return u.link(packet{kind, p.ip}, u.mac[s], u.mac[s.Other()])
}

// ICMP is a scripted exchange of ICMP or ICMPv6 messages. The ports of its
// endpoints are the types of the messages they send, as in sensor.Key.
type ICMP struct {
	*wire
	Flow *Flow
}

// ICMP begins an exchange from a to b ("address:type").
func (c *Capture) ICMP(a, b string, options ...Option) *ICMP {
	name := "icmp"
	if netip.MustParseAddrPort(a).Addr().Is6() {
		name = "ipv6-icmp"
	}
	w := c.wire(name, a, b, options)
	return &ICMP{w, w.flow}
}

// Send sends a message; rest is what follows the checksum.
func (i *ICMP) Send(s Side, kind, code uint8, rest []byte) *ICMP {
	b := append([]byte{kind, code, 0, 0}, rest...)
	proto := uint8(protoICMP)
	if i.end[0].Addr().Is6() {
		proto = protoICMPv6
		transport(i.end[s].Addr(), i.end[s.Other()].Addr(), proto, b, 2)
	} else {
		binary.BigEndian.PutUint16(b[2:], ^fold(sum(0, b)))
	}
	// The payload is what is behind the 8 bytes that all messages share.
	i.packet(s, i.ipPacket(s, proto, b), len(b)-8)
	return i
}

// Echo sends an echo request from Fwd and, if answered, its reply.
func (i *ICMP) Echo(id, seq uint16, data []byte, answered bool) *ICMP {
	request, reply := uint8(8), uint8(0)
	if i.end[0].Addr().Is6() {
		request, reply = 128, 129
	}
	rest := binary.BigEndian.AppendUint16(nil, id)
	rest = append(binary.BigEndian.AppendUint16(rest, seq), data...)
	i.Send(Fwd, request, 0, rest)
	if answered {
		i.Send(Rev, reply, 0, rest)
	}
	return i
}

// Other is a scripted exchange of IP packets without ports, or with ports that
// the caller puts in: ESP, IGMP, SCTP.
type Other struct {
	*wire
	Flow  *Flow
	proto uint8
}

// Other begins an exchange of IP protocol proto, called name, from a to b
// ("address:port", port 0 for those that have none).
func (c *Capture) Other(proto uint8, name, a, b string, options ...Option) *Other {
	w := c.wire(name, a, b, options)
	return &Other{w, w.flow, proto}
}

// Send sends one packet; header says how many of the bytes are transport header.
func (o *Other) Send(s Side, b []byte, header int) *Other {
	o.packet(s, o.ipPacket(s, o.proto, b), len(b)-header)
	return o
}

// SCTP begins an SCTP association from a to b.
func (c *Capture) SCTP(a, b string, options ...Option) *Other {
	return c.Other(protoSCTP, "sctp", a, b, options...)
}

// Chunk sends one SCTP packet with one chunk (RFC 9260, 3).
func (o *Other) Chunk(s Side, tag uint32, kind, flags uint8, value []byte) *Other {
	b := make([]byte, 12, 16+len(value))
	binary.BigEndian.PutUint16(b, o.end[s].Port())
	binary.BigEndian.PutUint16(b[2:], o.end[s.Other()].Port())
	binary.BigEndian.PutUint32(b[4:], tag)
	b = append(b, kind, flags)
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(value)))
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return o.Send(s, b, 12)
}

// Join makes u count to the flow of v from now on.
func (u *UDP) Join(v *UDP) { u.flow, u.Flow = v.Flow, v.Flow }
