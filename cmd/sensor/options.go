package main

import (
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/live"
)

// options is what the flags of replay and demo say.
type options struct {
	files    []string
	more     string // the command that shows everything
	filter   string
	outputs  []string
	write    string
	count    uint64
	quiet    bool
	verbose  bool
	logs     string
	expect   string
	live     bool // of packets that come now
	through  bool // the kernel
	kernel   *live.Through
	maxLoss  float64 // share; below 0: any
	workers  int
	protos   string
	memory   int64
	classify sensor.Classify
	engine   engine.Config
}

func newOptions(more string) *options {
	return &options{more: more, maxLoss: -1, logs: "auto", workers: min(runtime.NumCPU(), 8)}
}

// addFlags adds the flags that replay and demo share. Where tcpdump has the
// same letter, it has the same meaning.
func (o *options) addFlags(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringArrayVarP(&o.outputs, "output", "o", nil, "`SINK` to write to; again for more (default table: on a terminal, else jsonl:-)")
	fs.StringVarP(&o.write, "write", "w", "", "write the packets that pass the filter to `FILE`, a pcapng; - is standard output")
	fs.Uint64VarP(&o.count, "count", "c", 0, "stop after `N` packets that pass the filter")
	fs.BoolP("no-names", "n", false, "does nothing: names are never looked up")
	fs.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, and of the log only errors")
	fs.BoolVarP(&o.verbose, "verbose", "v", false, "log more")
	fs.Var(nameValue{&o.logs, []string{"auto", "text", "json"}}, "log", "form of the log on standard error; auto is text on a terminal, else json")

	fs.StringVar(&o.expect, "expect", "", "compare the JSON lines with those in `FILE`; a difference is shown and is exit code 1")
	fs.Var(percentValue{&o.maxLoss}, "fail-on-loss", "exit code 4 if more than this share of the payload is missing or was cut")
	fs.IntVar(&o.workers, "workers", o.workers, "goroutines that flows are spread over; the output is the same for any `N`")

	fs.StringVar(&o.protos, "protocols", "all", "parsers to run: all, none, or a `LIST` such as dns,http")
	fs.Var(keyValue{&o.classify}, "key", "what makes a flow: five-tuple, ip-pair or mac-pair; then ,vlan and ,tunnel as you like")
	fs.Var(tunnelsValue{&o.classify.Tunnels}, "tunnels", "which flows of tunneled packets count: inner, outer or both")
	fs.Var(portsValue{&o.classify.VXLANPorts}, "vxlan-port", "UDP ports of VXLAN instead of 4789,8472")
	fs.Var(portsValue{&o.classify.GenevePorts}, "geneve-port", "UDP ports of Geneve instead of 6081")
	fs.Var(portsValue{&o.classify.GTPUPorts}, "gtpu-port", "UDP ports of GTP-U instead of 2152")
	fs.BoolVar(&o.classify.VerifyChecksums, "verify-checksums", false, "verify TCP and UDP checksums; not for captures of the sending host")

	t := &o.engine.Timeouts
	duration := func(v *time.Duration, name string, def time.Duration, usage string) {
		fs.DurationVar(v, name, def, usage)
	}
	duration(&t.TCP, "tcp-idle", time.Hour, "end an open TCP connection after so long without a packet")
	duration(&t.TCPOpening, "tcp-opening", 30*time.Second, "the same for an attempt that got no complete handshake")
	duration(&t.TCPClosing, "tcp-closing", 10*time.Minute, "the same for one that one side has closed")
	duration(&t.UDP, "udp-idle", time.Minute, "end a UDP flow after so long without a packet")
	duration(&t.Other, "other-idle", time.Minute, "the same for every other protocol")
	duration(&t.Active, "active-timeout", 30*time.Minute, "give an interim record of flows that go on, as often as this")
	fs.IntVar(&o.engine.MaxFlows, "max-flows", 1<<20, "flows tracked at one time; the table being full ends flows early")
	o.memory = 256 << 20
	fs.Var(sizeValue{&o.memory}, "memory", "bytes held for streams out of order and for parsers, all flows together")
}

// finish checks what flags alone cannot, and completes the configuration.
func (o *options) finish() error {
	if o.quiet && o.verbose {
		return usagef("-q and -v contradict each other")
	}
	if o.workers < 1 || o.workers > maxWorkers {
		return usagef("--workers %d: want 1 to %d", o.workers, maxWorkers)
	}
	if o.engine.MaxFlows < 1 {
		return usagef("--max-flows %d: want 1 or more", o.engine.MaxFlows)
	}
	if o.memory > 1<<40 || int64(int(o.memory)) != o.memory {
		return usagef("--memory %s: want at most 1024GiB", sizeValue{&o.memory})
	}
	o.engine.MaxBuffered = int(o.memory)
	t := &o.engine.Timeouts
	for _, d := range []struct {
		name string
		d    time.Duration
	}{
		{"tcp-idle", t.TCP}, {"tcp-opening", t.TCPOpening}, {"tcp-closing", t.TCPClosing},
		{"udp-idle", t.UDP}, {"other-idle", t.Other}, {"active-timeout", t.Active},
	} {
		if d.d <= 0 {
			return usagef("--%s %s: want more than 0", d.name, d.d)
		}
	}
	return o.chooseProtocols()
}

const maxWorkers = 64

// chooseProtocols makes parsers of --protocols.
func (o *options) chooseProtocols() error {
	switch o.protos {
	case "all":
		o.engine.Protocols = protocols()
		return nil
	case "none":
		return nil
	}
	all := protocols()
	for name := range strings.SplitSeq(o.protos, ",") {
		before := len(o.engine.Protocols)
		for _, p := range all {
			if p.Name == name {
				o.engine.Protocols = append(o.engine.Protocols, p)
			}
		}
		if len(o.engine.Protocols) == before {
			return usagef("--protocols: there is no %q: want all, none, or some of %s", name, strings.Join(protocolNames(all), ","))
		}
	}
	return nil
}

func protocolNames(all []sensor.Protocol) []string {
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
