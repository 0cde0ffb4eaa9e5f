package filter

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"flowscope/internal/testenv"
)

const testSnaplen = 262144 // what tcpdump uses

// links are the link types that tcpdump has a name for; 14 it takes for unknown
// on Linux.
var links = []uint16{1, 0, 12, 101, 108, 113, 228, 229, 276}

// emptyCapture writes a capture without frames and returns its path.
func emptyCapture(t testing.TB, link uint16, order binary.AppendByteOrder) string {
	t.Helper()
	b := order.AppendUint32(nil, 0xa1b2c3d4)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(b, testSnaplen)
	b = order.AppendUint32(b, uint32(link))
	path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.pcap", link))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// reference compiles with tcpdump, as it does to read a capture.
type reference struct {
	tcpdump  string
	captures map[uint16]string // by link type
}

// newReference needs a tcpdump with the libpcap that Compile follows.
func newReference(t testing.TB) *reference {
	t.Helper()
	r := &reference{tcpdump: testenv.Need(t, "tcpdump"), captures: make(map[uint16]string)}
	out, err := exec.Command(r.tcpdump, "--version").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "libpcap version 1.10.") {
		testenv.Skipf(t, "the reference is libpcap 1.10, as in Debian 12; this is %q", out)
	}
	for _, link := range links {
		r.captures[link] = emptyCapture(t, link, binary.LittleEndian)
	}
	return r
}

// compile compiles an expression. A refusal is a message.
func (r *reference) compile(t testing.TB, link uint16, expr string) (prog []bpf.RawInstruction, refusal string) {
	t.Helper()
	return r.compileFor(t, r.captures[link], expr)
}

func (r *reference) compileFor(t testing.TB, capture, expr string) (prog []bpf.RawInstruction, refusal string) {
	t.Helper()
	args := []string{"-ddd", "-r", capture, "--", expr}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(r.tcpdump, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		last := lines[len(lines)-1]
		if !strings.HasPrefix(last, "tcpdump: ") {
			t.Fatalf("tcpdump %q: %v, %s", args, err, last)
		}
		return nil, last
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

// compare fails unless both refuse the expression or both compile it to the same
// program. It passes over expressions with names that mean something else on
// this machine.
func (r *reference) compare(t testing.TB, link uint16, expr string) (p *Program, ok bool) {
	t.Helper()
	p, want, ok := r.both(t, t, link, expr)
	if ok && !same(p.raw, want) {
		t.Errorf("Compile(%q, %d) =\n%stcpdump has\n%s", expr, link, listing(p.raw), listing(want))
	}
	return p, ok
}

// both compiles twice, and fails unless both refuse the expression or both take it.
func (r *reference) both(t testing.TB, fail failer, link uint16, expr string) (p *Program, want []bpf.RawInstruction, ok bool) {
	t.Helper()
	if !knownHere(expr) {
		return nil, nil, false
	}
	want, refusal := r.compile(t, link, expr)
	p, err := Compile(expr, link, testSnaplen)
	switch {
	case refusal != "" && err == nil:
		fail.Errorf("Compile(%q, %d) is accepted, but tcpdump says: %s", expr, link, refusal)
	case refusal == "" && err != nil:
		fail.Errorf("Compile(%q, %d): %v, but tcpdump compiles it", expr, link, err)
	}
	return p, want, err == nil && refusal == ""
}

// failer is the part of testing.T that rapid.T has too.
type failer interface {
	Errorf(format string, args ...any)
}
