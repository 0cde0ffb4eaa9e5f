package sensor

import (
	"net/netip"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestNewKeyOrdersEndpoints(t *testing.T) {
	tests := []struct {
		name     string
		src, dst string
		from     uint8
		first    string
	}{
		{"lower address sends", "10.0.0.1:80", "10.0.0.2:40000", 0, "10.0.0.1:80"},
		{"higher address sends", "10.0.0.2:40000", "10.0.0.1:80", 1, "10.0.0.1:80"},
		{"addresses compare as bytes, not as text", "9.0.0.1:1", "10.0.0.1:1", 0, "9.0.0.1:1"},
		{"the first octet counts most", "128.0.0.1:1", "127.255.255.255:1", 1, "127.255.255.255:1"},
		{"equal addresses, lower port sends", "127.0.0.1:53", "127.0.0.1:5353", 0, "127.0.0.1:53"},
		{"equal addresses, higher port sends", "127.0.0.1:5353", "127.0.0.1:53", 1, "127.0.0.1:53"},
		{"equal endpoints", "127.0.0.1:53", "127.0.0.1:53", 0, "127.0.0.1:53"},
		{"ipv6 differs in the upper half", "[2001:db8:1::1]:1", "[2001:db8::2]:1", 1, "[2001:db8::2]:1"},
		{"ipv6 differs in the lower half", "[fe80::1]:9", "[fe80::2]:1", 0, "[fe80::1]:9"},
		{"ipv4 sorts as ipv4-mapped", "255.255.255.255:1", "[::1:0:0:0]:1", 0, "255.255.255.255:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, from := NewKey(ProtoTCP, addrPort(tt.src), addrPort(tt.dst))
			if from != tt.from {
				t.Errorf("NewKey(%s, %s) from = %d, want %d", tt.src, tt.dst, from, tt.from)
			}
			if got := k.AddrPort(0).String(); got != tt.first {
				t.Errorf("NewKey(%s, %s) endpoint 0 = %s, want %s", tt.src, tt.dst, got, tt.first)
			}
			if got := k.AddrPort(from).String(); got != tt.src {
				t.Errorf("NewKey(%s, %s) endpoint of the sender = %s", tt.src, tt.dst, got)
			}
		})
	}
}

func TestKeyIsSymmetric(t *testing.T) {
	endpoint := rapid.Custom(func(t *rapid.T) netip.AddrPort {
		addr := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.ByteRange(0, 1), 4, 4).Draw(t, "v4")))
		if rapid.Bool().Draw(t, "six") {
			addr = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.ByteRange(0, 1), 16, 16).Draw(t, "v6")))
		}
		return netip.AddrPortFrom(addr, rapid.Uint16Range(0, 2).Draw(t, "port"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := endpoint.Draw(t, "a"), endpoint.Draw(t, "b")
		ab, fromA := NewKey(ProtoUDP, a, b)
		ba, fromB := NewKey(ProtoUDP, b, a)
		if ab != ba {
			t.Fatalf("NewKey(%v, %v) = %v, other way round %v", a, b, ab, ba)
		}
		if a != b && fromA == fromB {
			t.Fatalf("both %v and %v are endpoint %d", a, b, fromA)
		}
		again := ab
		if from := again.Canonicalize(); from != 0 || again != ab {
			t.Fatalf("Canonicalize of a canonical key = %v from %d", again, from)
		}
	})
}

func TestKeyHasNoPadding(t *testing.T) {
	// The kernel hashes the key's bytes: a hole in it would be garbage.
	if got, want := unsafe.Sizeof(Key{}), uintptr(2*16+2*2+4+2+1+1); got != want {
		t.Errorf("size of Key = %d, want %d", got, want)
	}
}

func TestKeyString(t *testing.T) {
	k, _ := NewKey(ProtoTCP, addrPort("10.0.0.2:40000"), addrPort("10.0.0.1:80"))
	if got, want := k.String(), "10.0.0.1:80 <-> 10.0.0.2:40000 tcp"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	m := Key{Kind: MACPair, Addr: [2][16]byte{{0, 1, 2, 0xab, 0xcd, 0xef}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}}
	if got, want := m.String(), "00:01:02:ab:cd:ef <-> ff:ff:ff:ff:ff:ff"; got != want {
		t.Errorf("String() of a MACPair = %q, want %q", got, want)
	}
	if m.IP(0).IsValid() {
		t.Errorf("IP(0) of a MACPair = %v, want the zero Addr", m.IP(0))
	}
}

func TestProtoString(t *testing.T) {
	for p, want := range map[Proto]string{ProtoTCP: "tcp", ProtoICMPv6: "ipv6-icmp", ProtoSCTP: "sctp", 46: "46", 0: "0", 255: "255"} {
		if got := p.String(); got != want {
			t.Errorf("Proto(%d).String() = %q, want %q", p, got, want)
		}
	}
}

func TestKeyAllocatesNothing(t *testing.T) {
	src, dst := addrPort("[2001:db8::2]:443"), addrPort("[2001:db8::1]:1")
	if n := testing.AllocsPerRun(100, func() { NewKey(ProtoTCP, src, dst) }); n != 0 {
		t.Errorf("NewKey allocates %v times, want 0", n)
	}
}
