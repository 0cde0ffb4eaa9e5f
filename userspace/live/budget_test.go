//go:build linux && (amd64 || arm64)

package live

import (
	"testing"
	"time"

	"flowscope/gen"
	"flowscope/sensor"
)

// TestMore: what a parser asks for later comes beyond the budget, in this epoch
// and the next, and no more than that.
func TestMore(t *testing.T) {
	s := bench(t, Options{Interval: time.Hour, Budget: 1000})
	seq := uint32(1)
	send := func(n int) {
		for range n {
			s.pass(t, tcpFrame(1, seq, sensor.ACK, 100), 1)
			seq += 100
		}
	}
	send(20)
	k, from := flowKey(1)
	s.verdicts.more(&k, from, 1500)
	s.verdicts.more(&k, 1-from, 5000) // of the other direction
	if err := s.verdicts.tell(s.k.verdicts); err != nil {
		t.Fatal(err)
	}
	send(20)
	got, l := s.rest(t)
	if got.payload != 1000+1500 || got.lost[sensor.LossBudget] != 1500 {
		t.Errorf("%d bytes crossed, lost %v, %+v", got.payload, got.lost, l.Account("kernel_payload"))
	}
}

// TestSkip: what ends before a sequence number stays, and what follows comes.
func TestSkip(t *testing.T) {
	s := bench(t, Options{Interval: time.Hour})
	start := uint32(0xffffff00) // the numbers wrap
	k, from := flowKey(1)
	s.pass(t, tcpFrame(1, start, sensor.ACK, 100), 1)
	s.verdicts.skip(&k, from, start+950)
	if err := s.verdicts.tell(s.k.verdicts); err != nil {
		t.Fatal(err)
	}
	for i := range uint32(19) {
		s.pass(t, tcpFrame(1, start+100*(i+1), sensor.ACK, 100), 1)
	}
	s.pass(t, tcpFrame(1, start, sensor.ACK, 100), 1)
	s.verdicts.more(&k, from, 1) // takes it back
	if err := s.verdicts.tell(s.k.verdicts); err != nil {
		t.Fatal(err)
	}
	s.pass(t, tcpFrame(1, start, sensor.ACK, 100), 1)
	got, l := s.rest(t)
	if got.payload != 100+1100+100 || got.lost[sensor.LossBypass] != 800+100 {
		t.Errorf("%d bytes crossed, lost %v, %+v; want those but 900, which end before", got.payload, got.lost, l.Account("kernel_payload"))
	}
}

// TestBudgetShrinks: a ring that fills makes flows shorter, before it is full, and
// the budget comes back when it is read.
func TestBudgetShrinks(t *testing.T) {
	const budget = 64 << 10
	s := bench(t, Options{Interval: time.Hour, Budget: budget, Rings: 1, RingSize: 1 << 20})
	// later lets time pass since the budget was changed, and says how often it is halved.
	later := func(d time.Duration) uint64 {
		var g gen.Control
		if err := s.k.control.Lookup(uint32(0), &g); err != nil {
			t.Fatal(err)
		}
		g.Squeezed -= min(g.Squeezed, uint64(d))
		if err := s.k.control.Put(uint32(0), g); err != nil {
			t.Fatal(err)
		}
		return g.Squeeze
	}
	before := uint64(0)
	// A flow after the other wants all of its budget, and nobody reads.
	for n := range uint32(60) {
		for i := range uint32(budget / 1024) {
			s.pass(t, tcpFrame(n+1, 1+i*1024, sensor.ACK, 1024), 1)
		}
		before = later(10 * time.Millisecond)
	}
	if before == 0 {
		t.Error("the budget has not shrunk")
	}
	var l sensor.Ledger
	s.Account(&l)
	p := l.Account("kernel_payload")
	if p.Row("over_budget") == 0 || p.Row("ring_full") > p.Total/20 {
		t.Errorf("%+v: want what is lost chosen by the budget", p)
	}
	var r sensor.Record
	for {
		if err := s.Read(&r); err != nil {
			t.Fatal(err)
		}
		if r.Kind == sensor.Tick {
			break
		}
	}
	later(time.Second)
	for range 3 {
		s.pass(t, tcpFrame(1, 1, sensor.ACK, 1024), 1) // over its budget: nothing is sent
	}
	if n := later(0); n != before-1 {
		t.Errorf("the budget is halved %d times a second after the ring was read, want %d", n, before-1)
	}
	s.rest(t)
}
