package captures

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"flowscope/testdata/build"
)

// The sides, for short.
const (
	fwd = build.Fwd
	rev = build.Rev
)

func lengthPrefixed() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.0.1:4321", "10.0.0.2:5678").Open()
	for i := range 5 {
		t.Send(fwd, pfx(t, fwd, fmt.Appendf(nil, "init-%d", i), false))
		if i < 4 {
			t.Send(rev, pfx(t, rev, fmt.Appendf(nil, "resp-%d", i), false))
		} else {
			t.Send(rev, pfx(t, rev, []byte(strings.Repeat("X", 700)), true))
		}
	}
	t.Close(fwd)
	return c
}

func httpSession() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.0.1:54321", "10.0.0.2:80").Open()
	t.Send(fwd, request(t, "GET", "example.com", "/index.html", "", ""))
	t.Send(rev, response(t, 200, "OK", "text/plain", []byte("Hello, world!")))
	t.Close(fwd)
	return c
}

func dnsQueries() *build.Capture {
	c := build.New()
	u := c.UDP("192.168.1.100:53300", "192.168.1.1:53")
	lookup(u, 0x1234, "example.com.", "192.0.2.34")
	c.After(20 * time.Millisecond)
	lookup(u, 0x5678, "www.example.org.", "198.51.100.65")
	c.After(20 * time.Millisecond)
	reply(u, 0x9abc, "missing.example.", dnsmessage.TypeA, dnsmessage.RCodeNameError, nil)
	ask(u, 0x5679, "nobody.example.", dnsmessage.TypeA)
	return c
}

func mixedShort() *build.Capture {
	c := build.New()
	c.TCP("192.168.1.100:50022", "192.168.1.10:22").Open()
	c.UDP("192.168.1.100:50514", "192.168.1.20:514").Send(fwd, []byte("<34>1 2024-03-01T12:00:00Z host.example su - - - 'su root' failed"))
	p := c.ICMP("192.168.1.100:8", "192.168.1.1:0")
	p.Echo(1, 1, build.Text("ping", 48), true)
	p.Echo(1, 2, build.Text("ping", 48), true)
	ask(c.UDP("192.168.1.100:53301", "192.168.1.1:53"), 7, "example.com.", dnsmessage.TypeA)
	return c
}
