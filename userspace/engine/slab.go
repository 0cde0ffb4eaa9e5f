package engine

import "unsafe"

// slab hands out values by number, so that flows can refer to them without a
// pointer. Number 0 is none.
type slab[T any] struct {
	items []*T
	free  []uint32
}

// slabChunk is how many bytes of values are allocated at a time.
const slabChunk = 4 << 10

func (s *slab[T]) get() (uint32, *T) {
	if len(s.free) == 0 {
		s.grow()
	}
	n := len(s.free) - 1
	i := s.free[n]
	s.free = s.free[:n]
	return i, s.items[i-1]
}

func (s *slab[T]) grow() {
	var zero T
	chunk := make([]T, max(slabChunk/unsafe.Sizeof(zero), 1))
	for i := range chunk {
		s.items = append(s.items, &chunk[i])
	}
	for i := range chunk { // the first on top
		s.free = append(s.free, uint32(len(s.items)-i))
	}
}

func (s *slab[T]) at(i uint32) *T { return s.items[i-1] }

// put takes a value back; it is zeroed for the next user.
func (s *slab[T]) put(i uint32) {
	var zero T
	*s.items[i-1] = zero
	s.free = append(s.free, i)
}

// putUsed takes back a value that refers to nothing. Its next user must zero it.
func (s *slab[T]) putUsed(i uint32) { s.free = append(s.free, i) }
