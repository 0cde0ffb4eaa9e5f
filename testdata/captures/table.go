package captures

import (
	"strings"

	"flowscope/testdata/build"
)

// Capture is one file of testdata.
type Capture struct {
	File   string // its name
	About  string // one line
	Make   func() *build.Capture
	Format build.Format
}

// Name returns the file's name up to the first dot; it is unique.
func (c Capture) Name() string { return c.File[:strings.IndexByte(c.File, '.')] }

// Write returns the bytes of the file and those of its truth.
func (c Capture) Write() (file, truth []byte) {
	made := c.Make()
	t := made.Truth()
	t.Capture, t.About = c.File, c.About
	return made.File(c.Format), t.JSON()
}

// All are the captures of testdata, in the order of its README.
func All() []Capture {
	var all []Capture
	for _, group := range [][]Capture{seed, tcp, ip, encap, app, timing, links, files} {
		all = append(all, group...)
	}
	return append(all, demonstration)
}

var seed = []Capture{
	{File: "length_prefixed.pcap", About: "length-prefixed records in both directions of one TCP connection: 5 PFX2, and 4 PFX2 with 1 PFX4", Make: lengthPrefixed},
	{File: "http_session.pcap", About: "one HTTP request and its response, from SYN to FIN", Make: httpSession},
	{File: "dns_queries.pcap", About: "DNS over UDP: two answered queries, an answer nobody asked for, a query nobody answers", Make: dnsQueries},
	{File: "mixed_short.pcap", About: "a TCP handshake on port 22, a syslog datagram, two ICMP echoes, a DNS query", Make: mixedShort},
}

var tcp = []Capture{
	{File: "loss.pcap", About: "TCP segments missing from the capture: never seen again, sent again late, at the beginning, before the FIN", Make: loss},
	{File: "reorder.pcap", About: "TCP segments out of order: swapped, reversed, behind the FIN; SYN-ACK before SYN", Make: reorder},
	{File: "duplicates.pcap", About: "SYN, data and FIN sent again, alone and with more behind", Make: duplicates},
	{File: "overlap.pcap", About: "overlapping TCP segments, with the same bytes and with others", Make: overlap},
	{File: "wrap.pcap", About: "sequence numbers that wrap in both directions, with reordering across the wrap", Make: wraparound},
	{File: "midstream.pcap", About: "connections whose beginning was not captured, with and without a well-known port", Make: midstream},
	{File: "portreuse.pcap", About: "three connections on one five-tuple: after a close, and without one", Make: portReuse},
	{File: "rst.pcap", About: "RST: in the window, forged outside the window, and in answer to a SYN", Make: reset},
	{File: "late.pcap", About: "segments after the close and after a RST, which belong to the connection that was", Make: late},
	{File: "keepalive.pcap", About: "keep-alive probes with no byte and with one old byte", Make: keepAlive},
	{File: "syn_data.pcap", About: "TCP Fast Open: data in the SYN and in the SYN-ACK", Make: synData},
	{File: "urgent.pcap", About: "urgent data", Make: urgent},
	{File: "simultaneous.pcap", About: "a simultaneous open and a simultaneous close", Make: simultaneous},
	{File: "half_close.pcap", About: "one side closes, the other goes on sending", Make: halfClose},
	{File: "scan.pcap", About: "SYNs that nobody answers, that are refused, and a probe with no flags", Make: scan},
}

var ip = []Capture{
	{File: "ipv6_ext.pcap", About: "TCP and UDP behind IPv6 extension headers, and IPv4 with options", Make: extensions},
	{File: "fragments_v4.pcap", About: "IPv4 fragments: in order, reversed, interleaved, overlapping, incomplete", Make: func() *build.Capture { return fragments("192.0.2.10", "198.51.100.10") }},
	{File: "fragments_v6.pcap", About: "IPv6 fragments: in order, reversed, interleaved, overlapping, incomplete", Make: func() *build.Capture { return fragments("[2001:db8::10]", "[2001:db8:1::10]") }},
	{File: "icmp.pcap", About: "ICMP and ICMPv6: echo, an echo without reply, port unreachable", Make: icmp},
	{File: "sctp.pcap", About: "an SCTP association with data in both directions", Make: sctp},
	{File: "other_ip.pcap", About: "ESP, IGMP and OSPF", Make: otherIP},
}

