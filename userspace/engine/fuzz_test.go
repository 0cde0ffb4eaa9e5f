package engine

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"flowscope/sensor"
	"flowscope/userspace/internal/stream"
)

// tape is a fuzzer's input, read as choices. Behind its end all choices are 0.
type tape struct{ b []byte }

func (t *tape) byte() byte {
	if len(t.b) == 0 {
		return 0
	}
	c := t.b[0]
	t.b = t.b[1:]
	return c
}

func (t *tape) pick(n int) int { return int(t.byte()) % n }

func (t *tape) word() uint32 {
	return uint32(t.byte()) | uint32(t.byte())<<8 | uint32(t.byte())<<16 | uint32(t.byte())<<24
}

// bytes returns the next n bytes, or as many as there are and zeros.
func (t *tape) bytes(n int) []byte {
	out := make([]byte, n)
	t.b = t.b[copy(out, t.b):]
	return out
}

// wild is a parser that does what the bytes it is given say, and notes what the
// engine does that it must not.
type wild struct {
	t      *testing.T
	ended  [2]bool
	asked  [2]int64 // to be passed over
	left   bool     // returned an error, or panicked
	strict bool     // retires at a gap
}

func (w *wild) called(side sensor.Side) {
	if w.left {
		w.t.Error("a parser that left was called")
	}
	if w.ended[side] {
		w.t.Errorf("a parser was called for the %v after its EOF", side)
	}
}

// Parse implements sensor.StreamParser.
func (w *wild) Parse(s sensor.Segment, emit func(sensor.Message)) (int, error) {
	w.called(s.Side)
	w.ended[s.Side] = s.EOF
	if asked := w.asked[s.Side]; s.Skipped > asked || s.Skipped < asked && len(s.Data) > 0 {
		w.t.Errorf("%d bytes were passed over of %d, and %d shown", s.Skipped, asked, len(s.Data))
	}
	w.asked[s.Side] -= s.Skipped
	if len(s.Data) == 0 {
		if !s.EOF && s.Skipped == 0 {
			w.t.Error("a parser was called with nothing")
		}
		return int(w.asked[s.Side]), nil
	}
	c := s.Data[0]
	n := 1 + int(c&15)
	switch {
	case c >= 0xf8:
		w.left = true
		panic("wild")
	case c >= 0xf0:
		w.left = true
		return min(n, len(s.Data)), fmt.Errorf("wild")
	case c >= 0xe8:
		w.left = true
		return 0, sensor.ErrDone
	case c >= 0xe4:
		w.left = true
		return 1, sensor.HandTo([]string{"wild", "meek", "nobody", ""}[c&3])
	case c == 0xe3:
		w.asked[s.Side] = 1 + int64(s.Data[len(s.Data)-1])
		return len(s.Data) + int(w.asked[s.Side]), nil
	case c == 0xe2:
		w.left = true
		return -1, nil // a mistake
	case n > len(s.Data):
		return 0, nil
	case c&0x10 != 0:
		emit(&text{s.Data[:n]})
		return n, nil
	case c&0x20 != 0:
		return len(s.Data), nil
	}
	return n, nil
}

// Resync implements sensor.Resyncer.
func (w *wild) Resync(side sensor.Side, lost int64) bool {
	w.called(side)
	w.asked[side] = max(w.asked[side]-lost, 0)
	if lost <= 0 {
		w.t.Errorf("a gap of %d bytes", lost)
	}
	if lost%7 == 0 {
		panic("wild")
	}
	if w.strict {
		w.left = true
	}
	return !w.strict
}

type wildDatagrams struct{ w wild }

// Parse implements sensor.DatagramParser.
func (d *wildDatagrams) Parse(s sensor.Segment, emit func(sensor.Message)) error {
	if s.EOF {
		d.w.called(s.Side)
		d.w.ended[s.Side] = true
		return nil
	}
	d.w.called(s.Side)
	switch c := append(s.Data, 0)[0]; {
	case c >= 0xf8:
		panic("wild")
	case c >= 0xe0:
		return errors.New("wild")
	case c >= 0xd0:
		d.w.left = true
		return sensor.ErrDone
	}
	emit(&text{s.Data})
	return nil
}

