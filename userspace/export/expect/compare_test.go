package expect

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	_ "flowscope/internal/testenv" // for its seed
)

const (
	a = `{"type":"flow","flow_id":1,"src_ip":"10.0.0.1","bytes_fwd":10,"app":"dns"}` + "\n"
	b = `{"type":"message","flow_id":1,"frame":3,"app":"dns","dns":{"id":7,"names":["x"]}}` + "\n"
	d = `{"type":"ledger","balanced":true}` + "\n"
)

func TestCompare(t *testing.T) {
	tests := []struct{ name, got, want, diff string }{
		{"equal", a + b + d, a + b + d, ""},
		{"both empty", "", "", ""},
		{"line ends do not count", a + b, strings.TrimSuffix(strings.ReplaceAll(a+b, "\n", "\r\n"), "\r\n"), ""},
		{"changed field", strings.Replace(a, `:10`, `:11`, 1) + b + d, a + b + d,
			"output line 1 differs from golden line 1 (flow dns 10.0.0.1):\n    bytes_fwd: is 11, want 10\n1 line differs\n"},
		{"changed within a message", a + strings.Replace(b, `"id":7,"names":["x"]`, `"id":8,"names":["y\u001b"],"new":null`, 1) + d, a + b + d,
			"output line 2 differs from golden line 2 (message dns):\n    dns.id: is 8, want 7\n    dns.names: is [\"y\\u001b\"], want [\"x\"]\n    dns.new: is null, want no such field\n1 line differs\n"},
		{"missing field", strings.Replace(a, `"bytes_fwd":10,`, ``, 1), a,
			"output line 1 differs from golden line 1 (flow dns 10.0.0.1):\n    bytes_fwd: is missing, want 10\n1 line differs\n"},
		{"missing line", a + d, a + b + d,
			"golden line 2 is missing in the output:\n    - " + b + "1 line differs\n"},
		{"additional line", a + b + b + d, a + b + d,
			"output line 3 is not in the golden file:\n    + " + b + "1 line differs\n"},
		{"output ends early", a, a + b + d,
			"golden line 2 is missing in the output:\n    - " + b + "golden line 3 is missing in the output:\n    - " + d + "2 lines differ\n"},
		{"order of fields", `{"type":"gap","v":1}`, `{"v":1,"type":"gap"}`,
			"output line 1 differs from golden line 1 (gap):\n    from column 3 on\n    - {\"v\":1,\"type\":\"gap\"}\n    + {\"type\":\"gap\",\"v\":1}\n1 line differs\n"},
		{"no JSON", "\x1b[31mred", "blue",
			"output line 1 differs from golden line 1:\n    from column 1 on\n    - blue\n    + \\x1b[31mred\n1 line differs\n"},
		{"changed and missing", strings.Replace(b, `"id":7`, `"id":9`, 1) + d, a + b + d,
			"golden line 1 is missing in the output:\n    - " + a + "output line 1 differs from golden line 2 (message dns):\n    dns.id: is 9, want 7\n2 lines differ\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, equal, err := Compare(iotest.OneByteReader(strings.NewReader(tt.got)), strings.NewReader(tt.want))
			if err != nil || equal != (tt.diff == "") {
				t.Errorf("equal = %v, err = %v", equal, err)
			}
			if d := cmp.Diff(tt.diff, got); d != "" {
				t.Errorf("diff (-want +got):\n%s", d)
			}
		})
	}
}

func TestOnlySomeDifferencesAreShown(t *testing.T) {
	var got, want strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&got, `{"type":"flow","flow_id":%d,"n":%d}`+"\n", i, i)
		fmt.Fprintf(&want, `{"type":"flow","flow_id":%d,"n":%d}`+"\n", i, -i-1)
	}
	diff, equal, err := Compare(strings.NewReader(got.String()), strings.NewReader(want.String()))
	if err != nil || equal || !strings.HasSuffix(diff, "... and 980 more\n1000 lines differ\n") || strings.Count(diff, "differs from") != maxShown {
		t.Errorf("equal = %v, err = %v, diff:\n%s", equal, err, diff)
	}
}

func TestCompareIsExact(t *testing.T) {
	line := rapid.SampledFrom([]string{a, b, d, "x\n", "\n", "{}\n", "null\n", "[1]\n", "\xff\u202e\x00\n", `{"a":{"b":1e999}}` + "\n"})
	lines := rapid.Map(rapid.SliceOfN(line, 0, 200), func(s []string) string { return strings.Join(s, "") })
	rapid.Check(t, func(t *rapid.T) {
		got, want := lines.Draw(t, "got"), lines.Draw(t, "want")
		if rapid.Bool().Draw(t, "same") {
			got = want
		}
		diff, equal, err := Compare(strings.NewReader(got), strings.NewReader(want))
		if err != nil || equal != (got == want) || equal != (diff == "") {
			t.Fatalf("Compare(%q, %q) = %q, %v, %v", got, want, diff, equal, err)
		}
		for _, c := range []byte(diff) {
			if c != '\n' && (c < 0x20 || c > 0x7e) {
				t.Fatalf("raw %#x in %q", c, diff)
			}
		}
	})
}

func TestErrorsOfReading(t *testing.T) {
	broken := errors.New("broken")
	if _, equal, err := Compare(iotest.ErrReader(broken), strings.NewReader(a)); equal || !errors.Is(err, broken) || !strings.Contains(err.Error(), "read output, line 1") {
		t.Errorf("Compare = %v, %v", equal, err)
	}
	if _, equal, err := Compare(strings.NewReader(a), io.MultiReader(strings.NewReader(a), iotest.ErrReader(broken))); equal || !errors.Is(err, broken) || !strings.Contains(err.Error(), "read golden, line 2") {
		t.Errorf("Compare = %v, %v", equal, err)
	}
	if _, _, err := Compare(strings.NewReader(strings.Repeat("x", maxLine+1)), strings.NewReader("")); !errors.Is(err, errTooLong) {
		t.Errorf("Compare = %v, want %v", err, errTooLong)
	}
}

// repeat reads a line n times.
type repeat struct {
	line string
	n    int
	rest string
}

func (r *repeat) Read(b []byte) (int, error) {
	if r.rest == "" {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.rest = r.line
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestMemoryIsBounded(t *testing.T) {
	var before, after runtime.MemStats
	const n = 200_000
	runtime.ReadMemStats(&before)
	_, equal, err := Compare(&repeat{line: a, n: n}, &repeat{line: b, n: n / 10})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if err != nil || equal {
		t.Errorf("equal = %v, err = %v", equal, err)
	}
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 8<<20 {
		t.Errorf("%d bytes are held after %d lines", held, n)
	}
}

func BenchmarkCompareEqual(bb *testing.B) {
	const n = 1000
	bb.SetBytes(int64(n * len(a)))
	bb.ReportAllocs()
	for bb.Loop() {
		if _, equal, err := Compare(&repeat{line: a, n: n}, &repeat{line: a, n: n}); !equal || err != nil {
			bb.Fatal(equal, err)
		}
	}
}
