package quic

import (
	"bytes"
	"slices"
)

// run is n bytes of a stream from offset on, kept at data[at:].
type run struct{ offset, at, n uint32 }

func (r run) end() uint32 { return r.offset + r.n }

// stream puts the CRYPTO frames of one side in order. It keeps the bytes that
// came, each once, in the order in which they came, so that it needs memory by
// what arrives and not by the offsets that are claimed.
type stream struct {
	base uint32 // what is before it was consumed
	data []byte
	runs []run // by offset; they do not overlap
	dead bool  // nothing more is told of it
}

// add takes the contents of a frame. Bytes that came before are compared:
// who lets them differ wants two observers to see different things.
func (s *stream) add(at uint64, b []byte) error {
	if at+uint64(len(b)) > uint64(s.base)+maxHello {
		return errLong
	}
	offset := uint32(at)
	if offset < s.base {
		n := min(s.base-offset, uint32(len(b)))
		offset, b = offset+n, b[n:]
	}
	i, _ := slices.BinarySearchFunc(s.runs, offset, func(r run, offset uint32) int {
		if r.end() <= offset {
			return -1
		}
		return 1
	})
	for ; len(b) > 0; i++ {
		if i == len(s.runs) || s.runs[i].offset > offset {
			n := uint32(len(b))
			if i < len(s.runs) {
				n = min(n, s.runs[i].offset-offset)
			}
			if i = s.insert(i, offset, b[:n]); i < 0 {
				return errPieces
			}
			offset, b = offset+n, b[n:]
			continue
		}
		r := s.runs[i]
		n := min(uint32(len(b)), r.end()-offset)
		if !bytes.Equal(b[:n], s.data[r.at+offset-r.offset:][:n]) {
			return errContradiction
		}
		offset, b = offset+n, b[n:]
	}
	return nil
}

// insert keeps b, in front of run i, and returns the index of the run it is in.
func (s *stream) insert(i int, offset uint32, b []byte) int {
	at := uint32(len(s.data))
	s.data = append(s.data, b...)
	if i > 0 {
		if r := &s.runs[i-1]; r.end() == offset && r.at+r.n == at {
			r.n += uint32(len(b))
			return i - 1
		}
	}
	if len(s.runs) == maxPieces {
		return -1
	}
	s.runs = slices.Insert(s.runs, i, run{offset, at, uint32(len(b))})
	return i
}

// message appends to dst the handshake message at the front, if it is complete.
func (s *stream) message(dst []byte, want byte) ([]byte, error) {
	size := 4 // until it is known
	for _, r := range s.runs {
		if r.offset != s.base+uint32(len(dst)) {
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
	s.base += uint32(n)
	kept := s.runs[:0]
	for _, r := range s.runs {
		if r.end() <= s.base {
			continue
		}
		if r.offset < s.base {
			k := s.base - r.offset
			r.offset, r.at, r.n = s.base, r.at+k, r.n-k
		}
		kept = append(kept, r)
	}
	if s.runs = kept; len(kept) == 0 {
		s.data, s.runs = nil, nil
	}
}
