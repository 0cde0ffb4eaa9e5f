package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"flowscope/sensor"

	"pgregory.net/rapid"
)

func TestActiveTimeout(t *testing.T) {
	s := newScript()
	for range 5 {
		s.udp("10.0.0.1:1100", "10.0.0.2:2000", "x")
		s.wait(20 * time.Second)
	}
	var lines []string
	for ev, err := range EventsWith(s, Config{Timeouts: Timeouts{Active: 30 * time.Second}}) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == sensor.FlowUpdate || ev.Kind == sensor.FlowEnd {
			f := ev.Flow
			lines = append(lines, fmt.Sprintf("%v #%d %v total=%d delta=%d", ev.Kind, f.RecordSeq, f.End, f.Counters[0].Packets, f.Delta[0].Packets))
		}
	}
	want(t, lines, "update #0 active total=2 delta=2", "update #1 active total=3 delta=1", "end #2 shutdown total=5 delta=2")
}

func TestEvictionTakesWhatIsNearestToItsTimeout(t *testing.T) {
	s := newScript()
	established := s.tcp(4000, 7).open()
	closed := s.tcp(4001, 7).open()
	closed.close()
	s.tcp(4002, 7).send(client, sensor.SYN, "")
	s.udp("10.0.0.1:1100", "10.0.0.2:2000", "x")
	for i := range 4 {
		s.udp(fmt.Sprintf("10.0.0.1:%d", 1101+i), "10.0.0.2:2000", "x")
		established.say(client, "x")
		s.wait(1100 * time.Millisecond)
	}
	got := play(t, s, Config{MaxFlows: 4}, sensor.FlowEnd)
	var order []string
	for _, l := range got[:4] {
		var port int
		var why string
		fmt.Sscanf(l, "end %d %s", &port, &why) //nolint:errcheck // the comparison shows it
		order = append(order, fmt.Sprintf("%d %s", port, why))
	}
	want(t, order, "4001 fin", "4002 evicted", "1100 evicted", "1101 evicted")
}

func TestFlowsNeverExceedTheCap(t *testing.T) {
	cfg := Config{MaxFlows: 20_000}.withDefaults()
	cat, _ := newCatalogue(nil)
	w := newWorkers(&cfg, cat, 1)[0]
	w.out.sink = sinkFunc(func(*sensor.Event) error { return nil })
	s := newScript()
	for n := range 60_000 {
		r := s.udp(fmt.Sprintf("10.%d.%d.1:%d", n>>8&255, n&255, n>>16+1000), "10.0.0.2:2000", "x")
		w.take(r, int64(r.Time))
		s.recs = s.recs[:0]
	}
	live := 0
	for _, sh := range w.shards {
		live += sh.tab.Len()
	}
	if len(w.shards) != 4 || live > 20_000 || live < 19_000 {
		t.Errorf("%d flows in %d shards under a cap of 20000", live, len(w.shards))
	}
}

// TestTimestamps: packet times that jump neither stall the engine, nor empty its
// table, nor change what is counted.
func TestTimestamps(t *testing.T) {
	build := func(shift func(i int) sensor.Timestamp) *script {
		s := newScript()
		c := s.tcp(4000, 7).open()
		for range 20 {
			c.say(client, "word.")
			s.wait(time.Second)
			s.udp("10.0.0.1:1100", "10.0.0.2:2000", "x")
		}
		c.close()
		for i := range s.recs {
			if at := shift(i); at != 0 {
				s.recs[i].Time = at
			}
		}
		return s
	}
	plain := play(t, build(func(int) sensor.Timestamp { return 0 }), Config{}, sensor.FlowEnd)
	for name, at := range map[string]sensor.Timestamp{
		"the epoch": 1, "2106": sensor.UnixTimestamp(1<<32, 0), "the end of time": math.MaxInt64, "the beginning": math.MinInt64,
	} {
		got := play(t, build(func(i int) sensor.Timestamp {
			if i == 12 { // a packet of the TCP flow
				return at
			}
			return 0
		}), Config{}, sensor.FlowEnd)
		if at < sensor.UnixTimestamp(1e9, 0) && !slices.Equal(got, plain) {
			t.Errorf("one packet at %s: got %q, want %q", name, got, plain)
		}
		if len(got) > len(plain)+1 {
			t.Errorf("one packet at %s made %d flows of %d", name, len(got), len(plain))
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := build(func(int) sensor.Timestamp { return 0 })
		for i := range s.recs {
			if rapid.IntRange(0, 3).Draw(rt, "move") == 0 {
				s.recs[i].Time = sensor.Timestamp(rapid.Int64().Draw(rt, "to"))
			}
		}
		var packets uint64
		for ev, err := range EventsWith(s, Config{}) {
			if err != nil {
				rt.Fatal(err)
			}
			if ev.Flow.Last < ev.Flow.First {
				rt.Fatalf("flow ends at %v before it begins at %v", ev.Flow.Last, ev.Flow.First)
			}
			if ev.Kind == sensor.FlowEnd {
				packets += ev.Flow.Counters[0].Packets + ev.Flow.Counters[1].Packets
			}
		}
		if packets != uint64(len(s.recs)) {
			rt.Fatalf("%d packets counted of %d", packets, len(s.recs))
		}
	})
}

