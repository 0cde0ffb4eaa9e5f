package streams

import (
	"errors"
	"os"
	"syscall"
)

// bufferSize is how many bytes wait for each open file.
const bufferSize = 16 * 1024

// handle is an open file with the bytes that were not written yet.
type handle struct {
	of           *file
	os           *os.File
	name         string
	at           int64 // where buf goes
	buf          []byte
	older, newer *handle
}

// cache holds the open files in the order of their last use, max at most. A
// file that has to make room is opened again when it is needed.
type cache struct {
	max, n         int
	oldest, newest *handle
	spare          *handle // closed ones, for their buffers, linked by older
}

func (c *cache) push(h *handle) {
	h.older, h.newer = c.newest, nil
	if c.newest != nil {
		c.newest.newer = h
	} else {
		c.oldest = h
	}
	c.newest = h
	c.n++
}

func (c *cache) remove(h *handle) {
	if h.older != nil {
		h.older.newer = h.newer
	} else {
		c.oldest = h.newer
	}
	if h.newer != nil {
		h.newer.older = h.older
	} else {
		c.newest = h.older
	}
	c.n--
}

func (c *cache) touch(h *handle) {
	if c.newest != h {
		c.remove(h)
		c.push(h)
	}
}

// open opens f, which must be closed, making it if it does not exist.
func (s *Sink) open(f *file, name string) error {
	flags := os.O_WRONLY
	if !f.exists {
		flags |= os.O_CREATE | os.O_EXCL
	}
	for s.cache.n >= s.cache.max {
		if err := s.close(s.cache.oldest); err != nil {
			return err
		}
	}
	opened, err := s.root.OpenFile(name, flags, 0o600)
	for isTooMany(err) && s.cache.n > 0 {
		// The process may open fewer files than we were told.
		if err := s.close(s.cache.oldest); err != nil {
			return err
		}
		s.cache.max = max(s.cache.n, 1)
		opened, err = s.root.OpenFile(name, flags, 0o600)
	}
	if err != nil {
		return s.failure("open", name, err)
	}
	h := s.cache.spare
	if h != nil {
		s.cache.spare = h.older
	} else {
		h = &handle{buf: make([]byte, 0, bufferSize)}
	}
	h.of, h.os, h.name, h.at = f, opened, name, f.end
	f.open = h
	if !f.exists {
		f.exists = true
		s.files++
	}
	s.cache.push(h)
	return nil
}

func isTooMany(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// close writes what waits and closes the file.
func (s *Sink) close(h *handle) error {
	err := s.flush(h)
	if closeErr := h.os.Close(); err == nil && closeErr != nil {
		err = s.failure("close", h.name, closeErr)
	}
	s.cache.remove(h)
	h.of.open = nil
	h.of, h.os, h.buf = nil, nil, h.buf[:0]
	h.older, s.cache.spare = s.cache.spare, h
	return err
}

// append writes b behind what the file has.
func (s *Sink) append(h *handle, b []byte) error {
	h.of.end += int64(len(b))
	if len(h.buf)+len(b) > cap(h.buf) {
		if err := s.flush(h); err != nil {
			return err
		}
	}
	if len(b) >= cap(h.buf) {
		return s.writeAt(h, b)
	}
	h.buf = append(h.buf, b...)
	return nil
}

// seek leaves a hole, so that the next byte goes to offset.
func (s *Sink) seek(f *file, offset int64) error {
	if f.open != nil {
		if err := s.flush(f.open); err != nil {
			return err
		}
		f.open.at = offset
	}
	f.end = offset
	return nil
}

func (s *Sink) flush(h *handle) error {
	b := h.buf
	h.buf = h.buf[:0]
	if len(b) == 0 {
		return nil
	}
	return s.writeAt(h, b)
}

func (s *Sink) writeAt(h *handle, b []byte) error {
	n, err := h.os.WriteAt(b, h.at)
	h.at += int64(n)
	s.bytes += int64(n)
	if err != nil {
		return s.failure("write", h.name, err)
	}
	return nil
}