var encap = []Capture{
	{File: "vlan.pcap", About: "one 802.1Q tag; the same addresses and ports in two VLANs", Make: vlan},
	{File: "qinq.pcap", About: "802.1ad service tag and 802.1Q customer tag", Make: in(build.VLAN(200, 30))},
	{File: "mpls.pcap", About: "a stack of two MPLS labels", Make: in(build.MPLS(16001, 24017))},
	{File: "pppoe.pcap", About: "a PPPoE session", Make: in(build.PPPoE(0x1234))},
	{File: "gre.pcap", About: "GRE over IPv4, without key", Make: in(build.GRE("192.0.2.1", "192.0.2.2", 0))},
	{File: "gre_key.pcap", About: "GRE over IPv6 with key and sequence number", Make: in(build.GRE("2001:db8:f::1", "2001:db8:f::2", 77))},
	{File: "gre_teb.pcap", About: "Ethernet frames in GRE", Make: in(build.GRETEB("192.0.2.1", "192.0.2.2", 78))},
	{File: "vxlan.pcap", About: "VXLAN", Make: in(build.VXLAN("192.0.2.1", "192.0.2.2", 5001))},
	{File: "vxlan_vlan.pcap", About: "VXLAN over a VLAN, over IPv6", Make: in(build.VLAN(40), build.VXLAN("2001:db8:f::1", "2001:db8:f::2", 5002))},
	{File: "geneve.pcap", About: "Geneve with an option", Make: in(build.Geneve("192.0.2.1", "192.0.2.2", 6001))},
	{File: "gtpu.pcap", About: "GTP-U with sequence numbers", Make: in(build.GTPU("192.0.2.1", "192.0.2.2", 0x00c0ffee))},
	{File: "ipip.pcap", About: "IPv4 and IPv6 (6in4) in IPv4", Make: in(build.IPIP("192.0.2.1", "192.0.2.2"))},
	{File: "ip_in_ipv6.pcap", About: "IPv4 and IPv6 in IPv6", Make: in(build.IPIP("2001:db8:f::1", "2001:db8:f::2"))},
	{File: "mpls_in_gre.pcap", About: "MPLS in GRE", Make: in(build.MPLSInGRE("192.0.2.1", "192.0.2.2", 30001))},
	{File: "gre_in_vxlan.pcap", About: "a tunnel in a tunnel: GRE in VXLAN", Make: in(build.VXLAN("192.0.2.1", "192.0.2.2", 5003), build.GRE("198.51.100.1", "198.51.100.2", 79))},
}

var app = []Capture{
	{File: "http_keepalive.pcap", About: "HTTP/1.1: keep-alive, pipelining, chunked with trailer, HEAD, 304, 100-continue, a body that ends with the connection", Make: httpKeepAlive},
	{File: "tls13_pq.pcap", About: "TLS 1.3 with a post-quantum ClientHello in two segments; a second connection with other cuts", Make: tlsPostQuantum},
	{File: "tls.pcap", About: "TLS 1.3 with h2, TLS 1.3 after HelloRetryRequest, TLS 1.2, and a refused certificate", Make: tlsMore},
	{File: "quic.pcap", About: "a QUIC v1 connection with a post-quantum ClientHello in two Initial packets", Make: quic},
	{File: "dns_tcp.pcap", About: "DNS over TCP: two queries in one segment, an answer in three", Make: dnsTCP},
	{File: "length_prefixed_bad.pcap", About: "length-prefixed records with garbage between them, and with a length of 4 GiB", Make: lengthPrefixedBad},
}

