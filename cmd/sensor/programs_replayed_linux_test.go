package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flowscope/internal/testenv"
)

// replayed are captures of the project that are Ethernet: those of a line have
// addresses and ports that no other of it has. Those with fragments are left
// out: see docs/live.md.
var replayed = []string{
	"dns_queries dns_tcp duplicates geneve half_close http_keepalive http_session icmp ipv6_ext keepalive late length_prefixed " +
		"length_prefixed_bad loss midstream mixed_short nonip other_ip overlap quic reorder rst scan sctp simultaneous syn_data tls " +
		"tls13_pq urgent wrap",
	"vlan", "qinq", "mpls", "pppoe", "gre_key", "gre_teb", "vxlan_vlan", "gtpu", "ipip", "ip_in_ipv6", "mpls_in_gre", "gre_in_vxlan",
}

// TestProgramsReplayed sends captures of the project over the cable.
func TestProgramsReplayed(t *testing.T) {
	l := newLab(t, false)
	tcpreplay := testenv.Need(t, "tcpreplay")
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	for i, ns := range l.ns {
		if out, err := exec.Command("ip", "netns", "exec", ns, "ip", "link", "set", l.cable[i], "mtu", "9000").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for _, names := range replayed {
		first, _, _ := strings.Cut(names, " ")
		t.Run(first, func(t *testing.T) {
			w := l.watch(t, first)
			for name := range strings.FieldsSeq(names) {
				l.say(t, tcpreplay, "-q", "--pps=2000", "-i", l.cable[clients], filepath.Join(root, "testdata", name+".pcap"))
			}
			live, again := w.stop(t)
			sameTranscript(t, live, again)
		})
	}
}