func wildProbe(_ sensor.Side, b []byte) sensor.Verdict {
	if len(b) > 2 && b[2] == 0xff {
		panic("wild")
	}
	return sensor.Verdict(b[0] % 5)
}

func wildProtocols(t *testing.T) []sensor.Protocol {
	return []sensor.Protocol{
		{Name: "wild", Transport: sensor.ProtoTCP, Probe: wildProbe, Ports: []uint16{7}, MaxBuffer: 20,
			NewStream: func() sensor.StreamParser { return &wild{t: t} }},
		{Name: "meek", Transport: sensor.ProtoTCP, Ports: []uint16{9},
			NewStream: func() sensor.StreamParser { return &wild{t: t, strict: true} }},
		{Name: "wild", Transport: sensor.ProtoUDP, Probe: wildProbe, Ports: []uint16{7},
			NewDatagram: func() sensor.DatagramParser { return &wildDatagrams{wild{t: t}} }},
	}
}

// wildScript makes records of a few flows: any flags, sequence numbers, lengths
// and times, fragments, and all that a Source may say.
type wildScript struct {
	*tape
	keys []sensor.Key
	now  sensor.Timestamp
	n    uint64
	rest []sensor.Record // of a datagram in fragments
}

func newWildScript(t *tape) *wildScript {
	s := &wildScript{tape: t, now: sensor.UnixTimestamp(1e9, 0)}
	ap := netip.MustParseAddrPort
	for _, e := range []struct {
		p    sensor.Proto
		a, b string
	}{
		{sensor.ProtoTCP, "10.0.0.1:4000", "10.0.0.2:7"},
		{sensor.ProtoTCP, "10.0.0.1:4001", "10.0.0.2:9"},
		{sensor.ProtoTCP, "10.0.0.1:4002", "10.0.0.2:1"},
		{sensor.ProtoUDP, "10.0.0.1:4000", "10.0.0.2:7"},
		{sensor.ProtoUDP, "10.0.0.1:4001", "10.0.0.2:1"},
		{sensor.ProtoICMP, "10.0.0.1:8", "10.0.0.2:0"},
		{sensor.ProtoESP, "10.0.0.1:0", "10.0.0.2:0"},
	} {
		k, _ := sensor.NewKey(e.p, ap(e.a), ap(e.b))
		s.keys = append(s.keys, k)
	}
	return s
}

var wildFlags = [16]uint8{
	sensor.ACK, sensor.ACK | sensor.PSH, sensor.SYN, sensor.SYN | sensor.ACK, sensor.FIN | sensor.ACK, sensor.RST, sensor.RST | sensor.ACK,
	sensor.ACK, sensor.ACK, sensor.ACK | sensor.URG, sensor.SYN | sensor.FIN, 0, 0xff, sensor.FIN, sensor.ACK, sensor.ACK | sensor.ECE,
}

// next returns the next record, and false at the end of the tape.
func (s *wildScript) next(r *sensor.Record) bool {
	if len(s.rest) > 0 {
		*r, s.rest = s.rest[0], s.rest[1:]
		return true
	}
	if len(s.b) == 0 {
		return false
	}
	op := s.byte()
	s.step()
	*r = sensor.Record{Kind: sensor.Tick, Time: s.now}
	if op == 0 {
		return true
	}
	s.n++
	r.Kind, r.Ordinal = sensor.Packet, s.n
	r.Key, r.From = s.keys[s.pick(len(s.keys))], op&1
	if op == 1 {
		r.Key.Kind = sensor.IPPair
	}
	n := s.pick(48)
	if n > 40 {
		n *= 100
	}
	switch {
	case op >= 0xf8:
		r.Kind, r.Reason = sensor.Lost, sensor.LossRing
		r.Count.PayloadBytes = uint64(n)
		return true
	case op >= 0xf0:
		r.Kind, r.TCPFlags = sensor.Snapshot, s.byte()
		r.Count = sensor.Counters{Packets: uint64(n), Bytes: 100, FrameBytes: 100, PayloadBytes: uint64(n)}
		return true
	}
	s.packet(r, op, n)
	return true
}

