package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowscope/internal/testenv"
)

// TestPrivileges runs the sensor as root, and as a user with two capabilities: it
// has none when it watches, and still reads, drains and balances its books.
func TestPrivileges(t *testing.T) {
	testenv.NeedRoot(t)
	setpriv := testenv.Need(t, "setpriv")
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil { // for the other user
			t.Fatal(err)
		}
	}
	bin := filepath.Join(dir, "sensor")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	theirs := filepath.Join(dir, "theirs")
	if err := os.Mkdir(theirs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(theirs, 1234, 1234); err != nil {
		t.Fatal(err)
	}
	nobody := []string{setpriv, "--reuid=65534", "--regid=65534", "--clear-groups",
		"--inh-caps=-all,+bpf,+net_admin", "--ambient-caps=-all,+bpf,+net_admin", "--bounding-set=-all,+bpf,+net_admin"}
	for _, tc := range []struct {
		name string
		as   []string
		args []string
		caps uint64
	}{
		{name: "root"},
		{name: "two capabilities", as: nobody},
		{name: "follows", args: []string{"--follow"}, caps: 1<<12 | 1<<39},
		{name: "detaches through netlink", args: []string{"--hook", "tc"}, caps: 1 << 12},
		{name: "streams into a folder of somebody else", args: []string{"-o", "streams:" + theirs}, caps: 1 << 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "n"), Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer ready.Close()
			for _, name := range []string{ready.LocalAddr().String(), filepath.Dir(ready.LocalAddr().String()), filepath.Dir(filepath.Dir(ready.LocalAddr().String()))} {
				if err := os.Chmod(name, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			line := append(append(append([]string(nil), tc.as...), bin, "run", "-i", "lo", "-o", "jsonl:-"), tc.args...)
			cmd := exec.Command(line[0], line[1:]...)
			cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+ready.LocalAddr().String())
			var out, log bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &log
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			_ = ready.SetReadDeadline(time.Now().Add(20 * time.Second))
			if _, err := ready.Read(make([]byte, 100)); err != nil {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				t.Fatalf("it does not say that it is ready: %v\n%s", err, &log)
			}
			threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", cmd.Process.Pid))
			if len(threads) < 2 {
				t.Fatalf("%d threads", len(threads))
			}
			for _, name := range threads {
				checkThread(t, name, tc.caps)
			}
			_, _ = net.DialTimeout("tcp", "127.0.0.1:1", time.Second) // refused, and counted
			time.Sleep(100 * time.Millisecond)
			_ = cmd.Process.Signal(os.Interrupt)
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, &log)
			}
			lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
			var ledger struct{ Balanced bool }
			if err := json.Unmarshal(lines[len(lines)-1], &ledger); err != nil || !ledger.Balanced {
				t.Errorf("%v: %s", err, lines[len(lines)-1])
			}
			if !bytes.Contains(out.Bytes(), []byte(`"dst_port":1,`)) {
				t.Errorf("no flow to port 1:\n%s", &out)
			}
		})
	}
}

// checkThread wants a thread to have just the capabilities caps, and no way to
// get others.
func checkThread(t *testing.T, status string, caps uint64) {
	t.Helper()
	b, err := os.ReadFile(status)
	if err != nil {
		return // it has ended
	}
	want := map[string]string{
		"CapInh": fmt.Sprintf("%016x", 0), "CapAmb": fmt.Sprintf("%016x", 0),
		"CapPrm": fmt.Sprintf("%016x", caps), "CapEff": fmt.Sprintf("%016x", caps), "NoNewPrivs": "1",
	}
	for line := range strings.Lines(string(b)) {
		key, v, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		if w, ok := want[key]; ok && v != w {
			t.Errorf("%s has %s %s, want %s", status, key, v, w)
		}
	}
}
