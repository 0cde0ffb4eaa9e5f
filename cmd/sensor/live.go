package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flowscope/userspace/engine"
	"flowscope/userspace/live"
	"flowscope/userspace/replay"
)

const liveLong = `run watches interfaces of this host and says what is said on them, as replay does
with a capture: packets are counted in the kernel, by flow, and what parsers want
of them is read. No packet is changed, delayed or dropped, and nothing stays
behind when the sensor ends, however it ends.

It needs Linux 5.10 or later, and root, or CAP_BPF and CAP_NET_ADMIN, which it gives
up as soon as it is attached, unless it follows interfaces. It runs until it is
interrupted or --duration is over; it lets go of the interfaces then, and
writes all that was counted until that moment and the ledger, within 6 seconds. A
second signal ends it at once.

INTERFACE is a name, a pattern such as 'veth*', or any, which is all interfaces;
--exclude takes some out again. With a pattern or --follow, interfaces that appear
later are watched, too. A packet that crosses several is counted on the first.

--hook is where packets are looked at: tcx (Linux 6.6), tc, which is a filter at a
clsact qdisc, or xdp, which is for incoming packets of a mirror port; auto is tcx
where the kernel has it, else tc. FILTER is a capture filter, as of tcpdump.

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
	capped   bool // the budget was asked for
	duration time.Duration
	hook     string
	mode     string
}

func newRun(p *program) *cobra.Command {
	o := newOptions("sensor run -i INTERFACE -o jsonl:-")
	o.live = true
	w := &watching{budget: 256 << 10, hook: live.HookKinds[0], mode: live.XDPModes[0]}
	cmd := &cobra.Command{
		Use:   "run -i INTERFACE... [FILTER]",
		Short: "Watch interfaces: flow records, messages and a ledger",
		Long:  liveLong,
		Example: `  sudo sensor run -i eth0
  sudo sensor run -i eth0 -i lo --duration 30s -o jsonl:out.jsonl tcp port 443
  sudo sensor run -i any --exclude 'docker*' --netns blue
  sudo sensor run -i eth1 --hook xdp --xdp-mode native`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			w.Filter = strings.Join(words, " ")
			w.capped = cmd.Flags().Changed("payload")
			return o.watch(cmd.Context(), p, w)
		},
	}
	fs := cmd.Flags()
	fs.StringArrayVarP(&w.Interfaces, "interface", "i", nil, "`INTERFACE` to watch, in both directions: a name, a pattern, or any; again for more")
	fs.StringArrayVar(&w.Exclude, "exclude", nil, "`INTERFACE`, or a pattern, not to watch; again for more")
	fs.BoolVar(&w.Follow, "follow", false, "watch interfaces that appear later; patterns do so anyway")
	fs.StringVar(&w.Netns, "netns", "", "network namespace of the interfaces: a `NAME` as of ip netns, or a path")
	fs.Var(nameValue{&w.hook, live.HookKinds[:]}, "hook", "where packets are looked at")
	fs.Var(nameValue{&w.mode, live.XDPModes[:]}, "xdp-mode", "who runs the program of --hook xdp: the driver, or the kernel behind it")
	fs.DurationVar(&w.duration, "duration", 0, "stop after so long (default: when interrupted)")
	fs.IntVar(&w.MaxFlows, "kernel-flows", 65536, "flows that the kernel counts apart in one second; the rest in sums by protocol")
	fs.Var(sizeValue{&w.budget}, "payload", "payload of each direction of a flow that is copied before it was read, at most; with streams 512MiB")
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.addFlags(all)
	for _, name := range replayFlags {
		fs.AddFlag(all.Lookup(name))
	}
	fs.SortFlags = false
	return cmd
}

// drainTime is how long reading goes on after the end was asked for.
const drainTime = 4 * time.Second

var errLate = fmt.Errorf("not all of what was counted could be read within %v: the ledger says how much is left", drainTime)

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
	if err := checkFilter(replay.Options{Classify: o.classify, Filter: w.Filter}); err != nil {
		return err
	}
	w.Hook, w.XDPMode = live.HookKind(slices.Index(live.HookKinds[:], w.hook)), live.XDPMode(slices.Index(live.XDPModes[:], w.mode))
	if w.XDPMode != live.AnyXDP && w.Hook != live.XDP {
		return usagef("--xdp-mode %s: there is no XDP without --hook xdp", w.mode)
	}
	w.Follow = w.Follow || slices.ContainsFunc(w.Interfaces, live.IsPattern)
	specs, err := o.specs(p)
	if err != nil {
		return err
	}
	log := p.newLogger(o.logs, o.quiet, o.verbose)
	// What was not copied is known when it is told, after three Intervals at most:
	// what the peer acknowledges meanwhile is not missing.
	o.engine.Timeouts.AckedHole = 5 * time.Second
	if !w.capped && slices.ContainsFunc(specs, func(s spec) bool { return s.kind == "streams" }) {
		w.budget = 512 << 20 // all that the rings can carry
	}
	w.Budget, w.Classify, w.Log = w.budget, o.classify, log
	w.TCPIdle, w.OtherIdle = o.engine.Timeouts.TCP, o.engine.Timeouts.UDP

	ctx, ignore := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer ignore()
	src, err := live.Open(w.Options)
	if err != nil {
		if o.verbose {
			fmt.Fprint(p.stderr, live.VerifierLog(err))
		}
		return fail(exitRuntime, err)
	}
	defer src.Close()
	outs := &outputs{}
	if err := o.open(p, outs, specs); err != nil {
		return fail(exitRuntime, errors.Join(err, outs.abandon()))
	}
	ctl := newControl(log)
	defer ctl.close()
	o.engine.Asks = ctl.asks
	dropPrivileges(log, src, specs)
	var late atomic.Pointer[time.Timer]
	stop := func() {
		src.Stop()
		late.Store(time.AfterFunc(drainTime, func() { _ = src.Close() }))
	}
	defer func() {
		if t := late.Load(); t != nil {
			t.Stop()
		}
	}()
	defer context.AfterFunc(ctx, func() {
		ignore() // a second signal ends the process
		notify("STOPPING=1")
		stop()
	})()
	if w.duration > 0 {
		defer time.AfterFunc(w.duration, stop).Stop()
	}

	start, done := time.Now(), make(chan struct{})
	in := &watched{Source: src}
	go in.keepAlive(done)
	if p.errTerm && !o.quiet {
		fmt.Fprintln(p.stderr, "watching; interrupt (Ctrl-C) ends it with the table and the books")
	}
	notify("READY=1")
	books, err := engine.Run(context.WithoutCancel(ctx), in, o.engine, o.workers, outs)
	close(done)
	if errors.Is(err, net.ErrClosed) {
		err = errLate
	}
	if closing := src.Close(); err == nil {
		err = closing
	}
	err = o.verdict(p, outs, &books, err)
	logRun(log, &books, time.Since(start), o.workers)
	return err
}
