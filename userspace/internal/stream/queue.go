package stream

import (
	"bytes"
	"slices"

	"flowscope/sensor"
)

const (
	// MaxRuns is how many separate runs of bytes a Queue holds. After a loss
	// everything behind it is one run, so that honest traffic needs a few; and
	// an insert costs at most a memmove of this many.
	MaxRuns = 256
	// runCost is charged for a run beside its bytes: the Run itself and its
	// share of the slice that holds it.
	runCost = 128
)

// Budget is a cap on memory that several Queues and buffers share, in bytes.
type Budget struct {
	Max, Used int64
}

// Take charges n bytes if they fit.
func (b *Budget) Take(n int) bool {
	if b.Used+int64(n) > b.Max {
		return false
	}
	b.Used += int64(n)
	return true
}

// Give returns n bytes.
func (b *Budget) Give(n int) { b.Used -= int64(n) }

// Run is a run of consecutive bytes of a stream.
type Run struct {
	Seq  uint32 // of the first byte
	Len  int    // in sequence space
	Data []byte // what was captured of it from its beginning, owned by the Queue until Pop; may be shorter than Len
	Time sensor.Timestamp
}

func (r *Run) end() uint32 { return r.Seq + uint32(r.Len) }

// Queue holds runs in order, without overlap. The zero value is empty.
type Queue struct {
	runs  []Run
	bytes int // of sequence space held
	cost  int // charged to the budget
}

// Result says what became of an inserted segment.
type Result struct {
	Held     int  // bytes that are held now
	Dup      int  // bytes that were held before
	Conflict bool // some of those differ from what was held; the first are kept
	Full     bool // Held+Dup bytes from the front were dealt with, no more fit
}

// Insert adds a segment of n bytes at seq, of which data was captured; all of it
// must lie behind the next byte in order and less than 2^31 from any other. What
// is held already stays (first wins). Data is copied. max caps the bytes charged
// to this Queue.
func (q *Queue) Insert(seq uint32, n int, data []byte, t sensor.Timestamp, max int, b *Budget) (res Result) {
	i, _ := slices.BinarySearchFunc(q.runs, seq, func(r Run, seq uint32) int {
		if int32(r.end()-seq) > 0 {
			return 1
		}
		return -1
	})
	for n > 0 {
		m, dup := n, false
		if i < len(q.runs) {
			r := &q.runs[i]
			if ahead := int(int32(r.Seq - seq)); ahead > 0 {
				m = min(n, ahead)
			} else {
				m, dup = min(n, int(int32(r.end()-seq))), true
				res.Conflict = res.Conflict || r.differs(seq, data[:min(m, len(data))])
			}
		}
		switch {
		case dup:
			res.Dup += m
			i++
		case q.add(&i, seq, m, data[:min(m, len(data))], t, max, b):
			res.Held += m
		default:
			res.Full = true
			return res
		}
		seq, n, data = seq+uint32(m), n-m, data[min(m, len(data)):]
	}
	return res
}

// differs reports whether data, which begins at seq inside r, is not what r has
// there, as far as both were captured.
func (r *Run) differs(seq uint32, data []byte) bool {
	off := int(int32(seq - r.Seq))
	if off < 0 || off >= len(r.Data) {
		return false
	}
	m := min(len(data), len(r.Data)-off)
	return !bytes.Equal(r.Data[off:off+m], data[:m])
}

// Differs reports whether data, at seq, overlaps something held that has other
// bytes there.
func (q *Queue) Differs(seq uint32, data []byte) bool {
	for i := range q.runs {
		r := &q.runs[i]
		ahead := int(int32(r.Seq - seq))
		switch {
		case ahead >= len(data):
			return false
		case ahead >= 0 && r.differs(r.Seq, data[ahead:]):
			return true
		case ahead < 0 && r.differs(seq, data):
			return true
		}
	}
	return false
}

// add puts a run that overlaps nothing before index *i, or at the end of the run
// before it, and moves *i behind it.
func (q *Queue) add(i *int, seq uint32, n int, data []byte, t sensor.Timestamp, max int, b *Budget) bool {
	if *i > 0 {
		if p := &q.runs[*i-1]; p.end() == seq && len(p.Data) == p.Len {
			return q.extend(p, n, data, t, max, b)
		}
	}
	size := (len(data) + 15) &^ 15 // as the allocator rounds
	cost := runCost + size
	if len(q.runs) >= MaxRuns || q.cost+cost > max || !b.Take(cost) {
		return false
	}
	q.cost += cost
	q.bytes += n
	q.runs = slices.Insert(q.runs, *i, Run{Seq: seq, Len: n, Data: append(make([]byte, 0, size), data...), Time: t})
	*i++
	return true
}

// extend adds to the end of p. It grows p.Data by doubling, so that the bytes
// copied stay in proportion to the bytes held, and charges what was allocated.
func (q *Queue) extend(p *Run, n int, data []byte, t sensor.Timestamp, max int, b *Budget) bool {
	if need := len(p.Data) + len(data); need > cap(p.Data) {
		size := need + need/2
		cost := size - cap(p.Data)
		if q.cost+cost > max || !b.Take(cost) {
			size, cost = need, need-cap(p.Data)
			if q.cost+cost > max || !b.Take(cost) {
				return false
			}
		}
		q.cost += cost
		grown := make([]byte, len(p.Data), size)
		copy(grown, p.Data)
		p.Data = grown
	}
	p.Data = append(p.Data, data...)
	p.Len += n
	p.Time = t
	q.bytes += n
	return true
}

// Empty reports whether nothing is held.
func (q *Queue) Empty() bool { return len(q.runs) == 0 }

// Bytes returns how many bytes of sequence space are held.
func (q *Queue) Bytes() int { return q.bytes }

// Head returns the sequence number of the first byte held. The Queue must not
// be empty.
func (q *Queue) Head() uint32 { return q.runs[0].Seq }

// Cut removes what is held at seq and behind it, and returns how many bytes of
// sequence space that was.
func (q *Queue) Cut(seq uint32, b *Budget) (cut int) {
	for n := len(q.runs); n > 0; n-- {
		r := &q.runs[n-1]
		over := int(int32(r.end() - seq))
		if over <= 0 {
			break
		}
		if over < r.Len {
			r.Len -= over
			r.Data = r.Data[:min(r.Len, len(r.Data))]
			q.bytes -= over
			return cut + over
		}
		cut += r.Len
		q.bytes -= r.Len
		cost := runCost + cap(r.Data)
		q.cost -= cost
		b.Give(cost)
		q.runs = slices.Delete(q.runs, n-1, n)
	}
	if len(q.runs) == 0 {
		q.runs = nil
	}
	return cut
}

// Pop removes and returns the first run, whose Data is then the caller's. The
// Queue must not be empty.
func (q *Queue) Pop(b *Budget) Run {
	r := q.runs[0]
	q.runs = slices.Delete(q.runs, 0, 1)
	cost := runCost + cap(r.Data)
	q.cost -= cost
	q.bytes -= r.Len
	b.Give(cost)
	if len(q.runs) == 0 {
		q.runs = nil
	}
	return r
}