// step moves the time: mostly a little, sometimes far, or back.
func (s *wildScript) step() {
	switch c := s.byte(); {
	case c < 200:
		s.now = s.now.Add(time.Duration(c) * time.Millisecond)
	case c < 240:
		s.now = s.now.Add(time.Duration(c-199) * time.Second)
	case c < 250:
		s.now = s.now.Add(-time.Duration(c-239) * time.Minute)
	default:
		s.now = sensor.Timestamp(uint64(s.word()) << 32)
	}
}

func (s *wildScript) packet(r *sensor.Record, op byte, n int) {
	r.Payload = s.bytes(min(n, 60))
	r.WireLen = n
	if op&2 != 0 {
		r.Payload = r.Payload[:len(r.Payload)/2] // cut
	}
	r.Count = sensor.Counters{Packets: 1, Bytes: uint64(n) + 40, FrameBytes: uint64(n) + 54, PayloadBytes: uint64(n)}
	if r.Key.Proto == sensor.ProtoTCP {
		// Near the end of the sequence space, a few bytes from each other.
		r.TCPFlags = wildFlags[s.byte()&15]
		r.Seq = 0xffffffe0 + uint32(int8(s.byte()))
		r.Ack = 0xffffffe0 + uint32(int8(s.byte()))
		r.Window = uint16(s.byte())
		if op&0x1c == 0x1c {
			r.Seq, r.Ack = s.word(), s.word()
		}
	}
	switch op & 0xe0 {
	case 0x20:
		r.Flags |= sensor.BadChecksum
	case 0x40: // in fragments: only the last carries the header and all payload
		whole := *r
		whole.Flags |= sensor.Fragment
		if op&4 != 0 {
			whole.Flags |= sensor.FragmentConflict
		}
		whole.Count.PayloadBytes = 0
		r.TCPFlags, r.WireLen, r.Payload = 0, 0, nil
		r.Flags |= sensor.Fragment
		s.n++
		whole.Ordinal = s.n
		s.rest = append(s.rest[:0], whole)
	}
}

// witness checks what the events of a run must have in common.
type witness struct {
	t     *testing.T
	all   bool                 // every byte is told
	flows map[uint64]*[2]int64 // by id: bytes told, by index in the key
	keys  map[uint64]sensor.Key
	ended uint64
}

// Consume implements sensor.Sink.
func (w *witness) Consume(ev *sensor.Event) error {
	f := ev.Flow
	at := w.flows[f.ID]
	if (at == nil) != (ev.Kind == sensor.FlowStart) {
		w.t.Fatalf("%v of flow %d, known: %v", ev.Kind, f.ID, at != nil)
	}
	if at == nil {
		at = new([2]int64)
		w.flows[f.ID], w.keys[f.ID] = at, f.Key
	}
	if f.Key != w.keys[f.ID] {
		w.t.Fatalf("flow %d is %v and %v", f.ID, f.Key, w.keys[f.ID])
	}
	if f.Last < f.First {
		w.t.Fatalf("flow %d ends at %v, before it begins at %v", f.ID, f.Last, f.First)
	}
	for side := range f.Counters {
		if d, c := f.Delta[side], f.Counters[side]; d.Packets > c.Packets || d.Bytes > c.Bytes || d.PayloadBytes > c.PayloadBytes {
			w.t.Fatalf("flow %d: delta %v of %v", f.ID, d, c)
		}
	}
	i := uint8(ev.Side) ^ f.Initiator&1
	switch ev.Kind {
	case sensor.FlowData, sensor.FlowGap:
		if f.Key.Proto != sensor.ProtoTCP {
			break
		}
		n := int64(len(ev.Data)) + ev.Lost
		if ev.Offset != at[i] && w.all || ev.Offset < at[i] || n <= 0 {
			w.t.Fatalf("%s of flow %d, want offset %d", describe(ev), f.ID, at[i])
		}
		at[i] = ev.Offset + n
	case sensor.FlowEnd:
		delete(w.flows, f.ID)
		w.ended++
		if f.End == sensor.NotEnded || f.End == sensor.EndActive {
			w.t.Fatalf("flow %d ended by %v", f.ID, f.End)
		}
	}
	return nil
}

