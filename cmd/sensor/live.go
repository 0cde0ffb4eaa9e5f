package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flowscope/userspace/engine"
	"flowscope/userspace/live"
)

const liveLong = `run watches interfaces of this host and says what is said on them, as replay does
with a capture: packets are counted in the kernel, by flow, and what parsers want
of them is read. No packet is changed, delayed or dropped, and nothing stays
behind when the sensor ends, however it ends.

It needs Linux 6.6 or later, and root, or CAP_BPF and CAP_NET_ADMIN. It runs until
it is interrupted or --duration is over; it lets go of the interfaces then, and
writes all that was counted until that moment and the ledger. A second signal
ends it at once.

` + sinkHelp + `
` + exitCodes

// replayFlags are the flags of replay that run has, too. The kernel knows no
// more of the others, or has no packets to write.
var replayFlags = []string{
	"output", "quiet", "verbose", "log", "fail-on-loss", "workers", "protocols", "key", "tunnels",
	"tcp-idle", "tcp-opening", "tcp-closing", "udp-idle", "other-idle", "active-timeout", "max-flows", "memory",
}

// watching is what the flags of run say beside options.
type watching struct {
	live.Options
	budget   int64
	duration time.Duration
}

func newRun(p *program) *cobra.Command {
	o := newOptions("sensor run -i INTERFACE -o jsonl:-")
	o.live = true
	w := &watching{budget: 256 << 10}
	cmd := &cobra.Command{
		Use:   "run -i INTERFACE...",
		Short: "Watch interfaces: flow records, messages and a ledger",
		Long:  liveLong,
		Example: `  sudo sensor run -i eth0
  sudo sensor run -i eth0 -i lo --duration 30s -o jsonl:out.jsonl`,
		Args: func(_ *cobra.Command, words []string) error {
			if len(words) > 0 {
				return usagef("%s: run takes no filter yet: give each interface its own -i", strings.Join(words, " "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return o.watch(cmd.Context(), p, w) },
	}
	fs := cmd.Flags()
	fs.StringArrayVarP(&w.Interfaces, "interface", "i", nil, "`INTERFACE` to watch, in both directions; again for more")
	fs.DurationVar(&w.duration, "duration", 0, "stop after so long (default: when interrupted)")
	fs.IntVar(&w.MaxFlows, "kernel-flows", 65536, "flows that the kernel counts apart in one second; the rest in sums by protocol")
	fs.Var(sizeValue{&w.budget}, "payload", "payload that is read of each direction of a flow at most")
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.addFlags(all)
	for _, name := range replayFlags {
		fs.AddFlag(all.Lookup(name))
	}
	fs.SortFlags = false
	return cmd
}

// watch is what run does.
func (o *options) watch(ctx context.Context, p *program, w *watching) error {
	if err := o.finish(); err != nil {
		return err
	}
	switch {
	case len(w.Interfaces) == 0:
		return usagef("nothing to watch: give an interface with -i")
	case w.duration < 0:
		return usagef("--duration %s: want more than 0", w.duration)
	case w.MaxFlows < 1:
		return usagef("--kernel-flows %d: want 1 or more", w.MaxFlows)
	case w.budget < 1:
		return usagef("--payload: want 1 or more")
	}
	specs, err := o.specs(p)
	if err != nil {
		return err
	}
	log := p.newLogger(o.logs, o.quiet, o.verbose)
	w.Budget, w.Classify = w.budget, o.classify

	ctx, ignore := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer ignore()
	src, err := live.Open(w.Options)
	if err != nil {
		return fail(exitRuntime, err)
	}
	defer src.Close()
	outs := &outputs{}
	if err := o.open(p, outs, specs); err != nil {
		return fail(exitRuntime, errors.Join(err, outs.abandon()))
	}
	for _, h := range src.Hooks() {
		log.Info("attached", "interface", h.Interface, "direction", h.Direction, "hook", "tcx", "verified", h.Verified)
	}
	defer context.AfterFunc(ctx, func() {
		ignore() // a second signal ends the process
		notify("STOPPING=1")
		src.Stop()
	})()
	if w.duration > 0 {
		defer time.AfterFunc(w.duration, src.Stop).Stop()
	}

	start, done := time.Now(), make(chan struct{})
	in := &watched{Source: src}
	go in.keepAlive(done)
	notify("READY=1")
	books, err := engine.Run(context.WithoutCancel(ctx), in, o.engine, o.workers, outs)
	close(done)
	if closing := src.Close(); err == nil {
		err = closing
	}
	err = o.verdict(p, outs, &books, err)
	logRun(log, &books, time.Since(start), o.workers)
	return err
}
