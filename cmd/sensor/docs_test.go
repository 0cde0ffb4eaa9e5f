package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
)

var update = flag.Bool("update", false, "rewrite the generated documentation")

//go:generate go test -run ^TestDocs$ -update .

// TestDocs holds what the documentation shows of the program against the
// program.
func TestDocs(t *testing.T) {
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("docs/cli.md", func(t *testing.T) {
		var got bytes.Buffer
		if err := writeMarkdown(&got, newRoot(&program{})); err != nil {
			t.Fatal(err)
		}
		same(t, filepath.Join(root, "docs", "cli.md"), func(string) string { return got.String() })
	})
	t.Run("README.md", func(t *testing.T) {
		same(t, filepath.Join(root, "README.md"), func(readme string) string {
			head, rest, ok := strings.Cut(readme, "<!-- demo: made by go generate ./cmd/sensor -->\n")
			_, tail, ok2 := strings.Cut(rest, "<!-- end of demo -->\n")
			if !ok || !ok2 {
				t.Fatal("README.md has no place for the demo")
			}
			return head + "<!-- demo: made by go generate ./cmd/sensor -->\n```\n" + demo(t) + "```\n<!-- end of demo -->\n" + tail
		})
	})
}

// same holds a file against what make makes of it.
func same(t *testing.T, path string, make func(string) string) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil && !(*update && os.IsNotExist(err)) {
		t.Fatal(err)
	}
	want := make(string(old))
	if *update && want != string(old) {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(old), want); diff != "" {
		t.Errorf("%s is out of date; run go generate ./cmd/sensor (-file +program):\n%s", path, diff)
	}
}

// demo returns what "sensor demo" shows on a terminal, with only some of the
// flows and messages.
func demo(t *testing.T) string {
	t.Helper()
	var out, errs bytes.Buffer
	root := newRoot(&program{stdout: &out, stderr: &errs})
	root.SetArgs([]string{"demo", "-o", "table:"})
	if err := root.Execute(); err != nil {
		t.Fatalf("sensor demo: %v\n%s", err, &errs)
	}
	const rows = 10 // of each of the two tables
	var shown []string
	for part := range strings.SplitSeq(strings.Trim(out.String(), "\n"), "\n\n") {
		lines := strings.Split(part, "\n")
		if len(shown) < 2 && len(lines) > rows+1 {
			lines = append(lines[:rows:rows], " ...")
		}
		shown = append(shown, strings.Join(lines, "\n"))
	}
	text := strings.Join(shown, "\n\n")
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}