func TestDirection(t *testing.T) {
	tests := []struct {
		name     string
		proto    sensor.Proto
		src, dst string
		want     string
	}{
		{"nobody is known", sensor.ProtoUDP, "10.0.0.1:2000", "10.0.0.2:3000", "10.0.0.1:2000 first"},
		{"a server's answer", sensor.ProtoUDP, "10.0.0.1:53", "10.0.0.2:3000", "10.0.0.2:3000 port"},
		{"a server's announcement", sensor.ProtoUDP, "10.0.0.1:427", "224.0.1.60:3000", "10.0.0.1:427 first"},
		{"echo request", sensor.ProtoICMP, "10.0.0.1:8", "10.0.0.2:0", "10.0.0.1:8 icmp"},
		{"echo reply", sensor.ProtoICMP, "10.0.0.1:0", "10.0.0.2:8", "10.0.0.2:8 icmp"},
		{"unreachable", sensor.ProtoICMP, "10.0.0.1:3", "10.0.0.2:1", "10.0.0.1:3 first"},
		{"router advertisement to the one who asked", sensor.ProtoICMPv6, "[fe80::1]:134", "[fe80::2]:133", "[fe80::2]:133 icmp"},
		{"router advertisement to all", sensor.ProtoICMPv6, "[fe80::1]:134", "[ff02::1]:133", "[fe80::1]:134 first"},
		{"midstream from a server", sensor.ProtoTCP, "10.0.0.1:443", "10.0.0.2:3000", "10.0.0.2:3000 port"},
		{"ESP", sensor.ProtoESP, "10.0.0.2:0", "10.0.0.1:0", "10.0.0.2:0 first"},
	}
	for _, tt := range tests {
		k, from := sensor.NewKey(tt.proto, netip.MustParseAddrPort(tt.src), netip.MustParseAddrPort(tt.dst))
		i, by := direction(&sensor.Record{Kind: sensor.Packet, Key: k, From: from, TCPFlags: sensor.ACK})
		if got := fmt.Sprint(k.AddrPort(i), " ", by); got != tt.want {
			t.Errorf("%s: initiator %s, want %s", tt.name, got, tt.want)
		}
	}
}

// A flow whose packets make the clock believe in a long silence is not silent
// itself.
func TestFirstFlowAfterALongSilence(t *testing.T) {
	s := newScript()
	s.udp("10.0.0.1:1100", "10.0.0.2:2000", "x")
	s.wait(5 * time.Hour)
	c := s.tcp(4000, 7).open()
	for range 5 {
		c.say(client, "x")
	}
	want(t, play(t, s, Config{}, sensor.FlowEnd), "end 1100 idle S0 D first pkts=1/0 payload=1/0 app=",
		"end 4000 shutdown S1 ShAD syn pkts=7/1 payload=5/0 app=")
}

func TestClock(t *testing.T) {
	var c clock
	base := sensor.UnixTimestamp(1e9, 0)
	start := c.at(base)
	steps := []struct {
		name string
		at   sensor.Timestamp
		want time.Duration
	}{
		{"forward", base.Add(time.Minute), time.Minute},
		{"a little back", base, time.Minute},
		{"one outlier", base.Add(24 * time.Hour), time.Minute},
		{"back to normal", base.Add(2 * time.Minute), 2 * time.Minute},
		{"far forward", base.Add(24 * time.Hour), 2 * time.Minute},
		{"again", base.Add(24*time.Hour + 1), 2 * time.Minute},
		{"and again", base.Add(24*time.Hour + 2), 2 * time.Minute},
		{"believed", base.Add(24*time.Hour + 3), 24*time.Hour + 3},
		{"far back", base, 24*time.Hour + 3},
		{"again", base + 1, 24*time.Hour + 3},
		{"and again", base + 2, 24*time.Hour + 3},
		{"believed: the clock stays, and goes on from here", base + 3, 24*time.Hour + 3},
		{"forward", base + 4, 24*time.Hour + 4},
	}
	for _, s := range steps {
		if got := time.Duration(c.at(s.at) - start); got != s.want {
			t.Errorf("%s: clock at +%v, want +%v", s.name, got, s.want)
		}
	}
}

