package engine_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flowscope/sensor"
)

// TestConnectionsAgainstZeek compares direction, state, history, packets, bytes
// and missed bytes with the conn.log that Zeek's own tests expect.
func TestConnectionsAgainstZeek(t *testing.T) {
	for _, ending := range []string{".zeek.conn.log", ".zeek.conn.log.cut", ".zeek.conn.log.one-sided", ".zeek.conn-1.log", ".zeek.vlan-aware.conn.log.cut"} {
		oracles(t, ".expected"+ending, func(t *testing.T, capture, facts string) {
			differ(t, againstZeek(t, capture, facts), unlikeZeek[short(capture)])
		})
	}
}

func againstZeek(t *testing.T, capture, facts string) []string {
	how := reading{classify: sensor.Classify{Tunnels: sensor.Both}}
	how.classify.KeyVLAN = strings.Contains(facts, "vlan-aware")
	how.classify.VerifyChecksums = strings.Contains(capture, "bad-checksum")
	flows := read(t, capture, how)
	tab := readTable(t, facts, "#fields")
	if tab.names == nil {
		tab.names, tab.rows = tab.rows[0], tab.rows[1:]
	}
	var lines []string
	for _, row := range tab.rows {
		at := slices.IndexFunc(flows, func(f *told) bool { return isZeeks(f, tab, row) })
		if at < 0 {
			name := []string{"no flow like"}
			for _, field := range []string{"proto", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "conn_state", "history"} {
				name = append(name, tab.get(row, field))
			}
			lines = append(lines, strings.Join(name, " "))
			continue
		}
		f := flows[at]
		flows = slices.Delete(flows, at, at+1) // rows of the same name are in order
		var unlike []string
		for _, field := range []string{"conn_state", "history", "orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes", "orig_bytes", "resp_bytes", "missed_bytes"} {
			want := tab.get(row, field)
			if want == "" || want == "-" {
				continue
			}
			if got := zeekField(f, field); got != want {
				unlike = append(unlike, fmt.Sprintf("%s %s not %s", field, got, want))
			}
		}
		if unlike != nil {
			initiator, responder := f.endpoints()
			lines = append(lines, fmt.Sprintf("%v %s > %s: %s", f.Key.Proto, initiator, responder, strings.Join(unlike, ", ")))
		}
	}
	return lines
}

// isZeeks reports whether a line of conn.log is about the flow f, initiator
// first. Tables that were cut to a few columns have no addresses: then it is the
// first flow.
func isZeeks(f *told, tab *table, row []string) bool {
	if v := tab.get(row, "id.ctx.vlan"); v != "" && tab.get(row, "id.orig_h") != "" {
		if v == "-" {
			v = "0"
		}
		if v != strconv.Itoa(int(f.Encap.VLAN[0])) {
			return false
		}
	}
	if tab.get(row, "id.orig_h") == "" {
		return tab.get(row, "service") == "vxlan" == (f.Key.Port[f.Initiator^1] == 4789)
	}
	if p := tab.get(row, "proto"); p != "" && p != strings.TrimPrefix(f.Key.Proto.String(), "ipv6-") {
		return false
	}
	addr := func(end string) netip.AddrPort {
		port, _ := strconv.Atoi(tab.get(row, "id."+end+"_p"))
		return netip.AddrPortFrom(netip.MustParseAddr(tab.get(row, "id."+end+"_h")), uint16(port))
	}
	return f.Key.AddrPort(f.Initiator) == addr("orig") && f.Key.AddrPort(f.Initiator^1) == addr("resp")
}

func zeekField(f *told, field string) string {
	i := sensor.Initiator
	if strings.HasPrefix(field, "resp") {
		i = sensor.Responder
	}
	c, s := f.Counters[i], f.stream[i]
	switch strings.TrimPrefix(strings.TrimPrefix(field, "orig_"), "resp_") {
	case "conn_state":
		return f.State.String()
	case "history":
		return f.History.String()
	case "pkts":
		return fmt.Sprint(c.Packets)
	case "ip_bytes":
		return fmt.Sprint(c.Bytes)
	case "missed_bytes":
		return fmt.Sprint(f.stream[0].missing() + f.stream[1].missing())
	case "bytes":
		if f.Key.Proto == sensor.ProtoTCP {
			return fmt.Sprint(s.data + s.missing())
		}
		return fmt.Sprint(c.PayloadBytes)
	}
	return "?"
}

