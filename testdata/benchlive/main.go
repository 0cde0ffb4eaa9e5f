// Command benchlive measures the kernel half, as root: it runs the benchmarks and
// the tests of userspace/live that measure something, and prints what they say as
// one table. Nothing of it leaves the machine.
//
//	go run ./testdata/benchlive [-only REGEXP]
//
// Each number is the best of several runs: what else the machine does makes it
// worse, never better. The load is printed before and after.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"text/tabwriter"
)

func main() {
	log.SetFlags(0)
	only := flag.String("only", ".", "what to run, of Cost, Drain, UserSpace, Rings and Throughput, as a `regexp`")
	flag.Parse()
	if os.Geteuid() != 0 {
		log.Fatal("benchlive: loading programs into the kernel needs root")
	}
	if err := bench(regexp.MustCompile(*only)); err != nil {
		log.Fatal(err)
	}
}

// A measure is a line of the table.
type measure struct{ what, value, goal, met string }

func bench(only *regexp.Regexp) error {
	var all []measure
	fmt.Printf("load before: %s\n", load())
	for _, run := range [][]string{
		{"Cost", "-run", "^$", "-bench", "^BenchmarkCost$"},
		{"Drain", "-run", "^$", "-bench", "^BenchmarkDrain$"},
		{"UserSpace", "-run", "^$", "-bench", "^BenchmarkUserSpace$"},
		{"Rings", "-run", "^$", "-bench", "^BenchmarkRings$"},
		{"Throughput", "-run", "^TestThroughput$"},
	} {
		if !only.MatchString(run[0]) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s ...\n", run[0])
		found, err := measures(run[1:])
		all = append(all, found...)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", run[0], err)
		}
	}
	fmt.Printf("load after:  %s\n\n", load())
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tmeasured\tgoal\t")
	for _, m := range all {
		note := ""
		if m.met != "true" {
			note = "not met"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.what, m.value, m.goal, note)
	}
	return w.Flush()
}

// measures runs tests and returns what they have measured.
func measures(args []string) (found []measure, err error) {
	cmd := exec.Command("go", append([]string{"test", "-count=1", "-v", "-benchtime", "1x", "-timeout", "20m", "./userspace/live"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, rest, ok := strings.Cut(lines.Text(), "MEASURED\t"); ok {
			if f := strings.Split(rest, "\t"); len(f) == 4 {
				found = append(found, measure{f[0], f[1], f[2], f[3]})
			}
		} else if strings.Contains(lines.Text(), "SKIP") {
			fmt.Fprintln(os.Stderr, lines.Text())
		}
	}
	return found, cmd.Wait()
}

// load returns the load average.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	f := strings.Fields(string(b))
	return strings.Join(f[:min(3, len(f))], " ")
}
