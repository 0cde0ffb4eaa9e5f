package live

import (
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"flowscope/sensor"
)

// Options says what to watch and how. All but Interfaces has a default.
type Options struct {
	// Interfaces are the names of the interfaces to watch, in both directions;
	// the loopback interface only inwards, where each packet comes by once. A
	// pattern such as veth* is for all that it matches now, and "any" for all;
	// what cannot be watched of these is left out, with a warning in Log.
	Interfaces []string
	// Exclude are names and patterns of interfaces that are not watched.
	Exclude []string
	// Follow goes on looking for Interfaces while packets are read: those that
	// appear later, come back, or get a name that was asked for. Without it, what
	// is watched only becomes less. Renames are noticed either way.
	Follow bool
	// Netns is the network namespace of the interfaces: a name of ip-netns(8), or
	// a path; default that of the process. Another takes CAP_SYS_ADMIN to open.
	Netns string
	// MaxInterfaces caps the interfaces that are watched at one time; default 256.
	MaxInterfaces int

	// Hook is where packets are looked at; XDPMode says how, where that is XDP.
	Hook    HookKind
	XDPMode XDPMode

	// TCPIdle and OtherIdle are how long a flow may be silent until another
	// begins; default an hour and a minute. So long is it known that no more
	// payload of a flow is wanted, of up to MaxFlows flows. They must not be
	// longer than the engine's time-outs.
	TCPIdle, OtherIdle time.Duration

	// Log hears which interfaces come and go; default none.
	Log *slog.Logger

	// Classify says what makes a flow. In the kernel, Key must be FiveTuple,
	// Tunnels Inner or Outer, and the ports of tunnels the usual ones;
	// checksums are not verified.
	Classify sensor.Classify

	// Filter is a capture filter in the syntax of tcpdump, as in replay; packets
	// that it does not accept are in the row "filtered" and nowhere else. Empty:
	// all packets.
	Filter string

	// MaxFlows caps the flows that are counted in one Interval; default 65536.
	// There are three maps of that size, with about 300 bytes for each flow.
	MaxFlows int
	// MaxNew caps how many flows may begin in a second, so that a flood leaves
	// room for those that are established; default half of MaxFlows.
	MaxNew int
	// Budget is how much payload of each direction of a flow is forwarded until
	// More is called; default 256 KiB. A flow that is silent for two Intervals
	// begins anew.
	Budget int64
	// Rings and RingSize are the buffers that payload crosses; default one for
	// each CPU up to 8, of 4 MiB. Both are rounded up to powers of two.
	Rings, RingSize int
	// Interval is the time between two Snapshots of a flow; default 1 s. With
	// more than 16384 flows in one it becomes two, and three with more than
	// 32768, unless so many begin that the map would fill. That must be shorter
	// than the engine's shortest time-out.
	Interval time.Duration
}

var pageSize = os.Getpagesize()

const (
	maxRings    = 64
	maxRingSize = 1 << 30
	maxMaxFlows = 1 << 24

	maxMaxInterfaces = 1 << 14
)

// ErrUnsupported is in the error of Open where the kernel, or this build, cannot
// do what was asked for.
var ErrUnsupported = errors.New("not supported")

func (o Options) withDefaults() (Options, error) {
	if len(o.Interfaces) == 0 {
		return o, errors.New("no interface to watch")
	}
	if err := checkPatterns(slices.Concat(o.Interfaces, o.Exclude)); err != nil {
		return o, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &o.Classify
	switch {
	case c.Key != sensor.FiveTuple:
		return o, fmt.Errorf("flows by %v in the kernel: %w", c.Key, ErrUnsupported)
	case c.Tunnels == sensor.Both:
		return o, fmt.Errorf("both the outer and the inner flow of tunnels in the kernel: %w", ErrUnsupported)
	case c.VXLANPorts != nil || c.GenevePorts != nil || c.GTPUPorts != nil:
		return o, fmt.Errorf("other ports of tunnels in the kernel: %w", ErrUnsupported)
	case c.VerifyChecksums:
		return o, fmt.Errorf("verifying checksums, which the card does on a host: %w", ErrUnsupported)
	}
	def(&o.MaxFlows, 65536, maxMaxFlows)
	def(&o.MaxNew, max(o.MaxFlows/2, 1), maxMaxFlows)
	def(&o.MaxInterfaces, 256, maxMaxInterfaces)
	def(&o.Rings, min(runtime.NumCPU(), 8), maxRings)
	def(&o.RingSize, 4<<20, maxRingSize)
	o.Rings, o.RingSize = powerOfTwo(o.Rings), powerOfTwo(max(o.RingSize, pageSize))
	if o.Budget <= 0 {
		o.Budget = 256 << 10
	}
	if o.TCPIdle <= 0 {
		o.TCPIdle = time.Hour
	}
	if o.OtherIdle <= 0 {
		o.OtherIdle = time.Minute
	}
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	return o, nil
}

func def(v *int, d, most int) {
	if *v <= 0 {
		*v = d
	}
	*v = min(*v, most)
}

func powerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }

// flowBytes is about what a flow takes in a map of the kernel.
const flowBytes = 300

// Memory returns about how many bytes the kernel takes for o.
func (o Options) Memory() uint64 {
	o.Interfaces = []string{"any"}
	o, err := o.withDefaults()
	if err != nil {
		return 0
	}
	return 3*flowBytes*uint64(o.MaxFlows) + uint64(o.Rings)*uint64(o.RingSize)
}

// anyInterface stands for all of them, as for tcpdump.
const anyInterface = "any"

// IsPattern says whether a name of [Options.Interfaces] stands for whatever
// interfaces there are: "any", or one with *, ? or [.
func IsPattern(name string) bool { return name == anyInterface || strings.ContainsAny(name, `*?[`) }

// checkPatterns returns an error for a pattern that is none.
func checkPatterns(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return fmt.Errorf("pattern of interfaces %q: want a name, or one with *, ? or [a-z]", p)
		}
	}
	return nil
}
