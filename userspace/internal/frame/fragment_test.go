package frame

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"flowscope/sensor"
)

// cut4 cuts a datagram from 10.0.0.9 to 10.0.0.1 into fragments of n bytes.
func cut4(proto sensor.Proto, id int, seg []byte, n int) [][]byte {
	var out [][]byte
	for off := 0; off < len(seg); off += n {
		end := min(off+n, len(seg))
		out = append(out, ip4("10.0.0.9", "10.0.0.1", proto, seg[off:end], frag4(id, off, end < len(seg))))
	}
	return out
}

func cut6(proto sensor.Proto, id uint32, seg []byte, n int) [][]byte {
	var out [][]byte
	for off := 0; off < len(seg); off += n {
		end := min(off+n, len(seg))
		out = append(out, ip6("2001:db8::9", "2001:db8::1", protoFragment, frag6(proto, id, off, end < len(seg), seg[off:end])))
	}
	return out
}

// sums adds up what records say and returns the payloads handed out.
func sumOf(records []sensor.Record) (c sensor.Counters, payloads [][]byte) {
	for _, r := range records {
		c.Add(r.Count)
		if r.Payload != nil {
			payloads = append(payloads, r.Payload)
		}
	}
	return c, payloads
}

func row(c *Classifier, why Reason) uint64 { return ledger(c).Account("frames").Row(why.String()) }

// Whatever the order, the fragments of a datagram are in its flow, and its
// payload comes once, whole.
func TestFragmentsInAnyOrder(t *testing.T) {
	body := payloadBytes(101)
	for _, tt := range []struct {
		name  string
		parts [][]byte
		head  int
	}{
		{"udp over ipv4", cut4(17, 7, udp(53, 1024, body), 24), 8},
		{"tcp over ipv4, header split", cut4(6, 7, tcp(53, 1024, 9, sensor.ACK, body), 8), 20},
		{"udp over ipv6", cut6(17, 7, udp(53, 1024, body), 40), 8},
		{"tcp over ipv6 behind options", cut6(protoDstOpts, 7, ext(6, tcp(53, 1024, 9, sensor.ACK, body)), 16), 28},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		for range 50 {
			parts := slices.Clone(tt.parts)
			rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			c := New(sensor.Classify{})
			got := run(c, LinkRaw, parts...)
			sum, payloads := sumOf(got)
			total := 0
			for _, p := range parts {
				total += len(p)
			}
			want := sensor.Counters{Packets: uint64(len(parts)), Bytes: uint64(total), FrameBytes: uint64(total), PayloadBytes: 101}
			if sum != want {
				t.Errorf("%s: %+v, want %+v", tt.name, sum, want)
			}
			if len(payloads) != 1 || !bytes.Equal(payloads[0], body) {
				t.Errorf("%s: payloads %x, want %x", tt.name, payloads, body)
			}
			seen := map[uint64]bool{}
			var reported uint64
			for _, r := range got {
				if reported += r.Count.PayloadBytes; r.Payload != nil && reported != 101 {
					t.Errorf("%s: %d bytes of payload counted when all was handed out", tt.name, reported)
				}
				if r.Key.Port != [2]uint16{1024, 53} && r.Key.Port != [2]uint16{53, 1024} || r.Flags != sensor.Fragment {
					t.Errorf("%s: record %+v", tt.name, r)
				}
				if r.Time != sensor.Timestamp(r.Ordinal-1)*1e6 || seen[r.Ordinal] {
					t.Errorf("%s: frame %d at %d", tt.name, r.Ordinal, r.Time)
				}
				seen[r.Ordinal] = true
				if r.Payload == nil && (r.WireLen != 0 || r.TCPFlags != 0) {
					t.Errorf("%s: a fragment has WireLen %d, flags %x", tt.name, r.WireLen, r.TCPFlags)
				}
			}
			if err := ledger(c).Check(); err != nil || row(c, Accounted) != uint64(len(parts)) {
				t.Errorf("%s: %v, %v", tt.name, err, ledger(c).Accounts)
			}
		}
	}
}

