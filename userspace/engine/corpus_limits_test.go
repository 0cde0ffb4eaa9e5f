package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"testing"
	"time"

	"flowscope/parsers"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// lines is a protocol that takes every flow and consumes whole lines.
type lines struct{ msg struct{ Line []byte } }

func (l *lines) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	for {
		i := bytes.IndexByte(s.Data[n:], '\n')
		if i < 0 {
			return n, nil
		}
		l.msg.Line = s.Data[n : n+i]
		emit(&l.msg)
		n += i + 1
	}
}

func (l *lines) Resync(sensor.Side, int64) bool { return true }

var everyLine = sensor.Protocol{Name: "lines", Transport: sensor.ProtoTCP,
	Probe:     func(sensor.Side, []byte) sensor.Verdict { return sensor.Match },
	NewStream: func() sensor.StreamParser { return &lines{} }}

// seed is for sums of what need not be shown.
var seed = maphash.MakeSeed()

// transcript runs a capture and returns a line for each event, with all that is
// in it.
func transcript(t *testing.T, file string, cfg engine.Config, workers int) (lines []string, books sensor.Ledger) {
	t.Helper()
	books = replayTo(t, file, cfg, workers, consumer(func(ev *sensor.Event) error {
		lines = append(lines, line(t, ev))
		return nil
	}))
	return lines, books
}

// encoded is transcript with the lines made by the workers.
func encoded(t *testing.T, file string, cfg engine.Config, workers int) (lines []string, books sensor.Ledger) {
	t.Helper()
	f := &forker{t: t}
	books = replayTo(t, file, cfg, workers, f)
	return f.lines, books
}

