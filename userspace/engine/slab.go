package engine

// slab hands out values by number, so that flows can refer to them without a
// pointer. Number 0 is none.
type slab[T any] struct {
	items []*T
	free  []uint32
}

func (s *slab[T]) get() (uint32, *T) {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i, s.items[i-1]
	}
	s.items = append(s.items, new(T))
	return uint32(len(s.items)), s.items[len(s.items)-1]
}

func (s *slab[T]) at(i uint32) *T { return s.items[i-1] }

// put takes a value back; it is zeroed for the next user.
func (s *slab[T]) put(i uint32) {
	var zero T
	*s.items[i-1] = zero
	s.free = append(s.free, i)
}
