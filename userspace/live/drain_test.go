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

// drainCost returns what one turn of the maps costs its thread, with n flows in
// the map that is read and in the one that is emptied.
func drainCost(t testing.TB, n, rounds int) (user, system time.Duration) {
	s := bench(t, Options{MaxFlows: n + n/4, MaxNew: 2 * n, Interval: time.Hour, Budget: 1, Rings: 1})
	d := newDriver(t, uint32(n), slices.Concat(tcpFrame(1, 1, sensor.ACK, 0), make([]byte, 6)))
	turns := epochs{k: s.k, now: 0, old: 1}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	user, system = time.Hour, time.Hour
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
		if i >= 3 && u1-u0+s1-s0 < user+system {
			user, system = u1-u0, s1-s0
		}
	}
	return user, system
}

// TestDrainCost: what it takes to read and empty a map of 200,000 flows.
func TestDrainCost(t *testing.T) {
	user, system := drainCost(t, 200_000, 5)
	t.Logf("200,000 flows: %v of CPU, of them %v in user space", user+system, user)
}
