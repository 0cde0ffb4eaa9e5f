package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

const (
	roundSize = 1024 // records read before they are handed to the workers
	rounds    = 8    // rounds under way at one time
)

// round is a batch of records, and what the workers made of it. The reader fills
// it, each worker looks only at its own records, and the merger passes on the
// events in the order of the records.
type round struct {
	n      int
	recs   [roundSize]sensor.Record
	now    [roundSize]int64
	tick   [roundSize]bool // time-outs may happen before this record
	shard  [roundSize]uint8
	arena  []byte              // payloads of a source that does not keep them
	last   bool                // the source has ended: end all flows
	time   sensor.Timestamp    // of the last record read
	told   []told              // by worker
	answer func(sensor.Ledger) // somebody asked for the books at the end of this round
	books  sensor.Ledger       // then: of the source
	worked sync.WaitGroup
}

// told is the events of one worker in one round: whole, or as the sink's encoder
// wrote them.
type told struct {
	at     []position // of each event
	events []sensor.Event
	flows  []sensor.Flow // events[i].Flow
	copies copies
	ends   []int // where the bytes of each event end
	bytes  []byte
	err    error         // of the encoder
	books  sensor.Ledger // of the worker, if somebody asked
}

// position orders the events of a round. All events of one record come from one
// worker; time-outs are in the order in which the flows began.
type position struct {
	record uint32
	flow   uint64     // of a time-out
	key    sensor.Key // of a time-out
}

func runParallel(ctx context.Context, src sensor.Source, ws []*worker, asks <-chan func(sensor.Ledger), sink sensor.Sink) error {
	var (
		free    = make(chan *round, rounds)
		merge   = make(chan *round, rounds)
		stop    atomic.Bool
		readErr error
		group   sync.WaitGroup
	)
	in := make([]chan *round, len(ws))
	for i, w := range ws {
		in[i] = make(chan *round, rounds)
		group.Go(func() { w.rounds(in[i], i, sink) })
	}
	for range rounds {
		free <- &round{told: make([]told, len(ws))}
	}
	group.Go(func() {
		rd := reader{read: batches(src), shards: len(ws[0].shards)}
		if s, ok := src.(interface{ Stable() bool }); ok {
			rd.stable = s.Stable()
		}
		for more := true; more; {
			r := <-free
			if err := guard(func() error { more = rd.fill(ctx, r, &stop); return nil }); err != nil {
				rd.err, r.last, more = err, true, false // a payload that was to be copied
			}
			select {
			case r.answer = <-asks:
				r.books = sensor.Ledger{}
				accountOf(src, &r.books)
			default:
				r.answer = nil
			}
			r.worked.Add(len(ws))
			for _, c := range in {
				c <- r
			}
			merge <- r
		}
		if rd.err != io.EOF {
			readErr = rd.err
		}
		for _, c := range in {
			close(c)
		}
		close(merge)
	})

	var sinkErr error
	for r := range merge {
		r.worked.Wait()
		if sinkErr == nil {
			if sinkErr = r.deliver(sink); sinkErr != nil {
				stop.Store(true)
			}
		}
		if r.answer != nil {
			for i := range r.told {
				for _, a := range r.told[i].books.Accounts {
					r.books.Add(a)
				}
			}
			r.answer(r.books)
		}
		free <- r
	}
	group.Wait()
	for _, w := range ws {
		readErr = errors.Join(readErr, w.fault)
	}
	if sinkErr != nil {
		return fmt.Errorf("sink: %w", sinkErr)
	}
	return readErr
}

// reader fills rounds from a source.
type reader struct {
	read    func([]sensor.Record) (int, error)
	shards  int
	stable  bool
	clk     clock
	granule int64
	time    sensor.Timestamp
	err     error
}

// fill reads one round and reports whether more may follow.
func (rd *reader) fill(ctx context.Context, r *round, stop *atomic.Bool) bool {
	r.n, r.last, r.arena = 0, false, nil
	for r.n < roundSize {
		n, err := rd.read(r.recs[r.n:])
		if err != nil {
			rd.err = err
			break
		}
		for end := r.n + n; r.n < end; r.n++ {
			rd.place(r, r.n)
		}
		if r.n > 0 && r.recs[r.n-1].Kind == sensor.Tick {
			break // the source has no more for now, and who watches it wants to see these
		}
	}
	if rd.err == nil && stop.Load() {
		rd.err = errStop
	}
	if rd.err == nil {
		rd.err = ctx.Err()
	}
	r.last, r.time = rd.err != nil, rd.time
	return !r.last
}

