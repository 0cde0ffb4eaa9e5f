package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// Run pumps src through the engine until it ends, and gives sink every event.
// All flows are ended then, and Run returns the books of src (if it is a
// [sensor.Accountant]) and of the engine together.
//
// The error of a source that ended other than with io.EOF is returned after
// everything that came before it was told, and so is ctx's. An error of the sink
// stops the run at once. Run does not close src.
//
// With more than one worker, flows are sharded over that many goroutines. The
// sink still gets the same events in the same order, from one goroutine; events
// then carry copies instead of what a parser lent, and the payload of a source
// that has no method Stable returning true is copied.
func Run(ctx context.Context, src sensor.Source, cfg Config, workers int, sink sensor.Sink) (sensor.Ledger, error) {
	cfg = cfg.withDefaults()
	cat, err := newCatalogue(cfg.Protocols)
	if err != nil {
		return sensor.Ledger{}, err
	}
	ws := newWorkers(&cfg, cat, max(workers, 1))
	for _, w := range ws {
		w.out.advice = advise(src)
		w.out.locator, _ = src.(sensor.Locator)
	}
	if len(ws) == 1 {
		err = runAlone(ctx, src, ws[0], cfg.Asks, sink)
	} else {
		err = runParallel(ctx, src, ws, cfg.Asks, sink)
	}

	var l sensor.Ledger
	accountOf(src, &l)
	for _, w := range ws {
		w.account(&l)
	}
	return l, err
}

// accountOf adds the accounts of a source that has some.
func accountOf(src sensor.Source, l *sensor.Ledger) {
	if a, ok := src.(sensor.Accountant); ok {
		a.Account(l)
	}
}

// checkEvery is how many batches pass between two looks at the context.
const checkEvery = 64

func runAlone(ctx context.Context, src sensor.Source, w *worker, asks <-chan func(sensor.Ledger), sink sensor.Sink) error {
	w.out.sink = sink
	var last sensor.Timestamp
	err := guard(func() error { return w.pump(ctx, src, asks, &last) })
	if w.out.err == nil {
		w.out.time = last
		err = errors.Join(err, guard(func() error { w.finish(); return nil }))
	}
	if w.out.err != nil {
		return fmt.Errorf("sink: %w", w.out.err)
	}
	return err
}

// pump handles all records of src, and returns why there are no more, nil at the
// end of src.
func (w *worker) pump(ctx context.Context, src sensor.Source, asks <-chan func(sensor.Ledger), last *sensor.Timestamp) error {
	var (
		recs    [lookAhead]sensor.Record
		shard   [lookAhead]uint8
		at      [lookAhead]place
		clk     clock
		granule int64
	)
	read := batches(src)
	for round := 0; ; round++ {
		if round%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		select {
		case answer := <-asks:
			var l sensor.Ledger
			accountOf(src, &l)
			w.account(&l)
			answer(l)
		default:
		}
		n, err := read(recs[:])
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		for i := range recs[:n] {
			shard[i] = shardOf(&recs[i].Key, len(w.shards))
		}
		w.places(recs[:n], shard[:], at[:])
		for i := range recs[:n] {
			r := &recs[i]
			*last = r.Time
			now := clk.at(r.Time)
			if g := flowtab.Granule(now); g != granule {
				granule = g
				w.advance(now, r.Time)
			}
			if r.Kind != sensor.Tick {
				w.handle(shard[i], r, at[i], now)
			}
			if w.out.err != nil {
				return w.out.err
			}
		}
	}
}

// batches returns src's ReadBatch, or one that reads single records.
func batches(src sensor.Source) func([]sensor.Record) (int, error) {
	if b, ok := src.(sensor.BatchReader); ok {
		return b.ReadBatch
	}
	return func(recs []sensor.Record) (int, error) {
		if err := src.Read(&recs[0]); err != nil {
			return 0, err
		}
		return 1, nil
	}
}
