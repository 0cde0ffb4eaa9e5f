package filter

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"flowscope/internal/testenv"
)

const testSnaplen = 262144 // what tcpdump uses

// links are the link types that tcpdump has a name for.
var links = []struct {
	num  uint16
	name string
}{
	{1, "EN10MB"}, {101, "RAW"}, {113, "LINUX_SLL"}, {276, "LINUX_SLL2"},
	{0, "NULL"}, {108, "LOOP"}, {228, "IPV4"}, {229, "IPV6"},
}

// needReference needs a tcpdump with the libpcap that Compile follows.
func needReference(t testing.TB) {
	t.Helper()
	out, err := exec.Command(testenv.Need(t, "tcpdump"), "--version").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "libpcap version 1.10.") {
		testenv.Skipf(t, "the reference is libpcap 1.10, as in Debian 12; this is %q", out)
	}
}

// tcpdump compiles an expression with tcpdump. A refusal is a message.
func tcpdump(t testing.TB, link, expr string, flags ...string) (prog []bpf.RawInstruction, refusal string) {
	t.Helper()
	args := append(flags, "-ddd", "-y", link, "--", expr)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(testenv.Need(t, "tcpdump"), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if stderr.Len() == 0 {
			t.Fatalf("tcpdump %q: %v", args, err)
		}
		return nil, strings.TrimSpace(stderr.String())
	}
	n := 0
	if _, err := fmt.Fscan(&stdout, &n); err != nil {
		t.Fatalf("tcpdump %q: %v", args, err)
	}
	prog = make([]bpf.RawInstruction, n)
	for i := range prog {
		in := &prog[i]
		if _, err := fmt.Fscan(&stdout, &in.Op, &in.Jt, &in.Jf, &in.K); err != nil {
			t.Fatalf("tcpdump %q, instruction %d: %v", args, i, err)
		}
	}
	return prog, ""
}

// listing is a program in words, for messages.
func listing(prog []bpf.RawInstruction) string {
	var b strings.Builder
	for i, in := range prog {
		fmt.Fprintf(&b, "(%03d) %v %+v\n", i, in.Disassemble(), in)
	}
	return b.String()
}

// same says whether two programs have the same instructions, loads that cannot
// succeed apart.
func same(a, b []bpf.RawInstruction) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		x.K, y.K = canonical(x), canonical(y)
		if x != y {
			return false
		}
	}
	return true
}

func canonical(in bpf.RawInstruction) uint32 {
	mode := in.Op & modeMask
	if in.Op&classMask == classLd && (mode == ldAbs || mode == ldInd) {
		return min(in.K, neverLoads)
	}
	return in.K
}
