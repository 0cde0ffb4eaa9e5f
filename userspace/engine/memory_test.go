package engine

import (
	"encoding/binary"
	"runtime"
	"testing"

	"flowscope/sensor"
)

// TestMemoryPerFlow: a tracked flow without buffered data costs 300 bytes or
// less, index and slack included, at a million flows.
func TestMemoryPerFlow(t *testing.T) {
	if testing.Short() {
		t.Skip("a million flows: run without -short")
	}
	const flows = 1_000_000
	cfg := Config{}.withDefaults()
	cat, _ := newCatalogue(nil)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	w := newWorkers(&cfg, cat, 1)[0]
	w.out.sink = sinkFunc(func(*sensor.Event) error { return nil })
	r := sensor.Record{Kind: sensor.Packet, Time: 1e18, TCPFlags: sensor.SYN, Count: sensor.Counters{Packets: 1, Bytes: 40}}
	r.Key.Proto = sensor.ProtoTCP
	for n := range uint32(flows) {
		binary.BigEndian.PutUint32(r.Key.Addr[1][12:], n)
		r.Ordinal++
		w.take(&r, int64(r.Time))
	}
	live := 0
	for _, s := range w.shards {
		live += s.tab.Len()
	}
	if live != flows {
		t.Fatalf("%d flows live, want %d", live, flows)
	}
	per := float64(heap()-before) / flows
	t.Logf("%.0f bytes per flow", per)
	if per > 300 {
		t.Errorf("%.0f bytes per flow, want at most 300", per)
	}
	runtime.KeepAlive(w)
}
