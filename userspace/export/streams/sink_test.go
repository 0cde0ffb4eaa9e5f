package streams

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"flowscope/sensor"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func newFlow(id uint64, src, dst string) *sensor.Flow {
	f := &sensor.Flow{ID: id}
	f.Key, f.Initiator = sensor.NewKey(sensor.ProtoTCP, netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst))
	return f
}

func data(f *sensor.Flow, side sensor.Side, offset int64, b string) *sensor.Event {
	return &sensor.Event{Kind: sensor.FlowData, Flow: f, Side: side, Offset: offset, Data: []byte(b)}
}

func gap(f *sensor.Flow, side sensor.Side, offset, lost int64) *sensor.Event {
	return &sensor.Event{Kind: sensor.FlowGap, Flow: f, Side: side, Offset: offset, Lost: lost, Reason: sensor.LossMissing, Time: 1_500_000_000}
}

func end(f *sensor.Flow) *sensor.Event { return &sensor.Event{Kind: sensor.FlowEnd, Flow: f} }

type tester interface {
	Helper()
	Fatalf(string, ...any)
}

// run writes events to a new directory and returns its files.
func run(t tester, dir string, opt Options, events ...*sensor.Event) map[string]string {
	t.Helper()
	s, err := New(dir, opt)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	for _, ev := range events {
		if err := s.Consume(ev); err != nil {
			t.Fatalf("Consume: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return read(t, dir)
}

func read(t tester, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("%v", err)
	}
	files := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatalf("%v", err)
		}
		files[e.Name()] = string(b)
	}
	return files
}

