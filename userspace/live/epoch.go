//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/cilium/ebpf"

	"flowscope/gen"
)

// epoch is what was counted between two swaps: the contents of one map.
type epoch struct {
	keys   []gen.Key
	flows  []gen.Flow
	marks  []uint64 // of each ring: the packets of this epoch are before it
	wall   int64    // what to add to the kernel's times
	number uint64   // from 1 on
}

// read fills e with the contents of a map that no program counts in any more.
func (e *epoch) read(m *ebpf.Map) error {
	const chunk = 4096
	e.keys, e.flows = e.keys[:0], e.flows[:0]
	var at ebpf.MapBatchCursor
	for size := chunk; ; {
		n := len(e.keys)
		e.keys = slices.Grow(e.keys, size)[:n+size]
		e.flows = slices.Grow(e.flows, size)[:n+size]
		got, err := m.BatchLookup(&at, e.keys[n:], e.flows[n:], nil)
		e.keys, e.flows = e.keys[:n+got], e.flows[:n+got]
		switch {
		case errors.Is(err, ebpf.ErrKeyNotExist):
			return nil
		case errors.Is(err, syscall.ENOSPC) && size <= int(m.MaxEntries()):
			size *= 2 // a bucket of the map has more than that
		case err != nil:
			return fmt.Errorf("read the flow map: %w", err)
		}
	}
}

// reserve makes room for as many flows as there were before: to grow step by step
// takes longer than to read them.
func (e *epoch) reserve(n int) {
	n += n / 8
	e.keys, e.flows = slices.Grow(e.keys[:0], n), slices.Grow(e.flows[:0], n)
}

// clear empties the map that e was read from.
func (e *epoch) clear(m *ebpf.Map) error {
	if len(e.keys) == 0 {
		return nil
	}
	if _, err := m.BatchDelete(e.keys, nil); err != nil {
		return fmt.Errorf("clear the flow map: %w", err)
	}
	e.keys, e.flows = e.keys[:0], e.flows[:0]
	return nil
}

// epochs turns the three maps: one is counted in, one is that of the time
// before, one is empty or about to be.
type epochs struct {
	k        *kernel
	of       [3]epoch
	now, old int
	began    uint64        // flows until the running epoch
	flows    int           // of the epoch before it
	length   time.Duration // of the running epoch
}

// turn begins a new epoch and returns the one that has ended. It takes as long
// as the programs that run at the time: the kernel waits for them.
func (t *epochs) turn() (*epoch, error) {
	next := 3 - t.now - t.old
	if err := t.of[next].clear(t.k.maps[next]); err != nil {
		return nil, err
	}
	began, err := t.swap(next)
	if err != nil {
		return nil, fmt.Errorf("swap the flow maps: %w", err)
	}
	t.old, t.now = t.now, next
	e := &t.of[t.old]
	e.reserve(t.flows)
	if err := e.read(t.k.maps[t.old]); err != nil {
		return nil, err
	}
	t.flows = len(e.flows)
	t.began, t.length = began, 0
	// All that are in e may come again, and each must find room.
	return e, t.k.allow(began + uint64(max(t.k.opt.MaxFlows-len(e.keys), 0)))
}

// swap makes next the map that is counted in, and returns how many flows had
// begun. A flow of the map before is always found in one of the others.
func (t *epochs) swap(next int) (began uint64, err error) {
	flows := t.k.flows
	if err = flows.Put(uint32(2), t.k.maps[t.old]); err != nil {
		return 0, err
	}
	if err = flows.Put(uint32(1), t.k.maps[t.now]); err != nil {
		return 0, err
	}
	if began, err = t.k.began(); err != nil {
		return 0, err
	}
	t.of[t.now].number = t.k.over.Add(1)
	if err = flows.Put(uint32(0), t.k.maps[next]); err != nil {
		return 0, err
	}
	return began, flows.Delete(uint32(2))
}

// running returns the number of the epoch that is running, from 1 on.
func (k *kernel) running() uint64 { return k.over.Load() + 1 }

// began returns how many entries were made, of flows that were not in the map
// before.
func (k *kernel) began() (uint64, error) {
	var c gen.Control
	err := k.control.Lookup(uint32(0), &c)
	return c.Fresh, err
}

// allow lets flows begin until that many have. Between two calls the flows of one
// map and those that begin in the next fit together into either: while the maps
// change, what was allowed before is still right.
func (k *kernel) allow(until uint64) error {
	if err := k.control.Put(uint32(1), gen.Control{Until: until}); err != nil {
		return fmt.Errorf("cap the flows: %w", err)
	}
	return nil
}

// Each epoch reads and empties an entry for each of its flows, and makes a record
// of it. From manyFlows on this is what the sensor does most, and epochs are
// longer, up to longEpoch Intervals.
const (
	manyFlows = 16 << 10
	longEpoch = 3
)

// due says, once an Interval, whether the running epoch is to end: when it was
// long enough for the flows there are, or when those that begin fill the map.
func (t *epochs) due() (bool, error) {
	o := t.k.opt
	t.length += o.Interval
	long := o.Interval * time.Duration(min(1+t.flows/manyFlows, longEpoch))
	if t.length >= min(long, o.TCPIdle/4, o.OtherIdle/4) {
		return true, nil
	}
	began, err := t.k.began()
	return 2*(began-t.began) >= uint64(max(o.MaxFlows-t.flows, 0)), err
}

// last returns the epoch that is running, when no program is.
func (t *epochs) last() (*epoch, error) {
	e := &t.of[t.now]
	e.number = t.k.over.Add(1)
	return e, e.read(t.k.maps[t.now])
}
