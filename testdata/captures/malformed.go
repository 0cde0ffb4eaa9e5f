package captures

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"flowscope/testdata/build"
)

// A few frames by hand.
var (
	macs = []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	arp  = ether(0x0806, []byte{0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2})
	lldp = ether(0x88cc, []byte{2, 7, 4, 2, 0, 0, 0, 0, 1, 4, 5, 5, 'e', 't', 'h', '0', 6, 2, 0, 120, 0, 0})
	stp  = append(bytes.Clone(macs), append([]byte{0, 38, 0x42, 0x42, 3}, make([]byte, 35)...)...)
)

func ether(kind uint16, b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(bytes.Clone(macs), kind), b...)
}

func nonIP() *build.Capture {
	c := build.New()
	reply := bytes.Clone(arp)
	reply[21] = 2
	c.Dropped("arp", arp, 0)
	c.Dropped("arp", reply, 0)
	c.Dropped("non_ip", lldp, 0)
	c.ICMP("192.0.2.1:8", "192.0.2.2:0").Echo(1, 1, build.Text("ping", 40), true)
	c.Dropped("non_ip", stp, 0)
	return c
}

func malformed() *build.Capture {
	c := build.New()
	// One good flow, so that the file is not all bad.
	good := c.UDP("192.0.2.1:40001", "198.51.100.1:9999")
	good.Send(fwd, []byte("well formed"))

	src, dst := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")
	packet := func(change func(ip []byte)) []byte {
		ip := build.IP(src, dst, 17, []byte{0x9c, 0x41, 0x27, 0x0f, 0, 12, 0, 0, 'o', 'd', 'd', '!'})
		change(ip)
		return ether(0x0800, ip)
	}
	whole := packet(func([]byte) {})
	tags := []byte(nil)
	for range 40 {
		tags = append(tags, 0, 1, 0x81, 0)
	}
	for _, f := range []struct {
		why   string
		frame []byte
		wire  int
	}{
		{"arp", arp, 0},
		{"non_ip", lldp, 0},
		{"truncated_link", whole[:10], len(whole)},
		{"malformed_link", whole[:10], 0},
		{"malformed_link", ether(0x8100, []byte{0, 1}), 0},
		{"too_many_headers", ether(0x8100, append(tags, 0, 1, 8, 0)), 0},
		{"truncated_ip", whole[:30], len(whole)},
		{"malformed_ip", whole[:30], 0},
		{"malformed_ip", packet(func(ip []byte) { ip[0] = 0x55 }), 0}, // version 5
		{"malformed_ip", packet(func(ip []byte) { ip[0] = 0x44 }), 0}, // header of 16 bytes
		{"malformed_ip", packet(func(ip []byte) { ip[3] = 19 }), 0},   // total length below the header's
		{"fragment_untied", packet(func(ip []byte) { ip[6], ip[7] = 0, 100 }), 0},
		{"fragment_malformed", packet(func(ip []byte) { ip[6], ip[7] = 0x20, 10 }), 0},   // 12 is no multiple of 8
		{"fragment_malformed", packet(func(ip []byte) { ip[6], ip[7] = 0x1f, 0xff }), 0}, // ends behind 65535
	} {
		c.Dropped(f.why, f.frame, f.wire)
	}
	c.Interface = 1
	c.Dropped("unsupported_link", []byte("some link layer of a user"), 0)
	c.Interface = 0
	good.Send(rev, []byte("well formed, too"))
	return c
}
