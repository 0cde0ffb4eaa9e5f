package frame

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/sensor"
)

// What the frames of TestClassify carry.
var (
	data  = payloadBytes(50)
	segV4 = ip4("10.0.0.9", "10.0.0.1", sensor.ProtoTCP, tcp(40000, 80, 1000, sensor.ACK|sensor.PSH, data))
	segV6 = ip6("2001:db8::9", "2001:db8::1", sensor.ProtoTCP, tcp(40000, 80, 1000, sensor.ACK|sensor.PSH, data))
)

const (
	flowV4 = "10.0.0.1:80 <-> 10.0.0.9:40000 tcp"
	flowV6 = "[2001:db8::1]:80 <-> [2001:db8::9]:40000 tcp"
)

func TestClassify(t *testing.T) {
	inVXLAN := udp(50000, 4789, vxlan(77, eth(etherIPv4, segV4)))
	tests := []struct {
		name  string
		link  LinkType
		frame []byte
		flow  string
		bytes int // L3
		encap sensor.Encap
	}{
		{"ipv4 in ethernet", LinkEthernet, eth(etherIPv4, segV4), flowV4, 90, sensor.Encap{}},
		{"ipv6 in ethernet", LinkEthernet, eth(etherIPv6, segV6), flowV6, 110, sensor.Encap{}},
		{"padded to the minimum of ethernet", LinkEthernet, eth(etherIPv4, join(segV4, make([]byte, 30))), flowV4, 90, sensor.Encap{}},
		{"802.3 with snap", LinkEthernet, eth(8+90, join([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, segV4)), flowV4, 90, sensor.Encap{}},
		{"vlan", LinkEthernet, eth(etherVLAN, tag(0x6000|12, etherIPv4, segV4)), flowV4, 90, sensor.Encap{VLAN: [2]uint16{12}}},
		{"priority tag", LinkEthernet, eth(etherVLAN, tag(0x6000, etherIPv4, segV4)), flowV4, 90, sensor.Encap{}},
		{"qinq", LinkEthernet, eth(etherQinQ, tag(12, etherVLAN, tag(13, etherIPv6, segV6))), flowV6, 110, sensor.Encap{VLAN: [2]uint16{12, 13}}},
		{"three tags keep two", LinkEthernet, eth(etherQinQOld, tag(12, etherVLAN, tag(13, etherVLAN, tag(14, etherIPv4, segV4)))), flowV4, 90, sensor.Encap{VLAN: [2]uint16{12, 13}}},
		{"raw ipv4", LinkRaw, segV4, flowV4, 90, sensor.Encap{}},
		{"raw ipv6", LinkRaw12, segV6, flowV6, 110, sensor.Encap{}},
		{"linktype ipv4", LinkIPv4, segV4, flowV4, 90, sensor.Encap{}},
		{"linktype ipv6", LinkIPv6, segV6, flowV6, 110, sensor.Encap{}},
		{"null of a little-endian host", LinkNull, join([]byte{30, 0, 0, 0}, segV6), flowV6, 110, sensor.Encap{}},
		{"null of a big-endian host", LinkNull, join([]byte{0, 0, 0, 2}, segV4), flowV4, 90, sensor.Encap{}},
		{"loop", LinkLoop, join([]byte{0, 0, 0, 24}, segV6), flowV6, 110, sensor.Encap{}},
		{"sll", LinkSLL, join(make([]byte, 14), be16(etherIPv4), segV4), flowV4, 90, sensor.Encap{}},
		{"sll with vlan", LinkSLL, join(make([]byte, 14), be16(etherVLAN), tag(5, etherIPv4, segV4)), flowV4, 90, sensor.Encap{VLAN: [2]uint16{5}}},
		{"sll2", LinkSLL2, join(be16(etherIPv6), make([]byte, 18), segV6), flowV6, 110, sensor.Encap{}},
		{"ppp", LinkPPP, join([]byte{0, 0x21}, segV4), flowV4, 90, sensor.Encap{}},
		{"ppp compressed", LinkPPP, join([]byte{0x57}, segV6), flowV6, 110, sensor.Encap{}},
		{"ppp in hdlc framing", LinkPPPSerial, join([]byte{0xff, 3, 0, 0x57}, segV6), flowV6, 110, sensor.Encap{}},
		{"cisco hdlc", LinkCHDLC, join([]byte{0x0f, 0, 8, 0}, segV4), flowV4, 90, sensor.Encap{}},
		{"nflog", LinkNFLOG, join([]byte{2, 0, 0, 0, 5, 0, 10, 0, 'x', 0, 0, 0, 94, 0, 9, 0}, segV4, []byte{0, 0}), flowV4, 90, sensor.Encap{}},
		{"802.11", LinkIEEE80211, join([]byte{8, 1}, make([]byte, 22), []byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, segV4), flowV4, 90, sensor.Encap{}},
		{"802.11 qos behind radiotap", LinkRadiotap, join([]byte{0, 0, 9, 0, 0, 0, 0, 0, 0}, []byte{0x88, 1}, make([]byte, 24), []byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, segV4), flowV4, 90, sensor.Encap{}},

		{"mpls", LinkEthernet, eth(etherMPLS, mpls(segV4, 100, 200)), flowV4, 90, sensor.Encap{TunnelID: 200, Tunnel: sensor.MPLSTunnel}},
		{"mpls pseudowire", LinkEthernet, eth(etherMPLS, mpls(eth(etherVLAN, tag(9, etherIPv4, segV4)), 100)), flowV4, 90, sensor.Encap{VLAN: [2]uint16{9}, TunnelID: 100, Tunnel: sensor.MPLSTunnel}},
		{"mpls pseudowire with control word", LinkEthernet, eth(etherMPLSUp, mpls(join(make([]byte, 4), eth(etherIPv6, segV6)), 100)), flowV6, 110, sensor.Encap{TunnelID: 100, Tunnel: sensor.MPLSTunnel}},
		{"pppoe", LinkEthernet, eth(etherPPPoE, pppoe(0x1234, 0x21, segV4)), flowV4, 90, sensor.Encap{TunnelID: 0x1234, Tunnel: sensor.PPPoE}},

		{"gre", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoGRE, gre(0, etherIPv4, nil, segV4)), flowV4, 90, sensor.Encap{Tunnel: sensor.GRE}},
		{"gre with all words", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoGRE, gre(0xb000, etherIPv6, join(be32(1), be32(42), be32(3)), segV6)), flowV6, 110, sensor.Encap{TunnelID: 42, Tunnel: sensor.GRE}},
		{"gre teb", LinkRaw, ip6("::1", "::2", sensor.ProtoGRE, gre(0x2000, etherTEB, be32(42), eth(etherVLAN, tag(3, etherIPv4, segV4)))), flowV4, 90, sensor.Encap{VLAN: [2]uint16{3}, TunnelID: 42, Tunnel: sensor.GRE}},
		{"gre with mpls", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoGRE, gre(0, etherMPLS, nil, mpls(segV4, 7))), flowV4, 90, sensor.Encap{TunnelID: 7, Tunnel: sensor.MPLSTunnel}},
		{"erspan ii", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoGRE, gre(0x1000, etherERSPAN2, be32(9), join([]byte{0x10, 1, 0, 21, 0, 0, 0, 0}, eth(etherIPv4, segV4)))), flowV4, 90, sensor.Encap{TunnelID: 21, Tunnel: sensor.GRE}},
		{"pptp", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoGRE, gre(0x3081, etherPPP, join(be16(94), be16(5), be32(1), be32(2)), join([]byte{0xff, 3, 0, 0x21}, segV4))), flowV4, 90, sensor.Encap{TunnelID: 5, Tunnel: sensor.GRE}},
		{"vxlan", LinkEthernet, eth(etherIPv4, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoUDP, inVXLAN)), flowV4, 90, sensor.Encap{TunnelID: 77, Tunnel: sensor.VXLAN}},
		{"vxlan keeps the outer vlan", LinkEthernet, eth(etherVLAN, tag(4, etherIPv4, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoUDP, inVXLAN))), flowV4, 90, sensor.Encap{VLAN: [2]uint16{4}, TunnelID: 77, Tunnel: sensor.VXLAN}},
		{"geneve with options", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoUDP, udp(50000, 6081, geneve(78, etherTEB, make([]byte, 12), eth(etherIPv6, segV6)))), flowV6, 110, sensor.Encap{TunnelID: 78, Tunnel: sensor.Geneve}},
		{"geneve with ip", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoUDP, udp(50000, 6081, geneve(78, etherIPv4, nil, segV4))), flowV4, 90, sensor.Encap{TunnelID: 78, Tunnel: sensor.Geneve}},
		{"gtp-u", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoUDP, udp(2152, 2152, gtpu(79, segV4))), flowV4, 90, sensor.Encap{TunnelID: 79, Tunnel: sensor.GTPU}},
		{"gtp-u with extension headers", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoUDP, udp(2152, 40000, join([]byte{0x34, 255}, be16(102), be32(79), []byte{0, 0, 0, 0x85, 1, 9, 9, 0x85, 1, 9, 9, 0}, segV4))), flowV4, 90, sensor.Encap{TunnelID: 79, Tunnel: sensor.GTPU}},
		{"ip in ip", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoIPIP, segV4), flowV4, 90, sensor.Encap{Tunnel: sensor.IPIP}},
		{"6in4", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoIPv6, segV6), flowV6, 110, sensor.Encap{Tunnel: sensor.IPIP}},
		{"4in6", LinkRaw, ip6("::1", "::2", sensor.ProtoIPIP, segV4), flowV4, 90, sensor.Encap{Tunnel: sensor.IPIP}},
		{"mpls in ip", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoMPLS, mpls(segV4, 7)), flowV4, 90, sensor.Encap{TunnelID: 7, Tunnel: sensor.MPLSTunnel}},
		{"mpls in udp", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoUDP, udp(50000, 6635, mpls(segV4, 7))), flowV4, 90, sensor.Encap{TunnelID: 7, Tunnel: sensor.MPLSTunnel}},
		{"gtp-u in vxlan in gre", LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoGRE, gre(0, etherIPv4, nil,
			ip4("3.3.3.3", "4.4.4.4", sensor.ProtoUDP, udp(1, 4789, vxlan(5, eth(etherIPv4,
				ip4("5.5.5.5", "6.6.6.6", sensor.ProtoUDP, udp(2152, 2152, gtpu(6, segV4))))))))), flowV4, 90, sensor.Encap{TunnelID: 6, Tunnel: sensor.GTPU}},

		{"ipv4 options", LinkRaw, withOptions(segV4), flowV4, 98, sensor.Encap{}},
		{"ipv6 extension headers", LinkRaw, ip6("2001:db8::9", "2001:db8::1", sensor.ProtoHopByHop,
			ext(protoRouting, ext(protoDstOpts, ext(sensor.ProtoTCP, segV6[40:])))), flowV6, 134, sensor.Encap{}},
		{"ah", LinkRaw, ip4("10.0.0.9", "10.0.0.1", sensor.ProtoAH, join([]byte{6, 4, 0, 0}, make([]byte, 20), segV4[20:])), flowV4, 114, sensor.Encap{}},
		{"atomic fragment", LinkRaw, ip6("2001:db8::9", "2001:db8::1", protoFragment, frag6(sensor.ProtoTCP, 5, 0, false, segV6[40:])), flowV6, 118, sensor.Encap{}},
		{"total length 0 of segmentation offload", LinkRaw, patch16(segV4, 2, 0), flowV4, 90, sensor.Encap{}},
		{"payload length 0 of a jumbogram", LinkRaw, patch16(segV6, 4, 0), flowV6, 110, sensor.Encap{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New(sensor.Classify{})
			got := run(c, tt.link, tt.frame)
			if len(got) != 1 {
				t.Fatalf("%d records, want 1; %v", len(got), ledger(c).Accounts)
			}
			r := got[0]
			want := sensor.Record{
				Ordinal: 1, Kind: sensor.Packet, From: 1, Key: r.Key, Encap: tt.encap,
				Count:    sensor.Counters{Packets: 1, Bytes: uint64(tt.bytes), FrameBytes: uint64(len(tt.frame)), PayloadBytes: 50},
				TCPFlags: sensor.ACK | sensor.PSH, Seq: 1000, Ack: 77, Window: 4096, WireLen: 50, Payload: data,
			}
			if diff := cmp.Diff(want, r); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
			if got := r.Key.String(); got != tt.flow {
				t.Errorf("key %s, want %s", got, tt.flow)
			}
			if err := ledger(c).Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func withOptions(p []byte) []byte {
	p = join(p[:20], []byte{7, 7, 4, 0, 0, 0, 0, 0}, p[20:])
	p[0] = 0x47
	return patch16(p, 2, len(p))
}

// patch16 returns p with another number at off.
func patch16(p []byte, off, n int) []byte {
	p = join(p)
	binary.BigEndian.PutUint16(p[off:], uint16(n))
	return p
}

func patch8(p []byte, off int, n byte) []byte {
	p = join(p)
	p[off] = n
	return p
}

func TestTransports(t *testing.T) {
	icmp := func(kind, code byte) []byte { return join([]byte{kind, code, 0, 0, 0, 1, 0, 2}, data) }
	tests := []struct {
		name    string
		proto   sensor.Proto
		seg     []byte
		flow    string
		payload int
		handed  int // bytes of payload handed out
	}{
		{"udp", 17, udp(53, 1024, data), "10.0.0.1:53 <-> 10.0.0.2:1024 udp", 50, 50},
		{"udp with bytes behind its length", 17, patch16(udp(53, 1024, data), 4, 28), "10.0.0.1:53 <-> 10.0.0.2:1024 udp", 20, 20},
		{"udp length 0", 17, patch16(udp(53, 1024, data), 4, 0), "10.0.0.1:53 <-> 10.0.0.2:1024 udp", 50, 50},
		{"udp length behind the end", 17, patch16(udp(53, 1024, data), 4, 59), "10.0.0.1:53 <-> 10.0.0.2:1024 udp", 0, 0},
		{"udp length below 8", 17, patch16(udp(53, 1024, data), 4, 7), "10.0.0.1:53 <-> 10.0.0.2:1024 udp", 0, 0},
		{"udp shorter than its header", 17, be16(53), "10.0.0.1:0 <-> 10.0.0.2:0 udp", 0, 0},
		{"sctp", 132, join(be16(53), be16(1024), make([]byte, 8), data), "10.0.0.1:53 <-> 10.0.0.2:1024 sctp", 50, 50},
		{"icmp echo", 1, icmp(8, 0), "10.0.0.1:8 <-> 10.0.0.2:0 icmp", 50, 50},
		{"icmp unreachable", 1, icmp(3, 4), "10.0.0.1:3 <-> 10.0.0.2:4 icmp", 50, 50},
		{"icmpv6 echo reply", 58, icmp(129, 0), "10.0.0.1:129 <-> 10.0.0.2:128 ipv6-icmp", 50, 50},
		{"tcp data offset below 5", 6, patch8(tcp(53, 1024, 1, sensor.SYN, data), 12, 0x40), "10.0.0.1:53 <-> 10.0.0.2:1024 tcp", 0, 0},
		{"tcp data offset behind the end", 6, patch8(tcp(53, 1024, 1, sensor.SYN, nil), 12, 0x60), "10.0.0.1:53 <-> 10.0.0.2:1024 tcp", 0, 0},
		{"tcp shorter than its header", 6, tcp(53, 1024, 1, sensor.SYN, nil)[:19], "10.0.0.1:53 <-> 10.0.0.2:1024 tcp", 0, 0},
		{"esp", 50, data, "10.0.0.1:0 <-> 10.0.0.2:0 esp", 50, 50},
		{"ospf", 89, data, "10.0.0.1:0 <-> 10.0.0.2:0 ospfigp", 50, 50},
		{"nothing behind the header", 89, nil, "10.0.0.1:0 <-> 10.0.0.2:0 ospfigp", 0, 0},
		{"vxlan that is none", 17, udp(9, 4789, data), "10.0.0.1:9 <-> 10.0.0.2:4789 udp", 50, 50},
		{"arp in vxlan", 17, udp(9, 4789, vxlan(1, eth(etherARP, make([]byte, 28)))), "10.0.0.1:9 <-> 10.0.0.2:4789 udp", 50, 50},
		{"inner packet longer than the outer", 17, udp(9, 4789, vxlan(1, eth(etherIPv4, patch16(segV4, 2, 91)))), "10.0.0.1:9 <-> 10.0.0.2:4789 udp", 112, 112},
		{"gtp-u echo request", 17, udp(2152, 2152, []byte{0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0}), "10.0.0.1:2152 <-> 10.0.0.2:2152 udp", 12, 12},
		{"gre of unknown version", 47, gre(7, etherIPv4, nil, segV4), "10.0.0.1:0 <-> 10.0.0.2:0 gre", 94, 94},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New(sensor.Classify{})
			got := run(c, LinkEthernet, eth(etherIPv4, ip4("10.0.0.1", "10.0.0.2", tt.proto, tt.seg)))
			if len(got) != 1 {
				t.Fatalf("%d records, want 1; %v", len(got), ledger(c).Accounts)
			}
			r := got[0]
			if r.Key.String() != tt.flow || r.From != 0 {
				t.Errorf("from %d of %s, want 0 of %s", r.From, r.Key, tt.flow)
			}
			if r.Count.PayloadBytes != uint64(tt.payload) || r.WireLen != tt.handed || len(r.Payload) != tt.handed {
				t.Errorf("payload bytes %d, WireLen %d, %d handed out; want %d, %d, %d",
					r.Count.PayloadBytes, r.WireLen, len(r.Payload), tt.payload, tt.handed, tt.handed)
			}
			if r.TCPFlags != 0 || r.Seq != 0 || r.Window != 0 {
				t.Errorf("TCP fields %x %d %d, want 0", r.TCPFlags, r.Seq, r.Window)
			}
			if r.Count.Bytes != uint64(20+len(tt.seg)) {
				t.Errorf("bytes %d, want %d", r.Count.Bytes, 20+len(tt.seg))
			}
		})
	}
}

