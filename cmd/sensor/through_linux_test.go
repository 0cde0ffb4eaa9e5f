package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/live"
	"flowscope/userspace/replay"
)

// notThrough are the captures of testdata that have link types which no hook of
// the kernel has.
var notThrough = []string{
	"big_endian_ng.pcapng", "loop.pcap", "malformed.pcapng", "null.pcap", "sll.pcap", "sll2.pcap", "two_interfaces.pcapng",
}

// TestThroughKernel: replay writes the same lines whether packets go through the
// kernel or not, but for the accounts of the kernel: of each capture of ours, and
// of each folder of the corpus.
func TestThroughKernel(t *testing.T) {
	testenv.NeedRoot(t)
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := filepath.Glob(filepath.Join(root, "testdata", "*.pcap*"))
	if err != nil || len(ours) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	var left []string
	for i, path := range ours {
		if !throughHooks(path) {
			left = append(left, filepath.Base(path))
		} else if !testing.Short() || i%8 == 0 {
			t.Run(filepath.Base(path), func(t *testing.T) {
				sameThrough(t, "-r", path, "--workers", strconv.Itoa(1+i%3))
			})
		}
	}
	if d := cmp.Diff(notThrough, left); d != "" {
		t.Errorf("captures that are left out (-want +got):\n%s", d)
	}
	folders, _ := filepath.Glob(filepath.Join(root, "..", "shared", "corpus", "*"))
	for _, dir := range folders {
		var args []string
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && throughHooks(path) {
				args = append(args, "-r", path)
			}
			return nil
		})
		if len(args) > 0 {
			t.Run("corpus "+filepath.Base(dir), func(t *testing.T) { sameThrough(t, args...) })
		}
	}
}

// TestThroughKernelFlags: so do filter, count, keys and time-outs.
func TestThroughKernelFlags(t *testing.T) {
	testenv.NeedRoot(t)
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	demo := filepath.Join(root, "testdata", "demo.pcapng.zst")
	for _, args := range [][]string{
		{"tcp port 80 or udp port 53"},
		{"-c", "1000", "ip6 or greater 500"},
		{"--key", "five-tuple,vlan,tunnel", "--tunnels", "outer"},
		{"--protocols", "none", "--active-timeout", "1s"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) { sameThrough(t, append([]string{"-r", demo}, args...)...) })
	}
	t.Run("packets written", func(t *testing.T) {
		dir := t.TempDir()
		plain, through := filepath.Join(dir, "plain"), filepath.Join(dir, "through")
		runReplay(t, "-r", demo, "-w", plain, "udp")
		runReplay(t, "-r", demo, "-w", through, "--through-kernel", "udp")
		a, _ := os.ReadFile(plain)
		b, _ := os.ReadFile(through)
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%d bytes, want the %d that are written without", len(b), len(a))
		}
	})
}

// TestThroughKernelErrors: what cannot be done is said, with what to do.
func TestThroughKernelErrors(t *testing.T) {
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	capture := filepath.Join(root, "testdata", "http_session.pcap")
	t.Run("not root", func(t *testing.T) {
		cmd := exec.Command("sensor", "replay", "--through-kernel", "-r", capture)
		if os.Getuid() == 0 {
			cmd = exec.Command(testenv.Need(t, "setpriv"), append([]string{"--bounding-set", "-all", "--inh-caps", "-all"}, cmd.Args...)...)
		}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "run as root, or give the program CAP_BPF and CAP_NET_ADMIN") {
			t.Errorf("%v: %s", err, out)
		}
	})
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"a link type that no hook has": {[]string{"-r", filepath.Join(root, "testdata", "sll.pcap")}, "link type 113 through the kernel: not supported: a hook has frames of Ethernet or raw IP: replay it without --through-kernel"},
		"other keys":                   {[]string{"-r", capture, "--key", "ip-pair"}, "flows by ip-pair in the kernel: not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			testenv.NeedRoot(t)
			out, err := exec.Command("sensor", append([]string{"replay", "--through-kernel", "--log", "text"}, tt.args...)...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v: %s, want %s", err, out, tt.want)
			}
		})
	}
}

// throughHooks says whether a file is a capture, of which the frames are of link
// types that a hook has.
func throughHooks(path string) bool {
	ok := true
	src, err := replay.Open(replay.Options{Tee: func(f *replay.Frame) { ok = ok && (&live.Through{}).Check(f.Link) == nil }}, path)
	if err != nil {
		return false
	}
	defer src.Close()
	var r sensor.Record
	for src.Read(&r) == nil {
	}
	return ok
}

// runReplay returns what replay writes, the ledger apart.
func runReplay(t *testing.T, args ...string) (lines []string, ledger map[string]any) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("sensor", append([]string{"replay", "-o", "jsonl:-", "--log", "text"}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == exitPartial) {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if through := slices.Contains(args, "--through-kernel"); through != strings.Contains(stderr.String(), "sent through the kernel") {
		t.Errorf("it does not say how many packets went through the kernel: %s", stderr.String())
	}
	lines = strings.Split(strings.TrimSpace(string(out)), "\n")
	last := len(lines) - 1
	if err := json.Unmarshal([]byte(lines[last]), &ledger); err != nil {
		t.Fatalf("%v: %s", err, lines[last])
	}
	return lines[:last], ledger
}

// sameThrough runs replay with and without the kernel.
func sameThrough(t *testing.T, args ...string) {
	t.Helper()
	want, books := runReplay(t, args...)
	got, kernel := runReplay(t, append([]string{"--through-kernel"}, args...)...)
	if !slices.Equal(want, got) {
		t.Errorf("lines (-replay +through the kernel):\n%s", cmp.Diff(want, got))
	}
	accounts, ok := kernel["accounts"].(map[string]any)
	if !ok {
		t.Fatalf("no accounts: %v", kernel)
	}
	for _, name := range []string{"through_kernel", "kernel_flows", "kernel_payload"} {
		if accounts[name] == nil {
			t.Errorf("no account %s", name)
		}
		delete(accounts, name)
	}
	if d := cmp.Diff(books, kernel); d != "" || kernel["balanced"] != true {
		t.Errorf("ledger (-replay +through the kernel):\n%s", d)
	}
}
