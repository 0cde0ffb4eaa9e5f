package quic

import (
	"bytes"
	"slices"
)

// run is n bytes of a stream from offset on, kept at data[at:].
type run struct {
	offset uint64
	at, n  int
}

func (r run) end() uint64 { return r.offset + uint64(r.n) }

// stream puts the CRYPTO frames of one side in order. It keeps the bytes that
// came, each once, in the order in which they came, so that it needs memory by
// what arrives and not by the offsets that are claimed.
type stream struct {
	base uint64 // what is before it was consumed
	data []byte
	runs []run // by offset; they do not overlap
	dead bool  // nothing more is told of it
}

// add takes the contents of a frame. Bytes that came before are compared:
// who lets them differ wants two observers to see different things.
func (s *stream) add(offset uint64, b []byte) error {
	if offset+uint64(len(b)) > s.base+maxHello {
		return errLong
	}
	if offset < s.base {
		n := min(s.base-offset, uint64(len(b)))
		offset, b = offset+n, b[n:]
	}
	i, _ := slices.BinarySearchFunc(s.runs, offset, func(r run, offset uint64) int {
		if r.end() <= offset {
			return -1
		}
		return 1
	})
	for ; len(b) > 0; i++ {
		if i == len(s.runs) || s.runs[i].offset > offset {
			n := len(b)
			if i < len(s.runs) {
				n = int(min(uint64(n), s.runs[i].offset-offset))
			}
			if i = s.insert(i, offset, b[:n]); i < 0 {
				return errPieces
			}
			offset, b = offset+uint64(n), b[n:]
			continue
		}
		r := s.runs[i]
		n := int(min(uint64(len(b)), r.end()-offset))
		if !bytes.Equal(b[:n], s.data[r.at+int(offset-r.offset):][:n]) {
			return errContradiction
		}
		offset, b = offset+uint64(n), b[n:]
	}
	return nil
}

// insert keeps b, in front of run i, and returns the index of the run it is in.
func (s *stream) insert(i int, offset uint64, b []byte) int {
	at := len(s.data)
	s.data = append(s.data, b...)
	if i > 0 {
		if r := &s.runs[i-1]; r.end() == offset && r.at+r.n == at {
			r.n += len(b)
			return i - 1
		}
	}
	if len(s.runs) == maxPieces {
		return -1
	}
	s.runs = slices.Insert(s.runs, i, run{offset, at, len(b)})
	return i
}

// message appends to dst the handshake message at the front, if it is complete.
func (s *stream) message(dst []byte, want byte) ([]byte, error) {
	size := 4 // until it is known
	for _, r := range s.runs {
		if r.offset != s.base+uint64(len(dst)) {
			return dst[:0], nil
		}
		dst = append(dst, s.data[r.at:][:r.n]...)
		if dst[0] != want {
			return dst[:0], errType
		}
		if size == 4 && len(dst) >= 4 {
			if size += int(dst[1])<<16 | int(dst[2])<<8 | int(dst[3]); size > maxHello {
				return dst[:0], errLong
			}
		}
		if size > 4 && len(dst) >= size {
			return dst[:size], nil
		}
	}
	return dst[:0], nil
}

// consume forgets the first n bytes, all of which are there.
func (s *stream) consume(n int) {
	s.base += uint64(n)
	kept := s.runs[:0]
	for _, r := range s.runs {
		if r.end() <= s.base {
			continue
		}
		if r.offset < s.base {
			k := int(s.base - r.offset)
			r.offset, r.at, r.n = s.base, r.at+k, r.n-k
		}
		kept = append(kept, r)
	}
	if s.runs = kept; len(kept) == 0 {
		s.data, s.runs = nil, nil
	}
}