func TestReasons(t *testing.T) {
	tags := segV4
	for range maxHeaders {
		tags = tag(1, etherVLAN, tags)
	}
	tests := []struct {
		name  string
		link  LinkType
		frame []byte
		cut   int // bytes not captured
		want  Reason
		ip    uint64
	}{
		{"arp", LinkEthernet, eth(etherARP, make([]byte, 28)), 0, ARP, 0},
		{"lldp", LinkEthernet, eth(0x88cc, make([]byte, 28)), 0, NonIP, 0},
		{"stp", LinkEthernet, eth(38, join([]byte{0x42, 0x42, 3}, make([]byte, 35))), 0, NonIP, 0},
		{"pppoe lcp", LinkEthernet, eth(etherPPPoE, pppoe(1, 0xc021, make([]byte, 8))), 0, NonIP, 0},
		{"mpls with something else", LinkEthernet, eth(etherMPLS, mpls(data, 4)), 0, NonIP, 0},
		{"unknown link type", 9999, segV4, 0, UnsupportedLink, 0},
		{"runt", LinkEthernet, make([]byte, 13), 0, MalformedLink, 0},
		{"vlan cut off", LinkEthernet, eth(etherVLAN, tag(1, etherIPv4, segV4)), len(segV4) + 1, TruncatedLink, 0},
		{"endless labels", LinkEthernet, eth(etherMPLS, make([]byte, 200)), 0, TooManyHeaders, 0},
		{"endless tags", LinkEthernet, eth(etherVLAN, tags), 0, TooManyHeaders, 0},
		{"ip header cut off", LinkEthernet, eth(etherIPv4, segV4), 71, TruncatedIP, 90},
		{"frame ends in ip header", LinkEthernet, eth(etherIPv4, segV4[:19]), 0, MalformedIP, 19},
		{"ipv6 header cut off", LinkRaw, segV6, 71, TruncatedIP, 110},
		{"no ip version", LinkRaw, patch8(segV4, 0, 0x55), 0, MalformedIP, 90},
		{"header length 4 words", LinkRaw, patch8(segV4, 0, 0x44), 0, MalformedIP, 90},
		{"total length in the header", LinkRaw, patch16(segV4, 2, 19), 0, MalformedIP, 90},
		{"empty fragment", LinkRaw, ip4("1.1.1.1", "2.2.2.2", 17, nil, frag4(1, 0, true)), 0, FragmentMalformed, 20},
		{"fragment of 9 bytes with more to follow", LinkRaw, ip4("1.1.1.1", "2.2.2.2", 17, make([]byte, 9), frag4(1, 0, true)), 0, FragmentMalformed, 29},
		{"fragment behind 65535", LinkRaw, ip4("1.1.1.1", "2.2.2.2", 17, make([]byte, 16), frag4(1, 65528, false)), 0, FragmentMalformed, 36},
		{"fragment held", LinkRaw, ip4("1.1.1.1", "2.2.2.2", 17, make([]byte, 16), frag4(1, 8, false)), 0, FragmentsHeld, 36},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New(sensor.Classify{})
			f := Frame{Ordinal: 1, Link: tt.link, WireLen: len(tt.frame), Data: tt.frame[:len(tt.frame)-tt.cut]}
			if got := classify(c, &f); len(got) != 0 {
				t.Fatalf("%d records, want 0", len(got))
			}
			l := ledger(c)
			if err := l.Check(); err != nil {
				t.Error(err)
			}
			name := tt.want.String()
			got := [3]uint64{l.Account("frames").Row(name), l.Account("frame_bytes").Row(name), l.Account("ip_bytes").Row(name)}
			if want := [3]uint64{1, uint64(len(tt.frame)), tt.ip}; got != want {
				t.Errorf("%s: %v, want %v; %v", name, got, want, l.Accounts)
			}
		})
	}
}

