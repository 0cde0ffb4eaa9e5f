package captures

import (
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"flowscope/testdata/build"
)

// in makes short conversations over IPv4 and IPv6 in the given encapsulation.
func in(options ...build.Option) func() *build.Capture {
	return func() *build.Capture {
		c := build.New()
		web(c, "10.1.0.1:40001", "10.1.0.2:80", options...)
		web(c, "[2001:db8::1]:40002", "[2001:db8::2]:80", options...)
		lookup(c.UDP("10.1.0.1:40003", "10.1.0.53:53", options...), 1, "www.example.com.", "10.1.0.2")
		c.ICMP("10.1.0.1:8", "10.1.0.2:0", options...).Echo(1, 1, build.Text("ping", 40), true)
		return c
	}
}

func vlan() *build.Capture {
	c := in(build.VLAN(100))()
	// The same addresses and ports in another VLAN at the same time. Without
	// the VLAN in the key this is one flow; the truth has it as one.
	u := c.UDP("10.1.0.1:40010", "10.1.0.53:53", build.VLAN(100))
	ask(u, 2, "in-vlan-100.example.", dnsmessage.TypeA)
	u.Flow.Note = "the second datagram was in VLAN 101"
	v := c.UDP("10.1.0.1:40010", "10.1.0.53:53", build.VLAN(101))
	v.Join(u)
	ask(v, 3, "in-vlan-101.example.", dnsmessage.TypeA)
	return c
}

// over makes short conversations over another link layer.
func over(link build.Link) func() *build.Capture {
	return func() *build.Capture {
		c := build.New()
		c.Link = link
		web(c, "192.0.2.1:40001", "198.51.100.80:80")
		web(c, "[2001:db8::1]:40002", "[2001:db8::80]:80")
		lookup(c.UDP("192.0.2.1:40003", "198.51.100.53:53"), 1, "www.example.com.", "198.51.100.80")
		c.ICMP("[2001:db8::1]:128", "[2001:db8::2]:129").Echo(1, 1, build.Text("ping", 40), true)
		return c
	}
}

func nanoseconds() *build.Capture {
	c := build.New()
	c.Step = 50_003 // ns
	web(c, "192.0.2.1:40001", "198.51.100.80:80")
	return c
}

func twoInterfaces() *build.Capture {
	c := build.New()
	web(c, "192.0.2.1:40001", "198.51.100.80:80")
	// 1/512 s is a whole number of nanoseconds and of units of 2^-20 s.
	c.Interface, c.Link, c.Step = 1, build.SLL2, time.Second/512
	c.At(time.Second / 2)
	u := c.UDP("192.0.2.1:40003", "198.51.100.53:53")
	lookup(u, 1, "www.example.com.", "198.51.100.80")
	c.Interface, c.Link, c.Step = 0, nil, 50*time.Microsecond
	c.At(time.Second)
	web(c, "[2001:db8::1]:40002", "[2001:db8::80]:80")
	return c
}

func torn() *build.Capture {
	c := over(build.Ethernet)()
	frames := c.Frames()
	c.Torn(slices.Clone(frames[len(frames)-1].Data))
	return c
}
