//go:build linux && (amd64 || arm64)

package live

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/cilium/ebpf"
)

// Bits in the length of a record (include/uapi/linux/bpf.h).
const (
	ringBusy    = 1 << 31
	ringDiscard = 1 << 30
	ringHeader  = 8
)

// ring is one ring buffer of the kernel, mapped. Records are read where they
// are: the memory of one is the kernel's again after release.
type ring struct {
	consumer, producer []byte // mapped
	head               *uint64
	tail               *uint64
	data               []byte // twice in a row, so that no record wraps
	mask               uint64
	pos                uint64 // of the next record
}

func newRing(m *ebpf.Map) (*ring, error) {
	size := int(m.MaxEntries())
	c, err := syscall.Mmap(m.FD(), 0, pageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map a ring buffer: %w", err)
	}
	p, err := syscall.Mmap(m.FD(), int64(pageSize), pageSize+2*size, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		_ = syscall.Munmap(c)
		return nil, fmt.Errorf("map a ring buffer: %w", err)
	}
	r := &ring{consumer: c, producer: p, data: p[pageSize:], mask: uint64(size - 1)}
	r.tail = (*uint64)(unsafe.Pointer(&c[0]))
	r.head = (*uint64)(unsafe.Pointer(&p[0]))
	r.pos = atomic.LoadUint64(r.tail)
	return r, nil
}

// written returns the position behind the last record that was begun.
func (r *ring) written() uint64 { return atomic.LoadUint64(r.head) }

// next returns the next record, or nil if it is not there yet.
func (r *ring) next() []byte {
	for {
		if r.pos >= r.written() {
			return nil
		}
		at := r.pos & r.mask
		n := atomic.LoadUint32((*uint32)(unsafe.Pointer(&r.data[at])))
		if n&ringBusy != 0 {
			return nil
		}
		size := uint64(n &^ (ringBusy | ringDiscard))
		r.pos += (size + ringHeader + 7) &^ 7
		if n&ringDiscard == 0 {
			at += ringHeader
			return r.data[at : at+size : at+size]
		}
	}
}

// release gives the memory of all records that next returned back.
func (r *ring) release() { atomic.StoreUint64(r.tail, r.pos) }

func (r *ring) close() {
	_ = syscall.Munmap(r.consumer)
	_ = syscall.Munmap(r.producer)
}