func TestStreams(t *testing.T) {
	const (
		ab = "010.000.000.001.04321-010.000.000.002.00080"
		ba = "010.000.000.002.00080-010.000.000.001.04321"
		a6 = "2001_0db8_0000_0000_0000_0000_0000_0001.65535"
		b6 = "2001_0db8_0000_0000_0000_0000_00ff_0002.00001"
	)
	f := newFlow(1, "10.0.0.1:4321", "10.0.0.2:80")
	again := newFlow(2, "10.0.0.1:4321", "10.0.0.2:80")
	third := newFlow(3, "10.0.0.2:80", "10.0.0.1:4321")
	vlan := newFlow(4, "10.0.0.1:4321", "10.0.0.2:80")
	vlan.Key.VLAN = 7
	six := newFlow(5, "[2001:db8::1]:65535", "[2001:db8::ff:2]:1")
	turned := newFlow(1, "10.0.0.2:80", "10.0.0.1:4321") // the same flow, initiator corrected
	udp := newFlow(6, "10.0.0.1:1", "10.0.0.2:2")
	udp.Key.Proto = sensor.ProtoUDP
	const gapLine = gapColumns + "4\t6\tmissing\t1970-01-01T00:00:01.500000000Z\t4\n"

	tests := []struct {
		name   string
		opt    Options
		events []*sensor.Event
		want   map[string]string
	}{
		{"both directions", Options{}, []*sensor.Event{data(f, 0, 0, "GET"), data(f, 1, 0, "200"), data(f, 0, 3, " /"), end(f)},
			map[string]string{ab: "GET /", ba: "200"}},
		{"no payload, no file", Options{}, []*sensor.Event{data(f, 0, 0, ""), end(f)}, map[string]string{}},
		{"other protocols are left out", Options{}, []*sensor.Event{data(udp, 0, 0, "x"), gap(udp, 0, 0, 1), end(udp)}, map[string]string{}},
		{"IPv6", Options{}, []*sensor.Event{data(six, 0, 0, "6"), data(six, 1, 0, "s")}, map[string]string{a6 + "-" + b6: "6", b6 + "-" + a6: "s"}},
		{"ports used again", Options{}, []*sensor.Event{data(f, 0, 0, "1"), end(f), data(again, 1, 0, "2"), data(again, 0, 0, "3"), end(again), data(third, 0, 0, "4"), data(third, 1, 0, "5")},
			map[string]string{ab: "1", ba + "c1": "2", ab + "c1": "3", ba + "c2": "4", ab + "c2": "5"}},
		{"two flows at a time, told apart by VLAN", Options{}, []*sensor.Event{data(f, 0, 0, "a"), data(vlan, 0, 0, "v"), data(f, 0, 1, "b")},
			map[string]string{ab: "ab", ab + "c1": "v"}},
		{"direction corrected meanwhile", Options{}, []*sensor.Event{data(f, 0, 0, "a"), data(turned, 1, 1, "b"), data(turned, 0, 0, "c")},
			map[string]string{ab: "ab", ba: "c"}},
		{"gap left out", Options{}, []*sensor.Event{data(f, 0, 0, "head"), gap(f, 0, 4, 6), data(f, 0, 10, "tail"), gap(f, 0, 14, 1)},
			map[string]string{ab: "headtail", ab + ".gaps": gapLine + "14\t1\tmissing\t1970-01-01T00:00:01.500000000Z\t8\n"}},
		{"gap seeked over", Options{Holes: true}, []*sensor.Event{data(f, 0, 0, "head"), gap(f, 0, 4, 6), data(f, 0, 10, "tail"), gap(f, 0, 14, 1)},
			map[string]string{ab: "head\x00\x00\x00\x00\x00\x00tail", ab + ".gaps": gapLine + "14\t1\tmissing\t1970-01-01T00:00:01.500000000Z\t14\n"}},
		{"only a gap", Options{}, []*sensor.Event{gap(f, 1, 0, 5)},
			map[string]string{ba + ".gaps": gapColumns + "0\t5\tmissing\t1970-01-01T00:00:01.500000000Z\t0\n"}},
		{"more than a buffer", Options{}, []*sensor.Event{data(f, 0, 0, "x"), data(f, 0, 1, strings.Repeat("y", 3*bufferSize)), data(f, 0, 0, "z")},
			map[string]string{ab: "x" + strings.Repeat("y", 3*bufferSize) + "z"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := run(t, filepath.Join(t.TempDir(), "new", "dir"), tt.opt, tt.events...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

// TestManyFlows checks, against a model in memory, that neither the number of
// open files nor the order of events changes what is in a file.
func TestManyFlows(t *testing.T) {
	base := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		opt := Options{MaxOpenFiles: rapid.IntRange(1, 4).Draw(t, "open"), Holes: rapid.Bool().Draw(t, "holes")}
		want := map[string]string{}
		var events []*sensor.Event
		live := map[int]*sensor.Flow{}
		offsets := map[string]int64{}
		uses := map[int]uint32{}
		suffixes := map[uint64]uint32{}
		for id := range rapid.IntRange(1, 60).Draw(t, "events") {
			port := rapid.IntRange(1, 5).Draw(t, "port")
			f := live[port]
			if f == nil {
				f = newFlow(uint64(id+1), fmt.Sprintf("10.0.0.1:%d", port), "10.0.0.2:80")
				live[port] = f
			}
			side := sensor.Side(rapid.IntRange(0, 1).Draw(t, "side"))
			what := rapid.IntRange(0, 9).Draw(t, "what")
			if _, named := suffixes[f.ID]; what > 0 && !named {
				suffixes[f.ID] = uses[port]
				uses[port]++
			}
			name := fileName(&f.Key, f.Initiator^uint8(side), suffixes[f.ID])
			switch what {
			case 0:
				events = append(events, end(f))
				delete(live, port)
			case 1:
				lost := rapid.Int64Range(1, 100).Draw(t, "lost")
				at := offsets[fmt.Sprint(f.ID, side)]
				events = append(events, gap(f, side, at, lost))
				offsets[fmt.Sprint(f.ID, side)] = at + lost
				if want[name+".gaps"] == "" {
					want[name+".gaps"] = gapColumns
				}
				fileAt := int64(len(want[name]))
				if opt.Holes {
					fileAt = at
				}
				want[name+".gaps"] += fmt.Sprintf("%d\t%d\tmissing\t1970-01-01T00:00:01.500000000Z\t%d\n", at, lost, fileAt)
			default:
				b := strings.Repeat("x", rapid.SampledFrom([]int{1, 3, bufferSize - 1, bufferSize}).Draw(t, "size")) + fmt.Sprint(id)
				at := offsets[fmt.Sprint(f.ID, side)]
				events = append(events, data(f, side, at, b))
				if opt.Holes {
					want[name] += strings.Repeat("\x00", int(at)-len(want[name]))
				}
				want[name] += b
				offsets[fmt.Sprint(f.ID, side)] = at + int64(len(b))
			}
		}
		dir := filepath.Join(base, fmt.Sprint(n))
		defer os.RemoveAll(dir)
		got := run(t, dir, opt, events...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("files (-want +got):\n%.2000s", diff)
		}
	})
}

func TestDirectoryWithFilesIsRefused(t *testing.T) {
	dir := t.TempDir()
	f := newFlow(1, "10.0.0.1:4321", "10.0.0.2:80")
	run(t, dir, Options{}, data(f, 0, 0, "first run"))
	_, err := New(dir, Options{})
	if !errors.Is(err, ErrNotEmpty) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("New = %v, want ErrNotEmpty and the path", err)
	}
	// A link that leads out is neither followed nor replaced.
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Symlink(outside, filepath.Join(dir, "010.000.000.001.04321-010.000.000.002.00080c1")); err != nil {
		t.Fatal(err)
	}
	_ = os.WriteFile(outside, nil, 0o600)
	got := run(t, dir, Options{Reuse: true}, data(f, 0, 0, "second run"))
	delete(got, "010.000.000.001.04321-010.000.000.002.00080c1")
	if diff := cmp.Diff(map[string]string{"010.000.000.001.04321-010.000.000.002.00080": "first run", "010.000.000.001.04321-010.000.000.002.00080c2": "second run"}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if b, _ := os.ReadFile(outside); len(b) > 0 {
		t.Errorf("%q was written through a link", b)
	}
}

func TestManyUsesOfAFiveTupleAreFoundQuickly(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f := newFlow(1, "10.0.0.1:4321", "10.0.0.2:80")
	for i := range uint32(1000) {
		if err := root.WriteFile(fileName(&f.Key, uint8(i%2), i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var n names
	for want := range uint32(3) {
		got, err := n.suffix(root, &f.Key)
		if err != nil || got != 1000+want {
			t.Errorf("suffix = %d, %v, want %d", got, err, 1000+want)
		}
	}
}

func TestLedger(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"ledger.json", "ledger1.json"} {
		s, err := New(dir, Options{Reuse: i > 0})
		if err != nil {
			t.Fatal(err)
		}
		var l sensor.Ledger
		l.Add(sensor.Account{Stage: "frames", Unit: "packets", Total: 1, Rows: []sensor.Row{{Name: "accounted", Count: 1}}})
		if err := errors.Join(s.Ledger(&l), s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !json.Valid(b) || !bytes.Contains(b, []byte(`"balanced":true`)) {
			t.Errorf("%s = %s, %v", name, b, err)
		}
		if err := s.Consume(data(newFlow(1, "10.0.0.1:1", "10.0.0.2:2"), 0, 0, "x")); err == nil {
			t.Error("Consume after Close = nil")
		}
	}
}

func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("needs /dev/full, which Linux has: %v", err)
	}
	dir := t.TempDir()
	s, err := New(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	other, f := newFlow(1, "10.0.0.1:1", "10.0.0.2:2"), newFlow(2, "10.0.0.1:4321", "10.0.0.2:80")
	for _, ev := range []*sensor.Event{data(other, 0, 0, "12345"), end(other), data(f, 0, 0, "x")} {
		if err := s.Consume(ev); err != nil {
			t.Fatal(err)
		}
	}
	s.cache.newest.os.Close()
	s.cache.newest.os = full
	err = s.Consume(end(f))
	want := "write " + dir + "/010.000.000.001.04321-010.000.000.002.00080: no space left on device: 5 bytes in 2 files were written before; free space"
	if !errors.Is(err, syscall.ENOSPC) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Consume = %v, want %s", err, want)
	}
	if again := s.Consume(data(other, 0, 0, "x")); again != err {
		t.Errorf("Consume after the error = %v", again)
	}
	if again := s.Close(); again != err {
		t.Errorf("Close after the error = %v", again)
	}
}

func TestTooManyFiles(t *testing.T) {
	s, err := New(t.TempDir(), Options{MaxFiles: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 3 {
		f := newFlow(uint64(i), fmt.Sprintf("10.0.0.1:%d", i), "10.0.0.2:80")
		err := s.Consume(data(f, 0, 0, "x"))
		if (err != nil) != (i == 2) {
			t.Errorf("file %d: %v", i, err)
		}
	}
}

func TestFewerDescriptorsThanToldAreEnough(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 40
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Skipf("needs to lower its limit of open files: %v", err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	dir := t.TempDir()
	var events []*sensor.Event
	for round := range 2 {
		for i := range 200 {
			events = append(events, data(newFlow(uint64(i), fmt.Sprintf("10.0.0.1:%d", i), "10.0.0.2:80"), 0, int64(round), "x"))
		}
	}
	for name, content := range run(t, dir, Options{}, events...) {
		if content != "xx" {
			t.Errorf("%s = %q", name, content)
		}
	}
}

func TestDataDoesNotAllocate(t *testing.T) {
	s, err := New(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := newFlow(1, "10.0.0.1:4321", "10.0.0.2:80")
	events := []*sensor.Event{data(f, 0, 0, strings.Repeat("x", 1448)), data(f, 1, 0, strings.Repeat("y", 1448)), gap(f, 0, 0, 1)}
	if n := testing.AllocsPerRun(100, func() {
		for _, ev := range events {
			_ = s.Consume(ev)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkData(b *testing.B) {
	s, err := New(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	f := newFlow(1, "10.0.0.1:4321", "10.0.0.2:80")
	ev := data(f, 0, 0, strings.Repeat("x", 1448))
	b.SetBytes(int64(len(ev.Data)))
	b.ReportAllocs()
	for written := 0; b.Loop(); written += len(ev.Data) {
		if written > 64<<20 { // begin anew, so that the disk does not fill
			written = 0
			if h := s.cache.newest; h != nil {
				h.at, h.of.end = 0, 0
			}
		}
		_ = s.Consume(ev)
	}
}