func replayTo(t *testing.T, file string, cfg engine.Config, workers int, sink sensor.Sink) sensor.Ledger {
	src, err := replay.Open(replay.Options{Classify: sensor.Classify{Tunnels: sensor.Both}}, file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	return run(t, src, cfg, workers, sink)
}

// line writes an event with all that is in it.
func line(t *testing.T, ev *sensor.Event) string {
	var msg []byte
	if ev.Msg != nil {
		var err error
		if msg, err = json.Marshal(ev.Msg); err != nil {
			t.Errorf("message %T: %v", ev.Msg, err)
		}
	}
	f := ev.Flow
	return fmt.Sprintf("%v %v %v %v %d #%d %s %d at %d: %v %x %s; flow %d %v %v %v %x", ev.Kind, ev.Side, ev.Reason, ev.Anomaly, ev.Time,
		ev.Ordinal, ev.App, ev.Lost, ev.Offset, ev.Err, maphash.Bytes(seed, ev.Data), msg, f.ID, f.State, f.End, f.History, maphash.String(seed, fmt.Sprintf("%+v", *f)))
}

// forker is a sensor.Forker of lines.
type forker struct {
	t     *testing.T
	lines []string
}

func (f *forker) Consume(ev *sensor.Event) error {
	f.lines = append(f.lines, line(f.t, ev))
	return nil
}

func (f *forker) Fork() sensor.Encoder { return f }

func (f *forker) Encode(dst []byte, ev *sensor.Event) ([]byte, error) {
	return append(dst, line(f.t, ev)...), nil
}

func (f *forker) Encoded(b []byte) error {
	f.lines = append(f.lines, string(b))
	return nil
}

type consumer func(*sensor.Event) error

func (f consumer) Consume(ev *sensor.Event) error { return f(ev) }

// configs are what every capture is run with: all parsers, one that takes every
// flow, and streams without parsers.
func configs() map[string]engine.Config {
	return map[string]engine.Config{
		"all parsers": {Protocols: parsers.All, Timeouts: engine.Timeouts{Active: 10 * time.Second}},
		"every line":  {Protocols: []sensor.Protocol{everyLine}, StreamData: true},
		"no parser":   {},
	}
}

// TestRunsAndWorkersAgree: a second run, and any number of workers, gives the
// same events in the same order, and the same books.
func TestRunsAndWorkersAgree(t *testing.T) {
	for _, file := range captures(t) {
		t.Run(short(file), func(t *testing.T) {
			for name, cfg := range configs() {
				if testing.Short() && name == "every line" {
					continue
				}
				want, books := transcript(t, file, cfg, 1)
				for _, workers := range []int{1, 2, 3, 7} {
					got, b := transcript(t, file, cfg, workers)
					if i := firstDifference(got, want); i >= 0 {
						t.Errorf("%s, %d workers: event %d is\n%s\nwant\n%s", name, workers, i, at(got, i), at(want, i))
					}
					if fmt.Sprint(b) != fmt.Sprint(books) {
						t.Errorf("%s, %d workers: books %v, want %v", name, workers, b, books)
					}
					got, _ = encoded(t, file, cfg, workers)
					if i := firstDifference(got, want); i >= 0 {
						t.Errorf("%s, %d workers that write: event %d is\n%s\nwant\n%s", name, workers, i, at(got, i), at(want, i))
					}
				}
			}
		})
	}
}

func firstDifference(a, b []string) int {
	if slices.Equal(a, b) {
		return -1
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

// TestTinyCaps: whatever the caps, the books balance, nothing panics, and the
// packets of all flows are those of the flows without caps.
func TestTinyCaps(t *testing.T) {
	caps := map[string]func(*engine.Config){
		"1 flow":              func(c *engine.Config) { c.MaxFlows = 1 },
		"2 flows":             func(c *engine.Config) { c.MaxFlows = 2 },
		"10 flows":            func(c *engine.Config) { c.MaxFlows = 10 },
		"1 byte buffered":     func(c *engine.Config) { c.MaxBuffered = 1 },
		"2000 bytes buffered": func(c *engine.Config) { c.MaxBuffered = 2000 },
		"1 byte reordered":    func(c *engine.Config) { c.MaxReorder = 1 },
		"500 bytes reordered": func(c *engine.Config) { c.MaxReorder = 500 },
		"1 byte unconsumed":   func(c *engine.Config) { c.MaxUnconsumed = 1 },
		"1 byte probed":       func(c *engine.Config) { c.ProbeBytes, c.ProbeSegments = 1, 1 },
		"impatience":          func(c *engine.Config) { c.Timeouts = impatient },
	}
	for _, file := range captures(t) {
		t.Run(short(file), func(t *testing.T) {
			cfg := configs()["every line"]
			packets := booksOf(t, file, cfg, 1)
			for what, set := range caps {
				small := cfg
				set(&small)
				if got := booksOf(t, file, small, 1); got != packets {
					t.Errorf("%s: %d packets in flows, want %d", what, got, packets)
				}
			}
			small := configs()["all parsers"]
			small.MaxFlows = 10
			if got := booksOf(t, file, small, 2); got != packets {
				t.Errorf("2 workers: %d packets in flows, want %d", got, packets)
			}
		})
	}
}

// booksOf runs a capture, checks the books, and returns the packets in flows.
func booksOf(t *testing.T, file string, cfg engine.Config, workers int) uint64 {
	t.Helper()
	src, err := replay.Open(replay.Options{Classify: sensor.Classify{Tunnels: sensor.Both}}, file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	books := run(t, src, cfg, workers, consumer(func(*sensor.Event) error { return nil }))
	return books.Account("flow_packets").Total
}

// run runs a source and checks the books.
func run(t *testing.T, src sensor.Source, cfg engine.Config, workers int, sink sensor.Sink) sensor.Ledger {
	t.Helper()
	books, err := engine.Run(context.Background(), src, cfg, workers, sink)
	if err != nil && !errors.Is(err, replay.ErrPartial) {
		t.Errorf("%d workers: %v", workers, err)
	}
	if err := books.Check(); err != nil {
		t.Errorf("%d workers: %v", workers, err)
	}
	if live := books.Account("flows").Row("live"); live != 0 {
		t.Errorf("%d workers: %d flows live at the end", workers, live)
	}
	return books
}

// impatient is every time-out at its shortest.
var impatient = engine.Timeouts{TCP: 1, TCPOpening: 1, TCPClosing: 1, TCPClosed: 1, UDP: 1, Other: 1, Active: 1, Hole: 1, AckedHole: 1}
