package frame

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flowscope/sensor"
)

// script is a sequence of frames as bytes: for each, two bytes of length, one
// that says how much more there was on the wire, then the frame.
func script(frames ...[]byte) []byte {
	var out []byte
	for _, b := range frames {
		out = append(out, byte(len(b)>>8), byte(len(b)), 0)
		out = append(out, b...)
	}
	return out
}

func eachFrame(s []byte, link LinkType, yield func(*Frame)) {
	for n := uint64(1); len(s) >= 3; n++ {
		size := min(int(binary.BigEndian.Uint16(s)), len(s)-3)
		f := Frame{Time: sensor.Timestamp(n) * 1e9, Ordinal: n, Link: link, Data: s[3 : 3+size]}
		f.WireLen = size + int(int8(s[2]))
		if s[2] == 0x80 {
			f.Time = -1 << 63
		}
		yield(&f)
		s = s[3+size:]
	}
}

// configs are the ways to classify that a byte of fuzz input chooses from.
func config(n uint8) sensor.Classify {
	cfg := sensor.Classify{
		Tunnels:         sensor.TunnelLevel(n % 3),
		Key:             sensor.KeyKind(n / 3 % 3),
		KeyVLAN:         n&0x20 != 0,
		KeyTunnel:       n&0x40 != 0,
		VerifyChecksums: n&0x80 != 0,
	}
	if n&0x10 != 0 {
		cfg.MaxDatagrams, cfg.MaxFragmentBytes = 3, 3000
	}
	return cfg
}

func FuzzClassify(f *testing.F) {
	links := []LinkType{0, 1, 9, 12, 50, 101, 104, 105, 108, 113, 127, 228, 229, 239, 276, 7777}
	for _, bb := range benchFrames {
		f.Add(uint8(1), uint8(0), script(bb.frame))
	}
	inner := ip4("10.9.9.1", "10.9.9.2", 17, udp(1, 2152, gtpu(1, ip6("::1", "::2", protoFragment, frag6(17, 1, 8, false, payloadBytes(64))))))
	for n := range uint8(3) {
		f.Add(uint8(5), n, script(cut4(17, 7, udp(50000, 4789, vxlan(77, eth(etherIPv4, inner))), 48)...))
		f.Add(uint8(5), n, script(cut6(6, 7, tcp(1, 2, 3, 4, payloadBytes(60)), 16)...))
		f.Add(uint8(5), n|0x10, script(append(cut4(17, 7, udp(1, 2, payloadBytes(600)), 48), cut4(17, 7, udp(1, 2, payloadBytes(60)), 8)...)...))
	}
	f.Add(uint8(1), uint8(2), script(eth(etherMPLS, mpls(eth(etherPPPoE, pppoe(1, 0x57, segV6)), 1, 2, 3))))
	f.Add(uint8(5), uint8(2), script(ip4("1.1.1.1", "2.2.2.2", sensor.ProtoGRE, gre(0x1000, etherERSPAN2, be32(9), join(make([]byte, 8), eth(etherIPv4, segV4))))))

	f.Fuzz(func(t *testing.T, link, cfg uint8, s []byte) {
		c, slow := New(config(cfg)), New(config(cfg))
		slow.plain = false
		var sum sensor.Counters
		eachFrame(s, links[int(link)%len(links)], func(fr *Frame) {
			got := classify(c, fr)
			if want := classify(slow, fr); !reflect.DeepEqual(want, got) {
				t.Fatalf("fast path differs (-slow +fast):\n%s", cmp.Diff(want, got))
			}
			for _, r := range got {
				checkRecord(t, &r)
				sum.Add(r.Count)
			}
			checkBooks(t, c, sum)
		})
		c.Finish()
		checkBooks(t, c, sum)
		if c.frags.bytes != 0 || len(c.frags.byID) != 0 || row(c, FragmentsHeld) != 0 {
			t.Fatalf("after Finish %d bytes in %d datagrams; %v", c.frags.bytes, len(c.frags.byID), ledger(c).Accounts)
		}
	})
}

func checkRecord(t *testing.T, r *sensor.Record) {
	t.Helper()
	k := r.Key
	if from := k.Canonicalize(); from != 0 || k != r.Key {
		t.Fatalf("key is not in order: %v", r.Key)
	}
	if r.Kind != sensor.Packet || r.From > 1 || r.Reason != 0 || r.Count.Packets != 1 || r.Ordinal == 1<<60 {
		t.Fatalf("record %+v", r)
	}
	if len(r.Payload) > r.WireLen || r.WireLen < 0 || r.Flags&sensor.Fragment == 0 && r.WireLen != 0 && uint64(r.WireLen) != r.Count.PayloadBytes {
		t.Fatalf("WireLen %d with %d bytes of %d", r.WireLen, len(r.Payload), r.Count.PayloadBytes)
	}
	if r.Count.PayloadBytes > r.Count.Bytes && r.Flags&sensor.Fragment == 0 {
		t.Fatalf("more payload than packet: %+v", r.Count)
	}
}

