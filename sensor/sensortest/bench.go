package sensortest

import (
	"testing"

	"flowscope/sensor"
)

// loop is a transcript that is said to one parser again and again.
type loop struct {
	stream   sensor.StreamParser
	dgram    sensor.DatagramParser
	ops      []op
	skips    skips
	messages int
	err      error
}

func newLoop(t testing.TB, p sensor.Protocol, tr *Transcript) *loop {
	t.Helper()
	l := &loop{}
	for _, o := range opsOf(tr) {
		if !o.EOF {
			l.ops = append(l.ops, o)
		}
		if o.Gap > 0 {
			t.Fatalf("%s: a transcript with a gap cannot be measured", tr.Name)
		}
	}
	if tr.Datagram {
		l.dgram = p.NewDatagram()
	} else {
		l.stream = p.NewStream()
	}
	count := l.count
	for range 3 { // so that what grows once has grown
		if l.play(count); l.err != nil {
			t.Fatalf("%s: the parser ended with %v: measure what can be said again and again on one flow", tr.Name, l.err)
		}
	}
	return l
}

func (l *loop) count(sensor.Message) { l.messages++ }

// play hands out each step; what a stream parser leaves is said to be lost on
// it, so transcripts that are measured end each message with a step.
func (l *loop) play(emit func(sensor.Message)) {
	l.messages = 0
	for _, o := range l.ops {
		if l.dgram != nil {
			l.err = l.dgram.Parse(segmentOf(o), emit)
		} else {
			l.segment(o, emit)
		}
		if l.err != nil {
			return
		}
	}
}

func (l *loop) segment(o op, emit func(sensor.Message)) {
	s := segmentOf(o)
	s.Data = l.skips.pass(o.Side, s.Data)
	if l.skips.left[o.Side] > 0 {
		return
	}
	s.Skipped = l.skips.told(o.Side)
	n, err := l.stream.Parse(s, emit)
	l.skips.ask(o.Side, n, len(s.Data), err)
	l.err = err
}

// AllocsPerMessage returns how many allocations a parser makes for each message
// of a transcript, when the transcript was said to it some times before. The
// transcript must be one that can be said again and again on the same flow,
// and whose steps each end with a message's last byte. A parser on the hot path
// should be at 0.
func AllocsPerMessage(t testing.TB, p sensor.Protocol, tr *Transcript) float64 {
	t.Helper()
	l := newLoop(t, p, tr)
	emit := l.count
	allocs := testing.AllocsPerRun(100, func() { l.play(emit) })
	if l.err != nil || l.messages == 0 {
		t.Fatalf("%s: %d messages, %v", tr.Name, l.messages, l.err)
	}
	return allocs / float64(l.messages)
}

// Benchmark measures a parser on a transcript as AllocsPerMessage does, and
// reports bytes and messages per second.
func Benchmark(b *testing.B, p sensor.Protocol, tr *Transcript) {
	b.Helper()
	l := newLoop(b, p, tr)
	emit := l.count
	size := 0
	for _, o := range l.ops {
		size += len(o.Data)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		l.play(emit)
	}
	if l.err != nil {
		b.Fatal(l.err)
	}
	b.ReportMetric(float64(l.messages)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
