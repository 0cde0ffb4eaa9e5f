package engine

import (
	"encoding/binary"
	"io"
	"runtime"
	"testing"
	"time"

	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// flood is a Source that makes its records as it goes.
type flood struct {
	n, of int
	make  func(n int, r *sensor.Record)
	ran   time.Time
	took  []time.Duration // of each tenth
}

func (s *flood) Read(r *sensor.Record) error {
	if s.n%(s.of/10) == 0 && s.n > 0 && len(s.took) < s.n/(s.of/10) {
		s.took = append(s.took, time.Since(s.ran))
	}
	if s.n == s.of {
		return io.EOF
	}
	if s.n == 0 {
		s.ran = time.Now()
	}
	s.n++
	*r = sensor.Record{Kind: sensor.Packet, Ordinal: uint64(s.n), Time: sensor.UnixTimestamp(1e9, int64(s.n)*1000),
		Count: sensor.Counters{Packets: 1, Bytes: 40, FrameBytes: 54}}
	s.make(s.n-1, r)
	r.Count.PayloadBytes = uint64(r.WireLen)
	return nil
}

func (s *flood) Close() error { return nil }

// key makes the key of flow n to port, and says that its client sends.
func (s *flood) key(r *sensor.Record, n uint32, port uint16) {
	r.Key = sensor.Key{Proto: sensor.ProtoTCP, Port: [2]uint16{uint16(1024 + n>>24), port}}
	for i := range r.Key.Addr {
		r.Key.Addr[i][10], r.Key.Addr[i][11] = 0xff, 0xff
	}
	binary.BigEndian.PutUint32(r.Key.Addr[0][12:], n&0xffffff|10<<24)
	binary.BigEndian.PutUint32(r.Key.Addr[1][12:], 192<<24)
	r.From = 0
	r.Window = 1000
}

// slowdown is how much longer the last three tenths took than the three after
// the first: far above 1 where the cost of a record grows.
func (s *flood) slowdown() float64 {
	return float64(s.took[9]-s.took[6]) / float64(s.took[3]-s.took[0])
}

// peak runs src and returns the books and the most heap that was in use, in
// bytes, beyond what was at the start, as seen at every 2^16th event.
func peak(t *testing.T, src *flood, cfg Config, events func(*sensor.Event)) (sensor.Ledger, int64) {
	t.Helper()
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	base, most := heap(), int64(0)
	cfg = cfg.withDefaults()
	cat, err := newCatalogue(cfg.Protocols)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorkers(&cfg, cat, 1)[0]
	w.out.sink = sinkFunc(func(ev *sensor.Event) error {
		if events != nil {
			events(ev)
		}
		return nil
	})
	var (
		r       sensor.Record
		clk     clock
		now     int64
		granule int64
	)
	for src.Read(&r) == nil {
		if now = clk.at(r.Time); flowtab.Granule(now) != granule {
			granule = flowtab.Granule(now)
			w.advance(now, r.Time)
		}
		w.take(&r, now)
		if src.n == src.of/2 || src.n == src.of {
			stopped := time.Now()
			most = max(most, heap()-base)
			src.ran = src.ran.Add(time.Since(stopped))
		}
	}
	src.Read(&r) //nolint:errcheck // it is at its end
	w.finish()
	var l sensor.Ledger
	for _, s := range w.shards {
		s.account(&l)
	}
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	return l, most
}

// steady fails the test if the cost of a record grows; a busy machine gets
// several tries.
func steady(t *testing.T, run func() *flood) {
	t.Helper()
	best := 100.0
	for range 3 {
		s := run()
		if best = min(best, s.slowdown()); best < 2 {
			break
		}
	}
	t.Logf("the last records cost %.1f times what the first did", best)
	if best > 4 {
		t.Errorf("the last records cost %.1f times what the first did", best)
	}
}

// TestSYNFlood: a million attempts from as many addresses, under a cap of 65536
// flows. Memory stays bounded, eviction costs the same all along, and what is
// established stays.
func TestSYNFlood(t *testing.T) {
	const flows, established = 65536, 1000
	for _, cfg := range []Config{{MaxFlows: flows}, {MaxFlows: flows, Protocols: []sensor.Protocol{wordsOnPort7}}} {
		steady(t, func() *flood {
			s := &flood{of: 1_000_000}
			s.make = func(n int, r *sensor.Record) {
				s.key(r, uint32(n), 80)
				r.TCPFlags, r.Seq = sensor.SYN, uint32(n)
				if n < 2*established {
					s.key(r, uint32(n/2), 80)
					if r.Seq = 1; n%2 == 1 {
						r.TCPFlags, r.Seq = sensor.ACK, 2
					}
				}
			}
			lost := 0
			l, heap := peak(t, s, cfg, func(ev *sensor.Event) {
				if ev.Kind == sensor.FlowEnd && ev.Flow.End == sensor.EndEvicted && ev.Flow.ID < 2*established {
					lost++
				}
			})
			f := l.Account("flows")
			t.Logf("%d flows, %d evicted, %.1f MB, %v a record", f.Total, f.Row("evicted"), float64(heap)/1e6, s.took[9]/time.Duration(s.of))
			if want := f.Total - flows; f.Row("evicted") != want {
				t.Errorf("%d flows evicted, want %d", f.Row("evicted"), want)
			}
			if heap > 400*flows {
				t.Errorf("%d bytes of heap for %d flows", heap, flows)
			}
			if lost > 0 {
				t.Errorf("%d established flows of %d were evicted", lost, established)
			}
			return s
		})
	}
}

// TestHolesInManyFlows: 100 000 flows that send single bytes with a hole before
// each. What is held stays under the cap, at what it really costs, and flows
// that are in order lose no message.
func TestHolesInManyFlows(t *testing.T) {
	const flows, limit = 100_000, 32 << 20
	s := &flood{of: 1_200_000}
	one := []byte("x")
	words := 0
	s.make = func(n int, r *sensor.Record) {
		r.TCPFlags, r.WireLen, r.Payload = sensor.ACK, 1, one
		if n%100 == 99 {
			s.key(r, 1<<23, 7)
			at := n / 100
			r.Seq, r.Payload = uint32(at*2), []byte("wo.rd.")[at%3*2:at%3*2+2]
			r.WireLen = 2
			return
		}
		s.key(r, uint32(n%flows), 80)
		r.Seq = uint32(n / flows * 3)
		if n >= flows {
			r.Seq++ // behind a hole
		}
	}
	cfg := Config{Protocols: []sensor.Protocol{wordsOnPort7}, MaxBuffered: limit}
	_, atRest := peak(t, &flood{of: flows, make: s.make}, cfg, nil) // the flows alone
	l, heap := peak(t, s, cfg, func(ev *sensor.Event) {
		if ev.Kind == sensor.FlowMessage && string(ev.Msg.(*text).Text) != "" {
			words++
		}
	})
	p := l.Account("tcp_payload")
	t.Logf("%.1f MB for the flows, %.1f MB with what they hold under a cap of %d MB; %d messages; %v a record; gap %d", float64(atRest)/1e6,
		float64(heap)/1e6, limit>>20, words, s.took[9]/time.Duration(s.of), p.Row("gap"))
	if heap > atRest+limit+limit/5+200*flows {
		t.Errorf("%d bytes of heap beyond the flows", heap-atRest)
	}
	if words < s.of/100/3 {
		t.Errorf("%d messages of flows in order", words)
	}
}

// TestCostOfHeldSegments: what is charged for single bytes with holes between
// them is at least what they cost, and not much more.
func TestCostOfHeldSegments(t *testing.T) {
	const flows, each = 2000, 200
	s := &flood{of: flows * (each + 1)}
	one := []byte("x")
	s.make = func(n int, r *sensor.Record) {
		s.key(r, uint32(n%flows), 80)
		r.TCPFlags, r.WireLen, r.Payload = sensor.ACK, 1, one
		if r.Seq = uint32(n / flows * 2); n >= flows {
			r.Seq++
		}
	}
	_, atRest := peak(t, &flood{of: flows, make: s.make}, Config{}, nil)
	_, heap := peak(t, s, Config{}, nil)
	per := float64(heap-atRest) / (flows * each)
	t.Logf("%.0f bytes of heap for each segment of 1 byte that is held", per)
	if per > 160 {
		t.Errorf("%.0f bytes of heap for each segment of 1 byte that is held, want at most 160", per)
	}
}

// TestWorstOrders: floods on one flow cost the same all along, and hold what the
// caps allow.
func TestWorstOrders(t *testing.T) {
	one := []byte("x")
	tests := []struct {
		name string
		of   int
		make func(s *flood, n int, r *sensor.Record)
	}{
		{"single bytes in reverse", 400_000, func(s *flood, n int, r *sensor.Record) {
			r.TCPFlags, r.WireLen, r.Payload = sensor.ACK, 1, one
			r.Seq = uint32(500_000 - n)
			if n == 0 {
				r.Seq = 0
			}
		}},
		{"single bytes in reverse, with holes", 400_000, func(s *flood, n int, r *sensor.Record) {
			r.TCPFlags, r.WireLen, r.Payload = sensor.ACK, 1, one
			r.Seq = uint32(1_000_000 - 2*n)
			if n == 0 {
				r.Seq = 0
			}
		}},
		{"single bytes anywhere", 400_000, func(s *flood, n int, r *sensor.Record) {
			r.TCPFlags, r.WireLen, r.Payload = sensor.ACK, 1, one
			r.Seq = uint32(n*7919%100_003 + n)
		}},
		{"a byte at each end of a window of a gigabyte", 400_000, func(s *flood, n int, r *sensor.Record) {
			r.TCPFlags, r.WireLen, r.Payload = sensor.ACK, 1, one
			if r.Seq = uint32(n); n%2 == 1 {
				r.Seq += 1 << 30
			}
		}},
		{"acknowledgements of anything", 1_000_000, func(s *flood, n int, r *sensor.Record) {
			r.TCPFlags, r.Seq, r.Ack = sensor.ACK, 0, uint32(n)*2654435761
			r.From = uint8(n & 1)
		}},
		{"retransmissions", 1_000_000, func(s *flood, n int, r *sensor.Record) {
			r.TCPFlags, r.WireLen, r.Payload = sensor.ACK, 1, one
			r.Seq = uint32(n % 100)
		}},
		{"RSTs out of the window", 1_000_000, func(s *flood, n int, r *sensor.Record) {
			r.TCPFlags, r.Seq, r.Ack, r.From = sensor.ACK, 0, 0, uint8(n&1)
			if n > 1 {
				r.TCPFlags, r.Seq = sensor.RST, 1<<20+uint32(n)
			}
		}},
		{"SYNs with a new number each", 400_000, func(s *flood, n int, r *sensor.Record) {
			r.TCPFlags, r.Seq = sensor.SYN, uint32(n)*2654435761
		}},
		{"SYNs on an open connection", 400_000, func(s *flood, n int, r *sensor.Record) {
			if r.TCPFlags, r.Seq = sensor.SYN, uint32(n)*2654435761; n < 4 {
				r.TCPFlags, r.Seq, r.Ack, r.From = sensor.ACK, 1, 1, uint8(n&1)
			}
		}},
		{"SYN, RST, SYN, RST", 400_000, func(s *flood, n int, r *sensor.Record) {
			if r.TCPFlags, r.Seq = sensor.SYN, uint32(n/2); n%2 == 1 {
				r.TCPFlags, r.Seq = sensor.RST, uint32(n/2)+1
			}
		}},
		{"FINs", 400_000, func(s *flood, n int, r *sensor.Record) {
			r.TCPFlags, r.Seq, r.From = sensor.FIN|sensor.ACK, uint32(n)*2654435761, uint8(n&1)
		}},
		{"SYN-ACKs", 400_000, func(s *flood, n int, r *sensor.Record) {
			r.TCPFlags, r.Seq = sensor.SYN|sensor.ACK, uint32(n)*2654435761
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := Config{Protocols: []sensor.Protocol{wordsOnPort7}}
			steady(t, func() *flood {
				s := &flood{of: tt.of}
				s.make = func(n int, r *sensor.Record) {
					s.key(r, 1, 7)
					tt.make(s, n, r)
				}
				_, heap := peak(t, s, cfg, nil)
				t.Logf("%v a record, %d bytes of heap", s.took[9]/time.Duration(s.of), heap)
				if heap > 6<<20 {
					t.Errorf("%d bytes of heap for one flow", heap)
				}
				if per := s.took[9] / time.Duration(s.of); per > 20*time.Microsecond && !testing.Short() { // the race detector's runs are short
					t.Errorf("%v a record", per)
				}
				return s
			})
		})
	}
}
