package filter

import "golang.org/x/net/bpf"

// neverLoads is the offset of a load that cannot succeed. Larger ones have a
// meaning of their own in the kernel and in other BPF machines.
const neverLoads = 1<<31 - 1

// assemble lays the blocks out one behind the other, each before those that it
// jumps to.
func assemble(root *block) []bpf.RawInstruction {
	order := layout(root, nil)
	for {
		end := 0
		for _, b := range order { // last block first
			end += b.length()
			b.offset = -end
		}
		if !markLong(order) {
			break
		}
	}
	out := make([]bpf.RawInstruction, 0, -root.offset)
	for i := len(order) - 1; i >= 0; i-- {
		out = order[i].emit(out)
	}
	return out
}

// layout appends the blocks in reverse order of their place in the program.
func layout(b *block, order []*block) []*block {
	if b == nil || b.assigned {
		return order
	}
	b.assigned = true
	order = layout(b.no(), order)
	order = layout(b.yes(), order)
	return append(order, b)
}

// length returns the number of instructions of the block.
func (b *block) length() int {
	n := 1
	for _, s := range b.stmts {
		if s.code != nop {
			n++
		}
	}
	for _, long := range b.long {
		if long {
			n++
		}
	}
	return n
}

// jumpFrom returns the offset of the block's jump.
func (b *block) jumpFrom() int {
	n := b.offset + b.length() - 1
	for _, long := range b.long {
		if long {
			n--
		}
	}
	return n
}

// markLong finds the jumps that are too far for 8 bits and were not known to be.
func markLong(order []*block) (found bool) {
	for _, b := range order {
		if b.isReturn() {
			continue
		}
		for side := range b.out {
			if !b.long[side] && b.out[side].to.offset-b.jumpFrom()-1 > 255 {
				b.long[side] = true
				return true
			}
		}
	}
	return false
}

// emit appends the instructions of the block.
func (b *block) emit(out []bpf.RawInstruction) []bpf.RawInstruction {
	for _, s := range b.stmts {
		if s.code == nop {
			continue
		}
		mode := s.code & modeMask
		if s.code&classMask == classLd && (mode == ldAbs || mode == ldInd) {
			s.k = min(s.k, neverLoads)
		}
		out = append(out, bpf.RawInstruction{Op: s.code, K: s.k})
	}
	if b.isReturn() {
		return append(out, bpf.RawInstruction{Op: ret, K: b.k})
	}
	from := b.jumpFrom()
	in := bpf.RawInstruction{Op: b.code, K: b.k}
	var far []bpf.RawInstruction
	skip := [2]uint8{}
	for side := range b.out {
		distance := b.out[side].to.offset - from - 1
		if b.long[side] {
			skip[side] = uint8(len(far))
			far = append(far, bpf.RawInstruction{Op: jmp, K: uint32(distance - len(far) - 1)})
		} else {
			skip[side] = uint8(distance)
		}
	}
	in.Jt, in.Jf = skip[0], skip[1]
	return append(append(out, in), far...)
}
