//go:build linux && (amd64 || arm64)

package live

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"flowscope/sensor"
	"flowscope/userspace/engine"
)

// measured prints what make bench-live collects: see testdata/benchlive.
func measured(t testing.TB, what string, goal string, met bool, format string, args ...any) {
	t.Helper()
	t.Logf("MEASURED\t%s\t%s\t%s\t%v", what, fmt.Sprintf(format, args...), goal, met)
}

// udpFrame is a datagram of 18 bytes, in the shortest frame there is.
func udpFrame() []byte {
	b := make([]byte, 60)
	b[12] = 8
	ip := b[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(ip[2:], 46)
	copy(ip[16:], []byte{10, 255, 0, 1})
	binary.BigEndian.PutUint16(ip[20:], 40000)
	binary.BigEndian.PutUint16(ip[22:], 4433)
	binary.BigEndian.PutUint16(ip[24:], 26)
	return b
}

// counts is a Sink that adds up.
type counts struct {
	flows   int
	packets uint64
}

// Consume implements sensor.Sink.
func (c *counts) Consume(ev *sensor.Event) error {
	if ev.Kind == sensor.FlowEnd {
		c.flows++
		c.packets += ev.Flow.Counters[0].Packets + ev.Flow.Counters[1].Packets
	}
	return nil
}

// meter drives packets through the program and says what all else of the process
// costs meanwhile: that of one thread, which drives, is not in it.
type meter struct {
	d     *driver
	sent  int
	costs []float64 // CPU seconds for a million packets, of each window
}

// window is as long as an epoch of many flows: it has one turn of the maps in it.
const window = longEpoch * time.Second

func (m *meter) drive(t testing.TB, rate int, windows int) {
	const burst = 5 * time.Millisecond
	frames := int(int64(rate) * int64(burst) / int64(time.Second))
	for range windows {
		began, sent := time.Now(), 0
		before := m.others(t)
		for i := 1; ; i++ {
			m.d.run(t, uint32(frames))
			sent += frames
			ahead := time.Duration(i)*burst - time.Since(began)
			if ahead > 0 {
				ts := syscall.NsecToTimespec(ahead.Nanoseconds())
				_ = syscall.Nanosleep(&ts, nil)
			}
			if time.Since(began) >= window {
				break
			}
		}
		m.sent += sent
		m.costs = append(m.costs, (m.others(t)-before).Seconds()*1e6/float64(sent))
	}
}

// others returns the CPU time of all threads but this.
func (m *meter) others(t testing.TB) time.Duration {
	pu, ps := spent(t, syscall.RUSAGE_SELF)
	tu, ts := spent(t, thisThread)
	return pu + ps - tu - ts
}

// BenchmarkUserSpace measures what the Source and the engine behind it cost at a
// million of the shortest packets each second, over 100,000 flows, whose records
// come at the active time-out.
func BenchmarkUserSpace(b *testing.B) {
	for _, f := range []struct {
		name  string
		frame []byte
	}{
		{"TCP, acknowledgements", slices.Concat(tcpFrame(1, 1, sensor.ACK, 0), make([]byte, 6))},
		{"UDP that no parser knows", udpFrame()},
	} {
		b.Run(f.name, func(b *testing.B) {
			const rate, flows = 1_000_000, 100_000
			s := bench(b, Options{MaxFlows: 1 << 18, MaxNew: 1 << 18})
			m := &meter{d: newDriver(b, flows, f.frame)}
			if err := m.d.c.Maps["bare_driven"].Put(uint32(0), uint32(s.k.hooks[0].program.FD())); err != nil {
				b.Fatal(err)
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				defer s.Stop()
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				m.drive(b, rate, 6)
			})
			c := &counts{}
			if _, err := engine.Run(context.Background(), s, engine.Config{}, 1, c); err != nil {
				b.Fatal(err)
			}
			wg.Wait()
			for b.Loop() {
			}
			if c.flows != flows || c.packets < uint64(m.sent) {
				b.Errorf("%d packets in %d flows, want %d or more in %d", c.packets, c.flows, m.sent, flows)
			}
			costs := m.costs[1:] // in the first the flows begin
			slices.Sort(costs)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(costs[0], "CPU-s/M")
			measured(b, "CPU for 1 M packets of 64 bytes, 100,000 flows, "+f.name, "0.1 s", costs[0] < 0.1,
				"%.3f s, median %.3f (%.0f%% of the rate reached)", costs[0], costs[len(costs)/2], float64(m.sent)/(6*window.Seconds())/rate*100)
		})
	}
}

// BenchmarkDrain measures the turn of the maps with 200,000 flows in each.
func BenchmarkDrain(b *testing.B) {
	const flows = 200_000
	d := drainCost(b, flows, 6)
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(d.read.Milliseconds()), "read-ms")
	b.ReportMetric(float64(d.empty.Milliseconds()), "empty-ms")
	measured(b, "time to read 200,000 flows", "100 ms", d.read < 100*time.Millisecond, "%d ms", d.read.Milliseconds())
	measured(b, "time to read them and to empty the map of the time before", "100 ms", d.turn() < 100*time.Millisecond,
		"%d ms, of them %d to empty it", d.turn().Milliseconds(), d.empty.Milliseconds())
}
