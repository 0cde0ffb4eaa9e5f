package table

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write testdata/*.txt anew")

type request string

func (r request) Headline() string { return string(r) }

type plainMessage struct {
	Length int    `json:"length"`
	Body   []byte `json:"body"`
}

func newFlow(id uint64, proto sensor.Proto, src, dst, app string, fwd, rev uint64, d time.Duration, end sensor.EndReason) *sensor.Flow {
	f := &sensor.Flow{ID: id, App: app, End: end, First: 1_700_000_000_000_000_000, Evidence: sensor.BySYN}
	f.Key, f.Initiator = sensor.NewKey(proto, netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst))
	f.Last = f.First.Add(d)
	f.Counters = [2]sensor.Counters{{Packets: 1, Bytes: fwd}, {Packets: 1, Bytes: rev}}
	return f
}

// demo is like the sketch of what people should see.
func demo() (events []*sensor.Event) {
	tls := newFlow(1, sensor.ProtoTCP, "10.1.0.7:51544", "203.0.113.10:443", "tls", 4100, 1_200_000, 3400*time.Millisecond, sensor.EndFIN)
	http := newFlow(2, sensor.ProtoTCP, "10.1.0.9:40110", "10.1.0.2:80", "http", 3300, 41_000, 9*time.Second, sensor.EndFIN)
	http.TCP[0].Retransmissions = 2
	dns := newFlow(3, sensor.ProtoUDP, "10.1.0.9:5353", "10.1.0.1:53", "dns", 62, 94, 4*time.Millisecond, sensor.EndIdle)
	mid := newFlow(4, sensor.ProtoTCP, "[2001:db8::5]:443", "[2001:db8:ffff:eeee:dddd:cccc:bbbb:9]:50110", "", 1_000_000_000, 0, 90*time.Minute, sensor.EndShutdown)
	mid.Midstream, mid.Evidence = true, sensor.ByPort
	evil := newFlow(5, sensor.ProtoTCP, "10.1.0.66:1", "10.1.0.2:80", "http", 100, 100, 0, sensor.EndRST)
	ping := newFlow(6, sensor.ProtoICMP, "10.1.0.9:8", "10.1.0.1:0", "", 84, 84, time.Millisecond, sensor.EndIdle)
	pfx := newFlow(7, sensor.ProtoTCP, "10.1.0.9:40111", "10.1.0.2:7000", "lengthprefixed", 500, 0, time.Second, sensor.EndEvicted)

	at := sensor.Timestamp(1_700_000_000_123_456_789)
	message := func(f *sensor.Flow, side sensor.Side, m sensor.Message) {
		at = at.Add(time.Millisecond)
		events = append(events, &sensor.Event{Kind: sensor.FlowMessage, Flow: f, Side: side, App: f.App, Time: at, Msg: m})
	}
	message(dns, 0, request("A shop.example"))
	message(dns, 1, request("A shop.example -> 203.0.113.10"))
	message(tls, 0, request(""))
	message(tls, 1, request("shop.example  ja4 t13d1516h2_8daaf6152771_02713d6af862"))
	message(pfx, 0, &plainMessage{Length: 4, Body: []byte("a\x1bb\xff")})
	message(evil, 0, request("GET /\x1b[2J\x1b]0;owned\x07\u202eexe.\r\n"+strings.Repeat("\xff", 500)))
	for i := range 12 {
		message(http, 0, request(fmt.Sprintf("GET /api/cart/%d 200", i)))
	}
	events = append(events, &sensor.Event{Kind: sensor.FlowGap, Flow: mid, Lost: 1448}, &sensor.Event{Kind: sensor.FlowAnomaly, Flow: mid, Anomaly: sensor.InconsistentOverlap},
		&sensor.Event{Kind: sensor.FlowError, Flow: mid, Err: errors.New("x")}, &sensor.Event{Kind: sensor.FlowUpdate, Flow: mid})
	for _, f := range []*sensor.Flow{dns, tls, http, mid, evil, ping, pfx} {
		events = append(events, &sensor.Event{Kind: sensor.FlowEnd, Flow: f})
	}
	return events
}

// usual is n connections of which every fifth is over IPv6, with more messages
// than are shown.
func usual(n int) (events []*sensor.Event) {
	for i := range n {
		src, dst := fmt.Sprintf("10.1.0.%d:%d", i+1, 49152+i), "198.51.100.80:443"
		if i%5 == 0 {
			src, dst = fmt.Sprintf("[2001:db8:a::%d]:%d", i+1, 49152+i), "[2001:db8:113::10]:443"
		}
		f := newFlow(uint64(i), sensor.ProtoTCP, src, dst, "tls", 9300-uint64(i), 255_000, 736*time.Millisecond, sensor.EndFIN)
		for n := range 6 {
			events = append(events, &sensor.Event{Kind: sensor.FlowMessage, Flow: f, Side: sensor.Side(n & 1), App: "tls", Time: f.First.Add(time.Duration(i+n) * time.Second),
				Msg: request(fmt.Sprintf("%d: shop%d.example TLSv1.3 TLS_AES_128_GCM_SHA256", n, i))})
		}
		events = append(events, &sensor.Event{Kind: sensor.FlowEnd, Flow: f})
	}
	return events
}

func demoLedger(balanced bool) *sensor.Ledger {
	var l sensor.Ledger
	l.Add(sensor.Account{Stage: "frames", Unit: "packets", Total: 12_480, Rows: []sensor.Row{{Name: "accounted", Count: 12_431}, {Name: "non_ip", Count: 37},
		{Name: "fragments_held", Count: 9}, {Name: "malformed", Count: 3}, {Name: "never", Count: 0}}})
	total := uint64(14_201_118)
	if !balanced {
		total++
	}
	l.Add(sensor.Account{Stage: "ip_bytes", Unit: "bytes", Total: total, Rows: []sensor.Row{{Name: "accounted", Count: 14_201_118}}})
	return &l
}

func TestGolden(t *testing.T) {
	tests := []struct {
		name     string
		opt      Options
		events   []*sensor.Event
		balanced bool
	}{
		{"default", Options{}, demo(), true},
		{"narrow", Options{Width: 1}, demo(), false},
		{"wide", Options{Width: 160}, demo(), true},
		{"color", Options{Color: true, MaxFlows: 2, MaxMessages: 2, More: "sensor replay -o jsonl:-"}, demo(), false},
		{"limited", Options{MaxFlows: 3, MaxMessages: -1, More: "sensor replay -o jsonl:-"}, demo(), true},
		{"usual", Options{Width: 80}, usual(6), true},
		{"usual_default", Options{}, usual(6), true},
		{"empty", Options{}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			s := New(&out, tt.opt)
			for _, ev := range tt.events {
				if err := s.Consume(ev); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(s.Ledger(demoLedger(tt.balanced)), s.Close(), s.Close()); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", tt.name+".txt")
			if *update {
				if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("output (-want +got), -update writes it anew:\n%s", diff)
			}
			if err := s.Consume(&sensor.Event{}); err == nil {
				t.Error("Consume after Close = nil")
			}
		})
	}
}

// addresses are short, usual and as long as can be.
var addresses = []string{"1.1.1.1:1", "10.1.0.7:51544", "203.0.113.10:443", "[2001:db8::1]:53", "[2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa]:65535"}

func TestOutputIsSafeAndFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var out bytes.Buffer
		width := rapid.IntRange(60, 200).Draw(t, "width")
		s := New(&out, Options{Width: width, MaxFlows: rapid.IntRange(1, 9).Draw(t, "flows")})
		raw := func() string { return string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "raw")) }
		for id := range rapid.IntRange(0, 20).Draw(t, "n") {
			src := rapid.SampledFrom(addresses).Draw(t, "src")
			dst := rapid.SampledFrom(addresses).Draw(t, "dst")
			f := newFlow(uint64(id), sensor.Proto(rapid.Byte().Draw(t, "proto")), src, dst, raw(), rapid.Uint64().Draw(t, "fwd"), 3,
				time.Duration(rapid.Int64().Draw(t, "d")), sensor.EndReason(rapid.Byte().Draw(t, "end")))
			f.Midstream, f.Evidence = rapid.Bool().Draw(t, "midstream"), sensor.ByPort
			_ = s.Consume(&sensor.Event{Kind: sensor.FlowMessage, Flow: f, App: raw(), Msg: request(raw()), Time: sensor.Timestamp(rapid.Int64().Draw(t, "time"))})
			_ = s.Consume(&sensor.Event{Kind: sensor.FlowMessage, Flow: f, App: raw(), Msg: &plainMessage{Body: []byte(raw())}})
			_ = s.Consume(&sensor.Event{Kind: sensor.FlowAnomaly, Flow: f, Anomaly: sensor.Anomaly(rapid.Byte().Draw(t, "anomaly"))})
			_ = s.Consume(&sensor.Event{Kind: sensor.FlowEnd, Flow: f})
		}
		l := demoLedger(rapid.Bool().Draw(t, "balanced"))
		l.Add(sensor.Account{Stage: raw(), Unit: raw(), Total: rapid.Uint64().Draw(t, "total"),
			Rows: []sensor.Row{{Name: raw(), Count: rapid.Uint64().Draw(t, "count")}, {Name: raw(), Count: 1}}})
		if err := errors.Join(s.Ledger(l), s.Close()); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			if len(line) > width {
				t.Fatalf("%d columns of %d: %s", len(line), width, line)
			}
			for _, c := range []byte(line) {
				if c < 0x20 || c > 0x7e {
					t.Fatalf("raw %#x: %q", c, line)
				}
			}
		}
	})
}

func TestHeapKeepsTheLargest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := heap{max: rapid.IntRange(1, 10).Draw(t, "max")}
		sizes := rapid.SliceOf(rapid.Uint64Range(0, 20)).Draw(t, "sizes")
		var all heap
		all.max = len(sizes) + 1
		for id, n := range sizes {
			all.push(row{bytes: n, id: uint64(id)})
			if h.wants(n, uint64(id)) {
				h.push(row{bytes: n, id: uint64(id)})
			}
		}
		want := all.sorted()
		want = want[:min(len(want), h.max)]
		if diff := cmp.Diff(want, h.sorted(), cmp.AllowUnexported(row{})); diff != "" {
			t.Fatalf("rows (-want +got):\n%s", diff)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	s := New(new(bytes.Buffer), Options{})
	f := newFlow(0, sensor.ProtoTCP, "10.1.0.7:51544", "203.0.113.10:443", "http", 1, 1, 0, sensor.EndFIN)
	for id := range 3 * maxHeadlines {
		f.ID = uint64(id)
		_ = s.Consume(&sensor.Event{Kind: sensor.FlowMessage, Flow: f, Msg: request("x")})
	}
	if len(s.headlines) > maxHeadlines || len(s.sample.first) > MaxMessages || len(s.sample.varied) > MaxMessages {
		t.Errorf("%d headlines and %d lines are kept", len(s.headlines), len(s.sample.first))
	}
}

func TestFormats(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 99_949: "99.9 kB", 99_950: "100 kB", 999_499: "999 kB", 999_500: "1.0 MB",
		1_234_567: "1.2 MB", 1 << 63: "9.2 EB", 1<<64 - 1: "18.4 EB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0", 1: "1us", 4 * time.Millisecond: "4ms", 999 * time.Millisecond: "999ms", 3449 * time.Millisecond: "3.4s",
		59999 * time.Millisecond: "59.9s", 61 * time.Second: "1m1s", 100 * time.Minute: "1h40m", 99*time.Hour + 59*time.Minute: "99h59m", 1000 * time.Hour: "41d", 1<<63 - 1: "292y", -1: "?"} {
		if got := span(d); got != want {
			t.Errorf("span(%d) = %q, want %q", d, got, want)
		}
	}
	if got := count(uint64(1<<64 - 1)); got != "18,446,744,073,709,551,615" {
		t.Errorf("count = %q", got)
	}
}

func BenchmarkConsume(b *testing.B) {
	s := New(new(bytes.Buffer), Options{})
	f := newFlow(0, sensor.ProtoTCP, "10.1.0.7:51544", "203.0.113.10:443", "http", 1, 1, 0, sensor.EndFIN)
	message := &sensor.Event{Kind: sensor.FlowMessage, Flow: f, App: "http", Msg: request("GET / 200")}
	end := &sensor.Event{Kind: sensor.FlowEnd, Flow: f}
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		f.ID = i
		_ = s.Consume(message)
		_ = s.Consume(end)
	}
}

// TestLive wants each message at once, and none of them again at the end.
func TestLive(t *testing.T) {
	var b bytes.Buffer
	s := New(&b, Options{Live: true})
	f := &sensor.Flow{}
	f.Key.Proto = sensor.ProtoTCP
	for range 3 {
		before := b.Len()
		if err := s.Consume(&sensor.Event{Kind: sensor.FlowMessage, Flow: f, App: "memo", Msg: request("hello\x1b[2J")}); err != nil {
			t.Fatal(err)
		}
		if got := b.String()[before:]; strings.Count(got, "\n") != 1 || !strings.Contains(got, "memo  hello") || strings.Contains(got, "\x1b") {
			t.Errorf("%q", got)
		}
	}
	before := b.Len()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := b.String()[before:]; strings.Contains(got, "MESSAGE") || !strings.Contains(got, "3 messages") {
		t.Errorf("%q", got)
	}
}
