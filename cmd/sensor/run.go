package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/export/jsonl"
	"flowscope/userspace/export/streams"
	"flowscope/userspace/export/table"
	"flowscope/userspace/replay"
)

// opener opens the captures of a run.
type opener func(replay.Options) (*replay.Source, error)

// run is what replay and demo do.
func (o *options) run(ctx context.Context, p *program, open opener) error {
	if err := o.finish(); err != nil {
		return err
	}
	specs, err := o.specs(p)
	if err != nil {
		return err
	}
	log := p.newLogger(o.logs, o.quiet, o.verbose)
	opt := replay.Options{Classify: o.classify, Filter: o.filter, MaxPackets: o.count, Stable: o.workers > 1}
	if err := checkFilter(opt); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	outs := &outputs{stop: stop}
	if o.write != "" {
		opt.Tee = outs.tee
	}
	src, err := open(opt)
	if err != nil {
		return fail(exitRuntime, err)
	}
	defer src.Close()
	if err := o.open(p, outs, specs); err != nil {
		return fail(exitRuntime, errors.Join(err, outs.abandon()))
	}

	start := time.Now()
	books, err := o.pump(ctx, p, src, outs)
	err = o.verdict(p, outs, &books, err)
	for _, what := range src.Skipped() {
		log.Warn("skipped", "file", what)
	}
	if outs.packets != nil {
		log.Info("packets written", "packets", outs.packets.n, "file", o.write)
	}
	if o.kernel != nil {
		n, other := o.kernel.Frames()
		log.Info("sent through the kernel", "packets", n, "left_to_go", other)
	}
	logRun(log, &books, time.Since(start), o.workers)
	return err
}

// specs returns the sinks that were asked for, or the one that suits.
func (o *options) specs(p *program) ([]spec, error) {
	words := o.outputs
	if len(words) == 0 && o.write == "" && o.expect == "" {
		words = []string{"jsonl:-"}
		if p.outTerm {
			words = []string{"table:"}
		}
	}
	specs, err := parseSpecs(words)
	if err != nil || o.write != "-" {
		return specs, err
	}
	for _, s := range specs {
		if s.stdout() {
			return nil, usagef("-w - and -o %s:%s both write to standard output: send one to a file", s.kind, s.target)
		}
	}
	if p.outTerm {
		return nil, usagef("-w -: standard output is a terminal: pipe the packets or send them to a file")
	}
	return specs, nil
}

// checkFilter compiles the filter before anything is opened, so that its errors
// are about usage.
func checkFilter(opt replay.Options) error {
	if strings.TrimSpace(opt.Filter) == "" {
		return nil
	}
	src, err := replay.NewReader(opt, "no packets", strings.NewReader(""))
	if err != nil {
		return fail(exitUsage, err)
	}
	return src.Close()
}

// open opens everything that is written to. After an error, what was opened
// before is in outs.
func (o *options) open(p *program, outs *outputs, specs []spec) error {
	for _, s := range specs {
		var err error
		switch s.kind {
		case "jsonl":
			err = outs.add(p, s, o.files, func(w io.Writer) sink { return jsonl.New(w, jsonl.Options{LineBuffered: o.live}) })
		case "table":
			err = outs.add(p, s, o.files, func(w io.Writer) sink { return table.New(w, o.tableOptions(p)) })
		case "streams":
			var dir *streams.Sink
			if dir, err = streams.New(s.target, streams.Options{}); err == nil {
				o.engine.StreamData = true
				outs.list = append(outs.list, &output{kind: s.kind, name: "streams:" + s.target, sink: dir})
			}
		}
		if err != nil {
			return err
		}
	}
	if o.expect != "" {
		golden, err := newGolden(o.expect)
		if err != nil {
			return fmt.Errorf("%w: make it with -o jsonl:%s", err, o.expect)
		}
		outs.golden = golden
		outs.list = append(outs.list, &output{kind: "expect", name: "expect:" + o.expect, sink: golden})
	}
	if o.write != "" {
		var err error
		outs.packets, err = newPackets(p, o.write, o.files)
		return err
	}
	return nil
}

// tableOptions fits tables to the terminal, and to what is done.
func (o *options) tableOptions(p *program) table.Options {
	opt := p.tableOptions(o.more)
	opt.Live = o.live
	return opt
}

// pump runs the engine over the source until it ends or a signal comes.
func (o *options) pump(run context.Context, p *program, src *replay.Source, outs *outputs) (sensor.Ledger, error) {
	ctx, ignore := signal.NotifyContext(run, os.Interrupt, syscall.SIGTERM)
	defer ignore()
	defer context.AfterFunc(ctx, func() {
		ignore() // a second signal ends the process
		if o.mayWait() {
			_ = src.Close() // ends a Read that waits
		}
	})()

	var in sensor.Source = src
	if p.errTerm && !o.quiet {
		bar := startProgress(p.stderr, src)
		defer bar.stop()
		in = &counted{Source: src, progress: bar}
	}
	books, err := engine.Run(ctx, in, o.engine, o.workers, outs)
	switch {
	case err != nil && run.Err() != nil: // the packets could not be written
		err = context.Cause(run)
	case err != nil && ctx.Err() != nil:
		err = errInterrupted
	}
	return books, err
}

var errInterrupted = errors.New("interrupted: the rest of the input was not read")

// mayWait reports whether reading an input may wait for somebody.
func (o *options) mayWait() bool {
	for _, name := range o.files {
		info, err := os.Stat(name)
		if name == "-" {
			info, err = os.Stdin.Stat()
		}
		if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			return true
		}
	}
	return false
}

// verdict finishes the outputs and says how the run went: err is how reading
// ended.
func (o *options) verdict(p *program, outs *outputs, books *sensor.Ledger, err error) error {
	written := outs.finish(books)
	different := outs.golden.differs()
	switch {
	case errors.Is(err, errReaderLeft), outs.gone && len(outs.list) == 1:
		return nil // as for cat: who reads decides when it is enough
	case err != nil && errors.Is(written, err):
		return fail(exitRuntime, written)
	case written != nil, err != nil && !errors.Is(err, replay.ErrPartial):
		return fail(exitRuntime, errors.Join(err, written))
	}
	if different != "" {
		fmt.Fprint(p.stderr, different)
		return fail(exitRuntime, errors.Join(fmt.Errorf("the output is not that of %s", o.expect), err))
	}
	if err != nil {
		return fail(exitPartial, err)
	}
	if err := books.Check(); err != nil {
		return fail(exitRuntime, fmt.Errorf("the books do not balance, which is a bug: please report it: %w", err))
	}
	return o.checkLoss(books)
}

// logRun says for -v what a run took.
func logRun(log *slog.Logger, books *sensor.Ledger, took time.Duration, workers int) {
	var packets uint64
	if a := books.Account("frames"); a != nil {
		packets = a.Total
	}
	log.Debug("done", "packets", packets, "seconds", took.Seconds(),
		"packets_per_second", int64(float64(packets)/max(took.Seconds(), 1e-9)), "workers", workers)
}
