package engine

import (
	"hash/maphash"

	"flowscope/userspace/internal/flowtab"
)

// recent remembers the last few segments of a direction by their digests, to
// tell a retransmission from a segment that puts other bytes in its place. Only
// the first and last 64 bytes are looked at, so that bulk data costs nothing.
type recent struct {
	next uint8
	seg  [4]struct {
		seq, n uint32
		sum    uint64
	}
}

// recent returns what is remembered of the segments of direction i, nil if
// nothing is: without StreamData, that is so for a flow that nobody parses.
func (s *shard) recent(f *flowtab.Flow, i uint8) *recent {
	if r := s.recents[f]; r != nil {
		return &r[i]
	}
	if f.Session != 0 {
		return &s.sessions.at(f.Session).recent[i]
	}
	return nil
}

var recentSeed = maphash.MakeSeed()

func digest(data []byte) uint64 {
	const edge = 64
	if len(data) <= 2*edge {
		return maphash.Bytes(recentSeed, data)
	}
	return maphash.Bytes(recentSeed, data[:edge]) ^ 3*maphash.Bytes(recentSeed, data[len(data)-edge:])
}

func (r *recent) add(seq uint32, data []byte) {
	e := &r.seg[r.next%uint8(len(r.seg))]
	e.seq, e.n, e.sum = seq, uint32(len(data)), digest(data)
	r.next++
}

func (r *recent) differs(seq uint32, data []byte) bool {
	for i := range r.seg {
		if e := &r.seg[i]; e.n > 0 && e.seq == seq && e.n == uint32(len(data)) {
			return e.sum != digest(data)
		}
	}
	return false
}
