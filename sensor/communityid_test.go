package sensor

import (
	"net/netip"
	"testing"
)

// The vectors are those that the authors of the specification published:
// github.com/corelight/community-id-spec, baseline/baseline_deflt.json and
// baseline_seed1.json (v3), and the unit tests of pycommunityid (p).
//
// Ports are as the sender of the packet has them; for ICMP, type and code.
var communityIDs = []struct {
	name         string
	proto        Proto
	src, dst     string
	sport, dport uint16
	seed0, seed1 string
}{
	{"v3 neighbour solicitation", 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY="},
	{"v3 neighbour advertisement", 58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY="},
	{"v3 solicitation by the other", 58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 135, 0, "1:zavyT/cezQr1fmImYCwYnMXbgck=", "1:2hSqmsDZ2kdcY9kbiUzOEBic0iM="},
	{"v3 advertisement by the other", 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 136, 0, "1:zavyT/cezQr1fmImYCwYnMXbgck=", "1:2hSqmsDZ2kdcY9kbiUzOEBic0iM="},
	{"v3 icmpv6 time exceeded is one way", 58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0, "1:2ObVBgIn28oZvibYZhZMBgh7WdQ=", "1:lVEtCZpYu84Xqaa++3lXFyuu2n4="},
	{"v3 icmpv6 unreachable is one way", 58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4, "1:hLZd0XGWojozrvxqE0dWB1iM6R0=", "1:W8MHwXpWzpoSTD+cGcaJr4u0ys8="},
	{"v3 icmpv6 echo request", 58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 128, 0, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=", "1:GfZxjAkDk2MkegpBYHV6tadtFXQ="},
	{"v3 icmpv6 echo reply", 58, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", 129, 0, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=", "1:GfZxjAkDk2MkegpBYHV6tadtFXQ="},
	{"v3 router solicitation", 58, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 0, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=", "1:L7Ka0ZMYu+J3bL4ulW2PrqyXNo8="},
	{"v3 router advertisement", 58, "fe80::260:97ff:fe07:69ea", "ff02::1", 134, 0, "1:pkvHqCL88/tg1k4cPigmZXUtL00=", "1:K/ee5UCqAMAQXDorP5nSa2CGLjc="},
	{"v3 echo request", 1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA="},
	{"v3 echo reply", 1, "192.168.0.1", "192.168.0.89", 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA="},
	{"v3 icmp time exceeded is one way", 1, "10.0.0.1", "10.0.0.2", 11, 0, "1:YHxtAirCG//0OzkcVAukqKQN9xM=", "1:XjUibYHaafLQ3pxQeiMI8g25q20="},
	{"v3 tcp over ipv6", 6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=", "1:eJYTW6AOzFLlSUoESovMjnu7rMw="},
	{"v3 tcp over ipv6, other way", 6, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887", 25, 63943, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=", "1:eJYTW6AOzFLlSUoESovMjnu7rMw="},
	{"v3 sctp", 132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=", "1:5w3ZRjeKBzqT3zsaEECDGjUbYeg="},
	{"v3 sctp, other way", 132, "192.168.170.56", "192.168.170.8", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=", "1:5w3ZRjeKBzqT3zsaEECDGjUbYeg="},
	{"v3 tcp", 6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc="},
	{"v3 tcp, other way", 6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc="},
	{"v3 udp", 17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", "1:Q9We8WO3piVF8yEQBNJF4uiSVrI="},
	{"v3 udp, other way", 17, "8.8.8.8", "192.168.1.52", 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", "1:Q9We8WO3piVF8yEQBNJF4uiSVrI="},
	{"v3 rsvp has no ports", 46, "10.1.12.1", "10.1.12.2", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=", "1:rYir8gphR31noO9iDRQmF/BteEI="},
	{"v3 rsvp, other way", 46, "10.1.12.2", "10.1.12.1", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=", "1:rYir8gphR31noO9iDRQmF/BteEI="},

	{"p icmp type 20 code 0", 1, "192.168.0.89", "192.168.0.1", 20, 0, "1:3o2RFccXzUgjl7zDpqmY7yJi8rI=", "1:lCXHHxavE1Vq3oX9NH5ladQg02o="},
	{"p icmp type 20 code 1", 1, "192.168.0.89", "192.168.0.1", 20, 1, "1:tz/fHIDUHs19NkixVVoOZywde+I=", "1:Ie3wmFyxiEyikbsbcO03d2nh+PM="},
	{"p echo reply with a code", 1, "192.168.0.1", "192.168.0.89", 0, 20, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA="},
	{"p icmpv6 time exceeded", 58, "3ffe:507:0:1:260:97ff:fe07:69ea", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0, "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=", "1:OlOWx9psIbBFi7lOCw/4MhlKR9M="},
	{"p icmpv6 time exceeded, other way", 58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:507:0:1:260:97ff:fe07:69ea", 3, 0, "1:/OGBt9BN1ofenrmSPWYicpij2Vc=", "1:Ij4ZxnC87/MXzhOjvH2vHu7LRmE="},
	{"p sctp", 132, "192.168.170.8", "192.168.170.56", 7, 80, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=", "1:Y1/0jQg6e+I3ZwZZ9LP65DNbTXU="},
	{"p sctp, other way", 132, "192.168.170.56", "192.168.170.8", 80, 7, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=", "1:Y1/0jQg6e+I3ZwZZ9LP65DNbTXU="},
	{"p ports order as numbers", 6, "10.0.0.1", "10.0.0.2", 10, 11569, "1:SXBGMX1lBOwhhoDrZynfROxnhnM=", "1:HmBRGR+fUyXF4t8WEtal7Y0gEAo="},
	{"p ip only", 46, "10.1.24.4", "10.1.12.1", 0, 0, "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4=", "1:BK3BVW3U2eemuwVQVN3zd/GULno="},
}

// flowOf returns the flow that a packet starts, with ports as Key documents
// them.
func flowOf(proto Proto, src, dst string, sport, dport uint16) *Flow {
	if proto == ProtoICMP || proto == ProtoICMPv6 {
		if counterpart, ok := ICMPCounterpart(proto, uint8(sport)); ok {
			dport = uint16(counterpart)
		}
	}
	k, from := NewKey(proto, netip.AddrPortFrom(netip.MustParseAddr(src), sport), netip.AddrPortFrom(netip.MustParseAddr(dst), dport))
	return &Flow{Key: k, Initiator: from}
}

func TestCommunityIDPublishedVectors(t *testing.T) {
	for _, tt := range communityIDs {
		t.Run(tt.name, func(t *testing.T) {
			f := flowOf(tt.proto, tt.src, tt.dst, tt.sport, tt.dport)
			if got := f.CommunityID(0); got != tt.seed0 {
				t.Errorf("CommunityID(0) = %s, want %s", got, tt.seed0)
			}
			if got := f.CommunityID(1); got != tt.seed1 {
				t.Errorf("CommunityID(1) = %s, want %s", got, tt.seed1)
			}
		})
	}
}

func TestCommunityIDOfOtherKeys(t *testing.T) {
	for _, kind := range []KeyKind{IPPair, MACPair} {
		f := Flow{Key: Key{Kind: kind}}
		if got := f.CommunityID(0); got != "" {
			t.Errorf("CommunityID of a key of kind %v = %q, want none", kind, got)
		}
	}
}

func TestCommunityIDDoesNotDependOnTheInitiator(t *testing.T) {
	f := flowOf(ProtoTCP, "10.0.0.1", "10.0.0.2", 1, 2)
	first := f.CommunityID(0)
	f.Initiator ^= 1
	if got := f.CommunityID(0); got != first {
		t.Errorf("CommunityID with the other initiator = %s, want %s", got, first)
	}
}

func TestICMPCounterpartIsMutual(t *testing.T) {
	for _, p := range []Proto{ProtoICMP, ProtoICMPv6} {
		pairs := 0
		for i := range 256 {
			c, ok := ICMPCounterpart(p, uint8(i))
			if !ok {
				continue
			}
			pairs++
			if back, ok := ICMPCounterpart(p, c); !ok || back != uint8(i) || c == uint8(i) {
				t.Errorf("ICMPCounterpart(%v, %d) = %d, whose counterpart is %d, %v", p, i, c, back, ok)
			}
		}
		if want := map[Proto]int{ProtoICMP: 10, ProtoICMPv6: 12}[p]; pairs != want {
			t.Errorf("%v has %d types with a counterpart, want %d", p, pairs, want)
		}
	}
	if _, ok := ICMPCounterpart(ProtoTCP, 8); ok {
		t.Error("ICMPCounterpart(tcp, 8) exists")
	}
}

func TestAppendCommunityIDAllocatesNothing(t *testing.T) {
	f := flowOf(ProtoTCP, "10.0.0.1", "10.0.0.2", 1, 2)
	buf := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { buf = f.AppendCommunityID(buf[:0], 0) }); n != 0 {
		t.Errorf("AppendCommunityID allocates %v times, want 0", n)
	}
}
