package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"flowscope/parsers"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/export/jsonl"
	"flowscope/userspace/replay"
)

// contest is one way to go through the capture.
type contest struct {
	name string
	run  func(path string) (packets uint64, err error)
}

var contests = []contest{
	{"bare loop", runBare},
	{"bare loop, blocks of 1 MiB", func(p string) (uint64, error) {
		f, err := os.Open(p)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		return bareBlocks(f, newFlows())
	}},
	{"flow accounting", func(p string) (uint64, error) { return runEngine(p, nil, 1, &counter{}) }},
	{"all parsers", func(p string) (uint64, error) { return runEngine(p, parsers.All, 1, &counter{}) }},
	{"all parsers, JSON lines", func(p string) (uint64, error) { return runLines(p, 1) }},
	{"flow accounting, 2 workers", func(p string) (uint64, error) { return runEngine(p, nil, 2, &counter{}) }},
	{"all parsers, 2 workers", func(p string) (uint64, error) { return runEngine(p, parsers.All, 2, &counter{}) }},
	{"all parsers, JSON lines, 2 workers", func(p string) (uint64, error) { return runLines(p, 2) }},
}

func runBare(path string) (uint64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	file, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return 0, fmt.Errorf("map %s: %w", path, err)
	}
	defer syscall.Munmap(file)
	return bareLoop(file, newFlows())
}

func runEngine(path string, protocols []sensor.Protocol, workers int, sink sensor.Sink) (uint64, error) {
	src, err := replay.Open(replay.Options{Stable: workers > 1}, path)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	ledger, err := engine.Run(context.Background(), src, engine.Config{Protocols: protocols}, workers, sink)
	if err != nil {
		return 0, err
	}
	if err := ledger.Check(); err != nil {
		return 0, err
	}
	return ledger.Account("frames").Total, nil
}

func runLines(path string, workers int) (uint64, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	sink := jsonl.New(null, jsonl.Options{})
	n, err := runEngine(path, parsers.All, workers, sink)
	return n, errors.Join(err, sink.Close())
}

// counter is a Sink that counts events, and asks for no more of them than that.
type counter struct{ kinds [16]uint64 }

var _ sensor.Forker = (*counter)(nil)

func (c *counter) Consume(ev *sensor.Event) error {
	c.kinds[ev.Kind&15]++
	return nil
}

func (c *counter) Fork() sensor.Encoder { return c }

func (*counter) Encode(dst []byte, ev *sensor.Event) ([]byte, error) {
	return append(dst, byte(ev.Kind)), nil
}

func (c *counter) Encoded(b []byte) error {
	c.kinds[b[0]&15]++
	return nil
}

// result is one run of a contest.
type result struct {
	packets   uint64
	wall, cpu time.Duration
	mallocs   uint64
}

func measure(c contest, path string) (result, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, wall := cpuTime(), time.Now()
	n, err := c.run(path)
	r := result{packets: n, wall: time.Since(wall), cpu: cpuTime() - cpu}
	runtime.ReadMemStats(&after)
	r.mallocs = after.Mallocs - before.Mallocs
	return r, err
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// median returns the middle of what f says of the results.
func median(rs []result, f func(result) float64) float64 {
	v := make([]float64, len(rs))
	for i, r := range rs {
		v[i] = f(r)
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func best(rs []result, f func(result) float64) float64 {
	v := f(rs[0])
	for _, r := range rs {
		v = min(v, f(r))
	}
	return v
}

// steady is a Source that looks at the process's memory on the way.
type steady struct {
	sensor.Source
	n, from, to uint64
	mallocs     [2]uint64
}

func (s *steady) Read(r *sensor.Record) error {
	if s.n == s.from || s.n == s.to {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		i := 0
		if s.n == s.to {
			i = 1
		}
		s.mallocs[i] = m.Mallocs
	}
	s.n++
	return s.Source.Read(r)
}

// allocations returns the allocations per packet in the third quarter of the
// capture.
func allocations(path string, protocols []sensor.Protocol, packets uint64) (float64, error) {
	src, err := replay.Open(replay.Options{}, path)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	s := &steady{Source: src, from: packets / 2, to: packets * 3 / 4}
	if _, err := engine.Run(context.Background(), s, engine.Config{Protocols: protocols}, 1, &counter{}); err != nil {
		return 0, err
	}
	return float64(s.mallocs[1]-s.mallocs[0]) / float64(s.to-s.from), nil
}

// crowd is a Source of n flows of which none ends: half TCP connections that
// are open, half UDP exchanges. At its end it measures the heap.
type crowd struct {
	n, i   int
	before uint64
	heap   uint64
}

func (c *crowd) Read(r *sensor.Record) error {
	if c.i == 4*c.n {
		c.heap = heap() - c.before
		c.i++
	}
	if c.i > 4*c.n {
		return io.EOF
	}
	// Four packets for each flow, each round through all flows: SYN, SYN-ACK,
	// ACK, ACK, or four datagrams.
	round, k := c.i/c.n, uint32(c.i%c.n)
	proto := sensor.ProtoTCP
	if k&1 == 0 {
		proto = sensor.ProtoUDP
	}
	a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(k >> 16), byte(k >> 8), byte(k)}), 40000)
	b := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(k)}), 7777)
	if round == 1 {
		a, b = b, a
	}
	c.i++
	*r = sensor.Record{Kind: sensor.Packet, Time: sensor.Timestamp(1709294400e9 + int64(c.i)*1000), Ordinal: uint64(c.i),
		Count: sensor.Counters{Packets: 1, Bytes: 40, FrameBytes: 54}}
	r.Key, r.From = sensor.NewKey(proto, a, b)
	if proto == sensor.ProtoTCP {
		r.TCPFlags = [...]uint8{sensor.SYN, sensor.SYN | sensor.ACK, sensor.ACK, sensor.ACK}[round]
		r.Seq, r.Ack = [...]uint32{1, 1, 2, 2}[round], [...]uint32{0, 2, 2, 2}[round]
		r.Window = 64240
	}
	return nil
}

func (c *crowd) Close() error { return nil }

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// perFlow returns the bytes of heap per flow tracked, with n of them.
func perFlow(n int) (float64, error) {
	c := &crowd{n: n, before: heap()}
	sink := &counter{}
	if _, err := engine.Run(context.Background(), c, engine.Config{MaxFlows: n + n/8, Protocols: parsers.All}, 1, sink); err != nil {
		return 0, err
	}
	if got := sink.kinds[sensor.FlowStart]; got != uint64(n) {
		return 0, fmt.Errorf("%d flows of %d", got, n)
	}
	return float64(c.heap) / float64(n), nil
}