var timing = []Capture{
	{File: "snaplen54.pcap", About: "HTTP captured with a snap length of 54 bytes: headers only", Make: snaplen54, Format: build.Format{Snaplen: 54}},
	{File: "timejump.pcap", About: "timestamps that jump back by an hour and forward by 30 years, for a packet each", Make: timeJump},
	{File: "long_flow.pcap", About: "a TCP connection of 100 minutes with a packet each way every minute", Make: longFlow},
}

var links = []Capture{
	{File: "nonip.pcap", About: "ARP, LLDP and spanning tree beside one ping", Make: nonIP},
	{File: "malformed.pcapng", About: "a frame for each reason for which the classifier counts none", Make: malformed, Format: build.Format{NG: true, Interfaces: []build.Interface{{Name: "eth0", Link: build.LinkEthernet, Power: 9}, {Name: "user0", Link: 147, Power: 6}}}},
	{File: "padding.pcap", About: "Ethernet frames padded to 60 bytes", Make: over(build.Padded)},
	{File: "sll.pcap", About: "Linux cooked capture", Make: over(build.SLL), Format: build.Format{Link: build.LinkSLL}},
	{File: "sll2.pcap", About: "Linux cooked capture, version 2", Make: over(build.SLL2), Format: build.Format{Link: build.LinkSLL2}},
	{File: "null.pcap", About: "BSD loopback, little endian", Make: over(build.Null), Format: build.Format{Link: build.LinkBSDNull}},
	{File: "loop.pcap", About: "OpenBSD loopback", Make: over(build.Loop), Format: build.Format{Link: build.LinkLoop}},
	{File: "raw.pcap", About: "IP packets without a link header", Make: over(build.Raw), Format: build.Format{Link: build.LinkRaw}},
}

var files = []Capture{
	{File: "big_endian.pcap", About: "pcap of a big-endian machine", Make: over(build.Ethernet), Format: build.Format{BigEndian: true}},
	{File: "nanoseconds.pcap", About: "pcap with nanoseconds", Make: nanoseconds, Format: build.Format{Nano: true}},
	{File: "nanoseconds_be.pcap", About: "pcap with nanoseconds of a big-endian machine", Make: nanoseconds, Format: build.Format{Nano: true, BigEndian: true}},
	{File: "two_interfaces.pcapng", About: "pcapng with two interfaces of different link type and resolution", Make: twoInterfaces, Format: twoInterfacesFormat},
	{File: "big_endian_ng.pcapng", About: "the same in big endian", Make: twoInterfaces, Format: bigEndian(twoInterfacesFormat)},
	{File: "gzip.pcap.gz", About: "pcap compressed with gzip", Make: over(build.Ethernet), Format: build.Format{Compress: "gz"}},
	{File: "zstd.pcapng.zst", About: "pcapng compressed with zstd", Make: over(build.Ethernet), Format: build.Format{NG: true, Compress: "zst"}},
	{File: "cut.pcap", About: "pcap that ends in the middle of a frame", Make: torn, Format: build.Format{Cut: 30}},
	{File: "cut_ng.pcapng", About: "pcapng that ends in the middle of a block", Make: torn, Format: build.Format{NG: true, Cut: 30}},
	{File: "empty.pcap", About: "a pcap header and no frames", Make: build.New},
}

var twoInterfacesFormat = build.Format{NG: true, Comment: "two interfaces", Interfaces: []build.Interface{
	{Name: "eth0", Link: build.LinkEthernet, Power: 6},
	{Name: "any", Link: build.LinkSLL2, Power: 0x80 | 20},
}}

func bigEndian(f build.Format) build.Format {
	f.BigEndian = true
	return f
}

var demonstration = Capture{
	File: "demo.pcapng.zst", About: "what `sensor demo` shows: a few minutes of a small office and one long connection, and everything that can go wrong",
	Make: demo, Format: build.Format{NG: true, Compress: "zst", Comment: "flowscope demo capture, made by testdata/generate"},
}