// place prepares record i of a round for the workers.
func (rd *reader) place(r *round, i int) {
	rec := &r.recs[i]
	if !rd.stable && len(rec.Payload) > 0 {
		r.arena = append(r.arena, rec.Payload...)
		rec.Payload = r.arena[len(r.arena)-len(rec.Payload):]
	}
	rd.time = rec.Time
	now := rd.clk.at(rec.Time)
	g := flowtab.Granule(now)
	r.now[i], r.tick[i] = now, g != rd.granule
	rd.granule = g
	r.shard[i] = shardOf(&rec.Key, rd.shards)
}

// rounds is the loop of worker number i.
func (w *worker) rounds(in <-chan *round, i int, sink sensor.Sink) {
	c := &collector{}
	if f, ok := sink.(sensor.Forker); ok {
		c.encoder = f.Fork()
	}
	w.out.sink = c
	for r := range in {
		c.told = &r.told[i]
		c.told.reset()
		if w.fault == nil {
			w.fault = guard(func() error { w.round(r, c); return nil })
		}
		if c.books = (sensor.Ledger{}); r.answer != nil {
			w.account(&c.books)
		}
		r.worked.Done()
	}
}

// round handles the records of one round that are this worker's.
func (w *worker) round(r *round, c *collector) {
	var at [lookAhead]place
	for from := 0; from < r.n; from += lookAhead {
		recs := r.recs[from:min(from+lookAhead, r.n)]
		w.places(recs, r.shard[from:], at[:])
		for j := range recs {
			k, rec := from+j, &recs[j]
			if r.tick[k] {
				c.record, c.timeouts = uint32(2*k), true
				w.advance(r.now[k], rec.Time)
			}
			if w.shards[r.shard[k]] != nil && rec.Kind != sensor.Tick {
				c.record, c.timeouts = uint32(2*k+1), false
				w.handle(r.shard[k], rec, at[j], r.now[k])
			}
		}
	}
	if r.last {
		w.out.time = r.time
		c.record, c.timeouts = 2*roundSize, true
		w.finish()
	}
}

// collector keeps the events of a worker until they are merged.
type collector struct {
	*told
	encoder  sensor.Encoder // nil if the sink wants whole events
	record   uint32
	timeouts bool
}

// Consume implements sensor.Sink.
func (c *collector) Consume(ev *sensor.Event) error {
	if c.encoder == nil {
		c.keep(ev)
	} else if !c.encode(ev) {
		return nil
	}
	p := position{record: c.record}
	if c.timeouts {
		p.flow, p.key = ev.Flow.ID, ev.Flow.Key
	}
	c.at = append(c.at, p)
	return nil
}

// encode writes an event, and reports whether the sink has a use for it. What goes
// wrong is told after what came before.
func (c *collector) encode(ev *sensor.Event) bool {
	n := len(c.bytes)
	if c.err != nil {
		return false
	}
	c.bytes, c.err = c.encoder.Encode(c.bytes, ev)
	if c.err != nil || len(c.bytes) == n {
		return false
	}
	c.ends = append(c.ends, len(c.bytes))
	return true
}

// keep copies an event.
func (t *told) keep(ev *sensor.Event) {
	e := *ev
	e.Msg = t.copies.message(ev.Msg)
	e.Data = bytes.Clone(ev.Data)
	t.events = append(t.events, e)
	t.flows = append(t.flows, *ev.Flow)
}

func (t *told) reset() {
	clear(t.events)
	t.copies.reset()
	t.events, t.flows, t.at = t.events[:0], t.flows[:0], t.at[:0]
	t.ends, t.bytes, t.err = t.ends[:0], t.bytes[:0], nil
}

// deliver gives event i to sink.
func (t *told) deliver(i int, sink sensor.Sink) error {
	if len(t.ends) == 0 {
		t.events[i].Flow = &t.flows[i]
		return sink.Consume(&t.events[i])
	}
	from := 0
	if i > 0 {
		from = t.ends[i-1]
	}
	return sink.(sensor.Forker).Encoded(t.bytes[from:t.ends[i]])
}

// deliver gives the events of all workers to sink, in order.
func (r *round) deliver(sink sensor.Sink) error {
	next := make([]int, len(r.told))
	for {
		best := -1
		for i := range r.told {
			if next[i] < len(r.told[i].at) && (best < 0 || r.told[i].at[next[i]].before(&r.told[best].at[next[best]])) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		if err := r.told[best].deliver(next[best], sink); err != nil {
			return err
		}
		next[best]++
	}
	for i := range r.told {
		if err := r.told[i].err; err != nil {
			return err
		}
	}
	return nil
}

func (p *position) before(q *position) bool {
	switch {
	case p.record != q.record:
		return p.record < q.record
	case p.flow != q.flow:
		return p.flow < q.flow
	}
	return compareKeys(&p.key, &q.key) < 0
}
