package replay

import "io"

// window is the part of an input that can be seen at once: all of it up to a
// limit for a mapped file, a block for anything else. The readers of the formats
// walk over buf themselves and ask for more only when it does not reach.
type window struct {
	buf  []byte
	pos  int   // first byte of buf not consumed
	base int64 // offset in the input of buf[0]
	end  error // why no more will come: io.EOF, or what went wrong; nil if more may
	feed feed

	ahead int  // what prefetch has touched
	sum   byte // of it, so that it is not optimised away
}

// feed gets more of an input into its window.
type feed interface {
	// more tries to make n bytes visible from w.pos on. Where there are not as
	// many it sets w.end.
	more(w *window, n int)
}

// need reports whether n bytes can be seen from pos on, after getting more if
// it must.
func (w *window) need(n int) bool {
	if len(w.buf)-w.pos < n && w.end == nil {
		w.feed.more(w, n)
	}
	return len(w.buf)-w.pos >= n
}

// rest returns what can be seen from pos on.
func (w *window) rest() []byte { return w.buf[w.pos:] }

// offset returns the offset in the input of the next byte.
func (w *window) offset() int64 { return w.base + int64(w.pos) }

// prefetchDistance is what memory delivers while one packet is worked on, and
// some more.
const prefetchDistance = 2 << 10

// prefetch touches each cache line that comes next. The packets of a mapped file
// are not in the cache, and where one begins is known only from the one before:
// without this, each costs the whole latency of the memory. Lines in sequence
// come many at a time.
func (w *window) prefetch() {
	at, end := max(w.ahead, w.pos), min(w.pos+prefetchDistance, len(w.buf))
	b, sum := w.buf[:end], w.sum
	for ; at < len(b); at += 64 {
		sum += b[at]
	}
	w.ahead, w.sum = at, sum
}

// skip consumes n bytes without keeping them, and reports whether they were
// there.
func (w *window) skip(n int) bool {
	for {
		have := len(w.buf) - w.pos
		if n <= have {
			w.pos += n
			return true
		}
		n -= have
		w.pos = len(w.buf)
		if !w.need(1) {
			return false
		}
	}
}

// short returns the error for an input that ended before n bytes of what; at
// a place where it may end, atEnd, that is io.EOF if nothing is left.
func (w *window) short(what string, n int, atEnd bool) error {
	have := len(w.buf) - w.pos
	cause := w.end
	if cause == io.EOF {
		if atEnd && have == 0 {
			return io.EOF
		}
		cause = io.ErrUnexpectedEOF
	}
	return &cut{what, n, have, cause}
}

// cutAt ends the input at an offset, or where it is if that is further on.
func (w *window) cutAt(offset int64, why error) {
	n := max(offset-w.base, int64(w.pos))
	w.buf, w.end = w.buf[:min(n, int64(len(w.buf)))], why
}

// Sizes of the blocks that a stream is read in. A fresh block is asked for less
// often than a used one, which should fit a cache.
const (
	usedBlock  = 256 << 10
	freshBlock = 1 << 20
	minRead    = 64 << 10 // room for a read; what a pipe holds
)

// stream feeds a window from a reader, block by block.
type stream struct {
	r     io.Reader
	fresh bool // never reuse a block: slices of it have been lent for good
}

// maxEmptyReads is how often a reader may return nothing and no error.
const maxEmptyReads = 100

func (s *stream) more(w *window, n int) {
	for empty := 0; len(w.buf)-w.pos < n; {
		s.room(w)
		k, err := s.r.Read(w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+k]
		if k > 0 {
			empty = 0
		} else if empty++; empty > maxEmptyReads {
			err = io.ErrNoProgress
		}
		if err != nil {
			w.end = err
			return
		}
	}
}

// room makes room for a read behind what can be seen. The buffer becomes larger
// only when it is at least half full of bytes still needed.
func (s *stream) room(w *window) {
	rest := w.buf[w.pos:]
	switch {
	case len(rest) == 0 && !s.fresh && w.buf != nil:
		w.base += int64(w.pos)
		w.buf, w.pos = w.buf[:0], 0
		return
	case cap(w.buf)-len(w.buf) >= minRead:
		return
	}
	size := freshBlock
	switch {
	case w.buf == nil:
		size = minRead // many a capture is small
	case !s.fresh:
		size = max(usedBlock, cap(w.buf))
	}
	for size < 2*len(rest) {
		size *= 2
	}
	block := w.buf[:0]
	if s.fresh || size > cap(block) {
		block = make([]byte, 0, size)
	}
	w.base += int64(w.pos)
	w.buf, w.pos = append(block, rest...), 0
}
