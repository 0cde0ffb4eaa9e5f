package filter

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// grammar draws random expressions of the supported grammar. Most are sound.
type grammar struct {
	t    *rapid.T
	last string // kind of the ids that the primitive before takes
}

func (g *grammar) pick(of ...string) string { return rapid.SampledFrom(of).Draw(g.t, "pick") }

// chance is true so many times in a hundred. The ranges of rapid would favour
// small numbers.
func (g *grammar) chance(percent int) bool {
	n := 0
	for _, bit := range rapid.SliceOfN(rapid.Bool(), 7, 7).Draw(g.t, "chance") {
		n *= 2
		if bit {
			n++
		}
	}
	return n >= 128-percent*128/100
}

// number favours what occurs in frames and the edges of ranges.
func (g *grammar) number() string {
	return g.pick("0", "1", "2", "3", "4", "5", "6", "13", "17", "20", "31", "32", "53", "80", "0x80", "017", "255", "256",
		"443", "1500", "1501", "65535", "65536", "0x800", "0x86dd", "0xffffffff", "0xfffffff0", "4096", "tcp-syn", "icmp-echo", "tcpflags")
}

func (g *grammar) expression(depth int) string {
	e := g.term(depth)
	for g.chance(40) {
		op := g.pick("and", "or", "&&", "||")
		if g.last != "" && g.chance(40) || g.chance(1) {
			e = fmt.Sprintf("%s %s %s", e, op, g.id(depth, g.last))
		} else {
			e = fmt.Sprintf("%s %s %s", e, op, g.term(depth))
		}
	}
	return e
}

func (g *grammar) term(depth int) string {
	switch {
	case depth > 0 && g.chance(15):
		before := g.last
		e := "(" + g.expression(depth-1) + ")"
		g.last = before
		return e
	case g.chance(12):
		return g.pick("not ", "! ", "!") + g.term(depth)
	case depth > 0 && g.chance(25):
		g.last = ""
		return g.arithmetic(depth-1) + g.pick("=", "==", "!=", "<", ">", "<=", ">=", " = ") + g.arithmetic(depth-1)
	}
	return g.primitive(depth)
}

func (g *grammar) primitive(depth int) string {
	if g.chance(45) {
		return g.qualified(depth)
	}
	g.last = ""
	switch g.pick("proto", "proto", "plain", "shift", "length") {
	case "plain":
		return g.pick("broadcast", "ether broadcast", "ip broadcast", "multicast", "ether multicast", "ip multicast", "ip6 multicast", "pppoed")
	case "shift":
		e := g.pick("vlan", "mpls", "pppoes", "vlan")
		if g.chance(40) {
			e += " " + g.pick("1", "7", "100", "4095", "4096", "(3)")
		}
		return e
	case "length":
		return g.pick("less", "greater") + " " + g.number()
	}
	return g.protocol()
}

func (g *grammar) protocol() string {
	return g.pick("ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "igrp", "pim", "vrrp", "carp", "ah", "esp",
		"stp", "netbeui", "ipx", "iso", "atalk", "aarp", "decnet", "lat", "sca", "moprc", "mopdl")
}

// qualified is an id with qualifiers that go together more often than not.
func (g *grammar) qualified(depth int) string {
	dir := ""
	if g.chance(40) {
		dir = g.pick("src", "dst", "src or dst", "dst or src", "src and dst", "dst and src") + " "
	}
	wrong := ""
	if g.chance(2) {
		wrong = g.pick("ip", "ip6", "arp", "tcp", "udp", "sctp", "icmp", "ah") + " "
	}
	switch g.pick("host", "net", "port", "portrange", "proto", "ether", "etherproto") {
	case "host":
		return wrong + g.pick("", "", "", "", "ip ", "ip6 ", "arp ", "rarp ") + dir + g.pick("host ", "host ", "") + g.id(depth, g.pick("host", "host6"))
	case "net":
		return wrong + g.pick("", "", "ip ", "ip6 ", "arp ") + dir + "net " + g.id(depth, "net")
	case "port":
		return wrong + g.pick("", "tcp ", "udp ", "sctp ") + dir + "port " + g.id(depth, "port")
	case "portrange":
		return wrong + g.pick("", "tcp ", "udp ", "sctp ") + dir + "portrange " + g.id(depth, "portrange")
	case "ether":
		return g.pick("ether ", "link ") + dir + g.pick("host ", "") + g.id(depth, "ether")
	case "etherproto":
		return "ether proto " + g.id(depth, "etherproto")
	}
	return wrong + g.pick("", "ip ", "ip6 ") + "proto " + g.id(depth, "proto")
}