// audit checks what must hold between any two records.
func audit(t *testing.T, w *worker, maxFlows int) {
	t.Helper()
	var l sensor.Ledger
	live := 0
	for _, s := range w.shards {
		s.account(&l)
		live += s.tab.Len()
		for _, b := range []stream.Budget{s.budget, s.reorder} {
			if b.Used < 0 || b.Used > b.Max {
				t.Fatalf("%d bytes buffered, cap %d", b.Used, b.Max)
			}
		}
	}
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	for _, a := range l.Accounts {
		for _, r := range a.Rows {
			if r.Count > 1<<48 {
				t.Fatalf("%s.%s = %d", a.Stage, r.Name, int64(r.Count))
			}
		}
	}
	if live > maxFlows {
		t.Fatalf("%d flows, cap %d", live, maxFlows)
	}
}

// FuzzEngine: whatever the records, and whatever the parsers do, the engine does
// not panic, keeps its caps, its books balance after every record, and in the
// end it owes nothing.
func FuzzEngine(f *testing.F) {
	f.Add([]byte{})
	for seed := range byte(16) {
		b := []byte{seed, seed * 3, seed * 5, 40, 40, 40, 40, 40}
		for i := range 600 {
			b = append(b, byte(i*int(7+seed)>>2), byte(i*i>>3))
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) <= 1<<14 {
			checkWild(t, data)
		}
	})
}

// TestWildRecords is some of FuzzEngine, in every run of the tests.
func TestWildRecords(t *testing.T) {
	rng := rand.NewChaCha8([32]byte{1})
	for range 400 {
		data := make([]byte, 3000)
		rng.Read(data) //nolint:errcheck // it returns none
		checkWild(t, data)
		if t.Failed() {
			t.Fatalf("input %q", data)
		}
	}
}

func checkWild(t *testing.T, data []byte) {
	stuck := time.AfterFunc(10*time.Second, func() { panic("the engine does not return") })
	defer stuck.Stop()
	tp := &tape{data}
	ms := func() time.Duration { return time.Duration(tp.byte()) * 100 * time.Millisecond }
	flags := tp.byte()
	cfg := Config{StreamData: flags&1 != 0,
		MaxFlows: 1 + int(flags>>5), MaxBuffered: int(tp.byte()) * 16, MaxReorder: int(tp.byte()) * 16, MaxUnconsumed: int(tp.byte()),
		Timeouts: Timeouts{TCP: ms(), UDP: ms(), Active: ms(), Hole: ms()}}
	if flags&2 != 0 {
		cfg.Protocols = wildProtocols(t)
	}
	if flags&4 != 0 {
		cfg.MaxBuffered, cfg.MaxReorder = 0, 0
	}
	cfg = cfg.withDefaults()
	cat, err := newCatalogue(cfg.Protocols)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorkers(&cfg, cat, 1)[0]
	wit := &witness{t: t, all: cfg.StreamData, flows: map[uint64]*[2]int64{}, keys: map[uint64]sensor.Key{}}
	w.out.sink = wit

	s := newWildScript(tp)
	var clk clock
	var r sensor.Record
	for s.next(&r) {
		payload := bytes.Clone(r.Payload)
		now := clk.at(r.Time)
		w.advance(now, r.Time)
		if r.Kind != sensor.Tick {
			w.take(&r, now)
		}
		if !bytes.Equal(payload, r.Payload) {
			t.Fatal("the engine wrote to the payload")
		}
		for i := range r.Payload {
			r.Payload[i] ^= 0x55 // it was lent
		}
		audit(t, w, cfg.MaxFlows)
	}
	w.finish()
	audit(t, w, 0)
	for i, s := range w.shards {
		if s.budget.Used+s.reorder.Used != 0 || len(s.recents) != 0 || len(s.halves.items) != len(s.halves.free) ||
			len(s.sessions.items) != len(s.sessions.free) || len(s.mores.items) != len(s.mores.free) {
			t.Fatalf("shard %d owes %d bytes, or did not take back what its flows had", i, s.budget.Used+s.reorder.Used)
		}
	}
	if len(wit.flows) != 0 {
		t.Fatalf("%d flows were not told to end", len(wit.flows))
	}
}
