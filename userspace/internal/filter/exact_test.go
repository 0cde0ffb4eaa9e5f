package filter

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// expressions returns the table of testdata/expressions.txt.
func expressions(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/expressions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimRight(line, "\n"); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

// machine is the BPF machine of golang.org/x/net, given a program for frames of
// one length on the wire. It rejects what it refuses to run.
type machine struct {
	code    []bpf.Instruction
	vm      *bpf.VM
	usesLen bool
	wireLen int // that vm was made for
}

func newMachine(t testing.TB, prog []bpf.RawInstruction) *machine {
	t.Helper()
	m := &machine{wireLen: -1}
	for _, in := range prog {
		in.K = canonical(in) // in its eyes, larger offsets are something else
		if in.Op == aluNeg { // which it does not have
			in = bpf.RawInstruction{Op: aluMul, K: 0xffffffff}
		}
		m.usesLen = m.usesLen || in.Op == ldLen
		m.code = append(m.code, in.Disassemble())
	}
	vm, err := bpf.NewVM(m.code)
	if err != nil {
		t.Fatalf("x/net/bpf: %v in\n%s", err, listing(prog))
	}
	m.vm = vm
	return m
}

// match runs a frame that was not cut.
func (m *machine) match(t testing.TB, frame []byte) bool {
	t.Helper()
	n, err := m.vm.Run(frame)
	if err != nil {
		t.Fatal(err)
	}
	return n != 0
}

// matchCut runs a frame of which only data was captured. x/net/bpf knows one
// length, so the other becomes a constant.
func (m *machine) matchCut(t testing.TB, data []byte, wireLen int) bool {
	t.Helper()
	if m.usesLen && m.wireLen != wireLen {
		code := append([]bpf.Instruction(nil), m.code...)
		for i, in := range code {
			if in == (bpf.LoadExtension{Num: bpf.ExtLen}) {
				code[i] = bpf.LoadConstant{Dst: bpf.RegA, Val: uint32(wireLen)}
			}
		}
		var err error
		if m.vm, err = bpf.NewVM(code); err != nil {
			t.Fatal(err)
		}
		m.wireLen = wireLen
	}
	return m.match(t, data)
}

// TestExpressions holds the table against tcpdump: the same program, and over
// hand-made and mutated frames, whole and cut at every offset, the same verdict.
func TestExpressions(t *testing.T) {
	reference := newReference(t)
	table := expressions(t)
	if len(table) < 150 {
		t.Fatalf("only %d expressions", len(table))
	}
	for _, link := range links {
		t.Run(fmt.Sprintf("link type %d", link), func(t *testing.T) {
			t.Parallel()
			if testing.Short() && link != 1 {
				t.Skip("only Ethernet with -short")
			}
			testTable(t, reference, link, table)
		})
	}
}

func testTable(t *testing.T, reference *reference, link uint16, table []string) {
	handMade := frames(link)
	all := handMade
	random := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		for _, f := range handMade {
			all = append(all, mutated(random, f))
		}
	}
	accepted, verdicts, matches := 0, 0, 0
	for _, expr := range table {
		p, ok := reference.compare(t, link, expr)
		if !ok {
			continue
		}
		accepted++
		m := newMachine(t, p.raw)
		for i, f := range all {
			shortest := 0
			if i >= len(handMade) || testing.Short() {
				shortest = len(f)
			}
			for cut := len(f); cut >= shortest; cut-- {
				got, want := p.Match(f[:cut], len(f)), m.matchCut(t, f[:cut], len(f))
				if got != want {
					t.Fatalf("%q: Match(%x, %d) = %v, want %v", expr, f[:cut], len(f), got, want)
				}
				verdicts++
				if got {
					matches++
				}
			}
		}
	}
	t.Logf("%d of %d expressions compiled, to the programs of tcpdump; %d verdicts, %d of them matches", accepted, len(table), verdicts, matches)
}

// TestBigEndianFile says what docs/filter.md does: a BSD loopback capture of a
// big-endian machine takes the filter for link type 108.
func TestBigEndianFile(t *testing.T) {
	reference := newReference(t)
	capture := emptyCapture(t, 0, binary.BigEndian)
	for _, expr := range []string{"ip", "ip6 and tcp", "port 80", "not host 10.0.0.1"} {
		want, refusal := reference.compileFor(t, capture, expr)
		p, err := Compile(expr, 108, testSnaplen)
		if err != nil || refusal != "" || !same(p.raw, want) {
			t.Errorf("Compile(%q, 108): %v; tcpdump has %s\n%s", expr, err, refusal, listing(want))
		}
	}
}

// TestLargeFilters has jumps farther than 8 bits, and many rounds of the
// optimiser.
func TestLargeFilters(t *testing.T) {
	reference := newReference(t)
	repeat := func(n int, op, format string) string {
		var list []string
		for i := range n {
			list = append(list, strings.ReplaceAll(format, "N", fmt.Sprint(i+1)))
		}
		return strings.Join(list, op)
	}
	for _, expr := range []string{
		repeat(80, " or ", "host 10.0.0.N"),
		"port " + repeat(60, " or ", "N"),
		"not (" + repeat(60, " or ", "net 10.N.0.0/16") + ") and tcp port (80 or 443)",
		repeat(50, " and ", "not host 10.0.N.1"),
		repeat(30, " or ", "src host 2001:db8::N and dst port N"),
		repeat(200, " or ", "len = N00 + tcp[N]"),
	} {
		p, ok := reference.compare(t, 1, expr)
		if !ok {
			t.Errorf("%.60q... is refused", expr)
			continue
		}
		if err := sound(p); err != nil {
			t.Errorf("%.60q...: %v", expr, err)
		}
	}
}
