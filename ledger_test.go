package flowscope_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flowscope/parsers"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

type discard struct{}

func (discard) Consume(*sensor.Event) error { return nil }

// TestLedgerPage: every account and row of a replay is explained in the page.
func TestLedgerPage(t *testing.T) {
	page, err := os.ReadFile("docs/ledger.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, _ := filepath.Glob("testdata/*.pcap")
	src, err := replay.Open(replay.Options{}, paths...)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	l, _ := engine.Run(context.Background(), src, engine.Config{Protocols: parsers.All}, 1, discard{}) // some captures are cut
	for _, a := range l.Accounts {
		if !strings.Contains(string(page), "`"+a.Stage+"`") {
			t.Errorf("account %s is not in docs/ledger.md", a.Stage)
		}
		for _, r := range a.Rows {
			if !strings.Contains(string(page), "`"+r.Name+"`") {
				t.Errorf("row %s of %s is not in docs/ledger.md", r.Name, a.Stage)
			}
		}
	}
}

// TestLedgerPageHasEveryName: what no capture of ours brings about is explained
// too, and so is what only live capture counts.
func TestLedgerPageHasEveryName(t *testing.T) {
	pages := read(t, "docs/ledger.md") + read(t, "docs/live.md")
	names := map[string]bool{}
	for why := sensor.EndFIN; why <= sensor.EndShutdown; why++ {
		names[why.String()] = why != sensor.EndActive // which ends nothing
	}
	for path, lists := range map[string]string{
		"userspace/engine/ledger.go":         "",
		"userspace/engine/session.go":        "leftNames",
		"userspace/internal/frame/books.go":  "",
		"userspace/internal/frame/reason.go": "reasonNames",
		"userspace/live/ledger.go":           "reasonNames fateNames overflowNames",
		"userspace/live/through.go":          "throughNames",
		"userspace/live/through_books.go":    "",
	} {
		n := len(names)
		namesOfRows(t, path, strings.Fields(lists), names)
		if len(names) == n {
			t.Errorf("%s names no row", path)
		}
	}
	for name, used := range names {
		general := name[:strings.LastIndexByte(name, '_')+1] + "*" // as in `overflow_*`
		if used && !strings.Contains(pages, "`"+name+"`") && (general == "*" || !strings.Contains(pages, "`"+general+"`")) {
			t.Errorf("%s is neither in docs/ledger.md nor in docs/live.md", name)
		}
	}
}

// namesOfRows adds the stages and rows that a file names itself, and the strings
// of its lists of names.
func namesOfRows(t *testing.T, path string, lists []string, names map[string]bool) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	add := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if name, err := strconv.Unquote(lit.Value); err == nil && !strings.HasSuffix(name, " ") { // "frames " and the interface
					names[name] = true
				}
			}
			return true
		})
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "Name" || key.Name == "Stage") {
				add(n.Value)
			}
		case *ast.ValueSpec:
			if slices.Contains(lists, n.Names[0].Name) {
				add(n)
			}
		}
		return true
	})
}