func TestFragmentOverlaps(t *testing.T) {
	seg := udp(53, 1024, payloadBytes(56)) // 64 bytes
	other := payloadBytes(64)
	slices.Reverse(other)
	f := func(off, end int, more bool, from []byte) []byte {
		return ip4("10.0.0.9", "10.0.0.1", 17, from[off:end], frag4(7, off, more))
	}
	for _, tt := range []struct {
		name     string
		frames   [][]byte
		whole    bool
		conflict bool
		records  int
	}{
		{"duplicate", [][]byte{f(0, 32, true, seg), f(0, 32, true, seg), f(32, 64, false, seg)}, true, false, 3},
		{"duplicate of the last, before", [][]byte{f(32, 64, false, seg), f(32, 64, false, seg), f(0, 32, true, seg)}, true, false, 3},
		{"duplicate after it is complete", [][]byte{f(0, 32, true, seg), f(32, 64, false, seg), f(0, 32, true, seg)}, true, false, 3},
		{"overlap with the same bytes", [][]byte{f(0, 32, true, seg), f(16, 64, false, seg)}, true, false, 2},
		{"overlap with other bytes keeps the first", [][]byte{f(0, 32, true, seg), f(24, 48, true, other), f(32, 64, false, seg)}, false, true, 3},
		{"one around all others keeps them", [][]byte{f(0, 16, true, seg), f(32, 48, true, seg), f(8, 64, false, seg)}, true, false, 3},
		{"two ends, the first holds", [][]byte{f(0, 32, true, seg), f(40, 48, false, seg), f(32, 64, false, seg)}, false, true, 3},
		{"an end before what came", [][]byte{f(0, 32, true, seg), f(40, 64, true, seg), f(32, 40, false, seg)}, false, true, 3},
	} {
		c := New(sensor.Classify{})
		got := run(c, LinkRaw, tt.frames...)
		_, payloads := sumOf(got)
		if whole := len(payloads) == 1 && bytes.Equal(payloads[0], seg[8:]); whole != tt.whole {
			t.Errorf("%s: payloads %x, want whole %v", tt.name, payloads, tt.whole)
		}
		conflict := slices.ContainsFunc(got, func(r sensor.Record) bool { return r.Flags&sensor.FragmentConflict != 0 })
		if conflict != tt.conflict || len(got) != tt.records {
			t.Errorf("%s: conflict %v in %d records, want %v in %d", tt.name, conflict, len(got), tt.conflict, tt.records)
		}
		if err := ledger(c).Check(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestFirstBytesWin(t *testing.T) {
	seg := udp(53, 1024, payloadBytes(56))
	bad := bytes.Repeat([]byte{0xee}, 64)
	c := New(sensor.Classify{})
	got := run(c, LinkRaw,
		ip4("10.0.0.9", "10.0.0.1", 17, seg[24:40], frag4(7, 24, true)),
		ip4("10.0.0.9", "10.0.0.1", 17, bad[16:48], frag4(7, 16, true)),
		ip4("10.0.0.9", "10.0.0.1", 17, seg[0:16], frag4(7, 0, true)),
		ip4("10.0.0.9", "10.0.0.1", 17, seg[40:64], frag4(7, 40, false)))
	want := slices.Concat(seg[8:16], bad[16:24], seg[24:40], bad[40:48], seg[48:64])
	if _, payloads := sumOf(got); len(payloads) != 1 || !bytes.Equal(payloads[0], want) {
		t.Errorf("payload %x, want %x", payloads, want)
	}
}

// Another datagram with the same identification is not taken for duplicates.
func TestIdentificationReused(t *testing.T) {
	one, two := udp(53, 1024, payloadBytes(56)), udp(53, 1024, bytes.Repeat([]byte{1}, 56))
	c := New(sensor.Classify{})
	got := run(c, LinkRaw, append(cut4(17, 7, one, 32), cut4(17, 7, two, 32)...)...)
	_, payloads := sumOf(got)
	if len(payloads) != 2 || !bytes.Equal(payloads[0], one[8:]) || !bytes.Equal(payloads[1], two[8:]) {
		t.Errorf("payloads %x", payloads)
	}
	if len(got) != 4 {
		t.Errorf("%d records, want 4", len(got))
	}
}

// Fragments of which the capture has only the beginning still make a datagram,
// of which the beginning is handed out.
func TestFragmentsCutOff(t *testing.T) {
	parts := cut4(17, 7, udp(53, 1024, payloadBytes(100)), 56)
	c := New(sensor.Classify{})
	var got []sensor.Record
	for i, b := range parts {
		got = append(got, classify(c, &Frame{Ordinal: uint64(i + 1), Link: LinkRaw, WireLen: len(b), Data: b[:40]})...)
	}
	if len(got) != 2 || got[1].WireLen != 100 || !bytes.Equal(got[1].Payload, payloadBytes(100)[:12]) {
		t.Errorf("got %+v, want 12 of 100 bytes", got)
	}
}

func TestTunnelFragments(t *testing.T) {
	inner := ip4("10.9.9.1", "10.9.9.2", 6, tcp(40000, 80, 1, sensor.ACK, payloadBytes(300)))
	parts := cut4(17, 7, udp(50000, 4789, vxlan(77, eth(etherIPv4, inner))), 128)
	n := uint64(len(parts))
	for _, reverse := range []bool{false, true} {
		frames := slices.Clone(parts)
		if reverse {
			slices.Reverse(frames)
		}
		t.Run(fmt.Sprintf("inner, reversed %v", reverse), func(t *testing.T) {
			c := New(sensor.Classify{})
			got := run(c, LinkRaw, frames...)
			if len(got) != 1 || got[0].Count.Bytes != uint64(len(inner)) || got[0].Encap.TunnelID != 77 || len(got[0].Payload) != 300 {
				t.Fatalf("got %+v, want the inner packet", got)
			}
			if got, want := row(c, TunnelFragment), n-1; got != want {
				t.Errorf("tunnel_fragment %d, want %d", got, want)
			}
			l := ledger(c)
			a := l.Account("ip_bytes")
			if a.Row("accounted") != uint64(len(inner)) || a.Row("tunnel_fragment") > a.Total || l.Check() != nil {
				t.Errorf("%v", l.Accounts)
			}
		})
		t.Run(fmt.Sprintf("both, reversed %v", reverse), func(t *testing.T) {
			c := New(sensor.Classify{Tunnels: sensor.Both})
			got := run(c, LinkRaw, frames...)
			var outer, inside int
			for _, r := range got {
				if r.Encap.Tunnel == sensor.VXLAN {
					inside++
				} else if outer++; r.Payload != nil || r.WireLen != 0 {
					t.Errorf("the outer packet has payload: %+v", r)
				}
			}
			if outer != int(n) || inside != 1 || row(c, Accounted) != n || ledger(c).Check() != nil {
				t.Errorf("%d outer, %d inner, %v", outer, inside, ledger(c).Accounts)
			}
		})
		t.Run(fmt.Sprintf("outer, reversed %v", reverse), func(t *testing.T) {
			c := New(sensor.Classify{Tunnels: sensor.Outer})
			sum, payloads := sumOf(run(c, LinkRaw, frames...))
			if sum.Packets != n || len(payloads) != 1 || len(payloads[0]) != len(inner)+22 {
				t.Errorf("%+v", sum)
			}
		})
	}
	t.Run("never complete", func(t *testing.T) {
		c := New(sensor.Classify{})
		run(c, LinkRaw, parts[:2]...)
		if got := row(c, FragmentsHeld); got != 2 {
			t.Errorf("held %d, want 2", got)
		}
		c.Finish()
		if got := row(c, FragmentIncomplete); got != 2 || ledger(c).Check() != nil {
			t.Errorf("incomplete %d, want 2; %v", got, ledger(c).Accounts)
		}
	})
	t.Run("not a tunnel after all", func(t *testing.T) {
		c := New(sensor.Classify{})
		sum, payloads := sumOf(run(c, LinkRaw, cut4(17, 7, udp(50000, 4789, payloadBytes(300)), 128)...))
		if sum.Packets != 3 || sum.PayloadBytes != 300 || len(payloads) != 1 || row(c, Accounted) != 3 {
			t.Errorf("%+v %v", sum, ledger(c).Accounts)
		}
	})
	t.Run("inner fragments", func(t *testing.T) {
		var frames [][]byte
		for _, f := range cut4(17, 9, udp(53, 1024, payloadBytes(100)), 56) {
			frames = append(frames, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoIPIP, f))
		}
		slices.Reverse(frames)
		for level, records := range map[sensor.TunnelLevel]int{sensor.Inner: 2, sensor.Both: 4} {
			c := New(sensor.Classify{Tunnels: level})
			got := run(c, LinkRaw, frames...)
			_, payloads := sumOf(got)
			if len(got) != records || len(payloads) != 1 || len(payloads[0]) != 100 || row(c, Accounted) != 2 || ledger(c).Check() != nil {
				t.Errorf("level %d: %d records, %v", level, len(got), ledger(c).Accounts)
			}
		}
	})
	t.Run("fragments inside fragments", func(t *testing.T) {
		var frames [][]byte
		for i, f := range cut4(17, 9, udp(53, 1024, payloadBytes(400)), 208) {
			for off := 0; off < len(f); off += 80 {
				end := min(off+80, len(f))
				frames = append(frames, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoIPIP, f[off:end], frag4(100+i, off, end < len(f))))
			}
		}
		slices.Reverse(frames)
		c := New(sensor.Classify{})
		sum, payloads := sumOf(run(c, LinkRaw, frames...))
		a := ledger(c).Account("ip_bytes")
		if sum.Packets != 2 || len(payloads) != 1 || len(payloads[0]) != 400 || a.Row("accounted") != sum.Bytes || a.Row("tunnel_fragment") > a.Total || ledger(c).Check() != nil {
			t.Errorf("%+v %v", sum, ledger(c).Accounts)
		}
	})
}

func TestFragmentCaps(t *testing.T) {
	tail := func(id int) []byte {
		return ip4("10.0.0.9", "10.0.0.1", 17, make([]byte, 1000), frag4(id, 1000, false))
	}
	t.Run("datagrams", func(t *testing.T) {
		c := New(sensor.Classify{MaxDatagrams: 10})
		for id := range 100 {
			run(c, LinkRaw, tail(id))
		}
		if got := row(c, FragmentLimit); got != 90 || c.frags.size() != 10 || ledger(c).Check() != nil {
			t.Errorf("fragment_limit %d with %d left, want 90 and 10", got, c.frags.size())
		}
	})
	t.Run("bytes", func(t *testing.T) {
		c := New(sensor.Classify{MaxFragmentBytes: 20000})
		for id := range 100 {
			run(c, LinkRaw, tail(id))
			if c.frags.bytes > 20000 {
				t.Fatalf("%d bytes held", c.frags.bytes)
			}
		}
		if got := row(c, FragmentLimit); got < 80 || ledger(c).Check() != nil {
			t.Errorf("fragment_limit %d, want most of 100", got)
		}
		c.Finish()
		if c.frags.bytes != 0 || c.frags.size() != 0 || len(c.frags.byID) != 0 {
			t.Errorf("%d bytes in %d datagrams after Finish", c.frags.bytes, c.frags.size())
		}
	})
	t.Run("less than one datagram", func(t *testing.T) {
		c := New(sensor.Classify{MaxFragmentBytes: 1})
		got := run(c, LinkRaw, append(cut4(17, 7, udp(53, 1024, payloadBytes(100)), 56), tail(7))...)
		if len(got) != 0 || row(c, FragmentLimit) != 3 || ledger(c).Check() != nil {
			t.Errorf("%v", ledger(c).Accounts)
		}
	})
	t.Run("crumbs", func(t *testing.T) { // every other 8 bytes of a datagram, again and again
		c := New(sensor.Classify{})
		for off := 65520; off > 8; off -= 16 {
			run(c, LinkRaw, ip4("10.0.0.9", "10.0.0.1", 17, make([]byte, 8), frag4(7, off, true)))
		}
		if c.frags.bytes > 1<<20 || ledger(c).Check() != nil {
			t.Errorf("%d bytes held; %v", c.frags.bytes, ledger(c).Accounts)
		}
	})
}

func TestFragmentClock(t *testing.T) {
	parts := cut4(17, 7, udp(53, 1024, payloadBytes(100)), 56)
	plain := ip4("10.0.0.9", "10.0.0.1", 17, udp(53, 1024, nil))
	const sec = sensor.Timestamp(time.Second)
	type at struct {
		ts sensor.Timestamp
		b  []byte
		n  int
	}
	for _, tt := range []struct {
		name   string
		frames []at
		tied   bool
	}{
		{"in time", []at{{0, parts[1], 1}, {29 * sec, plain, 2000}, {29 * sec, parts[0], 1}}, true},
		{"too late", []at{{0, parts[1], 1}, {40 * sec, plain, 2000}, {40 * sec, parts[0], 1}}, false},
		{"one timestamp from the future", []at{{0, parts[1], 1}, {1 << 62, plain, 1}, {sec, plain, 5000}, {sec, parts[0], 1}}, true},
		{"one timestamp from the past", []at{{90 * sec, parts[1], 1}, {-1 << 63, plain, 1}, {91 * sec, parts[0], 1}}, true},
		{"begun in the future", []at{{1 << 62, parts[1], 1}, {sec, plain, 2000}, {40 * sec, plain, 2000}, {40 * sec, parts[0], 1}}, false},
		{"days of silence, few frames", []at{{0, parts[1], 1}, {400000 * sec, plain, 100}, {400000 * sec, parts[0], 1}}, true},
	} {
		c := New(sensor.Classify{})
		tied := false
		for _, f := range tt.frames {
			for range f.n {
				for _, r := range classify(c, &Frame{Time: f.ts, Link: LinkRaw, WireLen: len(f.b), Data: f.b}) {
					tied = tied || len(r.Payload) == 100
				}
			}
		}
		c.Finish()
		if tied != tt.tied || ledger(c).Check() != nil || (row(c, FragmentUntied) > 0) == tied {
			t.Errorf("%s: tied %v, want %v; %v", tt.name, tied, tt.tied, ledger(c).Accounts)
		}
	}
}
