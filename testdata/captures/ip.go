package captures

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"flowscope/testdata/build"
)

// addr returns "ip:port".
func addr(ip string, port int) string { return fmt.Sprintf("%s:%d", ip, port) }

func extensions() *build.Capture {
	c := build.New()
	hop := build.Extension{Type: 0, Body: []byte{5, 2, 0, 0, 1, 0}} // router alert, PadN
	dest := build.Extension{Type: 60, Body: []byte{1, 4, 0, 0, 0, 0}}
	routing := build.Extension{Type: 43, Body: append([]byte{0, 0, 0, 0, 0, 0}, make([]byte, 16)...)}
	ah := build.Extension{Type: 51, Body: append([]byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, make([]byte, 12)...)}
	web(c, "[2001:db8::1]:40001", "[2001:db8:1::80]:80", build.Extensions(hop))
	web(c, "[2001:db8::1]:40002", "[2001:db8:1::80]:80", build.Extensions(hop, dest, routing))
	web(c, "[2001:db8::1]:40003", "[2001:db8:1::80]:80", build.Extensions(dest, ah))
	lookup(c.UDP("[2001:db8::1]:40004", "[2001:db8:1::53]:53", build.Extensions(dest, dest, dest)), 1, "example.com.", "2001:db8:2::1")
	// Record route of 3 hops and an end of list, as in RFC 791.
	web(c, "192.0.2.1:40005", "198.51.100.80:80", build.IPOptions(7, 15, 4, 192, 0, 2, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0))
	return c
}

// fragments sends datagrams of 3000 bytes in three pieces each.
func fragments(a, b string) *build.Capture {
	c := build.New()
	data := build.Text("datagram", 3000)
	send := func(port int, put func(u *build.UDP, p []build.Piece), at ...int) *build.Flow {
		u := c.UDP(addr(a, port), addr(b, 9999))
		put(u, u.Cut(fwd, data, at...))
		c.After(10 * time.Millisecond)
		return u.Flow
	}
	send(40001, func(u *build.UDP, p []build.Piece) { u.Put(fwd, p...) }, 1000, 2000).Note = "in order"
	send(40002, func(u *build.UDP, p []build.Piece) {
		slices.Reverse(p)
		u.Put(fwd, p...)
	}, 1000, 2000).Note = "in reverse order"
	send(40003, func(u *build.UDP, p []build.Piece) {
		q := u.Cut(fwd, data, 8, 2000) // the first holds nothing but the UDP header
		u.Put(fwd, p[1], q[1], q[0], p[0], q[2], p[2])
	}, 1000, 2000).Note = "two datagrams, interleaved"
	send(40004, func(u *build.UDP, p []build.Piece) { u.Put(fwd, p[0], p[1]) }, 1000, 2000).Note = "the last fragment is missing"
	send(40005, func(u *build.UDP, p []build.Piece) {
		for i := range 3 {
			u.Put(fwd, p[i], p[i])
		}
	}, 1000, 2000).Note = "each fragment twice; payload_bytes counts each byte of a datagram once"
	f := send(40006, func(u *build.UDP, p []build.Piece) {
		evil := u.Overlapping(fwd, 800, build.Text("OTHER", 400), true)
		u.Put(fwd, p[0], evil, p[1], p[2])
	}, 1000, 2000)
	f.Odd("inconsistent_fragment")
	f.Note = "overlapping fragments with other bytes; what came first is kept, and payload_bytes counts each byte of a datagram once"

	// The first fragment is missing: these belong to no flow that can be known.
	u := c.UDP(addr(a, 40007), addr(b, 9999))
	p := u.Cut(fwd, data, 1000, 2000)
	c.Dropped("fragment_untied", u.Frame(fwd, p[1]), 0)
	c.Dropped("fragment_untied", u.Frame(fwd, p[2]), 0)
	return c
}

func icmp() *build.Capture {
	c := build.New()
	p := c.ICMP("192.0.2.1:8", "198.51.100.1:0")
	for i := range uint16(3) {
		p.Echo(0x77, i, build.Text("ping", 56), i != 1)
		c.After(time.Second)
	}
	p6 := c.ICMP("[2001:db8::1]:128", "[2001:db8:1::1]:129")
	p6.Echo(0x78, 1, build.Text("ping", 56), true)
	u := c.UDP("192.0.2.1:40001", "198.51.100.1:33434")
	u.Send(fwd, []byte("anybody there?"))
	// Port unreachable quotes IP and UDP header of the datagram.
	quoted := c.Frames()[len(c.Frames())-1].Data[14:][:28]
	c.ICMP("198.51.100.1:3", "192.0.2.1:3").Send(fwd, 3, 3, append(make([]byte, 4), quoted...))
	return c
}

func sctp() *build.Capture {
	c := build.New()
	s := c.SCTP("192.0.2.1:40001", "198.51.100.1:3868")
	init := make([]byte, 16)
	binary.BigEndian.PutUint32(init, 0x1111)
	binary.BigEndian.PutUint32(init[4:], 65536)
	init[9], init[11] = 1, 1
	s.Chunk(fwd, 0, 1, 0, init)
	binary.BigEndian.PutUint32(init, 0x2222)
	s.Chunk(rev, 0x1111, 2, 0, append(init, 0, 7, 0, 8, 1, 2, 3, 4)) // state cookie
	s.Chunk(fwd, 0x2222, 10, 0, []byte{1, 2, 3, 4})
	s.Chunk(rev, 0x1111, 11, 0, nil)
	data := func(tsn uint32, text string) []byte {
		b := binary.BigEndian.AppendUint32(nil, tsn)
		return append(append(b, make([]byte, 8)...), text...)
	}
	s.Chunk(fwd, 0x2222, 0, 3, data(0, "hello over SCTP"))
	s.Chunk(rev, 0x1111, 0, 3, data(0, "and back"))
	s.Chunk(fwd, 0x2222, 7, 0, make([]byte, 4))
	s.Chunk(rev, 0x1111, 8, 0, nil)
	s.Chunk(fwd, 0x2222, 14, 0, nil)
	return c
}

func otherIP() *build.Capture {
	c := build.New()
	esp := c.Other(50, "esp", "192.0.2.1:0", "198.51.100.1:0")
	for i := range uint32(4) {
		b := binary.BigEndian.AppendUint32(nil, 0xabcd)
		b = binary.BigEndian.AppendUint32(b, i)
		esp.Send(build.Side(i%2), append(b, build.Bytes(uint64(i), 96)...), 0)
	}
	c.Other(2, "igmp", "192.0.2.1:0", "224.0.0.251:0").Send(fwd, []byte{0x16, 0, 0x09, 0x04, 224, 0, 0, 251}, 0)
	c.Other(89, "ospfigp", "192.0.2.1:0", "224.0.0.5:0").Send(fwd, append([]byte{2, 1, 0, 44, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 20)...), 0)
	return c
}