func checkBooks(t *testing.T, c *Classifier, sum sensor.Counters) {
	t.Helper()
	l := ledger(c)
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	for _, a := range l.Accounts {
		for _, r := range a.Rows {
			if r.Count > a.Total {
				t.Fatalf("%s %s: %d of %d", a.Stage, r.Name, r.Count, a.Total)
			}
		}
	}
	if c.cfg.Tunnels != sensor.Both {
		got := [3]uint64{l.Account("frames").Row("accounted"), l.Account("frame_bytes").Row("accounted"), l.Account("ip_bytes").Row("accounted")}
		if want := [3]uint64{sum.Packets, sum.FrameBytes, sum.Bytes}; got != want {
			t.Fatalf("accounted %v, records add up to %v", got, want)
		}
	}
}

// TestMutations puts damaged frames of all kinds through the checks of the
// fuzz target.
func TestMutations(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var frames [][]byte
	for _, bb := range benchFrames {
		frames = append(frames, bb.frame)
	}
	for _, p := range append(cut4(17, 7, udp(50000, 4789, vxlan(77, eth(etherIPv4, segV4))), 40), cut6(6, 7, tcp(1, 2, 3, 4, payloadBytes(60)), 16)...) {
		etherType := etherIPv4
		if p[0]>>4 == 6 {
			etherType = etherIPv6
		}
		frames = append(frames, eth(etherType, p))
	}
	for n := range uint8(255) {
		c := New(config(n))
		var sum sensor.Counters
		for i := range 400 {
			b := bytes.Clone(frames[rng.IntN(len(frames))])
			for range rng.IntN(4) {
				b[rng.IntN(len(b))] = byte(rng.Uint32())
			}
			b = b[:rng.IntN(len(b))+1]
			f := Frame{Time: sensor.Timestamp(i) * 1e9, Ordinal: uint64(i + 1), Link: LinkEthernet, WireLen: len(b), Data: b}
			for _, r := range classify(c, &f) {
				checkRecord(t, &r)
				sum.Add(r.Count)
			}
			checkBooks(t, c, sum)
		}
	}
}

// The other direction of a packet has the same key and the other sender.
func TestReverse(t *testing.T) {
	addr4 := rapid.Map(rapid.SliceOfN(rapid.Byte(), 4, 4), func(b []byte) [4]byte { return [4]byte(b) })
	rapid.Check(t, func(t *rapid.T) {
		proto := rapid.SampledFrom([]sensor.Proto{6, 17, 132, 89}).Draw(t, "proto")
		a, b := addr4.Draw(t, "a"), addr4.Draw(t, "b")
		pa, pb := rapid.IntRange(0, 65535).Draw(t, "pa"), rapid.IntRange(0, 65535).Draw(t, "pb")
		v6 := rapid.Bool().Draw(t, "v6")
		build := func(src, dst [4]byte, sport, dport int) []byte {
			seg := tcp(sport, dport, 1, 2, nil)
			if proto == 17 {
				seg = udp(sport, dport, nil)
			}
			var p []byte
			if v6 {
				p = eth(etherIPv6, ip6("2001:db8::", "2001:db8::", proto, seg))
				copy(p[14+20:], src[:])
				copy(p[14+36:], dst[:])
			} else {
				p = eth(etherIPv4, ip4("0.0.0.0", "0.0.0.0", proto, seg))
				copy(p[14+12:], src[:])
				copy(p[14+16:], dst[:])
			}
			return p
		}
		c := New(sensor.Classify{Tunnels: sensor.Outer})
		got := run(c, LinkEthernet, build(a, b, pa, pb), build(b, a, pb, pa))
		if len(got) != 2 || got[0].Key != got[1].Key {
			t.Fatalf("keys differ: %v", got)
		}
		same := a == b && (pa == pb || proto == 89)
		if (got[0].From == got[1].From) != same {
			t.Fatalf("senders %d and %d of %v", got[0].From, got[1].From, got[0].Key)
		}
		if ip := got[0].Key.Addr[got[0].From]; [4]byte(ip[12:]) != a {
			t.Fatalf("sender %v of %v, want %v", got[0].From, got[0].Key, a)
		}
	})
}
