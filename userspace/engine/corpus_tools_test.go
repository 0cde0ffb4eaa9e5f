package engine_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flowscope/internal/testenv"
	"flowscope/sensor"
)

// fact is what another tool says of a flow, or of one of several flows on the
// same addresses and ports.
type fact struct {
	proto    sensor.Proto
	src, dst netip.AddrPort // src is the initiator, as far as the tool knows
	packets  [2]uint64
	bytes    [2]uint64
	payload  [2]uint64 // of TCP, duplicates left out
	id       string    // Community ID, "" if not known
}

// comparison says what of the facts means what ours does.
type comparison struct {
	count     func(c *sensor.Counters) uint64 // what bytes are
	payload   bool
	initiator bool // of TCP: the tool knows better than who was seen first
	some      bool // there are facts of some flows only
}

// against compares facts with our flows, pair of endpoints by pair.
func against(flows []*told, facts []fact, how comparison) (lines []string) {
	type sum struct{ packets, bytes, payload [2]uint64 }
	got, want := map[pairOf]sum{}, map[pairOf]sum{}
	first := map[pairOf]*told{}
	key := func(p sensor.Proto, a, b netip.AddrPort) (pairOf, uint8) {
		if p != sensor.ProtoTCP && p != sensor.ProtoUDP && p != sensor.ProtoSCTP {
			a, b = netip.AddrPortFrom(a.Addr(), 0), netip.AddrPortFrom(b.Addr(), 0)
		}
		k, from := sensor.NewKey(p, a, b)
		return pairOf{p, k.AddrPort(0), k.AddrPort(1)}, from
	}
	for _, f := range flows {
		p, from := key(f.Key.Proto, f.Key.AddrPort(f.Initiator), f.Key.AddrPort(f.Initiator^1))
		s := got[p]
		for side, c := range f.Counters {
			i := uint8(side) ^ from
			s.packets[i] += c.Packets
			s.bytes[i] += how.count(&c)
			if how.payload {
				s.payload[i] += uint64(f.stream[side].data)
			}
		}
		got[p] = s
		if first[p] == nil {
			first[p] = f
		}
	}
	for _, f := range facts {
		p, from := key(f.proto, f.src, f.dst)
		s := want[p]
		for side := range uint8(2) {
			s.packets[side^from] += f.packets[side]
			s.bytes[side^from] += f.bytes[side]
			if how.payload && f.proto == sensor.ProtoTCP {
				s.payload[side^from] += f.payload[side]
			}
		}
		want[p] = s
		us := first[p]
		if us == nil {
			continue
		}
		if id := us.CommunityID(0); f.id != "" && f.id != id {
			lines = append(lines, fmt.Sprintf("%v: community id %s not %s", p, id, f.id))
		}
		if how.initiator && f.proto == sensor.ProtoTCP && us.Key.AddrPort(us.Initiator) != f.src {
			lines = append(lines, fmt.Sprintf("%v: initiator by %v %v not %v", p, us.Evidence, us.Key.AddrPort(us.Initiator), f.src))
		}
	}
	for p := range union(got, want) {
		g, w := got[p], want[p]
		if how.some && w == (sum{}) {
			continue
		}
		if g != w {
			lines = append(lines, fmt.Sprintf("%v: %v not %v", p, g, w))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func frameBytes(c *sensor.Counters) uint64 { return c.FrameBytes }
func ipBytes(c *sensor.Counters) uint64    { return c.Bytes }

// TestFlowsAgainstArkime compares with the sessions that Arkime's tests expect.
func TestFlowsAgainstArkime(t *testing.T) {
	oracles(t, ".expected.arkime.json", func(t *testing.T, capture, facts string) {
		b, err := os.ReadFile(facts)
		if err != nil {
			t.Fatal(err)
		}
		type end struct {
			IP             netip.Addr
			Port           uint16
			Packets, Bytes uint64
		}
		var doc struct {
			Sessions []struct {
				Body struct {
					IPProtocol          sensor.Proto
					Source, Destination end
					Client, Server      struct{ Bytes uint64 }
					Network             struct {
						CommunityID string `json:"community_id"`
					}
				}
			} `json:"sessions3"`
		}
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		var list []fact
		for _, s := range doc.Sessions {
			b := s.Body
			if !b.Source.IP.IsValid() {
				continue // a session of frames that are not IP
			}
			list = append(list, fact{b.IPProtocol, netip.AddrPortFrom(b.Source.IP, b.Source.Port), netip.AddrPortFrom(b.Destination.IP, b.Destination.Port),
				[2]uint64{b.Source.Packets, b.Destination.Packets}, [2]uint64{b.Source.Bytes, b.Destination.Bytes},
				[2]uint64{b.Client.Bytes, b.Server.Bytes}, b.Network.CommunityID})
		}
		differ(t, against(read(t, capture, reading{}), list, comparison{count: frameBytes, payload: true, initiator: true}), unlikeArkime[short(capture)])
	})
}

var ndpiFlow = regexp.MustCompile(`^\t\d+\t(\S+) (\S+) <?-> (\S+) .*\[(\d+) pkts/(\d+) bytes <?-> (\d+) pkts/(\d+) bytes\]`)

// TestFlowsAgainstNDPI compares with the flows that nDPI's tests expect.
func TestFlowsAgainstNDPI(t *testing.T) {
	protos := map[string]sensor.Proto{"TCP": sensor.ProtoTCP, "UDP": sensor.ProtoUDP, "ICMP": sensor.ProtoICMP, "ICMPV6": sensor.ProtoICMPv6,
		"IGMP": sensor.ProtoIGMP, "SCTP": sensor.ProtoSCTP, "GRE": sensor.ProtoGRE, "OSPF": sensor.ProtoOSPF, "ESP": sensor.ProtoESP, "AH": sensor.ProtoAH, "PIM": sensor.ProtoPIM, "VRRP": sensor.ProtoVRRP}
	oracles(t, ".expected.ndpi.out", func(t *testing.T, capture, facts string) {
		b, err := os.ReadFile(facts)
		if err != nil {
			t.Fatal(err)
		}
		var list []fact
		for line := range bytes.Lines(b) {
			m := ndpiFlow.FindStringSubmatch(string(line))
			if m == nil {
				continue
			}
			n := func(i int) uint64 { v, _ := strconv.ParseUint(m[i], 10, 64); return v }
			proto, ok := protos[m[1]]
			if !ok {
				v, err := strconv.Atoi(m[1])
				if err != nil {
					t.Errorf("protocol %q", m[1])
				}
				proto = sensor.Proto(v)
			}
			list = append(list, fact{proto: proto, src: addrPort(m[2]), dst: addrPort(m[3]),
				packets: [2]uint64{n(4), n(6)}, bytes: [2]uint64{n(5), n(7)}})
		}
		differ(t, against(read(t, capture, reading{}), list, comparison{count: frameBytes}), unlikeNDPI[short(capture)])
	})
}

// addrPort parses address:port, where an IPv6 address need not be in brackets.
func addrPort(s string) netip.AddrPort {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap
	}
	i := strings.LastIndexByte(s, ':')
	port, _ := strconv.Atoi(s[i+1:])
	return netip.AddrPortFrom(netip.MustParseAddr(strings.Trim(s[:i], "[]")), uint16(port))
}

// TestFlowsAgainstIPFIXProbe compares with the flow records that ipfixprobe's
// tests expect. The line with the names is among the others.
func TestFlowsAgainstIPFIXProbe(t *testing.T) {
	for _, plugin := range []string{"basicplus", "http", "smtp", "dns"} {
		oracles(t, ".expected.ipfixprobe."+plugin+".csv", func(t *testing.T, capture, facts string) {
			b, err := os.ReadFile(facts)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(rows, func(r []string) bool { return strings.HasPrefix(r[0], "ipaddr ") })
			names := rows[at]
			for i, n := range names {
				names[i] = n[strings.IndexByte(n, ' ')+1:]
			}
			rows = slices.Delete(slices.Clone(rows), at, at+1)
			var list []fact
			for _, row := range rows {
				str := func(name string) string { return row[slices.Index(names, name)] }
				num := func(name string) uint64 { n, _ := strconv.ParseUint(str(name), 10, 64); return n }
				list = append(list, fact{proto: sensor.Proto(num("PROTOCOL")),
					src:     netip.AddrPortFrom(netip.MustParseAddr(str("SRC_IP")), uint16(num("SRC_PORT"))),
					dst:     netip.AddrPortFrom(netip.MustParseAddr(str("DST_IP")), uint16(num("DST_PORT"))),
					packets: [2]uint64{num("PACKETS"), num("PACKETS_REV")}, bytes: [2]uint64{num("BYTES"), num("BYTES_REV")}})
			}
			differ(t, against(read(t, capture, reading{}), list, comparison{count: ipBytes, initiator: true, some: true}), unlikeIPFIXProbe[short(capture)])
		})
	}
}

var suricataFlow = regexp.MustCompile(`\bflow\{([^}]*)\}=(\d+)`)

// TestFlowsAgainstSuricata compares with the flow events that suricata-verify
// expects, as the manifest of the corpus has them.
func TestFlowsAgainstSuricata(t *testing.T) {
	tab := readTable(t, testenv.Corpus(t, "MANIFEST.tsv"), "path")
	for _, row := range tab.rows {
		row = append([]string{}, row...)
		capture := row[0]
		facts := suricataFlow.FindAllStringSubmatch(tab.get(row[1:], "expected"), -1)
		if !strings.Contains(capture, "/suri_") || facts == nil || facts[0][1] == "flow.state:bypassed" {
			continue
		}
		t.Run(capture, func(t *testing.T) {
			// VLAN ids are part of Suricata's flow key.
			flows := read(t, testenv.Corpus(t, capture), reading{classify: sensor.Classify{KeyVLAN: true}})
			var lines []string
			for _, m := range facts {
				want, _ := strconv.Atoi(m[2])
				got := 0
				for _, f := range flows {
					if isSuricatas(f, suricataSeed[capture], m[1]) {
						got++
					}
				}
				if got != want {
					lines = append(lines, fmt.Sprintf("%d flows like %s, want %d", got, m[1], want))
				}
			}
			differ(t, lines, unlikeSuricata[capture])
		})
	}
}

// suricataSeed is the seed of Community IDs that a test of suricata-verify
// configures.
var suricataSeed = map[string]uint16{"flow/suri_community-id-ipv4.pcap": 7, "flow/suri_community-id-sameip.pcap": 1}

var suricataField = regexp.MustCompile(`([a-z_.\[\]0-9]+):((?:\[[^\]]*\])|[^,]*)`)

// isSuricatas reports whether f is what suricata-verify expects. What depends on
// its rules and parsers (alerts, age in seconds, application) is left out.
func isSuricatas(f *told, seed uint16, facts string) bool {
	src, dst := f.Key.AddrPort(f.Initiator), f.Key.AddrPort(f.Initiator^1)
	var vlans []string
	for _, v := range f.Encap.VLAN {
		if v != 0 {
			vlans = append(vlans, strconv.Itoa(int(v)))
		}
	}
	for _, m := range suricataField.FindAllStringSubmatch(facts, -1) {
		var got string
		switch m[1] {
		case "src_ip":
			got = src.Addr().String()
		case "dest_ip":
			got = dst.Addr().String()
		case "src_port":
			got = fmt.Sprint(src.Port())
		case "dest_port":
			got = fmt.Sprint(dst.Port())
		case "icmp_type":
			got = fmt.Sprint(src.Port())
		case "proto":
			got = strings.ToUpper(f.Key.Proto.String())
		case "community_id":
			got = f.CommunityID(seed)
		case "flow.pkts_toserver":
			got = fmt.Sprint(f.Counters[0].Packets)
		case "flow.pkts_toclient":
			got = fmt.Sprint(f.Counters[1].Packets)
		case "flow.bytes_toserver":
			got = fmt.Sprint(f.Counters[0].FrameBytes)
		case "flow.bytes_toclient":
			got = fmt.Sprint(f.Counters[1].FrameBytes)
		case "tcp.tcp_flags_ts":
			got = fmt.Sprintf("%02x", f.TCP[0].Flags)
		case "tcp.tcp_flags_tc":
			got = fmt.Sprintf("%02x", f.TCP[1].Flags)
		case "vlan":
			got = "[" + strings.Join(vlans, ", ") + "]"
		case "vlan[0]":
			got = fmt.Sprint(f.Encap.VLAN[0])
		case "flow.state":
			got = map[bool]string{true: "closed", false: "established"}[f.End == sensor.EndFIN || f.End == sensor.EndRST]
		default:
			continue
		}
		if got != m[2] {
			return false
		}
	}
	return true
}

// What differs, see docs/differences.md.
var (
	unlikeArkime = map[string][]string{
		"tcp/arkime_tcp-reassembly-synthetic.pcap": {
			`tcp 10.180.156.1:40005 10.180.156.2:80: {[6 5] [361 294] [37 24]} not {[6 5] [361 294] [37 8]}`,
		},
	}
	unlikeNDPI = map[string][]string{
		"evasion/ndpi_fuzz-2020-02-16-11740.pcap": {
			`64 [aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa]:0 [fc11:4daa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa]:0: {[0 1] [0 206] [0 0]} not {[0 0] [0 0] [0 0]}`,
			`udp 10.12.64.30:29200 111.226.25.53:1812: {[0 1] [0 239] [0 0]} not {[0 0] [0 0] [0 0]}`,
			`udp 10.12.64.30:29200 198.226.25.53:1812: {[107 99] [77727 23315] [0 0]} not {[104 96] [75532 22500] [0 0]}`,
		},
		"frag/ndpi_dns_fragmented.pcap": {
			`udp 172.217.40.76:56680 193.24.227.238:53: {[1 2] [82 1778] [0 0]} not {[1 1] [82 1514] [0 0]}`,
			`udp 173.194.169.104:59464 193.24.227.238:53: {[1 2] [101 1566] [0 0]} not {[1 1] [101 1514] [0 0]}`,
			`udp 193.24.227.238:53 194.247.5.6:51791: {[2 1] [1806 94] [0 0]} not {[1 1] [1514 94] [0 0]}`,
			`udp 74.125.47.136:59330 193.24.227.238:53: {[1 2] [82 1778] [0 0]} not {[1 1] [82 1514] [0 0]}`,
			`udp [2001:470:1f0b:16b0:20c:29ff:fe7c:a4cb]:55729 [2001:470:765b::a25:53]:53: {[2 2] [228 1862] [0 0]} not {[2 1] [228 1494] [0 0]}`,
			`udp [2001:470:765b::a25:53]:53 [2a00:1450:4013:c03::10a]:46433: {[2 1] [1633 120] [0 0]} not {[1 1] [1510 120] [0 0]}`,
			`udp [2001:470:765b::a25:53]:53 [2a00:1450:4013:c06::105]:63369: {[2 1] [1622 121] [0 0]} not {[1 1] [1510 121] [0 0]}`,
		},
		"link/ndpi_ja3_lots_of_cipher_suites_2_anon.pcap": {
			`tcp 151.121.193.160:443 192.168.147.177:58496: {[14 13] [3446 3572] [0 0]} not {[14 13] [3446 3520] [0 0]}`,
		},
	}
	unlikeIPFIXProbe map[string][]string
	unlikeSuricata   = map[string][]string{
		"encap/suri_decode-erspan-typeII-01.pcap": {
			`0 flows like dest_ip:23.0.0.3,flow.age:0,flow.alerted:True,flow.bytes_toclient:244,flow.bytes_toserver:244,flow.pkts_toclient:2,flow.pkts_toserver:2,flow.reason:shutdown,flow.state:established,icmp_code:0,icmp_type:8,proto:ICMP,response_icmp_code:0,response_icmp_type:0,src_ip:23.0.0.2,vlan[0]:23, want 1`,
		},
	}
)
