package jsonl

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"flowscope/sensor"
	"flowscope/userspace/export/fields"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/*.jsonl anew")

// query is like what a parser emits.
type query struct {
	ID        uint16        `json:"id"`
	Name      []byte        `json:"name"`
	Addresses []netip.Addr  `json:"addresses,omitempty"`
	Duration  time.Duration `json:"duration,omitzero"`
}

func newFlow() *sensor.Flow {
	key, from := sensor.NewKey(sensor.ProtoTCP, netip.MustParseAddrPort("10.1.0.7:51544"), netip.MustParseAddrPort("203.0.113.10:443"))
	f := &sensor.Flow{
		ID: 12, Key: key, Initiator: from, Evidence: sensor.BySYN, State: sensor.SF, End: sensor.EndFIN,
		First: 1_700_000_000_000_000_000, Last: 1_700_000_003_400_000_001,
		Counters: [2]sensor.Counters{{Packets: 10, Bytes: 4100, FrameBytes: 4240, PayloadBytes: 3700}, {Packets: 900, Bytes: 1_200_000, FrameBytes: 1_212_600, PayloadBytes: 1_164_000}},
		TCP:      [2]sensor.TCPStats{{Flags: 0x1b, Retransmissions: 1}, {Flags: 0x1b, OutOfOrder: 2, GapBytes: 1448, Gaps: 1}},
		RTT:      12_345_678, App: "tls",
	}
	f.Delta = f.Counters
	for _, c := range []byte("ShADadFfg") {
		f.History.Append(c)
	}
	return f
}

// example is one event of each kind.
func example() []*sensor.Event {
	f := newFlow()
	interim := newFlow()
	interim.End = sensor.EndActive
	interim.Encap = sensor.Encap{VLAN: [2]uint16{100, 7}, Tunnel: sensor.VXLAN, TunnelID: 4096}
	last := newFlow()
	last.RecordSeq, last.RTT, last.App, last.Midstream = 1, 0, "", true
	last.Delta[0] = sensor.Counters{Packets: 1, Bytes: 40, FrameBytes: 54}
	last.Delta[1] = sensor.Counters{}

	udp := newFlow()
	udp.Key, udp.Initiator = sensor.NewKey(sensor.ProtoUDP, netip.MustParseAddrPort("[2001:db8::9]:5353"), netip.MustParseAddrPort("[2001:db8::1]:53"))
	udp.App, udp.State, udp.End, udp.History, udp.Evidence = "dns", sensor.SF, sensor.EndIdle, sensor.History{}, sensor.ByPort
	icmp := newFlow()
	icmp.Key, icmp.Initiator = sensor.NewKey(sensor.ProtoICMP, netip.MustParseAddrPort("10.0.0.2:8"), netip.MustParseAddrPort("10.0.0.1:0"))
	icmp.App, icmp.Evidence = "", sensor.ByICMP
	gre := newFlow()
	gre.Key, gre.Initiator = sensor.NewKey(sensor.ProtoGRE, netip.MustParseAddrPort("10.0.0.2:0"), netip.MustParseAddrPort("10.0.0.1:0"))
	gre.App = ""
	mac := newFlow()
	mac.Key = sensor.Key{Kind: sensor.MACPair, Addr: [2][16]byte{{1, 2, 3, 4, 5, 6}, {0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}}}
	mac.App = ""
	pair := newFlow()
	pair.Key.Kind, pair.Key.Proto, pair.Key.Port = sensor.IPPair, 0, [2]uint16{}
	pair.App = ""

	ts := sensor.Timestamp(1_700_000_001_000_000_000)
	message := &query{ID: 7, Name: []byte("sh\x1bop.ex\xffample\u202e"), Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.10")}, Duration: 4 * time.Millisecond}
	return []*sensor.Event{
		{Kind: sensor.FlowStart, Flow: f, Time: ts},
		{Kind: sensor.FlowEstablished, Flow: f, Time: ts},
		{Kind: sensor.FlowData, Flow: f, Time: ts, Data: []byte("x")},
		{Kind: sensor.FlowMessage, Flow: udp, Time: ts, Ordinal: 14, Side: sensor.Responder, App: "dns", Msg: message},
		{Kind: sensor.FlowMessage, Flow: udp, Time: ts, Ordinal: 15, App: "flow_id", Msg: message},
		{Kind: sensor.FlowMessage, Flow: udp, Time: ts, App: "long", Msg: map[string]string{"text": strings.Repeat("a", 40)}},
		{Kind: sensor.FlowGap, Flow: f, Time: ts, Ordinal: 20, Side: sensor.Responder, Lost: 1448, Offset: 7240, Reason: sensor.LossMissing},
		{Kind: sensor.FlowAnomaly, Flow: f, Time: ts, Ordinal: 21, Anomaly: sensor.InconsistentOverlap},
		{Kind: sensor.FlowError, Flow: f, Time: ts, Ordinal: 22, App: "tls", Offset: 517, Err: errors.New("bad \x1b[31mrecord")},
		{Kind: sensor.FlowUpdate, Flow: interim, Time: ts},
		{Kind: sensor.FlowEnd, Flow: last, Time: ts},
		{Kind: sensor.FlowEnd, Flow: f, Time: ts},
		{Kind: sensor.FlowEnd, Flow: udp, Time: ts},
		{Kind: sensor.FlowEnd, Flow: icmp, Time: ts},
		{Kind: sensor.FlowEnd, Flow: gre, Time: ts},
		{Kind: sensor.FlowEnd, Flow: mac, Time: ts},
		{Kind: sensor.FlowEnd, Flow: pair, Time: ts},
	}
}

func exampleLedger() *sensor.Ledger {
	var l sensor.Ledger
	l.Add(sensor.Account{Stage: "frames", Unit: "packets", Total: 9, Rows: []sensor.Row{{Name: "accounted", Count: 8}, {Name: "non_ip", Count: 1}}})
	l.Add(sensor.Account{Stage: "ip_bytes", Unit: "bytes", Total: 900, Rows: []sensor.Row{{Name: "accounted", Count: 900}}})
	return &l
}

func TestGolden(t *testing.T) {
	var out bytes.Buffer
	s := New(&out, Options{MaxString: 32})
	for _, ev := range example() {
		if err := s.Consume(ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Ledger(exampleLedger()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(out.Bytes()) {
		checkLine(t, line)
	}
	golden := filepath.Join("testdata", "example.jsonl")
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
}

func TestVersionIsThatOfTheTable(t *testing.T) {
	if want := `,"v":` + strconv.Itoa(fields.Version); version != want {
		t.Errorf("version = %s, want %s", version, want)
	}
}

func TestUnbalancedLedgerSaysSo(t *testing.T) {
	var out bytes.Buffer
	s := New(&out, Options{})
	l := exampleLedger()
	l.Accounts[0].Total++
	_ = s.Ledger(l)
	_ = s.Close()
	var got struct {
		Balanced bool
		Accounts map[string]struct {
			Total uint64
			Rows  map[string]uint64
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Balanced || got.Accounts["frames"].Total != 10 || got.Accounts["frames"].Rows["non_ip"] != 1 {
		t.Errorf("ledger = %+v", got)
	}
}

// limitedWriter takes n bytes and then fails, as a full disk does.
type limitedWriter struct{ n int }

func (w *limitedWriter) Write(b []byte) (int, error) {
	if len(b) > w.n {
		n := w.n
		w.n = 0
		return n, syscall.ENOSPC
	}
	w.n -= len(b)
	return len(b), nil
}

func TestWriteErrorIsReturnedAndFinal(t *testing.T) {
	s := New(&limitedWriter{n: 100_000}, Options{})
	ev := &sensor.Event{Kind: sensor.FlowEnd, Flow: newFlow()}
	var err error
	for range 1000 {
		if err = s.Consume(ev); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "after 100000 bytes") {
		t.Fatalf("Consume = %v, want ENOSPC after 100000 bytes", err)
	}
	if again := s.Consume(ev); again != err {
		t.Errorf("Consume after the error = %v, want %v", again, err)
	}
	if again := s.Ledger(exampleLedger()); again != err {
		t.Errorf("Ledger after the error = %v, want %v", again, err)
	}
	if again := s.Close(); again != err {
		t.Errorf("Close after the error = %v, want %v", again, err)
	}
}

// countingWriter checks that only whole lines come.
type countingWriter struct {
	t      *testing.T
	writes int
}

func (w *countingWriter) Write(b []byte) (int, error) {
	if w.writes++; len(b) == 0 || b[len(b)-1] != '\n' {
		w.t.Errorf("a write of %d bytes does not end with a line", len(b))
	}
	return len(b), nil
}

func TestWholeLinesAreWrittenInBatches(t *testing.T) {
	for _, tt := range []struct {
		buffered bool
		want     int
	}{{false, 15}, {true, 1000}} {
		w := &countingWriter{t: t}
		s := New(w, Options{LineBuffered: tt.buffered})
		for range 1000 {
			_ = s.Consume(&sensor.Event{Kind: sensor.FlowEnd, Flow: newFlow()})
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if w.writes > tt.want || tt.buffered && w.writes != tt.want {
			t.Errorf("line buffered %v: %d writes, want %d", tt.buffered, w.writes, tt.want)
		}
		if err := s.Close(); err != nil {
			t.Errorf("second Close = %v", err)
		}
		if err := s.Consume(&sensor.Event{Kind: sensor.FlowEnd, Flow: newFlow()}); err == nil {
			t.Error("Consume after Close = nil")
		}
	}
}

func TestConsumeDoesNotAllocate(t *testing.T) {
	s := New(io.Discard, Options{})
	for _, ev := range example() {
		if _, isMap := ev.Msg.(map[string]string); isMap {
			continue // maps are documented to allocate
		}
		_ = s.Consume(ev)
		if n := testing.AllocsPerRun(200, func() { _ = s.Consume(ev) }); n != 0 {
			t.Errorf("%v of %v: %v allocations, want 0", ev.Kind, ev.Flow.Key, n)
		}
	}
}

func BenchmarkFlow(b *testing.B) {
	s := New(io.Discard, Options{})
	events := make([]sensor.Event, 64)
	for i := range events {
		f := newFlow()
		f.Key.Port[0] += uint16(i)
		f.Last = f.Last.Add(time.Duration(i) * time.Millisecond)
		events[i] = sensor.Event{Kind: sensor.FlowEnd, Flow: f}
	}
	size := len(s.lines.appendFlow(nil, &events[0]))
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for i := 0; b.Loop(); i++ {
		_ = s.Consume(&events[i%len(events)])
	}
}

func BenchmarkMessage(b *testing.B) {
	s := New(io.Discard, Options{})
	var events []*sensor.Event
	for _, ev := range example() {
		if ev.App == "dns" {
			events = append(events, ev)
		}
	}
	size := len(s.lines.appendMessage(nil, events[0]))
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		_ = s.Consume(events[0])
	}
}
