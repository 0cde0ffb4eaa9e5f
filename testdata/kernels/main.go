//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// job is a package whose tests run in each kernel.
type job struct {
	Package string
	Args    []string // of the test binary
}

// jobs are all of them. Here a kernel is 20 times as slow as on a processor, and a
// single run of a program costs 3 to 4 ms in 5.10, so what can be short is.
func jobs(o *options) []job {
	args := []string{"-test.v", "-test.timeout=10m"}
	if o.run != "" {
		args = append(args, "-test.run="+o.run)
	}
	if !o.long {
		args = append(args, "-test.short")
	}
	// testdata/kernels loads without CAP_PERFMON, too, and knows what older kernels
	// refuse. The others take minutes, or measure time.
	skip := "TestWithoutPerfmon|TestLargestFilter|TestThroughput"
	if !o.long {
		skip += "|TestDoesNoHarm"
	}
	return []job{
		{"testdata/kernels", args},
		{"gen", args},
		{"userspace/live", append(args, "-test.skip=^("+skip+")$")},
	}
}

// mandatory is the series without which a run shows nothing: it is in the
// stable release that most machines have, and below TCX.
const mandatory = "6.1"

var defaults = []string{"5.10", mandatory, "6.12", "6.18", "7"}

// Exit codes.
const (
	exitFailed  = 1 // in some kernel
	exitCannot  = 2 // something is missing here, or it was called wrongly
	exitMissing = 3 // all went well, but mandatory could not be downloaded
)

type options struct {
	dir     string
	memory  int
	timeout time.Duration
	run     string
	long    bool
	verbose bool
}

func main() {
	if os.Getpid() == 1 {
		first()
	}
	var o options
	flag.StringVar(&o.dir, "dir", os.Getenv("KERNELS_DIR"), "where kernels are `kept` (default flowscope-kernels in the user's cache; $KERNELS_DIR)")
	flag.IntVar(&o.memory, "memory", 2048, "of the machine, `MiB`")
	flag.DurationVar(&o.timeout, "timeout", 8*time.Minute, "for one kernel")
	flag.StringVar(&o.run, "run", "", "only the tests that match the `pattern`")
	flag.BoolVar(&o.long, "long", false, "all frames and cycles of the tests, as on this machine")
	flag.BoolVar(&o.verbose, "v", false, "show what the tests print")
	flag.Parse()
	series := flag.Args()
	if len(series) == 0 {
		series = defaults
	}
	all, err := runAll(&o, series)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(exitCannot)
	case slices.ContainsFunc(all, (*result).bad):
		os.Exit(exitFailed)
	case slices.ContainsFunc(all, func(r *result) bool { return r.missing != nil && r.series == mandatory }):
		fmt.Fprintf(os.Stderr, "kernels: without %s this shows little: see why it is not to be had\n", mandatory)
		os.Exit(exitMissing)
	}
}

// runAll runs each series.
func runAll(o *options, series []string) ([]*result, error) {
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		return nil, fmt.Errorf("%w: apt-get install qemu-system-x86", err)
	}
	if o.dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		o.dir = filepath.Join(cache, "flowscope-kernels")
	}
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "kernels")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	base := filepath.Join(work, "base.cpio.gz")
	if err := writeBase(base, root, work, jobs(o)); err != nil {
		return nil, fmt.Errorf("make the machine's files: %w", err)
	}
	a, err := openApt(o.dir)
	if err != nil {
		return nil, err
	}
	var all []*result
	for _, s := range series {
		r := one(o, a, s, base, work)
		all = append(all, r)
		r.print(os.Stdout, o.verbose)
	}
	summary(os.Stdout, all)
	return all, nil
}

// one runs all jobs in the newest kernel of a series.
func one(o *options, a *apt, series, base, work string) *result {
	r := &result{series: series}
	k, err := a.kernel(series)
	if err != nil {
		r.missing = err
		return r
	}
	r.release = k.release
	fmt.Printf("== %s: %s\n", series, k.release)
	began := time.Now()
	r.err = boot(o, k, base, work, jobs(o), r)
	r.took = time.Since(began)
	return r
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}
