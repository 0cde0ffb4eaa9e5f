package engine

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"flowscope/userspace/internal/flowtab"
)

// recent remembers what was read of a direction lately: the last few segments by
// their digests, to tell a retransmission from a segment that puts other bytes in
// its place. Only the first and last 64 bytes are looked at, so that bulk data
// costs nothing.
type recent struct {
	read int64 // bytes since the source was asked for more
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

// recentKey is secret, so that nobody can choose two segments of one digest.
var recentKey = [16]uint64{
	rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(),
	rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(),
}

const edge = 64

func digest(data []byte) uint64 {
	n := len(data)
	switch {
	case n >= 2*edge:
		return mix((*[edge]byte)(data), recentKey[:8]) ^ mix((*[edge]byte)(data[n-edge:]), recentKey[8:])
	case n >= edge:
		var tail [edge]byte
		copy(tail[:], data[edge:])
		return mix((*[edge]byte)(data), recentKey[:8]) ^ mix(&tail, recentKey[8:])
	}
	var all [edge]byte
	copy(all[:], data)
	return mix(&all, recentKey[:8])
}

// mix is a sum of products, after NH of UMAC (RFC 4418, 5.2.2), each of two words
// that were added to two of the key. The length is compared apart.
func mix(b *[edge]byte, key []uint64) (sum uint64) {
	_ = key[7]
	for i := 0; i < edge/8; i += 2 {
		hi, lo := bits.Mul64(binary.LittleEndian.Uint64(b[8*i:])+key[i], binary.LittleEndian.Uint64(b[8*i+8:])+key[i+1])
		sum += hi ^ lo
	}
	return sum
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
