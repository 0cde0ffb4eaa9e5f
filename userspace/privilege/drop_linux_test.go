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
	case "all":
		drop()
	case "follows":
		drop(BPF, NetAdmin, BPF)
	}
}

// drop drops, and prints the status of every thread.
func drop(keep ...Capability) {
	kept, err := Drop(keep...)
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
	const none, both = "0000000000000000", "0000008000001000"
	for how, want := range map[string]struct{ kept, caps string }{
		"all":     {"kept [] <nil>", none},
		"follows": {"kept [cap_bpf cap_net_admin] <nil>", both},
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
}

// TestWithout does what root may and nobody else, without and with.
func TestWithout(t *testing.T) {
	testenv.NeedRoot(t)
	raw := func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
	if err := Without(raw); !errors.Is(err, os.ErrPermission) {
		t.Errorf("without capabilities: %v", err)
	}
	if err := raw(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if err := Without(func() error { return errors.ErrUnsupported }); err != errors.ErrUnsupported {
		t.Errorf("got %v", err)
	}
}
