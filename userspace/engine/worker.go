package engine

import (
	"bytes"
	"cmp"
	"slices"
	"unsafe"

	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// worker owns some of the shards. It is used by one goroutine.
type worker struct {
	shards []*shard // by number; nil for those of other workers
	out    output
	fault  error // payload memory went away
	due    []dueFlow
	refs   []flowtab.Ref

	touched int64 // so that looking ahead is not optimised away
}

type dueFlow struct {
	id    uint64
	shard *shard
	ref   flowtab.Ref
}

// newWorkers returns n workers that share the shards of cfg.
func newWorkers(cfg *Config, cat *catalogue, n int) []*worker {
	of := cfg.shards()
	workers := make([]*worker, min(n, of))
	for i := range workers {
		workers[i] = &worker{shards: make([]*shard, of)}
	}
	for i := range of {
		w := workers[i%len(workers)]
		w.shards[i] = newShard(cfg, cat, &w.out, of)
	}
	return workers
}

// lookAhead is how many records the worker looks at before it works on the first.
const lookAhead = 32

// place is where a record belongs: its key's hash in its shard's table, and the
// flow that it most likely is of.
type place struct {
	hash  uint32
	guess flowtab.Ref
}

// places finds the places of at most lookAhead records. Records of shards that
// are not the worker's are left alone.
func (w *worker) places(recs []sensor.Record, shard []uint8, at []place) {
	shards, sum := w.shards, int64(0)
	shard, at = shard[:len(recs)], at[:len(recs)]
	for i := range recs {
		if s := shards[shard[i]]; s != nil {
			h := s.tab.Hash(&recs[i].Key)
			sum += s.tab.Load(h)
			at[i].hash = h
		}
	}
	for i, of := range shard {
		if s := shards[of]; s != nil {
			guess, loaded := s.tab.Guess(at[i].hash)
			sum += loaded
			at[i].guess = guess
		}
	}
	w.touched = sum
}

// handle takes a Packet, Snapshot or Lost record of shard n.
func (w *worker) handle(n uint8, r *sensor.Record, at place, now int64) {
	w.out.time, w.out.ordinal = r.Time, r.Ordinal
	w.shards[n].handle(r, at, now)
}

// advance lets time-outs happen, in the order in which the flows began, so that
// the order does not depend on who owns which shard. t is the packets' time.
func (w *worker) advance(now int64, t sensor.Timestamp) {
	w.out.time, w.out.ordinal = t, 0
	w.due = w.due[:0]
	for _, s := range w.shards {
		if s == nil {
			continue
		}
		w.refs = s.tab.Due(now, w.refs[:0])
		for i, ref := range w.refs {
			if i%lookAhead == 0 {
				for _, next := range w.refs[i:min(i+lookAhead, len(w.refs))] {
					w.touched += s.tab.Touch(next)
				}
			}
			if f := s.tab.At(ref); s.nothingDue(f, now) {
				s.schedule(ref, f) // most have seen a packet since
			} else {
				w.due = append(w.due, dueFlow{f.ID, s, ref})
			}
		}
	}
	w.inOrder(func(s *shard, ref flowtab.Ref) { s.due(ref, now) })
}

// finish ends all flows.
func (w *worker) finish() {
	w.out.ordinal = 0
	w.due = w.due[:0]
	for _, s := range w.shards {
		if s == nil {
			continue
		}
		w.refs = s.tab.Refs(w.refs[:0])
		for _, ref := range w.refs {
			w.due = append(w.due, dueFlow{s.tab.At(ref).ID, s, ref})
		}
	}
	w.inOrder(func(s *shard, ref flowtab.Ref) { s.end(ref, s.tab.At(ref), sensor.EndShutdown) })
}

// inOrder calls do for each flow of w.due, in the order in which they began.
func (w *worker) inOrder(do func(*shard, flowtab.Ref)) {
	slices.SortFunc(w.due, func(a, b dueFlow) int {
		if a.id != b.id {
			return cmp.Compare(a.id, b.id)
		}
		// The outer and the inner flow of one packet.
		return compareKeys(&a.shard.tab.At(a.ref).Key, &b.shard.tab.At(b.ref).Key)
	})
	for i, d := range w.due {
		if i%lookAhead == 0 {
			for _, next := range w.due[i:min(i+lookAhead, len(w.due))] {
				w.touched += next.shard.tab.Touch(next.ref)
			}
		}
		do(d.shard, d.ref)
	}
}

func compareKeys(a, b *sensor.Key) int { return bytes.Compare(keyBytes(a), keyBytes(b)) }

func keyBytes(k *sensor.Key) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(k)), unsafe.Sizeof(*k)) // a Key has no padding
}

// shardOf returns the shard, of a power of two, that a key belongs to. It is the
// same in every run. Whoever chooses keys to fill one shard gets that shard's
// share of the caps and no more; the tables themselves are seeded.
func shardOf(k *sensor.Key, of int) uint8 {
	if of == 1 {
		return 0
	}
	w := (*[5]uint64)(unsafe.Pointer(k))
	const m = 0x9e3779b97f4a7c15
	h := (w[0]^w[2])*m ^ (w[1]+w[3]*3)*(m>>7|1) ^ w[4]*(m>>13|1) ^ uint64(k.Proto)
	h ^= h >> 32
	h *= m
	return uint8(h >> 40 & uint64(of-1))
}
