package engine

import (
	"encoding/binary"

	"flowscope/sensor"
)

// names are strings that were made last. The same few hosts are what most flows
// are about, and one string of each does.
type names [256]string

// of returns the string of the first [sensor.MaxHeadline] bytes of b.
func (t *names) of(b []byte) string {
	b = b[:min(len(b), sensor.MaxHeadline)]
	s := &t[place8(b)]
	if *s != string(b) {
		*s = string(b)
	}
	return *s
}

// place8 returns a number made of the length and both ends of b. Whoever chooses
// names that get the same one makes each cost an allocation, as it did anyway.
func place8(b []byte) uint8 {
	h := uint64(len(b))
	if n := len(b); n >= 8 {
		h += binary.LittleEndian.Uint64(b)*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(b[n-8:])
	} else {
		for _, c := range b {
			h = h<<8 ^ h>>56 ^ uint64(c)
		}
	}
	h *= 0x9e3779b97f4a7c15
	return uint8(h >> 56)
}
