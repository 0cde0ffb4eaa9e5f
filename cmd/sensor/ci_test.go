package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"flowscope/internal/testenv"
)

// session is a block of commands and of what they print, as a page shows it.
type session struct {
	name     string
	commands string
	output   string
}

// sessions returns the blocks of a page that are marked as console.
func sessions(page string) (list []session) {
	for i, block := range strings.Split(page, "```console\n")[1:] {
		block, _, _ = strings.Cut(block, "```\n")
		s := session{name: fmt.Sprintf("session%d", i+1)}
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				s.commands += command
			} else {
				s.output += line
			}
		}
		list = append(list, s)
	}
	return list
}

// TestCIPage runs what docs/ci.md shows, one block after the other, in a folder
// with fixture.pcap.
func TestCIPage(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("the page's commands are for a shell, and there is no /bin/sh")
	}
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	list := sessions(string(page))
	if len(list) == 0 {
		t.Fatal("docs/ci.md shows no session")
	}
	var script, files strings.Builder
	fmt.Fprintf(&script, "cp $CAPTURES/http_session.pcap fixture.pcap\n")
	for _, s := range list {
		fmt.Fprintf(&script, "exec sh -c 'sh %s 2>&1'\ncmp stdout %s.out\n", s.name, s.name)
		fmt.Fprintf(&files, "-- %s --\n%s-- %s.out --\n%s", s.name, s.commands, s.name, s.output)
	}
	path := filepath.Join(t.TempDir(), "page.txtar")
	if err := os.WriteFile(path, []byte(script.String()+files.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files: []string{path},
		Setup: func(env *testscript.Env) error {
			env.Setenv("CAPTURES", filepath.Join(root, "testdata"))
			return nil
		},
	})
}