// A capture cut anywhere counts the same bytes, or ends under a reason.
func TestSnapLength(t *testing.T) {
	for _, bb := range benchFrames {
		whole := run(New(sensor.Classify{Tunnels: sensor.Outer}), LinkEthernet, bb.frame)
		for n := range bb.frame {
			c := New(sensor.Classify{Tunnels: sensor.Outer})
			got := classify(c, &Frame{Ordinal: 1, Link: LinkEthernet, WireLen: len(bb.frame), Data: bb.frame[:n]})
			if err := ledger(c).Check(); err != nil {
				t.Errorf("%s cut at %d: %v", bb.name, n, err)
			}
			if len(got) == 0 {
				continue
			}
			if got[0].Count != whole[0].Count {
				t.Errorf("%s cut at %d: %+v, want %+v", bb.name, n, got[0].Count, whole[0].Count)
			}
			if n >= 62 && got[0].Key != whole[0].Key {
				t.Errorf("%s cut at %d: %v, want %v", bb.name, n, got[0].Key, whole[0].Key)
			}
		}
	}
}

func TestTunnelLevels(t *testing.T) {
	frame := eth(etherVLAN, tag(6, etherIPv4, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoUDP, udp(50000, 4789, vxlan(77, eth(etherIPv4, segV4))))))
	const outerFlow = "1.1.1.1:50000 <-> 2.2.2.2:4789 udp"
	outer := sensor.Counters{Packets: 1, Bytes: 140, FrameBytes: 158, PayloadBytes: 112}
	inner := sensor.Counters{Packets: 1, Bytes: 90, FrameBytes: 158, PayloadBytes: 50}
	type row struct {
		flow   string
		count  sensor.Counters
		handed int
	}
	for _, tt := range []struct {
		level sensor.TunnelLevel
		want  []row
		books map[string]uint64
	}{
		{sensor.Inner, []row{{flowV4, inner, 50}}, map[string]uint64{"accounted": 90, "encapsulation": 50}},
		{sensor.Outer, []row{{outerFlow, outer, 112}}, map[string]uint64{"accounted": 140}},
		{sensor.Both, []row{{outerFlow, outer, 0}, {flowV4, inner, 50}}, map[string]uint64{"accounted": 140}},
	} {
		c := New(sensor.Classify{Tunnels: tt.level})
		records := run(c, LinkEthernet, frame)
		var got []row
		for _, r := range records {
			got = append(got, row{r.Key.String(), r.Count, len(r.Payload)})
			if r.WireLen != len(r.Payload) {
				t.Errorf("level %d: WireLen %d with %d bytes", tt.level, r.WireLen, len(r.Payload))
			}
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(row{})); diff != "" {
			t.Errorf("level %d (-want +got):\n%s", tt.level, diff)
		}
		for name, n := range tt.books {
			if got := ledger(c).Account("ip_bytes").Row(name); got != n {
				t.Errorf("level %d: ip_bytes %s %d, want %d", tt.level, name, got, n)
			}
		}
	}
}

