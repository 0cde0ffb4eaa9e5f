package flowtab

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"unsafe"

	"flowscope/sensor"
)

// Entries live in chunks that never move, so that a *Flow stays valid until its
// Delete and growing copies only the index.
const (
	chunkBits = 10 // 1024 entries of 264 bytes are 33 pages, without slack
	chunkSize = 1 << chunkBits
)

// deleted is the kind of the key of an entry that is free, so that none equals it.
const deleted = 0xff

// Table is a hash table of flows. Its order of growth and probing depends on a
// seed, but nothing that a caller can observe does.
type Table struct {
	Wheel

	index  []uint64 // hash<<32 | ref, 0 if empty; linear probing from home(hash)
	chunks []*[chunkSize]Flow
	free   Ref // list of deleted entries through link.next
	used   Ref // highest Ref handed out
	count  int
	seed   [2]uint64
}

// New returns an empty Table whose hash is seeded at random, so that nobody can
// choose keys that collide.
func New() *Table {
	t := &Table{index: make([]uint64, 64), seed: [2]uint64{rand.Uint64() | 1, rand.Uint64() | 1}}
	return t
}

// Len returns the number of flows.
func (t *Table) Len() int { return t.count }

// At returns the entry of ref, which must be one that Insert returned and
// Delete has not yet been given. The pointer is valid until Delete(ref).
func (t *Table) At(ref Ref) *Flow {
	return &t.chunks[ref>>chunkBits][ref&(chunkSize-1)]
}

// Load loads what Guess looks at first. Several in a row, before the guesses, wait
// for the memory together. What it returns means nothing, but must be used.
func (t *Table) Load(h uint32) int64 { return int64(t.index[t.home(h)]) }

// Guess returns the flow that a key of that hash most likely has, 0 if there is
// none, and loads it. Several guesses in a row wait for the memory together
// instead of one after the other. The sum of what they loaded means nothing, but
// must be used for the loads to happen.
func (t *Table) Guess(h uint32) (guess Ref, loaded int64) {
	index := t.index
	for i := int(t.home(h)); ; i++ {
		if i >= len(index) {
			i = 0
		}
		e := index[i]
		if e == 0 {
			return 0, 0
		}
		if uint32(e>>32) == h {
			return Ref(e), t.At(Ref(e)).touch()
		}
	}
}

// touch reads something of each cache line that a packet needs.
func (f *Flow) touch() int64 {
	return int64(f.Key.Addr[0][0]) + int64(f.ID) + int64(f.Dir[0].Stream) + int64(f.Dir[1].Stream) + f.RTT
}

// Touch loads what the end of a flow looks at. Several in a row wait for the memory
// together. What it returns means nothing, but must be used.
func (t *Table) Touch(ref Ref) (loaded int64) {
	return t.At(ref).touch() + int64(t.link(ref).slot)
}

// Find returns the flow of key, whose hash is h, or 0 and nil. It looks at guess
// first, if that is not 0; whatever became of it since is no matter.
func (t *Table) Find(key *sensor.Key, h uint32, guess Ref) (Ref, *Flow) {
	if guess != 0 {
		if f := t.At(guess); equal(&f.Key, key) {
			return guess, f
		}
	}
	for i := t.home(h); ; i = t.after(i) {
		e := t.index[i]
		if e == 0 {
			return 0, nil
		}
		if uint32(e>>32) == h {
			ref := Ref(e)
			if f := t.At(ref); equal(&f.Key, key) {
				return ref, f
			}
		}
	}
}

// Insert adds a flow for key, which must not be there and has hash h. The new entry is zero but for its Key.
func (t *Table) Insert(key *sensor.Key, h uint32) (Ref, *Flow) {
	if (t.count+1)*3 > len(t.index)*2 {
		t.grow()
	}
	ref := t.free
	if ref != 0 {
		l := t.link(ref)
		t.free, l.next = l.next, 0
	} else {
		t.used++
		ref = t.used
		if int(ref>>chunkBits) == len(t.chunks) {
			t.chunks = append(t.chunks, new([chunkSize]Flow))
			t.links = append(t.links, new([chunkSize]link))
		}
	}
	f := t.At(ref)
	*f = Flow{Key: *key}
	t.place(uint64(h)<<32 | uint64(ref))
	t.count++
	return ref, f
}

// Delete removes a flow from table and wheel.
func (t *Table) Delete(ref Ref) {
	f := t.At(ref)
	t.Unschedule(ref)
	i := t.home(t.Hash(&f.Key))
	for Ref(t.index[i]) != ref {
		i = t.after(i)
	}
	// Close the gap: move back whatever probed past it.
	for j := i; ; {
		j = t.after(j)
		e := t.index[j]
		if e == 0 {
			break
		}
		if t.distance(t.home(uint32(e>>32)), j) >= t.distance(i, j) {
			t.index[i] = e
			i = j
		}
	}
	t.index[i] = 0
	f.Key.Kind = deleted
	t.link(ref).next = t.free
	t.free = ref
	t.count--
}

// Refs appends the Ref of every flow to dst, in no particular order.
func (t *Table) Refs(dst []Ref) []Ref {
	for _, e := range t.index {
		if e != 0 {
			dst = append(dst, Ref(e))
		}
	}
	return dst
}

func (t *Table) place(e uint64) {
	i := t.home(uint32(e >> 32))
	for t.index[i] != 0 {
		i = t.after(i)
	}
	t.index[i] = e
}

func (t *Table) grow() {
	old := t.index
	t.index = make([]uint64, len(old)+len(old)/2)
	for _, e := range old {
		if e != 0 {
			t.place(e)
		}
	}
}

// home returns the slot where an entry of that hash belongs. It takes the upper
// bits, so that the size need not be a power of two and the index can grow by
// half at a time.
func (t *Table) home(h uint32) uint32 { return uint32(uint64(h) * uint64(len(t.index)) >> 32) }

// after returns the slot after i.
func (t *Table) after(i uint32) uint32 {
	if i++; int(i) == len(t.index) {
		return 0
	}
	return i
}

// distance returns how many slots after i slot j is.
func (t *Table) distance(i, j uint32) uint32 {
	if j >= i {
		return j - i
	}
	return j - i + uint32(len(t.index))
}

// Hash is a folded-multiply hash of the key under a secret seed.
func (t *Table) Hash(k *sensor.Key) uint32 {
	b := (*[unsafe.Sizeof(*k)]byte)(unsafe.Pointer(k)) // Key has no padding, see the layout test
	h := t.seed[0]
	h = mix(binary.LittleEndian.Uint64(b[0:])^h, binary.LittleEndian.Uint64(b[8:])^t.seed[1])
	h = mix(binary.LittleEndian.Uint64(b[16:])^h, binary.LittleEndian.Uint64(b[24:])^t.seed[1])
	h = mix(binary.LittleEndian.Uint64(b[32:])^h, uint64(binary.LittleEndian.Uint32(b[40:]))^t.seed[1])
	h = mix(h, t.seed[0])
	return uint32(h>>32) ^ uint32(h)
}

// equal is ==, without a call or a branch.
func equal(a, b *sensor.Key) bool {
	x, y := (*[5]uint64)(unsafe.Pointer(a)), (*[5]uint64)(unsafe.Pointer(b))
	return (x[0]^y[0])|(x[1]^y[1])|(x[2]^y[2])|(x[3]^y[3])|(x[4]^y[4])|uint64(rest(a)^rest(b)) == 0
}

// rest is what of a key is behind its ports and tunnel.
func rest(k *sensor.Key) uint32 { return *(*uint32)(unsafe.Pointer(&k.VLAN)) }

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
