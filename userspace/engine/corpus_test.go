package engine_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flowscope/internal/testenv"
	"flowscope/sensor"
)

// oracles calls check for each capture of the optional corpus that has a file of
// facts with the given ending.
func oracles(t *testing.T, ending string, check func(t *testing.T, capture, facts string)) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(testenv.Corpus(t), "*", "*"+ending))
	if err != nil || len(found) == 0 {
		t.Fatalf("no facts that end in %s: %v", ending, err)
	}
	for _, facts := range found {
		capture := strings.TrimSuffix(facts, ending)
		t.Run(short(capture), func(t *testing.T) { check(t, capture, facts) })
	}
}

// flowSum is what the connections on the same addresses and ports add up to.
type flowSum struct {
	packets, frameBytes, ipBytes, payload [2]uint64 // by Side of the address that sorts first
}

type pairOf struct {
	proto sensor.Proto
	a, b  netip.AddrPort
}

func (p pairOf) String() string { return fmt.Sprintf("%v %v %v", p.proto, p.a, p.b) }

// sums adds up flows by addresses and ports, whoever is the initiator. ICMP is
// without ports, as tshark has it.
func sums(flows []*told) map[pairOf]flowSum {
	m := map[pairOf]flowSum{}
	for _, f := range flows {
		k := f.Key
		if k.Proto == sensor.ProtoICMP || k.Proto == sensor.ProtoICMPv6 {
			k.Port = [2]uint16{}
		}
		from := k.Canonicalize()
		p := pairOf{k.Proto, k.AddrPort(0), k.AddrPort(1)}
		s := m[p]
		for side, c := range f.Counters {
			i := uint8(side) ^ f.Initiator ^ from
			s.packets[i] += c.Packets
			s.frameBytes[i] += c.FrameBytes
			s.ipBytes[i] += c.Bytes
			if k.Proto == sensor.ProtoTCP {
				s.payload[i] += c.PayloadBytes
			}
		}
		m[p] = s
	}
	return m
}

// TestFlowsAgainstTshark compares packets and bytes of all flows. What the
// classifier sees differently is explained in docs/differences.md.
func TestFlowsAgainstTshark(t *testing.T) {
	oracles(t, ".tshark.flows.tsv", func(t *testing.T, capture, facts string) {
		flows := read(t, capture, reading{})
		got := sums(flows)
		want := map[pairOf]flowSum{}
		tab := readTable(t, facts, "#level")
		tab.names = append([]string{"level"}, tab.names...)
		ids := map[pairOf]string{}
		for _, row := range tab.rows {
			if tab.get(row, "level") == "outer" {
				continue
			}
			num := func(name string) uint64 { n, _ := strconv.ParseUint(tab.get(row, name), 10, 64); return n }
			addr := func(name string) netip.AddrPort {
				return netip.AddrPortFrom(netip.MustParseAddr(tab.get(row, name)), uint16(num(name[:1]+"port")))
			}
			k, from := sensor.NewKey(sensor.Proto(num("proto")), addr("src"), addr("dst"))
			p := pairOf{k.Proto, k.AddrPort(0), k.AddrPort(1)}
			ids[p] = tab.get(row, "community_id")
			s := want[p]
			for i, way := range []string{"fwd", "rev"} {
				at := uint8(i) ^ from
				s.packets[at] += num("pkts_" + way)
				s.frameBytes[at] += num("frame_bytes_" + way)
				s.ipBytes[at] += num("ip_bytes_" + way)
				s.payload[at] += num("tcp_payload_" + way)
			}
			want[p] = s
		}
		differing := 0
		var lines []string
		for p := range union(got, want) {
			if got[p] != want[p] {
				differing++
				lines = append(lines, fmt.Sprintf("%v: %v, tshark has %v", p, got[p], want[p]))
			}
		}
		if known := otherFlowsThanTshark[short(capture)]; differing != known {
			slices.Sort(lines)
			t.Errorf("%d flows differ, want %d\n%s", differing, known, strings.Join(lines, "\n"))
		}
		for _, f := range flows {
			k := f.Key
			p := pairOf{k.Proto, k.AddrPort(0), k.AddrPort(1)}
			if id := ids[p]; k.Proto != sensor.ProtoICMP && k.Proto != sensor.ProtoICMPv6 && id != "" && id != f.CommunityID(0) {
				t.Errorf("%v has community id %s, tshark says %s", k, f.CommunityID(0), id)
			}
		}
	})
}

