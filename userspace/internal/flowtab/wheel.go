package flowtab

import "math/bits"

// The wheel has six levels of 64 slots. A slot of level 0 is one granule
// (2^30 ns, about 1.07 s), of each further level 64 times the one below; six
// levels reach further than an int64 of nanoseconds does.
const (
	granuleBits = 30
	levelBits   = 6
	levelSlots  = 1 << levelBits
	levels      = 6
)

// Granule returns the number of the granule that holds clock time ns. Time-outs
// are found when the granule after theirs begins.
func Granule(ns int64) int64 { return ns >> granuleBits }

// Wheel orders flows by the time at which something is due. Scheduling is lazy:
// a flow whose time moves out need not be moved, since whoever is told that it
// is due checks, and schedules it again. So a packet costs no work here, and
// each flow is looked at once per slot that it outlives.
type Wheel struct {
	links []*[chunkSize]link // by Ref, as the flows
	now   int64              // granule up to which everything was told due
	head  [levels * levelSlots]Ref
	full  [levels]uint64 // occupied slots
	n     int
}

// link is the place of a flow on the wheel. It is not in the Flow, because the
// neighbours of one that is put on the wheel or taken off are flows that nobody
// is looking at: their links are close together, they are not.
type link struct {
	next, prev Ref    // in the list of a slot; prev of the first is the last
	slot       uint16 // + 1, 0 if in none
}

func (w *Wheel) link(ref Ref) *link { return &w.links[ref>>chunkBits][ref&(chunkSize-1)] }

// Schedule sets the time at which the flow is due, moving it if it is scheduled.
func (w *Wheel) Schedule(ref Ref, due int64) {
	w.Unschedule(ref)
	g := Granule(due)
	if g <= w.now {
		g = w.now + 1
	}
	level := 0
	if d := uint64(g ^ w.now); d != 0 {
		level = (bits.Len64(d) - 1) / levelBits
	}
	slot := int(g>>(levelBits*level)) & (levelSlots - 1)
	w.push(ref, level*levelSlots+slot)
}

// Unschedule takes the flow off the wheel, if it is on it.
func (w *Wheel) Unschedule(ref Ref) {
	f := w.link(ref)
	if f.slot == 0 {
		return
	}
	s := int(f.slot) - 1
	head := w.head[s]
	if ref == head {
		w.head[s] = f.next
		if f.next == 0 {
			w.full[s/levelSlots] &^= 1 << (s % levelSlots)
		} else {
			w.link(f.next).prev = f.prev // the last
		}
	} else {
		w.link(f.prev).next = f.next
		if f.next == 0 {
			w.link(head).prev = f.prev
		} else {
			w.link(f.next).prev = f.prev
		}
	}
	f.slot, f.next, f.prev = 0, 0, 0
	w.n--
}

// push puts a flow at the end of a slot's list. The first flow of a list has the
// last as its prev.
func (w *Wheel) push(ref Ref, s int) {
	f := w.link(ref)
	f.slot, f.prev, f.next = uint16(s+1), ref, 0
	if head := w.head[s]; head != 0 {
		first := w.link(head)
		f.prev, first.prev = first.prev, ref
		w.link(f.prev).next = ref
	} else {
		w.head[s] = ref
	}
	w.full[s/levelSlots] |= 1 << (s % levelSlots)
	w.n++
}

// Due moves the wheel to clock time now and appends every flow whose slot has
// been reached to dst, unscheduled. It costs O(flows due), plus at most 384
// steps, however far the time has moved.
func (w *Wheel) Due(now int64, dst []Ref) []Ref {
	target := Granule(now)
	for w.now < target {
		if w.n == 0 {
			w.now = target
			break
		}
		next, level := w.nextSlot()
		if next > target {
			w.now = target
			break
		}
		w.now = next
		s := level*levelSlots + int(next>>(levelBits*level))&(levelSlots-1)
		ref := w.head[s]
		w.head[s] = 0
		w.full[level] &^= 1 << (s % levelSlots)
		for ref != 0 {
			f := w.link(ref)
			dst = append(dst, ref)
			ref = f.next
			f.slot, f.next, f.prev = 0, 0, 0
			w.n--
		}
	}
	return dst
}

// Nearest unschedules and returns a flow of the earliest occupied slot, 0 if
// none is scheduled. It costs O(1).
func (w *Wheel) Nearest() Ref {
	if w.n == 0 {
		return 0
	}
	next, level := w.nextSlot()
	ref := w.head[level*levelSlots+int(next>>(levelBits*level))&(levelSlots-1)]
	w.Unschedule(ref)
	return ref
}

// Later reports whether a flow that is due at clock time ns belongs in a later
// slot than the earliest that is occupied. It is false if none is.
func (w *Wheel) Later(ns int64) bool {
	if w.n == 0 {
		return false
	}
	next, level := w.nextSlot()
	return Granule(ns)>>(levelBits*level) > next>>(levelBits*level)
}

// Sooner reports whether a scheduled flow that is due at clock time ns now would
// be told too late where it is.
func (w *Wheel) Sooner(ref Ref, ns int64) bool {
	slot := int(w.link(ref).slot) - 1
	if slot < 0 {
		return true
	}
	shift := levelBits * (slot / levelSlots)
	begins := w.now>>shift>>levelBits<<levelBits<<shift + int64(slot%levelSlots)<<shift
	return Granule(ns) < begins
}

// nextSlot returns the first granule of the earliest occupied slot and its
// level. An upper level's slot begins before what it holds is due; told early,
// the flow is scheduled again, one level down.
func (w *Wheel) nextSlot() (granule int64, level int) {
	for level = 0; level < levels; level++ {
		shift := levelBits * level
		at := uint(w.now>>shift) & (levelSlots - 1)
		// Schedule never puts a flow at or before its level's current slot, so
		// the slots ahead of it are the ones above.
		if m := w.full[level] >> at >> 1; m != 0 {
			slot := int64(at) + 1 + int64(bits.TrailingZeros64(m))
			return w.now>>shift>>levelBits<<levelBits<<shift + slot<<shift, level
		}
	}
	panic("flowtab: the wheel lost a flow")
}