// unlikeZeek lists what differs; docs/differences.md says why, and who is right.
var unlikeZeek = map[string][]string{
	"dns/zeek_max-compression-depth.pcap": {
		`udp 1.2.3.4:12345 > 5.6.7.8:53: history D not D^X`,
	},
	"encap/suri_decode-teredo-01.pcap": {
		`no flow like icmp 2001:0:4137:9e50:8000:f12a:b9c8:2815 128 2001:4860:0:2001::68 129 OTH -`,
		`no flow like icmp fe80::8000:f227:bec8:61af 134 fe80::8000:ffff:ffff:fffd 133 OTH -`,
		`no flow like icmp fe80::8000:ffff:ffff:fffd 133 ff02::2 134 OTH -`,
		`no flow like tcp 192.168.2.16 1576 75.126.130.163 80 RSTRH ^r`,
		`no flow like tcp 192.168.2.16 1577 75.126.203.78 80 RSTRH ^r`,
		`no flow like tcp 2001:0:4137:9e50:8000:f12a:b9c8:2815 1286 2001:4860:0:2001::68 80 S1 ShADad`,
		`no flow like udp 192.168.2.16 1920 192.168.2.1 53 SF Dd`,
		`no flow like udp 192.168.2.16 3797 65.55.158.81 3544 SHR ^d`,
		`tcp 192.168.2.16:1576 > 75.126.130.163:80: conn_state RSTO not SHR, history ^fAR not ^fA, orig_pkts 2 not 1, orig_ip_bytes 80 not 40`,
		`tcp 192.168.2.16:1576 > 75.126.130.163:80: conn_state RSTRH not OTH, history ^r not R, orig_pkts 0 not 1, resp_pkts 1 not 0, orig_ip_bytes 0 not 40, resp_ip_bytes 40 not 0`,
		`tcp 192.168.2.16:1577 > 75.126.203.78:80: conn_state RSTRH not SH, history ^r not Fa, orig_pkts 0 not 1, orig_ip_bytes 0 not 40`,
		`tcp 192.168.2.16:1577 > 75.126.203.78:80: conn_state SF not SHR, history ^fAFa not ^fA, orig_pkts 2 not 1, resp_pkts 2 not 1, orig_ip_bytes 80 not 40, resp_ip_bytes 80 not 40`,
		`udp 192.168.2.16:1920 > 192.168.2.1:53: orig_pkts 5 not 2, resp_pkts 5 not 2, orig_ip_bytes 329 not 122, resp_ip_bytes 1176 not 494, orig_bytes 189 not 66, resp_bytes 1036 not 438`,
	},
	"encap/zeek_gtp1_gn_normal_incl_fragmentation.pcap": {
		`tcp 10.131.47.185:1923 > 79.101.110.141:80: history ShADadfFg not ShADadfgF`,
		`udp 239.114.155.111:2152 > 63.94.149.181:2152: orig_pkts 28 not 27, resp_pkts 80 not 41, orig_ip_bytes 4196 not 4176, resp_ip_bytes 60770 not 54070, resp_bytes 58810 not 52922`,
	},
	"encap/zeek_pppoe.pcap": {
		`no flow like icmp fe80::c801:eff:fe88:8 134 fe80::ce05:eff:fe88:0 133 OTH -`,
	},
	"encap/zeek_vxlan.pcap": {
		`icmp 10.0.0.1:8 > 10.0.0.2:0: history  not X`,
	},
	"http/zeek_connect-with-smtp.pcap": {
		`tcp 79.26.245.236:3378 > 254.228.86.79:8240: history ShADadtfF not ShADadtTfF`,
	},
	"tcp/zeek_miss_end_data.pcap": {
		`tcp 192.168.122.230:60648 > 77.238.160.184:80: history ShADafFg not ShADafgF`,
	},
	"tcp/zeek_retransmit-fast009.pcap": {
		`tcp 10.0.88.85:50368 > 192.168.0.27:80: history ShADadtR not ShADaGdgtR`,
	},
}
