package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// told is one flow as the events of a run told it.
type told struct {
	sensor.Flow              // of its FlowEnd
	stream      [2]*stream   // by Side
	odd         []oddity     // anomalies, in order
	sha         [2]hash.Hash // of the data
}

// stream is one direction of a flow, put together from FlowData and FlowGap.
type stream struct {
	data int64 // bytes
	gaps []gap
	sum  string // SHA-256 of the data, gaps left out
}

type gap struct {
	offset, bytes int64
	why           sensor.Loss
}

// missing returns the bytes of gaps.
func (s *stream) missing() (n int64) {
	for _, g := range s.gaps {
		n += g.bytes
	}
	return n
}

type oddity struct {
	side sensor.Side
	what sensor.Anomaly
}

// has reports whether the flow showed the anomaly, on any side.
func (f *told) has(a sensor.Anomaly) bool {
	return slices.ContainsFunc(f.odd, func(o oddity) bool { return o.what == a })
}

// endpoints returns "address:port" of both sides.
func (f *told) endpoints() (initiator, responder string) {
	return f.Key.AddrPort(f.Initiator).String(), f.Key.AddrPort(f.Initiator ^ 1).String()
}

// reading says how a capture is read.
type reading struct {
	classify sensor.Classify
	cfg      engine.Config
	filter   string
	workers  int
}

// read runs a capture through the engine, with streams, and returns its flows in
// the order in which they began. It fails the test if the books do not balance,
// if a stream is not told from its first byte to its last, or if the capture is
// damaged and not expected to be.
func read(t *testing.T, file string, how reading) []*told {
	t.Helper()
	src, err := replay.Open(replay.Options{Classify: how.classify, Filter: how.filter}, file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	how.cfg.StreamData = true
	c := &collection{flows: map[flowID]*told{}}
	books, err := engine.Run(context.Background(), src, how.cfg, max(how.workers, 1), c)
	if err != nil && !errors.Is(err, replay.ErrPartial) {
		t.Fatal(err)
	}
	for _, e := range c.errs {
		t.Error(e)
	}
	if err := books.Check(); err != nil {
		t.Errorf("books: %v", err)
	}
	for _, f := range c.order {
		if f.End == sensor.NotEnded {
			t.Errorf("flow %d of %v did not end", f.ID, f.Key)
		}
	}
	return c.order
}

type flowID struct {
	id  uint64
	key sensor.Key
}

// collection is a Sink that puts flows together.
type collection struct {
	flows map[flowID]*told
	order []*told
	errs  []error
}

func (c *collection) errorf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// Consume implements sensor.Sink. What it knows of a direction, it knows by the
// index in the key, since the roles of the sides may be corrected.
func (c *collection) Consume(ev *sensor.Event) error {
	id := flowID{ev.Flow.ID, ev.Flow.Key}
	f := c.flows[id]
	if f == nil {
		if ev.Kind != sensor.FlowStart {
			c.errorf("%v of a flow that did not start: %v", ev.Kind, ev.Flow.Key)
		}
		f = &told{stream: [2]*stream{{}, {}}, sha: [2]hash.Hash{sha256.New(), sha256.New()}}
		f.Flow = *ev.Flow
		c.flows[id] = f
		c.order = append(c.order, f)
	} else if ev.Kind == sensor.FlowStart || f.End != sensor.NotEnded {
		c.errorf("%v of a flow that started, or ended, before: %v", ev.Kind, ev.Flow.Key)
	}
	i := uint8(ev.Side) ^ ev.Flow.Initiator&1
	s := f.stream[i]
	switch ev.Kind {
	case sensor.FlowData:
		c.next(s, ev)
		s.data += int64(len(ev.Data))
		f.sha[i].Write(ev.Data)
	case sensor.FlowGap:
		if ev.Flow.Key.Proto == sensor.ProtoTCP {
			c.next(s, ev)
		}
		s.gaps = append(s.gaps, gap{ev.Offset, ev.Lost, ev.Reason})
	case sensor.FlowAnomaly:
		f.odd = append(f.odd, oddity{ev.Side, ev.Anomaly})
	case sensor.FlowEnd:
		f.Flow = *ev.Flow
		for i := range f.stream {
			f.stream[i].sum = hex.EncodeToString(f.sha[i].Sum(nil))
		}
		if f.Initiator == 1 {
			slices.Reverse(f.stream[:])
		}
	}
	return nil
}

// next checks that an event begins where the one before it ended.
func (c *collection) next(s *stream, ev *sensor.Event) {
	if want := s.data + s.missing(); ev.Offset != want {
		c.errorf("%v at offset %d of the %v of %v, want %d", ev.Kind, ev.Offset, ev.Side, ev.Flow.Key, want)
	}
}

// captures returns the captures of testdata and, where it is present, of the
// optional corpus.
func captures(t *testing.T) []string {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, pattern := range []string{
		filepath.Join(root, "testdata", "*.pcap*"),
		filepath.Join(filepath.Dir(root), "shared", "corpus", "*", "*.pcap"),
		filepath.Join(filepath.Dir(root), "shared", "corpus", "*", "*.pcapng"),
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 60 {
		t.Fatalf("%d captures found, want those of testdata at least", len(files))
	}
	return files
}

// short names a capture by its folder and file.
func short(file string) string {
	return filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file))
}

// table is a file of lines with cells between tabs, and a line of names.
type table struct {
	names []string
	rows  [][]string
}

// readTable reads a table whose names are in the line that begins with head.
func readTable(t *testing.T, file, head string) *table {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tab := &table{}
	for line := range bytes.Lines(b) {
		s := strings.TrimRight(string(line), "\r\n")
		switch {
		case strings.HasPrefix(s, head) && tab.names == nil:
			tab.names = strings.Split(strings.TrimLeft(strings.TrimPrefix(s, head), "\t"), "\t")
		case s != "" && s[0] != '#':
			tab.rows = append(tab.rows, strings.Split(s, "\t"))
		}
	}
	return tab
}

// get returns the cell of a row under a name, "" if there is none.
func (tab *table) get(row []string, name string) string {
	if i := slices.Index(tab.names, name); i >= 0 && i < len(row) {
		return row[i]
	}
	return ""
}

// differ fails the test for each line that is not in the list of what is known
// to differ, and for what is in that list and does not differ any more.
func differ(t *testing.T, lines []string, known []string) {
	t.Helper()
	for _, l := range lines {
		if !slices.Contains(known, l) {
			t.Errorf("differs: %s", l)
		}
	}
	for _, l := range known {
		if !slices.Contains(lines, l) {
			t.Errorf("does not differ any more: %s", l)
		}
	}
}