func union[K comparable, V any](a, b map[K]V) map[K]bool {
	m := map[K]bool{}
	for k := range a {
		m[k] = true
	}
	for k := range b {
		m[k] = true
	}
	return m
}

// otherFlowsThanTshark counts the flows of a capture that differ from tshark's:
// fragments (in the flow of their datagram here, in one without ports there), a
// tunnel that is not looked into, and damaged frames. See docs/differences.md.
var otherFlowsThanTshark = map[string]int{
	"dns/zeek_dns-edns-ecs.pcap":                                  8,
	"encap/suri_decode-teredo-01.pcap":                            6,
	"encap/zeek_gtp1_gn_normal_incl_fragmentation.pcap":           1,
	"evasion/ndpi_fuzz-2020-02-16-11740.pcap":                     10,
	"frag/ndpi_dns_fragmented.pcap":                               14,
	"frag/suri_bug-6887-defrag-ipv4-tcp-syn_frag-ip-tcp-syn.pcap": 2,
	"frag/zeek_fragmented-1.pcap":                                 2,
	"frag/zeek_ipv6-fragmented-dns.pcap":                          2,
	"synth/frag4.pcap":                                            4,
	"synth/frag6.pcap":                                            2,
	"tcp/zeek_reassembly.pcap":                                    1,
}

// TestStreamsAgainstTshark compares the reassembled streams with what tshark's
// "follow" gives, as sets: tshark numbers them in another way.
func TestStreamsAgainstTshark(t *testing.T) {
	type sum struct {
		bytes int64
		sha   string
	}
	total, equal := 0, 0
	oracles(t, ".tshark.streams.tsv", func(t *testing.T, capture, facts string) {
		left := map[sum]int{}
		for _, f := range read(t, capture, reading{}) {
			for _, s := range f.stream {
				if s.data > 0 {
					left[sum{s.data, s.sum[:32]}]++
				}
			}
		}
		tab := readTable(t, facts, "#tcp_stream")
		var lines []string
		for _, row := range tab.rows {
			for _, way := range []string{"0to1", "1to0"} {
				// tab.names lacks the first column.
				get := func(name string) string { return tab.get(row[1:], name) }
				n, _ := strconv.ParseInt(get("len_"+way), 10, 64)
				if n == 0 {
					continue
				}
				total++
				if s := (sum{n, get("sha256_" + way)}); left[s] > 0 {
					left[s]--
					equal++
				} else {
					lines = append(lines, fmt.Sprintf("tshark has %d bytes", n))
				}
			}
		}
		for s, n := range left {
			for range n {
				lines = append(lines, fmt.Sprintf("we have %d bytes", s.bytes))
			}
		}
		differ(t, lines, otherStreamsThanTshark[short(capture)])
	})
	t.Logf("%d of %d streams equal", equal, total)
}

// otherStreamsThanTshark lists the streams that differ, see docs/differences.md.
var otherStreamsThanTshark = map[string][]string{
	"synth/rst_data_unacked.pcap":                                {"tshark has 1815 bytes", "we have 1800 bytes"},
	"tcp/suri_bug-6244-tcp-rst-with-data_tcp-rst-with-data.pcap": {"tshark has 13 bytes"},
	"tcp/zeek_reassembly.pcap":                                   {"tshark has 28832 bytes", "we have 28832 bytes"},
}