func TestDepth(t *testing.T) {
	p := segV4
	for range maxTunnels + 2 {
		p = ip4("1.1.1.1", "2.2.2.2", sensor.ProtoIPIP, p)
	}
	c := New(sensor.Classify{})
	got := run(c, LinkRaw, p)
	if len(got) != 1 || got[0].Key.String() != "1.1.1.1:0 <-> 2.2.2.2:0 ipv4" || got[0].Count.Bytes != 90+2*20 {
		t.Errorf("got %v, want the packet below %d tunnels", got, maxTunnels)
	}
}

func TestKeys(t *testing.T) {
	inVXLAN := ip4("1.1.1.1", "2.2.2.2", sensor.ProtoUDP, udp(50000, 4789, vxlan(77, eth(etherIPv4, segV4))))
	frames := map[string][]byte{
		"plain": eth(etherIPv4, segV4),
		"vlan":  eth(etherVLAN, tag(6, etherIPv4, segV4)),
		"vxlan": eth(etherIPv4, inVXLAN),
		"gtp":   eth(etherIPv4, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoUDP, udp(2152, 2152, gtpu(9, segV4)))),
	}
	tests := []struct {
		name, frame string
		cfg         sensor.Classify
		key         string
		vlan        uint16
		tunnel      uint32
		from        uint8
	}{
		{"vlan not asked for", "vlan", sensor.Classify{}, flowV4, 0, 0, 1},
		{"vlan", "vlan", sensor.Classify{KeyVLAN: true}, flowV4, 6, 0, 1},
		{"tunnel", "vxlan", sensor.Classify{KeyTunnel: true}, flowV4, 0, 77, 1},
		{"tunnel with an id for each direction", "gtp", sensor.Classify{KeyTunnel: true}, flowV4, 0, 0, 1},
		{"pair", "plain", sensor.Classify{Key: sensor.IPPair}, "10.0.0.1:0 <-> 10.0.0.9:0 0", 0, 0, 1},
		{"pair in vlan", "vlan", sensor.Classify{Key: sensor.IPPair, KeyVLAN: true}, "10.0.0.1:0 <-> 10.0.0.9:0 0", 6, 0, 1},
		{"mac", "plain", sensor.Classify{Key: sensor.MACPair}, "02:00:00:00:00:0a <-> 02:00:00:00:00:0b", 0, 0, 0},
		{"inner mac", "vxlan", sensor.Classify{Key: sensor.MACPair}, "02:00:00:00:00:0a <-> 02:00:00:00:00:0b", 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := run(New(tt.cfg), LinkEthernet, frames[tt.frame])
			if len(got) != 1 {
				t.Fatalf("%d records, want 1", len(got))
			}
			k := got[0].Key
			if k.String() != tt.key || k.VLAN != tt.vlan || k.Tunnel != tt.tunnel || k.Kind != tt.cfg.Key || got[0].From != tt.from {
				t.Errorf("%v vlan %d tunnel %d kind %v from %d; want %v %d %d %v %d", k, k.VLAN, k.Tunnel, k.Kind, got[0].From,
					tt.key, tt.vlan, tt.tunnel, tt.cfg.Key, tt.from)
			}
		})
	}
}

