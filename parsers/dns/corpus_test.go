package dns_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowscope/internal/testenv"
	"flowscope/parsers/dns"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// said is what a capture's DNS comes to: a line for each message and error.
func said(t *testing.T, path string, line func(*sensor.Event, *dns.Message) string) (lines []string) {
	t.Helper()
	src, err := replay.Open(replay.Options{}, path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for ev, err := range engine.Events(src, dns.Protocols()...) {
		if err != nil {
			t.Fatal(err)
		}
		switch ev.Kind {
		case sensor.FlowMessage:
			if s := line(ev, ev.Msg.(*dns.Message)); s != "" {
				lines = append(lines, s)
			}
		case sensor.FlowError:
			lines = append(lines, "error: "+ev.Err.Error())
		}
	}
	return lines
}

func brief(ev *sensor.Event, m *dns.Message) string {
	s := fmt.Sprintf("%s %d %s %v", m.Kind, m.ID, m.Name, m.Type)
	if m.RCode != "" {
		s += " " + m.RCode
	}
	for _, rr := range m.Answers {
		s += fmt.Sprintf(" %v:%s", rr.Type, rr.Data)
	}
	if m.Unsolicited {
		s += " unsolicited"
	}
	if m.RTT > 0 {
		s += " " + m.RTT.String()
	}
	return s
}

func TestCaptures(t *testing.T) {
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]string{
		"dns_queries.pcap": {
			"query 4660 example.com A",
			"response 4660 example.com A NOERROR A:192.0.2.34 50µs",
			"query 22136 www.example.org A",
			"response 22136 www.example.org A NOERROR A:198.51.100.65 50µs",
			"response 39612 missing.example A NXDOMAIN unsolicited",
			"query 22137 nobody.example A",
			"unanswered 22137 nobody.example A",
		},
	}
	for name, want := range tests {
		if got := said(t, filepath.Join(root, "testdata", name), brief); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if got := said(t, filepath.Join(root, "testdata", "dns_tcp.pcap"), brief); len(got) != 4 || !strings.HasPrefix(got[0], "query") {
		t.Errorf("dns_tcp.pcap: %s", strings.Join(got, "\n"))
	}
}

// TestCorpus checks facts that other projects established about their captures.
func TestCorpus(t *testing.T) {
	subnet := func(_ *sensor.Event, m *dns.Message) string {
		if m.EDNS == nil || !m.EDNS.Subnet.IsValid() {
			return ""
		}
		return m.EDNS.Subnet.String()
	}
	side := func(ev *sensor.Event, m *dns.Message) string {
		ip, _ := ev.Flow.Endpoint(sensor.Initiator)
		return m.Kind + " to " + ip.String()
	}
	kind := func(_ *sensor.Event, m *dns.Message) string { return m.Kind }
	repeat := func(s string, n int) (out []string) {
		for range n {
			out = append(out, s)
		}
		return out
	}
	google := "response 24163 google.com A NOERROR"
	for _, last := range []int{46, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41} {
		google += fmt.Sprintf(" A:74.125.228.%d", last)
	}
	depth := "response 4660 a A NOERROR"
	for last := range 7 {
		depth += fmt.Sprintf(" A:127.0.0.%d", last+1)
	}
	tests := []struct {
		path string
		line func(*sensor.Event, *dns.Message) string
		want []string
	}{
		{"dns/zeek_dns-zero-RRs.pcap", brief, []string{"query 17323 psu.edu AAAA", "response 17323 psu.edu AAAA NOERROR 57.718ms"}},
		// Zeek gives up at six compression pointers in a row; we, as tshark, do not.
		{"dns/zeek_max-compression-depth.pcap", brief, []string{depth + " unsolicited"}},
		{"dns/suri_dns-reversed-udp-1.pcap", side, []string{"response to 10.16.1.11"}},
		{"dns/suri_dns-reversed-udp-1.pcap", brief, []string{
			"response 36146 www.suricata-ids.org A NOERROR CNAME:suricata-ids.org A:192.0.78.24 A:192.0.78.25 unsolicited"}},
		{"dns/suri_dns-udp-unsolicited-response_dns-response-2x.pcap", brief, []string{
			"query 39339 client-cf.dropbox.com A",
			"response 39233 client-cf.dropbox.com A NOERROR A:52.85.112.21 unsolicited",
			"response 39339 client-cf.dropbox.com A NOERROR A:52.85.112.21 372.361ms"}},
		{"dns/suri_dns-tcp-multirequest-buffer_dns-tcp-multirequest-buffer.pcap", kind,
			append(repeat("query", 20), repeat("response", 20)...)},
		{"dns/arkime_dns-tcp.pcap", brief, []string{
			"query 24163 google.com A", google + " 932µs",
			"query 58092 aol.com A", "response 58092 aol.com A NOERROR A:205.188.100.58 A:205.188.101.58 A:207.200.74.38 A:64.12.79.57 A:64.12.89.186 989µs"}},
		{"dns/ndpi_malformed_dns.pcap", brief, slices.Concat(
			[]string{"query 33972 www.xt.com A"}, repeat("error: dns: at offset 255: a name of more than 255 octets", 2),
			[]string{"query 33972 www.xt.com A"}, repeat("error: dns: at offset 255: a name of more than 255 octets", 2),
			[]string{"unanswered 33972 www.xt.com A"})},
		{"dns/zeek_dns-edns-ecs.pcap", subnet, append(repeat("213.61.29.0/24", 2), repeat("2001:470:1f0b:1600::/56", 8)...)},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			if got := said(t, testenv.Corpus(t, tt.path), tt.line); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestTshark compares every DNS message over UDP of a part of the corpus (all of
// it takes minutes, and gave no difference either) with what tshark makes of it.
func TestTshark(t *testing.T) {
	corpus := testenv.Corpus(t)
	total := 0
	for _, pattern := range []string{"dns/*.pcap", "frag/*dns*.pcap", "flow/*dns*.pcap"} {
		paths, err := filepath.Glob(filepath.Join(corpus, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.Contains(path, "malformed") {
				continue
			}
			want := oracle(t, path)
			got := said(t, path, func(ev *sensor.Event, m *dns.Message) string {
				if m.Kind == dns.KindUnanswered || ev.Flow.Key.Proto != sensor.ProtoUDP {
					return ""
				}
				return comparable(m)
			})
			slices.Sort(got)
			slices.Sort(want)
			total += len(want)
			if diff := difference(got, want); diff != "" {
				t.Errorf("%s:\n%s", path, diff)
			}
		}
	}
	if total < 100 {
		t.Errorf("tshark finds %d messages only", total)
	}
}

func comparable(m *dns.Message) string {
	s := fmt.Sprintf("0x%04x %s %d", m.ID, m.Name, m.Type)
	if m.Kind == dns.KindResponse {
		s += " " + m.RCode
	}
	var v4, v6 string
	for _, rr := range slices.Concat(m.Answers, m.Authorities, m.Additionals) {
		switch rr.Type {
		case dns.TypeA:
			v4 += "," + string(rr.Data)
		case dns.TypeAAAA:
			v6 += "," + string(rr.Data)
		}
	}
	return s + v4 + v6
}

// oracle returns tshark's messages in the form of comparable.
func oracle(t *testing.T, path string) (lines []string) {
	t.Helper()
	names := []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}
	for _, f := range testenv.Tshark(t, path, "(dns || mdns || llmnr) && udp && !icmp && !icmpv6 && !_ws.malformed",
		[]string{"dns.id", "dns.qry.name", "dns.qry.type", "dns.flags.response", "dns.flags.rcode", "dns.a", "dns.aaaa"}) {
		name, _, _ := strings.Cut(f[1], ",")
		if name == "<Root>" {
			name = "."
		}
		qtype, _, _ := strings.Cut(f[2], ",")
		if qtype == "" {
			qtype = "0"
		}
		s := fmt.Sprintf("%s %s %s", f[0], name, qtype)
		if f[3] == "1" {
			var n int
			fmt.Sscan(f[4], &n)
			s += " " + names[n%len(names)]
		}
		for _, addrs := range f[5:] {
			if addrs != "" {
				s += "," + addrs
			}
		}
		lines = append(lines, s)
	}
	return lines
}

func difference(got, want []string) (out string) {
	for len(got) > 0 || len(want) > 0 {
		switch {
		case len(want) == 0 || len(got) > 0 && got[0] < want[0]:
			out, got = out+"only we:     "+got[0]+"\n", got[1:]
		case len(got) == 0 || want[0] < got[0]:
			out, want = out+"only tshark: "+want[0]+"\n", want[1:]
		default:
			got, want = got[1:], want[1:]
		}
	}
	return out
}
