//go:build linux && (amd64 || arm64)

package live

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

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

// drained is the least CPU time that a turn of the maps took its thread.
type drained struct {
	turn, user time.Duration // all of it; of it, in user space
	read       time.Duration // without emptying the map of the time before
}

// drainCost turns maps that have n flows each.
func drainCost(t testing.TB, n, rounds int) (least drained) {
	s := bench(t, Options{MaxFlows: n + n/4, MaxNew: 2 * n, Interval: time.Hour, Budget: 1, Rings: 1})
	d := newDriver(t, uint32(n), slices.Concat(tcpFrame(1, 1, sensor.ACK, 0), make([]byte, 6)))
	turns := epochs{k: s.k, now: 0, old: 1}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	least = drained{time.Hour, time.Hour, time.Hour}
	for i := range rounds + 3 {
		d.drive(t, s.k.hooks[0].program)
		u0, s0 := spent(t, thisThread)
		e, err := turns.turn()
		u1, s1 := spent(t, thisThread)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.keys) != n {
			t.Fatalf("%d flows were read, want %d", len(e.keys), n)
		}
		again := &epoch{}
		again.reserve(n)
		for range 2 { // the first touches the memory
			u2, s2 := spent(t, thisThread)
			if err := again.read(s.k.maps[turns.old]); err != nil {
				t.Fatal(err)
			}
			u3, s3 := spent(t, thisThread)
			if i >= 3 {
				least.read = min(least.read, u3-u2+s3-s2)
			}
		}
		if i >= 3 && u1-u0+s1-s0 < least.turn {
			least.turn, least.user = u1-u0+s1-s0, u1-u0
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
	d := drainCost(t, n, 1)
	t.Logf("%d flows: %v of CPU to read them, and %v with emptying the map of the time before, of it %v in user space", n, d.read, d.turn, d.user)
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
