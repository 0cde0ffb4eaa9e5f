package sensortest

import (
	"cmp"
	"maps"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"flowscope/sensor"
)

// The bounds of Costly: how many times what another byte costs a byte may cost.
const (
	maxPrice = 10  // an honest one
	maxStep  = 2.5 // one of 64 KiB, in 1 MiB; where the cost is quadratic it is 16
	// maxGrowth is a growth exponent of 1.1 from 4 KiB to 1 MiB: 256 to the power
	// of 0.1.
	maxGrowth = 1.74
)

// lengths are those of the conversations that Costly asks for.
var lengths = [...]int{4 << 10, 64 << 10, 1 << 20}

// Costly is a stream protocol, and what senders can say to its parser so that it
// costs much. It is for conversations of a megabyte that a program makes; what a
// transcript can say, [Test] tries.
type Costly struct {
	Protocol sensor.Protocol

	// Inputs returns conversations of about n bytes, by name. Those of which
	// the same comes for each n are held to the price and the memory, not to
	// the growth.
	// [Say] makes them.
	Inputs func(n int) map[string][]Step

	// Honest is a conversation as peers have it that mean well: of 64 KiB or
	// more, so that what a flow costs once does not count, unless flows are
	// short.
	Honest []Step

	// MaxAllocated is how many bytes the parser may allocate for each that
	// comes; 0 means 4.
	MaxAllocated int

	// anew is how long a bound that is broken is measured anew; 0 means 10 s.
	anew time.Duration
}

// Linear holds what a byte costs, each conversation in pieces of an Ethernet
// frame and of one byte, in a conversation of a megabyte: no more than ten times a
// byte of Honest, two and a half times one of 64 KiB, and 1.74 times (a growth
// exponent of 1.1 from 4 KiB) one of 4 or 64 KiB, the dearer of them. Other
// processes may run: a bound that is broken is measured anew before it counts.
func (c Costly) Linear(t testing.TB) {
	t.Helper()
	honest := join(c.Honest)
	var inputs [len(lengths)]map[string][]Step
	for i, n := range lengths {
		inputs[i] = c.Inputs(n)
	}
	for _, size := range []int{1460, 1} {
		for _, name := range slices.Sorted(maps.Keys(inputs[0])) {
			var say [len(lengths)]*talk
			for i := range say {
				say[i] = join(inputs[i][name])
			}
			c.linear(t, name, size, say, honest)
		}
	}
}

func (c Costly) linear(t testing.TB, name string, size int, say [len(lengths)]*talk, honest *talk) {
	t.Helper()
	inf := math.Inf(1)
	least, base := [len(lengths)]float64{inf, inf, inf}, inf // ns a byte
	var price, step, growth float64
	for start := used(); used()-start < cmp.Or(c.anew, 10*time.Second); {
		base = min(base, c.price(honest, size, 3))
		for i := range say {
			least[i] = min(least[i], c.price(say[i], size, 1))
		}
		short, middle, long := least[0], least[1], least[2]
		price, step, growth = long/base, long/middle, long/max(short, middle)
		if say[2].size < 4*say[1].size { // there is no more of it
			step, growth = 0, 0
		}
		if price <= maxPrice && step <= maxStep && growth <= maxGrowth {
			t.Logf("%s in pieces of %d: %.1f ns/B, %.1f times an honest byte, %.2f times one of 64 KiB", name, size, long, price, step)
			return
		}
	}
	t.Errorf("%s in pieces of %d: %.1f ns/B, %.1f times an honest byte (at most %d), %.2f times one of 64 KiB (at most %.1f), %.2f times a shorter one (at most %.2f)",
		name, size, least[2], price, maxPrice, step, maxStep, growth, maxGrowth)
}

// Memory holds what the parser allocates for conversations of 256 KiB: no more
// than MaxAllocated for each byte that came, and 64 KiB.
func (c Costly) Memory(t testing.TB) {
	t.Helper()
	for name, steps := range c.Inputs(256 << 10) {
		size := join(steps).size
		n, limit := AllocatedBytes(c.Protocol, steps, 1460), uint64(cmp.Or(c.MaxAllocated, 4)*size+64<<10)
		t.Logf("%s: %d bytes allocated for %d, at most %d", name, n, size, limit)
		if n > limit {
			t.Errorf("%s: %d bytes allocated for %d, more than %d", name, n, size, limit)
		}
	}
}

// AllocatedBytes returns how many bytes a new stream parser allocates for what
// both sides say, in pieces of that size.
func AllocatedBytes(p sensor.Protocol, steps []Step, size int) uint64 {
	say, least := join(steps), ^uint64(0)
	for range 3 { // other goroutines allocate too
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = say.to(p.NewStream(), size)
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// Say returns what both sides say by turns, the initiator first.
func Say[T string | []byte](turns ...T) []Step {
	var steps []Step
	for i, data := range turns {
		if len(data) > 0 {
			steps = append(steps, Step{Side: sensor.Side(i & 1), Time: Start, Data: []byte(data)})
		}
	}
	return steps
}

// price returns the least that a byte of a conversation costs, in nanoseconds of
// the processor: of n measurements, a short one said often enough to be measured.
func (c Costly) price(say *talk, size, n int) float64 {
	least, times := time.Duration(math.MaxInt64), max(1, 100_000/max(1, say.size))
	for range n {
		start := used()
		for range times {
			_ = say.to(c.Protocol.NewStream(), size)
		}
		least = min(least, used()-start)
	}
	return float64(least) / float64(times*max(1, say.size))
}

// begin is what used counts from where it has but the clock.
var begin = time.Now()

// talk is what both sides say, each in one piece, and in which order.
type talk struct {
	sides [2][]byte
	turns []turn
	size  int
}

// turn is how far a side's bytes have come when it ends.
type turn struct {
	side sensor.Side
	end  int
}

func join(steps []Step) *talk {
	c := &talk{}
	for _, s := range steps {
		c.sides[s.Side] = append(c.sides[s.Side], s.Data...)
		c.turns = append(c.turns, turn{s.Side, len(c.sides[s.Side])})
		c.size += len(s.Data)
	}
	return c
}

// to gives a talk to a parser, in pieces, with a call for each also
// where it wants to pass over bytes. It allocates nothing.
func (c *talk) to(p sensor.StreamParser, size int) error {
	ignore := func(sensor.Message) {}
	var start, end [2]int
	var k skips
	for _, turn := range c.turns {
		side := turn.side
		for end[side] < turn.end {
			shown := end[side]
			end[side] = min(end[side]+size, turn.end)
			if k.left[side] > 0 { // then nothing was left
				start[side] = end[side] - len(k.pass(side, c.sides[side][shown:end[side]]))
			}
			data := c.sides[side][start[side]:end[side]]
			n, err := p.Parse(sensor.Segment{Side: side, Data: data, Skipped: k.told(side)}, ignore)
			if err != nil {
				return err
			}
			start[side] += k.ask(side, n, len(data), err)
		}
	}
	return nil
}
