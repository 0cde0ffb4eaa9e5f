package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"flowscope/internal/testenv"
)

// attached returns how many programs there are on the interface, inwards.
func attached(t *testing.T, name string) int {
	t.Helper()
	iface, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := link.QueryPrograms(link.QueryOptions{Target: iface.Index, Attach: ebpf.AttachTCXIngress})
	if err != nil {
		testenv.Skipf(t, "needs Linux 6.6: %v", err)
	}
	return len(r.Programs)
}

// unclosed returns how many connections of a port of this host are not closed on both
// sides: those that only wait for stray segments are.
func unclosed(t *testing.T, port int) (n int) {
	t.Helper()
	const timeWait, listening = "06", "0A"
	end := fmt.Sprintf(":%04X", port)
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // a host without IPv6
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) > 3 && (strings.HasSuffix(f[1], end) || strings.HasSuffix(f[2], end)) && f[3] != timeWait && f[3] != listening {
				n++
			}
		}
	}
	return n
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within 5 s: %s", what)
}

// TestRun watches the loopback interface, where something is said, and ends the
// sensor in three ways: nothing may stay behind.
func TestRun(t *testing.T) {
	testenv.NeedRoot(t)
	dir := t.TempDir()
	bin := filepath.Join(dir, "sensor")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 10000))
	}))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	before := attached(t, "lo")

	start := func(name string, args ...string) (*exec.Cmd, *bytes.Buffer, string) {
		out := filepath.Join(dir, name+".jsonl")
		cmd := exec.Command(bin, append([]string{"run", "-i", "lo", "-o", "jsonl:" + out}, args...)...)
		var log bytes.Buffer
		cmd.Stderr = &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the sensor is attached", func() bool { return attached(t, "lo") == before+1 })
		return cmd, &log, out
	}
	talk := func() {
		for range 5 {
			r, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		// Both sides close when the last byte is read: their FINs come later.
		waitFor(t, "the connections are closed", func() bool { return unclosed(t, port) == 0 })
	}

	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			cmd, log, out := start(sig.String())
			talk()
			began := time.Now()
			_ = cmd.Process.Signal(sig)
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			if d := time.Since(began); d > 6*time.Second {
				t.Errorf("it took %v to end", d)
			}
			checkOutput(t, out, port, 5)
		})
	}
	t.Run("second signal", func(t *testing.T) {
		// Nobody reads its output, so that it cannot finish.
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		cmd := exec.Command(bin, "run", "-i", "lo", "-o", "jsonl:-")
		cmd.Stdout = w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		waitFor(t, "the sensor is attached", func() bool { return attached(t, "lo") == before+1 })
		for range 20 { // more than a pipe holds
			talk()
		}
		_ = cmd.Process.Signal(os.Interrupt)
		waitFor(t, "nothing is attached after the first signal", func() bool { return attached(t, "lo") == before })
		began := time.Now()
		_ = cmd.Process.Signal(os.Interrupt)
		err = cmd.Wait()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGINT {
			t.Errorf("the sensor ended with %v, want the second signal", err)
		}
		if d := time.Since(began); d > time.Second {
			t.Errorf("it took %v to end", d)
		}
	})
	t.Run("duration", func(t *testing.T) {
		cmd, log, out := start("duration", "--duration", "2s")
		talk()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
		checkOutput(t, out, port, 5)
	})
	t.Run("kill", func(t *testing.T) {
		cmd, _, _ := start("kill")
		talk()
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
		waitFor(t, "nothing is attached after SIGKILL", func() bool { return attached(t, "lo") == before })
	})
	if n := attached(t, "lo"); n != before {
		t.Errorf("%d programs are attached, %d were before", n, before)
	}
}

// checkOutput looks for the flows to a port and for a ledger that balances.
func checkOutput(t *testing.T, file string, port, want int) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flows, balanced := 0, false
	for line := range bytes.Lines(b) {
		var l struct {
			Type     string
			DstPort  int    `json:"dst_port"`
			PktsFwd  int    `json:"pkts_fwd"`
			State    string `json:"state"`
			Balanced bool
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if l.Type == "flow" && l.DstPort == port {
			if flows++; l.PktsFwd < 4 || l.State != "SF" {
				t.Errorf("a flow with less than a whole connection: %s", line)
			}
		}
		balanced = balanced || l.Type == "ledger" && l.Balanced
	}
	if flows != want || !balanced {
		t.Errorf("%s: %d flows to port %d, balanced %v, want %d\n%s", filepath.Base(file), flows, port, balanced, want, fmt.Sprintf("%.3000s", b))
	}
}
