//go:build linux && (amd64 || arm64)

package live

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"flowscope/gen"
	"flowscope/internal/testenv"
	"flowscope/sensor"
)

// driver runs a program over frames of many flows, inside the kernel.
type driver struct {
	c     *ebpf.Collection
	flows uint32
	frame []byte
}

func newDriver(b testing.TB, flows uint32, frame []byte) *driver {
	b.Helper()
	testenv.NeedRoot(b)
	spec, err := gen.LoadBare()
	if err != nil {
		b.Fatal(err)
	}
	spec.Maps["bare_flows"].MaxEntries = flows
	if err := spec.Variables["bare_many"].Set(flows); err != nil {
		b.Fatal(err)
	}
	return &driver{c: loadBare(b, spec, ebpf.CollectionOptions{}), flows: flows, frame: frame}
}

// loadBare loads the programs that drive others.
func loadBare(t testing.TB, spec *ebpf.CollectionSpec, o ebpf.CollectionOptions) *ebpf.Collection {
	t.Helper()
	c, err := ebpf.NewCollectionWithOptions(spec, o)
	if err != nil && strings.Contains(err.Error(), "uses reserved fields") {
		t.Skip("needs Linux 5.12, for instructions that add and fetch")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// drive runs a program over a frame of each flow, and then over many of any.
func (d *driver) drive(b testing.TB, p *ebpf.Program) {
	if err := d.c.Maps["bare_driven"].Put(uint32(0), uint32(p.FD())); err != nil {
		b.Fatal(err)
	}
	for _, v := range []struct {
		name string
		to   uint32
	}{{"bare_next", 0}, {"bare_all", 1}} {
		if err := d.c.Variables[v.name].Set(v.to); err != nil {
			b.Fatal(err)
		}
	}
	d.run(b, d.flows)
	if err := d.c.Variables["bare_all"].Set(uint32(0)); err != nil {
		b.Fatal(err)
	}
	d.run(b, 2*d.flows)
}

// run returns the time that the kernel took for one frame, in ns.
func (d *driver) run(b testing.TB, times uint32) float64 {
	_, took, err := d.c.Programs["fs_drive"].Benchmark(d.frame, int(times), nil)
	if err != nil {
		b.Fatal(err)
	}
	return float64(took.Nanoseconds())
}

// measure returns the time of one frame in a program, without what driving it
// takes: the least of several runs, which what else the machine does disturbs
// least.
func (d *driver) measure(b testing.TB, programs ...*ebpf.Program) []float64 {
	least := make([]float64, len(programs))
	for i, p := range programs {
		d.drive(b, p)
		least[i] = 1e9
	}
	const rounds, frames = 7, 200_000
	for range rounds {
		for i, p := range programs { // side by side: the machine's mood changes
			if err := d.c.Maps["bare_driven"].Put(uint32(0), uint32(p.FD())); err != nil {
				b.Fatal(err)
			}
			d.run(b, frames/4) // what another program left in the caches
			least[i] = min(least[i], d.run(b, frames))
		}
	}
	return least
}

// BenchmarkCost compares the program with a bare one that parses the five-tuple,
// looks it up and adds: the time for one frame of a known flow. What a frame is
// charged for does not depend on testing.B.N: run it with -benchtime 1x.
func BenchmarkCost(b *testing.B) {
	frames := []struct {
		name  string
		frame []byte
	}{
		{"ack", slices.Concat(tcpFrame(1, 1, sensor.ACK, 0), make([]byte, 6))},
		{"data", tcpFrame(1, 1, sensor.ACK, 1400)}, // over the budget, so that nothing is copied
	}
	for _, f := range frames {
		for _, n := range []int{1, 1000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/flows=%d", f.name, n), func(b *testing.B) {
				s := bench(b, Options{MaxFlows: n, MaxNew: 2 * n, Interval: time.Hour, Rings: 1, RingSize: 1 << 12})
				if err := s.k.control.Put(uint32(0), gen.Control{Budget: 0, MaxNew: 2 * uint64(n)}); err != nil {
					b.Fatal(err)
				}
				d := newDriver(b, uint32(n), f.frame)
				t := d.measure(b, d.c.Programs["fs_nothing"], d.c.Programs["fs_bare"], s.k.hooks[0].program)
				bare, ours := t[1]-t[0], t[2]-t[0]
				for b.Loop() {
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(bare, "bare-ns")
				b.ReportMetric(ours, "ours-ns")
				b.ReportMetric(ours/bare, "ratio")
				bar := 2.0
				if n >= 100_000 {
					bar = 1.3
				}
				measured(b, fmt.Sprintf("one %s of %d flows, beside a bare program", f.name, n), fmt.Sprintf("%.1f times", bar), ours <= bar*bare,
					"%.2f times: %.0f and %.0f ns", ours/bare, ours, bare)
			})
		}
	}
}