// mixed makes a script of many flows, with losses and pauses.
func mixed(rt *rapid.T, n int) *script {
	s := newScript()
	var conns []*conn
	for range n {
		switch rapid.IntRange(0, 9).Draw(rt, "what") {
		case 0, 1:
			conns = append(conns, s.tcp(uint16(4000+len(conns)), 7).open())
		case 2:
			s.udp(fmt.Sprintf("10.0.0.%d:1100", rapid.IntRange(1, 20).Draw(rt, "host")), "10.0.0.99:2000", "x")
		case 3:
			s.wait(time.Duration(rapid.IntRange(1, 40).Draw(rt, "pause")) * time.Second)
		default:
			if len(conns) == 0 {
				continue
			}
			c := conns[rapid.IntRange(0, len(conns)-1).Draw(rt, "conn")]
			side := rapid.IntRange(0, 1).Draw(rt, "side")
			switch rapid.IntRange(0, 9).Draw(rt, "how") {
			case 0:
				c.seq[side] += 5 // lost
			case 1:
				c.close()
			case 2:
				c.at(side, 0, sensor.RST|sensor.ACK, "")
			default:
				c.say(side, fmt.Sprintf("word%d.", len(s.recs)))
			}
		}
	}
	return s
}

// TestWorkersAgree: any number of workers gives the same events in the same
// order, also when the caps bite.
func TestWorkersAgree(t *testing.T) {
	all := []sensor.EventKind{sensor.FlowStart, sensor.FlowEstablished, sensor.FlowUpdate, sensor.FlowEnd,
		sensor.FlowMessage, sensor.FlowGap, sensor.FlowAnomaly, sensor.FlowError, sensor.FlowData}
	rapid.Check(t, func(rt *rapid.T) {
		s := mixed(rt, 300)
		cfg := Config{Protocols: []sensor.Protocol{wordsOnPort7}, StreamData: true, MaxFlows: 1 << 20,
			Timeouts: Timeouts{Active: 30 * time.Second}}
		one := play(t, s, cfg, all...)
		for _, n := range []int{2, 3, 16, 100} {
			if got := playOn(t, s.rewind(), cfg, n, all...); !slices.Equal(got, one) {
				rt.Fatalf("%d workers give %d events, one gives %d, or in another order", n, len(got), len(one))
			}
		}
	})
}

func TestRunErrors(t *testing.T) {
	t.Run("sink", func(t *testing.T) {
		full := errors.New("disk full")
		for _, workers := range []int{1, 2} {
			s := newScript()
			s.tcp(4000, 7).open()
			_, err := Run(context.Background(), s, Config{}, workers, sinkFunc(func(*sensor.Event) error { return full }))
			if !errors.Is(err, full) {
				t.Errorf("%d workers: error %v, want the sink's", workers, err)
			}
		}
	})
	t.Run("source: what came before is told", func(t *testing.T) {
		broken := errors.New("file cut short")
		for _, workers := range []int{1, 2} {
			s := newScript()
			s.tcp(4000, 7).open()
			ends := 0
			_, err := Run(context.Background(), &failing{s, broken}, Config{}, workers, sinkFunc(func(ev *sensor.Event) error {
				if ev.Kind == sensor.FlowEnd {
					ends++
				}
				return nil
			}))
			if !errors.Is(err, broken) || ends != 1 {
				t.Errorf("%d workers: error %v and %d ended flows, want the source's and 1", workers, err, ends)
			}
		}
	})
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for _, workers := range []int{1, 2} {
			_, err := Run(ctx, &endless{}, Config{}, workers, sinkFunc(func(*sensor.Event) error { return nil }))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%d workers: error %v, want context.Canceled", workers, err)
			}
		}
	})
	t.Run("protocol without a parser", func(t *testing.T) {
		_, err := Run(context.Background(), newScript(), Config{Protocols: []sensor.Protocol{{Name: "x"}}}, 1, nil)
		if err == nil {
			t.Error("no error")
		}
	})
}

type failing struct {
	*script
	err error
}

func (f *failing) Read(r *sensor.Record) error {
	if f.next == len(f.recs) {
		return f.err
	}
	return f.script.Read(r)
}

type endless struct{ n int64 }

func (e *endless) Read(r *sensor.Record) error {
	e.n++
	*r = sensor.Record{Kind: sensor.Tick, Time: sensor.Timestamp(e.n)}
	return nil
}

func (e *endless) Close() error { return nil }
