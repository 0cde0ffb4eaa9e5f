//go:build linux && (amd64 || arm64)

package live

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/cilium/ebpf"

	"flowscope/gen"
	"flowscope/sensor"
)

const (
	maxPokes   = 64 // FS_MAX_POKES
	pokeOffset = 16 // FS_POKE_OFFSET
)

// verdicts collects what the engine says of flows until it is told the kernel.
type verdicts struct {
	mu      sync.Mutex
	waiting []gen.Poke
	data    []byte
	err     error
	asleep  bool // who tells them waits
	wake    func()
}

// add notes that no more payload of a flow is wanted.
func (v *verdicts) add(k *sensor.Key) { v.note(k, gen.SensorFsVerdictFS_V_BYPASS, 0, 0) }

// more notes that n bytes of a direction are wanted beyond the budget, which the
// kernel adds up to 1 GiB.
func (v *verdicts) more(k *sensor.Key, from uint8, n uint32) {
	v.note(k, gen.SensorFsVerdictFS_V_MORE, from, n)
}

// skip notes that nothing of a direction of TCP is wanted that ends before a
// sequence number.
func (v *verdicts) skip(k *sensor.Key, from uint8, until uint32) {
	v.note(k, gen.SensorFsVerdictFS_V_SKIP, from, until)
}

func (v *verdicts) note(k *sensor.Key, what gen.SensorFsVerdict, from uint8, n uint32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting = append(v.waiting, gen.Poke{Key: *(*gen.Key)(unsafe.Pointer(k)), Verdict: uint32(what), From: uint32(from), N: n})
	if v.asleep {
		v.asleep = false
		v.wake()
	}
}

// awake says that nobody waits to be woken any more.
func (v *verdicts) awake() {
	v.mu.Lock()
	v.asleep = false
	v.mu.Unlock()
}

// sleep reports whether there is none to tell, and that who tells them waits now:
// the next wakes it.
func (v *verdicts) sleep() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asleep = len(v.waiting) == 0
	return v.asleep
}

// tell writes the verdicts into the entries of their flows, by a program that
// does it where they are.
func (v *verdicts) tell(p *ebpf.Program) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.waiting) > 0 && v.err == nil {
		n := min(len(v.waiting), maxPokes)
		raw := unsafe.Slice((*byte)(unsafe.Pointer(&v.waiting[0])), n*int(unsafe.Sizeof(gen.Poke{})))
		v.data = append(append(v.data[:0], make([]byte, pokeOffset)...), raw...)
		if _, err := p.Run(&ebpf.RunOptions{Data: v.data}); err != nil {
			v.err = fmt.Errorf("tell the kernel what is not wanted: %w", err)
		}
		v.waiting = v.waiting[:copy(v.waiting, v.waiting[n:])]
	}
	return v.err
}

// tryVerdicts runs the program without a verdict. What the library wants to know
// of the kernel for that it finds out by loading a program, which must be while
// the process may.
func tryVerdicts(p *ebpf.Program) error {
	_, err := p.Run(&ebpf.RunOptions{Data: make([]byte, pokeOffset)})
	return err
}
