//go:build linux && (amd64 || arm64)

package live

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"flowscope/sensor"
)

// spent returns the CPU time of a thread or of the process, in user space and in
// the kernel for it.
func spent(t testing.TB, who int) (user, system time.Duration) {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
}

const thisThread = 1 // RUSAGE_THREAD

// drained is the least time that the parts of a turn of the maps took its thread.
// It is of the clock and not CPU time, the least of which, on a busy virtual
// machine, is less than any round can have taken: see docs/performance.md.
type drained struct {
	read  time.Duration // to read the map that has ended
	empty time.Duration // to empty that of the time before
}

func (d drained) turn() time.Duration { return d.read + d.empty }

// drainCost turns maps that have n flows each.
func drainCost(t testing.TB, n, rounds int) drained {
	s := bench(t, Options{MaxFlows: n + n/4, MaxNew: 2 * n, Interval: time.Hour, Budget: 1, Rings: 1})
	d := newDriver(t, uint32(n), slices.Concat(tcpFrame(1, 1, sensor.ACK, 0), make([]byte, 6)))
	turns := epochs{k: s.k, now: 0, old: 1}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took := func(f func(*ebpf.Map) error, m *ebpf.Map) time.Duration {
		begin := time.Now()
		if err := f(m); err != nil {
			t.Fatal(err)
		}
		return time.Since(begin)
	}
	var again epoch
	again.reserve(n)
	least := drained{time.Hour, time.Hour}
	for i := range rounds + len(turns.of) {
		d.drive(t, s.k.hooks[0].program)
		next := 3 - turns.now - turns.old
		empty := took(turns.of[next].clear, s.k.maps[next])
		e, err := turns.turn()
		if err != nil {
			t.Fatal(err)
		}
		if len(e.keys) != n {
			t.Fatalf("%d flows were read, want %d", len(e.keys), n)
		}
		read := took(again.read, s.k.maps[turns.old]) // without waiting for programs, as turn does
		if i >= len(turns.of) {                       // no map is new any more
			least = drained{min(least.read, read), min(least.empty, empty)}
		}
	}
	return least
}

// TestDrain reads 200,000 flows, all of them, by turns.
func TestDrain(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n /= 10
	}
	d := drainCost(t, n, 3)
	t.Logf("%d flows: %v to read them and %v to empty the map of the time before, %v in all", n, d.read, d.empty, d.turn())
}

// TestEpochs: with many flows an epoch is longer, unless so many begin that they
// would fill the map.
func TestEpochs(t *testing.T) {
	s := bench(t, Options{MaxFlows: 1 << 17, MaxNew: 1 << 17, Interval: time.Hour, TCPIdle: 100 * time.Hour, OtherIdle: 100 * time.Hour, Budget: 1})
	length := func(flows int) (n int) {
		turns := epochs{k: s.k, flows: flows}
		for {
			n++
			due, err := turns.due()
			if err != nil {
				t.Fatal(err)
			}
			if due {
				return n
			}
		}
	}
	for _, tt := range []struct{ flows, want int }{{0, 1}, {manyFlows - 1, 1}, {manyFlows, 2}, {2 * manyFlows, 3}, {100_000, 3}} {
		if n := length(tt.flows); n != tt.want {
			t.Errorf("%d Intervals with %d flows, want %d", n, tt.flows, tt.want)
		}
	}
	d := newDriver(t, 20_000, slices.Concat(tcpFrame(1, 1, sensor.ACK, 0), make([]byte, 6)))
	d.drive(t, s.k.hooks[0].program)
	if n := length(100_000); n != 1 {
		t.Errorf("%d Intervals where 20,000 flows begin beside 100,000 in 131,072, want 1", n)
	}
	if n := length(50_000); n != 3 {
		t.Errorf("%d Intervals where 20,000 flows begin beside 50,000 in 131,072, want 3", n)
	}
}
