// Command bench measures the sensor's replay against a bare loop that does the
// least a flow counter must do (yardstick.go), on a capture of about two
// million packets that it makes first. It prints ratios, because those last
// while absolute rates depend on the machine and on who else is using it.
//
//	go run ./testdata/bench [-f FILE] [-rounds 5] [-only REGEXP]
//
// The bare loop maps the file and touches it ahead; the goals of the project were
// set by one that reads blocks, which is slower, so that is measured as well.
//
// In each round every contest runs once, in turn, so that all meet the same
// weather. Rates are per second of CPU (user and system, all threads), except
// for those of several workers, which are per second of wall clock. The best
// round is what the code can do; the median says how far to trust it.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strings"

	"flowscope/parsers"
	"flowscope/testdata/load"
)

func main() {
	log.SetFlags(0)
	file := flag.String("f", "", "pcap `file` to measure with, instead of one that is made")
	packets := flag.Int("packets", 2_000_000, "about how many packets to make")
	mix := flag.String("mix", "mixed", "what to make: mixed or small")
	rounds := flag.Int("rounds", 5, "how often to run each contest")
	only := flag.String("only", "", "contests to run beside the bare loop, as a `regexp`")
	million := flag.Int("flows", 1_000_000, "flows for the measurement of memory; 0 for none")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the rounds to `file`")
	flag.Parse()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			log.Fatal(err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			log.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	if err := bench(*file, *mix, *packets, *rounds, *million, regexp.MustCompile(*only)); err != nil {
		log.Fatal(err)
	}
}

func bench(file, mix string, packets, rounds, million int, only *regexp.Regexp) error {
	if file == "" {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		file = filepath.Join(dir, "bench.pcap")
		if err := generate(file, mix, packets); err != nil {
			return err
		}
	}
	run := contests[:2:2] // the two bare loops are always there
	for _, c := range contests[2:] {
		if only.MatchString(c.name) {
			run = append(run, c)
		}
	}
	results := make([][]result, len(run))
	for round := range rounds + 1 {
		for i, c := range run {
			r, err := measure(c, file)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if len(results[0]) > 0 && r.packets != results[0][0].packets {
				return fmt.Errorf("%s: %d packets, the bare loop %d", c.name, r.packets, results[0][0].packets)
			}
			if round > 0 { // the first warms the page cache
				results[i] = append(results[i], r)
			}
		}
	}
	report(run, results)
	if million > 0 {
		n, err := perFlow(million)
		if err != nil {
			return err
		}
		fmt.Printf("\nmemory: %.0f bytes per tracked flow, at %d flows\n", n, million)
	}
	total := results[0][0].packets
	a, err := allocations(file, nil, total)
	if err != nil {
		return err
	}
	b, err := allocations(file, parsers.All, total)
	if err != nil {
		return err
	}
	fmt.Printf("allocations per packet in the third quarter: %.4f flow accounting, %.4f all parsers\n", a, b)
	return nil
}

func generate(path, mix string, packets int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	write := load.Mixed
	if mix == "small" {
		write = load.Small
	}
	s, err := write(f, packets)
	if err != nil {
		return err
	}
	fmt.Printf("made %d packets, %d MB, %d flows (%s)\n", s.Packets, s.Bytes>>20, s.Flows, mix)
	return f.Close()
}

func report(run []contest, results [][]result) {
	fmt.Printf("%s, %d CPUs, GOMAXPROCS %d; %d rounds\n\n", runtime.Version(), runtime.NumCPU(), runtime.GOMAXPROCS(0), len(results[0]))
	fmt.Printf("%-34s %10s %8s %8s %8s | %8s %8s | %9s | %9s\n", "", "packets", "wall s", "cpu s", "Mpps", "of bare", "median", "of blocks", "allocs/kp")
	cpu := func(r result) float64 { return r.cpu.Seconds() }
	wall := func(r result) float64 { return r.wall.Seconds() }
	single := map[string]float64{}
	for i, c := range run {
		rs := results[i]
		name, parallel := strings.CutSuffix(c.name, ", 2 workers")
		cost := cpu
		if parallel {
			cost = wall
		} else {
			single[name] = best(rs, wall)
		}
		fmt.Printf("%-34s %10d %8.3f %8.3f %8.2f | %8.2f %8.2f | %9.2f | %9.1f", c.name, rs[0].packets, best(rs, wall), best(rs, cpu),
			float64(rs[0].packets)/1e6/best(rs, cost), best(results[0], cost)/best(rs, cost), median(results[0], cost)/median(rs, cost), best(results[1], cost)/best(rs, cost),
			1000*float64(rs[0].mallocs)/float64(rs[0].packets))
		if one := single[name]; parallel && one > 0 {
			fmt.Printf("  %.2f x one worker", one/best(rs, wall))
		}
		fmt.Println()
	}
}