func TestFiltered(t *testing.T) {
	c := New(sensor.Classify{})
	b := eth(etherIPv4, segV4)
	c.Filtered(&Frame{Link: LinkEthernet, WireLen: len(b), Data: b})
	c.Filtered(&Frame{Link: LinkEthernet, WireLen: 60, Data: eth(etherARP, nil)})
	l := ledger(c)
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	if got := [2]uint64{l.Account("frames").Row("filtered"), l.Account("ip_bytes").Row("filtered")}; got != [2]uint64{2, 90} {
		t.Errorf("filtered %v, want [2 90]", got)
	}
}

func TestChecksums(t *testing.T) {
	sum := func(p []byte, v6 bool, at int) []byte { // fills in the checksum at offset at of the segment
		l3 := 20
		if v6 {
			l3 = 40
		}
		q := Packet{Proto: sensor.Proto(p[9]), V6: v6}
		if v6 {
			q.Proto = sensor.Proto(p[6])
			q.Src, q.Dst = [16]byte(p[8:24]), [16]byte(p[24:40])
		} else {
			mapIPv4(&q.Src, p[12:16])
			mapIPv4(&q.Dst, p[16:20])
		}
		for n := range 1 << 16 {
			p = patch16(p, l3+at, n)
			if n != 0 && !checksumWrong(&q, p[l3:]) {
				return p
			}
		}
		t.Fatal("no checksum is right")
		return nil
	}
	good4, good6 := sum(segV4, false, 16), sum(segV6, true, 16)
	goodUDP := sum(ip4("10.0.0.1", "10.0.0.2", 17, udp(1, 2, data[:49])), false, 6)
	for _, tt := range []struct {
		name  string
		frame []byte
		cut   int
		bad   bool
	}{
		{"tcp", good4, 0, false},
		{"tcp over ipv6", good6, 0, false},
		{"udp of odd length", goodUDP, 0, false},
		{"tcp, a byte changed", patch8(good4, 60, good4[60]+1), 0, true},
		{"tcp over ipv6, an address changed", patch8(good6, 20, 1), 0, true},
		{"udp, a byte changed", patch8(goodUDP, 40, goodUDP[40]+1), 0, true},
		{"udp without checksum", patch16(goodUDP, 26, 0), 0, false},
		{"cut off", patch8(good4, 60, good4[60]+1), 1, false},
	} {
		c := New(sensor.Classify{VerifyChecksums: true})
		got := classify(c, &Frame{Link: LinkRaw, WireLen: len(tt.frame), Data: tt.frame[:len(tt.frame)-tt.cut]})
		if len(got) != 1 || got[0].Flags&sensor.BadChecksum != 0 != tt.bad {
			t.Errorf("%s: flags %v, want bad %v", tt.name, got[0].Flags, tt.bad)
		}
	}
	// The sums above are our own; this one is from RFC 1071, 3.
	if got := sum16([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}); got != 0x2ddf0 {
		t.Errorf("sum16 = %#x, want 0x2ddf0", got)
	}
}