// ids has what goes with qualifiers.
var ids = map[string][]string{
	"host":       {"1.2.3.4", "10.0.0.1", "192.168.0.1", "10.1", "255.255.255.255", "10"},
	"host6":      {"2001:db8::1", "fe80::1", "::", "::ffff:1.2.3.4", "ff02::1:2/128"},
	"net":        {"10", "0", "10.1", "192.168.1", "10.0.0.0/8", "10.0/16", "0.0.0.0/0", "10.0.0.0 mask 255.0.0.0", "::/0", "2001:db8::/32", "2001:db8::/33"},
	"port":       {"80", "443", "53", "0", "65535", "0x50", "http", "domain", "ssh", "ntp"},
	"portrange":  {"1-1023", "80-80", "5000-400", "0-65535", "80"},
	"proto":      {"1", "6", "17", "58", "300", "\\tcp", "\\udp", "gre"},
	"etherproto": {"0x0800", "0x86dd", "5", "0xe0", "0x809b", "\\ip", "\\arp", "\\ip6", "\\stp", "70000"},
	"ether":      {"02:00:00:00:00:01", "ff-ff-ff-ff-ff-ff", "0200.0000.0002"},
	"wrong":      {"65536", "1.2.3.4/32", "2001:db8::1/32", "10.1.2.3/31", "\\nope", "nope", "70000"},
}

func (g *grammar) id(depth int, kind string) string {
	g.last = kind
	switch {
	case g.chance(8):
		return "not " + g.id(depth, kind)
	case depth > 0 && g.chance(12):
		e := g.id(depth-1, kind)
		for g.chance(60) {
			e += g.pick(" or ", " and ") + g.id(depth-1, kind)
		}
		return "(" + e + ")"
	case g.chance(2) || kind == "":
		kind = g.pick("wrong", "host", "host6", "net", "port", "portrange", "proto", "etherproto", "ether")
	}
	return g.pick(ids[kind]...)
}

