//go:build linux && (amd64 || arm64)

package live

import (
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flowscope/sensor"
)

// onCPU runs f on a thread that stays on one CPU.
func onCPU(t testing.TB, cpu int, f func()) {
	runtime.LockOSThread() // and never unlocked: the thread ends with its goroutine
	var set unix.CPUSet
	set.Set(cpu % runtime.NumCPU())
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		t.Error(err)
		return
	}
	f()
}

// TestFlood: ten million packets on two CPUs, of a million flows that find no
// room and of a thousand that had it before, while the maps are drained. No packet
// is missing from the books, and the counters of the thousand are exact.
func TestFlood(t *testing.T) {
	const flows, others, one = 1000, 1_000_000, 10 // of ten packets one is of the established
	packets := 10_000_000
	if testing.Short() {
		packets = 1_000_000
	}
	s := bench(t, Options{MaxFlows: 65536, Budget: 1})
	d := newDriver(t, others, tcpFrame(1, 1, sensor.ACK, 20))
	if err := d.c.Maps["bare_driven"].Put(uint32(0), uint32(s.k.hooks[0].program.FD())); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	go func() {
		defer s.Stop()
		var wg sync.WaitGroup
		defer wg.Wait()
		for cpu := range 2 {
			wg.Go(func() {
				onCPU(t, cpu, func() {
					const batch = 50_000
					for range packets / 2 / batch {
						if _, _, err := d.c.Programs["fs_flood"].Benchmark(d.frame, batch, nil); err != nil {
							t.Error(err)
							return
						}
					}
				})
			})
		}
	}()

	established := make([]sensor.Counters, flows)
	var flood sensor.Counters
	var r sensor.Record
	payload, lost, seen := uint64(0), uint64(0), map[uint32]struct{}{}
	for {
		err := s.Read(&r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch r.Kind {
		case sensor.Snapshot:
			n := binary.BigEndian.Uint32(r.Key.Addr[0][12:]) - 0x0a000000
			if n < flows {
				established[n].Add(r.Count)
				continue
			}
			flood.Add(r.Count)
			seen[n] = struct{}{}
		case sensor.Packet:
			payload += uint64(len(r.Payload))
		case sensor.Lost:
			lost += r.Count.PayloadBytes
		}
	}
	took := time.Since(began)

	// A signal to the thread makes the kernel stop and begin again: some more.
	var sent uint64
	if err := d.c.Variables["bare_frames"].Get(&sent); err != nil {
		t.Fatal(err)
	}
	ours, wrong := uint64(0), 0
	for n, c := range established {
		first := uint64(n) * one
		k := (sent - first + flows*one - 1) / (flows * one)
		ours += k
		want := sensor.Counters{Packets: k, Bytes: 60 * k, FrameBytes: 74 * k, PayloadBytes: 20 * k}
		if c != want {
			if wrong++; wrong < 5 {
				t.Errorf("established flow %d: %+v, want %+v", n, c, want)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d established flows are not exact", wrong, flows)
	}
	var l sensor.Ledger
	s.Account(&l)
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	a := l.Account("kernel_flows")
	if a.Total != sent || sent < uint64(packets) || a.Row("in_maps") != 0 || flood.Packets+ours+a.Row("overflow_tcp") != sent || a.Row("overflow_tcp") == 0 {
		t.Errorf("%d packets of the flood in flows, %+v, want %d in all", flood.Packets, a, sent)
	}
	p := l.Account("kernel_payload")
	if p.Total != 20*sent || payload+lost+p.Row("no_flow") != p.Total {
		t.Errorf("%d bytes of payload came and %d were told, %+v, want %d in all", payload, lost, p, 20*sent)
	}
	t.Logf("%d packets in %v: %d of the flood in %d flows, %d in an overflow row; 0 missing", sent, took, flood.Packets, len(seen), a.Row("overflow_tcp"))
}
