package filter

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flowscope/internal/testenv"
)

var reCode = regexp.MustCompile("`[^`]+`")

// codeIn returns the code spans of a table cell.
func codeIn(cell string) []string {
	var list []string
	for _, span := range reCode.FindAllString(cell, -1) {
		list = append(list, strings.ReplaceAll(strings.Trim(span, "`"), `\|`, `|`))
	}
	return list
}

// docRows returns the cells of the tables in a section of docs/filter.md,
// without their heads.
func docRows(t *testing.T, section string) [][]string {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, "docs/filter.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(b), "# "+section+"\n")
	if !ok {
		t.Fatalf("docs/filter.md has no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n#")
	var rows [][]string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		// A pipe in code is escaped.
		cells := strings.Split(strings.ReplaceAll(strings.Trim(line, "|\n"), `\|`, "\x00"), "|")
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "\x00", `\|`)
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		t.Fatalf("section %q has no table", section)
	}
	return rows[2:]
}

func TestDocsCompiled(t *testing.T) {
	reference := newReference(t)
	for _, row := range docRows(t, "What is compiled") {
		examples := codeIn(row[0])
		if len(examples) == 0 {
			t.Errorf("row %q has no example", row)
		}
		for _, expr := range examples {
			if _, ok := reference.compare(t, 1, expr); !ok && knownHere(expr) {
				t.Errorf("%q is documented and refused", expr)
			}
		}
	}
}

func TestDocsRefused(t *testing.T) {
	reference := newReference(t)
	for _, row := range docRows(t, "What is refused although tcpdump compiles it") {
		for _, expr := range codeIn(row[0]) {
			if p, err := Compile(expr, 1, testSnaplen); err == nil {
				t.Errorf("%q is documented as refused and compiled:\n%s", expr, listing(p.raw))
			}
		}
		for _, expr := range codeIn(row[1]) {
			if _, ok := reference.compare(t, 1, expr); !ok {
				t.Errorf("%q is documented as an alternative and refused", expr)
			}
		}
	}
}

func TestDocsLinkTypes(t *testing.T) {
	var documented []uint16
	var refusedThere []string
	for _, row := range docRows(t, "Link types") {
		if list := codeIn(row[2]); list != nil {
			refusedThere = list
		}
		for field := range strings.SplitSeq(row[0], ",") {
			n, err := strconv.ParseUint(strings.TrimSpace(field), 10, 16)
			if err != nil {
				t.Fatalf("row %q: %v", row, err)
			}
			documented = append(documented, uint16(n))
			for _, expr := range refusedThere {
				if _, err := Compile(expr, uint16(n), testSnaplen); err == nil {
					t.Errorf("%q is documented as not supported on link type %d and compiled", expr, n)
				}
			}
		}
	}
	var have []uint16
	for n := range linkLayers {
		have = append(have, n)
	}
	slices.Sort(have)
	slices.Sort(documented)
	if !slices.Equal(have, documented) {
		t.Errorf("documented are the link types %v, supported are %v", documented, have)
	}
}

// TestOddities holds the section of that name.
func TestOddities(t *testing.T) {
	equal := [][2]string{
		{"tcp or udp and port 53", "(tcp or udp) and port 53"},
		{"len = 5 % 3 + 1", "len = 5 % (3 + 1)"},
		{"len = 5 ^ 3 & 1", "len = 5 ^ (3 & 1)"},
		{"host 10", "host 0.0.0.10"},
		{"net 10", "net 10.0.0.0/8"},
		{"net 0", "net 0.0.0.0/32"},
		{"1 + udp[0] = 1", "1 + tcp[0] = 1"},
		{"0 / tcp[1] = 0", ""},
	}
	for _, pair := range equal {
		a, err1 := Compile(pair[0], 1, testSnaplen)
		b, err2 := Compile(pair[1], 1, testSnaplen)
		if err1 != nil || err2 != nil {
			t.Errorf("%q: %v; %q: %v", pair[0], err1, pair[1], err2)
			continue
		}
		for _, f := range frames(1) {
			if got, want := a.Match(f, len(f)), b.Match(f, len(f)); got != want {
				t.Errorf("%q is %v and %q is %v of %x", pair[0], got, pair[1], want, f)
			}
		}
	}
	for _, expr := range []string{"1 / (0 + 1) = 1", "len / tcp[0] = 1", "ip and arp"} {
		if _, err := Compile(expr, 1, testSnaplen); err == nil {
			t.Errorf("%q is compiled", expr)
		}
	}
	inner, err := Compile("vlan 5 or ip", 1, testSnaplen)
	if err != nil {
		t.Fatal(err)
	}
	if f := frames(1)[0]; inner.Match(f, len(f)) {
		t.Error("vlan 5 or ip matches an IP packet without a tag")
	}
}

// TestRefusedWords says that each reserved word either is compiled in some
// expression of the table or has a clear error.
func TestRefusedWords(t *testing.T) {
	used := make(map[string]bool)
	for _, expr := range expressions(t) {
		c := &compiler{expr: expr}
		func() {
			defer func() { _ = recover() }()
			for _, tok := range c.tokens() {
				used[tok.text] = true
			}
		}()
	}
	for word := range words {
		_, err := Compile(word, 1, testSnaplen)
		if err == nil || used[words[word]] {
			continue
		}
		if !strings.Contains(err.Error(), "not supported") {
			t.Errorf("%q: %v", word, err)
		}
	}
}