func (g *grammar) arithmetic(depth int) string {
	switch {
	case depth > 0 && g.chance(25):
		return g.arithmetic(depth-1) + g.pick("+", " - ", "*", "/", "%", "&", "|", "^", "<<", ">>") + g.arithmetic(depth-1)
	case depth > 0 && g.chance(15):
		return "(" + g.arithmetic(depth-1) + ")"
	case g.chance(8):
		return "-" + g.arithmetic(depth)
	case g.chance(35):
		return g.number()
	case g.chance(10):
		return "len"
	}
	size := ""
	if g.chance(40) {
		size = g.pick(":1", ":2", ":4", ":1", ":2", ":4", ":1", ":2", ":4", ":3")
	}
	offset := g.pick("0", "1", "2", "4", "6", "8", "9", "12", "13", "16", "20", "40", "60")
	if depth > 0 && g.chance(20) {
		offset = g.arithmetic(depth - 1)
	}
	proto := g.pick("ether", "ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "igmp", "sctp", "rarp", "pim", "vrrp", "ip", "tcp", "ether", "udp", "ip", "tcp", "ether", "icmp", "ah")
	return fmt.Sprintf("%s[%s%s]", proto, offset, size)
}

// randomComparison compares what was drawn. The optimiser of libpcap goes by the
// order in which it happens to visit blocks, and on some deeply nested
// expressions ends one instruction away from ours: both programs must then give
// the same verdicts, and this must be rare.
type randomComparison struct {
	reference                  *reference
	frames                     map[uint16][][]byte // by link type
	total, accepted, different int
}

func newRandomComparison(r *reference) *randomComparison {
	c := &randomComparison{reference: r, frames: make(map[uint16][][]byte)}
	random := rand.New(rand.NewPCG(1, 2))
	for _, link := range links {
		all := frames(link)
		for _, f := range all {
			for range 20 {
				c.frames[link] = append(c.frames[link], mutated(random, f))
			}
		}
		c.frames[link] = append(c.frames[link], all...)
	}
	return c
}

func (c *randomComparison) compare(t testing.TB, fail failer, link uint16, expr string) {
	c.total++
	p, want, ok := c.reference.both(t, fail, link, expr)
	if !ok {
		return
	}
	c.accepted++
	if same(p.raw, want) {
		return
	}
	c.different++
	ours, theirs := newMachine(t, p.raw), newMachine(t, want)
	for _, f := range c.frames[link] {
		for _, data := range [][]byte{f, f[:len(f)/2]} {
			if got, verdict := ours.matchCut(t, data, len(f)), theirs.matchCut(t, data, len(f)); got != verdict {
				fail.Errorf("%q, link type %d: Match(%x, %d) = %v, but tcpdump's program says %v\n%stcpdump has\n%s",
					expr, link, data, len(f), got, verdict, listing(p.raw), listing(want))
				return
			}
		}
	}
}

func (c *randomComparison) report(t *testing.T) {
	t.Logf("%d of %d expressions are accepted by both, all but %d with equal programs", c.accepted, c.total, c.different)
	if most := 1 + c.accepted/50; c.different > most {
		t.Errorf("%d of %d accepted expressions have other programs than tcpdump's, want at most %d", c.different, c.accepted, most)
	}
}

func TestRandomExpressions(t *testing.T) {
	reference := newReference(t)
	random := newRandomComparison(reference)
	rapid.Check(t, func(rt *rapid.T) {
		expr := (&grammar{t: rt}).expression(3)
		link := rapid.SampledFrom(append(links, 1, 1, 1, 1)).Draw(rt, "link")
		random.compare(t, rt, link, expr)
	})
	random.report(t)
}

// TestRandomWords draws words without a grammar: what is no expression must not
// become one.
func TestRandomWords(t *testing.T) {
	reference := newReference(t)
	words := strings.Fields(`and or not ( ) ( ) [ ] + - * / % & | ^ << >> = != < > : ! && host net port portrange proto src dst
		mask tcp udp ip ip6 arp ether icmp vlan mpls pppoes broadcast multicast less greater len 80 6 1 0 0x10 1.2.3.4 10.1 10.0.0.0
		2001:db8::1 02:00:00:00:00:01 1-2 tcp-syn \tcp ip[0] tcp[13] (80) tcp[0] 255.0.0.0`)
	phrases := []string{"port 80", "host 1.2.3.4", "tcp", "and", "or", "and", "or", "(", ")", "(", ")", "not",
		"len =", "= 1", "+ tcp[0]", "or 80", "and 443", "proto 6", "and not", "or (", "80 )", "(80)", "(1)", "and 1 + 2 =", "or udp"}
	random := newRandomComparison(reference)
	rapid.Check(t, func(rt *rapid.T) {
		expr := strings.Join(rapid.SliceOfN(rapid.SampledFrom(phrases), 1, 7).Draw(rt, "phrases"), " ")
		if rapid.Bool().Draw(rt, "use words") {
			expr += " " + strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 5).Draw(rt, "words"), " ")
		}
		random.compare(t, rt, 1, expr)
	})
	random.report(t)
}

// TestOptimisersOrder is an expression that libpcap makes one instruction
// shorter, as random search found it.
func TestOptimisersOrder(t *testing.T) {
	random := newRandomComparison(newReference(t))
	random.compare(t, t, 1, "net 10 and ip and net 10 and host (192.168.0.1 or 1.2.3.4 or 10.0.0.1 and "+
		"(10.0.0.1 or 10.0.0.1 or 10.0.0.1 or 10.0.0.1 or 1.2.3.4 and 1.2.3.4 or 255.255.255.255))")
}
