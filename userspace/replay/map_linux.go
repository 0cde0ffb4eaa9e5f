package replay

import (
	"errors"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapping feeds a window from a mapped file. It is also what tells a fault in
// the file's memory from any other.
type mapping struct {
	file *os.File
	data []byte // all of the file, or up to Options.MaxBytes
	size int64  // of the file when it was opened
	full error  // what the end of data is
	kept int    // pages before it were given back

	done   *atomic.Int64 // progress of the Source
	behind int64         // what it was at the beginning
}

// mapWindow is how much of a file is made visible at once; keepBehind is how much
// stays in the page tables. The kernel fills them around each page that is
// touched, which costs less than asking it to (MADV_POPULATE_READ).
const (
	mapWindow  = 4 << 20
	keepBehind = 64 << 20
)

// mapFile maps a regular file that is not empty.
func mapFile(file *os.File, size int64) (*mapping, error) {
	if int64(int(size)) != size {
		return nil, errors.New("too large to map")
	}
	ptr, err := unix.MmapPtr(int(file.Fd()), 0, nil, uintptr(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &mapping{file: file, data: unsafe.Slice((*byte)(ptr), size), size: size, full: io.EOF}, nil
}

var errTruncated = errors.New("the file was truncated while it was read")

func (m *mapping) more(w *window, n int) {
	m.done.Store(m.behind + int64(w.pos))
	old := len(w.buf)
	limit := len(m.data)
	if want := w.pos + n; want <= limit-mapWindow {
		limit = (want + mapWindow) &^ (mapWindow - 1)
	}
	// A page behind the end of the file faults. What happens after this look is
	// for Source.Read to catch.
	full := m.full
	if size := m.currentSize(); size < m.size {
		limit, full = min(limit, max(old, int(size))), errTruncated
	}
	if limit > old {
		// Pages that were given back come again when touched.
		if back := (w.pos - keepBehind) &^ (mapWindow - 1); back > m.kept {
			_ = unix.Madvise(m.data[m.kept:back], unix.MADV_DONTNEED)
			m.kept = back
		}
	}
	w.buf = m.data[:limit]
	if limit == len(m.data) || full == errTruncated {
		w.end = full
	}
}

// currentSize returns how large the file is now.
func (m *mapping) currentSize() int64 {
	info, err := m.file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// fault reports whether a recovered panic is a fault in the mapping, and where.
func (m *mapping) fault(recovered any) (offset int64, ok bool) {
	err, ok := recovered.(interface{ Addr() uintptr }) // runtime.Error, see debug.SetPanicOnFault
	if !ok {
		return 0, false
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
	at := err.Addr() - start
	return int64(at), at < uintptr(m.size)
}

// unmap gives the memory back. Nobody may be reading it.
func (m *mapping) unmap() {
	_ = unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(m.data)), uintptr(m.size))
	_ = m.file.Close()
}

// forget closes the file; the memory stays.
func (m *mapping) forget() { _ = m.file.Close() }

// revoke makes the memory fault from now on, whoever is reading it, and lets go
// of the file. The addresses stay taken until owner is collected, so that
// nothing else appears there while a Read still runs.
func (m *mapping) revoke(owner *Source) {
	ptr := unsafe.Pointer(unsafe.SliceData(m.data))
	size := uintptr(m.size)
	_, err := unix.MmapPtr(-1, 0, ptr, size, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED|unix.MAP_NORESERVE)
	_ = m.file.Close()
	if err == nil {
		runtime.AddCleanup(owner, func(addr uintptr) {
			_ = unix.MunmapPtr(unsafe.Add(nil, addr), size)
		}, uintptr(ptr))
	}
}
