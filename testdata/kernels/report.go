//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// result is what became of one series.
type result struct {
	series  string
	release string
	missing error // no such kernel is to be had
	err     error // it was not run to the end
	took    time.Duration
	console []byte
	output  []byte

	done                    bool
	exits                   []string          // of the jobs that failed
	warnings                []string          // of the kernel
	known                   int               // warnings that are no fault of ours
	passed, failed, skipped []string          // tests
	verified                map[string][2]int // program → instructions, as root and with CAP_BPF alone
}

var (
	testLine     = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+)`)
	verifiedLine = regexp.MustCompile(`(fs_\w+), (as root|with CAP_BPF), frames of kind \d+: (\d+) instructions verified`)
)

// read takes from the output what tests said.
func (r *result) read() {
	r.verified = map[string][2]int{}
	r.output = bytes.ReplaceAll(r.output, []byte("\r"), nil)
	pkg := ""
	for line := range strings.Lines(string(r.output)) {
		line = strings.TrimRight(line, "\n")
		if m := testLine.FindStringSubmatch(line); m != nil {
			name := pkg + " " + m[2]
			switch m[1] {
			case "PASS":
				r.passed = append(r.passed, name)
			case "FAIL":
				r.failed = append(r.failed, name)
			case "SKIP":
				r.skipped = append(r.skipped, name)
			}
		}
		if m := verifiedLine.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[3])
			v, who := r.verified[m[1]], 1
			if m[2] == "as root" {
				who = 0
			}
			v[who] = max(v[who], n)
			r.verified[m[1]] = v
		}
		switch how, exited := strings.CutPrefix(line, saysExit); {
		case exited && how != "<nil>":
			r.exits = append(r.exits, pkg+": "+how)
		case line == saysDone:
			r.done = true
		case strings.HasPrefix(line, "kernels: "):
			pkg = strings.TrimPrefix(line, "kernels: ")
		}
	}
}

// warned takes the kernel's warnings from its console.
func (r *result) warned() {
	for line := range strings.Lines(string(r.console)) {
		at := strings.Index(line, "WARNING: ")
		switch {
		case at < 0 || !strings.Contains(line, " at "):
		case knownWarning.MatchString(line):
			r.known++
		default:
			r.warnings = append(r.warnings, strings.TrimSpace(line[at:]))
		}
	}
}

// bad says whether r is a failure. A kernel that is not to be had is none.
func (r *result) bad() bool {
	return r.missing == nil && (r.err != nil || len(r.exits)+len(r.warnings) > 0 || len(r.failed) > 0 || len(r.passed) == 0)
}

func (r *result) word() string {
	switch {
	case r.missing != nil:
		return "SKIPPED"
	case r.bad():
		return "FAIL"
	}
	return "PASS"
}

// print says what went on, in full where it went wrong.
func (r *result) print(w io.Writer, all bool) {
	if r.missing != nil {
		fmt.Fprintf(w, "==\n== %s: %s: %v\n==\n", r.word(), r.series, r.missing)
		return
	}
	if all || r.bad() {
		fmt.Fprintf(w, "%s", r.output)
	}
	if r.bad() || all {
		fmt.Fprintf(w, "what the kernel said:\n%s\n", lastLines(r.console, 100))
	}
	for _, name := range r.failed {
		fmt.Fprintf(w, "   failed: %s\n", name)
	}
	for _, name := range r.skipped {
		fmt.Fprintf(w, "   skipped: %s\n", name)
	}
	for _, line := range r.warnings {
		fmt.Fprintf(w, "   the kernel warned: %s\n", line)
	}
	if r.known > 0 {
		fmt.Fprintf(w, "   the kernel warned of its own fault: see docs/kernels.md\n")
	}
	for _, e := range r.exits {
		fmt.Fprintf(w, "   %s\n", e)
	}
	if r.err != nil {
		fmt.Fprintf(w, "   %v\n", r.err)
	}
	fmt.Fprintf(w, "   %s: %s, %d tests, %.0f s\n", r.series, r.word(), len(r.passed), r.took.Seconds())
}

// summary is the table of all.
func summary(w io.Writer, all []*result) {
	var programs []string
	for _, r := range all {
		for name := range r.verified {
			if !slices.Contains(programs, name) {
				programs = append(programs, name)
			}
		}
	}
	slices.Sort(programs)
	fmt.Fprintf(w, "\nInstructions verified: as root / with CAP_BPF and CAP_NET_ADMIN alone. The kernel tells from 5.16 on.\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "kernel\tresult\tseconds\tpassed\tskipped\t%s\n", strings.Join(programs, "\t"))
	for _, r := range all {
		name := r.release
		if name == "" {
			name = r.series
		}
		fmt.Fprintf(t, "%s\t%s\t%.0f\t%d\t%d", strings.TrimSuffix(name, "-cloud-amd64"), r.word(), r.took.Seconds(), len(r.passed), len(r.skipped))
		for _, p := range programs {
			fmt.Fprintf(t, "\t%s", insns(r.verified, p))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

func insns(m map[string][2]int, program string) string {
	v, ok := m[program]
	if !ok {
		return "-"
	}
	switch {
	case v[0] == 0 && v[1] == 0:
		return "n/a"
	case v[1] == 0:
		return strconv.Itoa(v[0])
	case v[0] == 0:
		return "? / " + strconv.Itoa(v[1])
	}
	return fmt.Sprintf("%d / %d", v[0], v[1])
}
