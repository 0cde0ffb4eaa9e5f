package privilege

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"flowscope/internal/testenv"
)

// TestMain is also the process that drops: it can be done only once.
func TestMain(m *testing.M) {
	switch os.Getenv("PRIVILEGE_TEST") {
	case "":
		os.Exit(m.Run())
	case "works":
		drop(func() error { return nil })
	case "refused":
		drop(func() error { return fmt.Errorf("look into a map: %w", unix.EPERM) })
	case "asks":
		drop(func() error { // what root may, and nobody else
			_, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
			return err
		})
	case "follows":
		drop(func() error { return nil }, NetAdmin, BPF)
	case "broken":
		drop(func() error { return errors.New("no such map") })
	}
}

// drop drops, and prints the status of every thread.
func drop(works func() error, keep ...Capability) {
	kept, err := Drop(keep, works)
	fmt.Println("kept", kept, err)
	threads, _ := filepath.Glob("/proc/self/task/*/status")
	for _, name := range threads {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			if key, v, _ := strings.Cut(s.Text(), ":"); strings.HasPrefix(key, "Cap") || key == "NoNewPrivs" {
				fmt.Println(key, strings.TrimSpace(v))
			}
		}
		f.Close()
	}
}

func TestDrop(t *testing.T) {
	testenv.NeedRoot(t)
	const none, bpf, both = "0000000000000000", "0000008000000000", "0000008000001000"
	for how, want := range map[string]struct{ kept, caps string }{
		"works":   {"kept [] <nil>", none},
		"refused": {"kept [cap_bpf] <nil>", bpf},
		"follows": {"kept [cap_bpf cap_net_admin] <nil>", both},
		"asks":    {"kept [cap_bpf] <nil>", bpf},
	} {
		t.Run(how, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "PRIVILEGE_TEST="+how)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			first, rest, _ := strings.Cut(string(out), "\n")
			if first != want.kept {
				t.Errorf("%q, want %q", first, want.kept)
			}
			expected := map[string]string{"CapInh": none, "CapPrm": want.caps, "CapEff": want.caps, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1"}
			lines := 0
			for line := range strings.Lines(rest) {
				key, v, _ := strings.Cut(strings.TrimSpace(line), " ")
				if lines++; v != expected[key] {
					t.Errorf("a thread has %s %s, want %s", key, v, expected[key])
				}
			}
			if lines < 2*len(expected) {
				t.Errorf("%d lines, want those of several threads:\n%s", lines, out)
			}
		})
	}
	t.Run("broken", func(t *testing.T) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PRIVILEGE_TEST=broken")
		if out, _ := cmd.CombinedOutput(); !strings.HasPrefix(string(out), "kept [] no such map\n") {
			t.Errorf("%s", out)
		}
	})
}
