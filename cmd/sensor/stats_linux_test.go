package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"flowscope/internal/testenv"
)

// TestStats asks running sensors for their books, as text and as JSON, as their
// user and as another.
func TestStats(t *testing.T) {
	testenv.NeedRoot(t)
	setpriv := testenv.Need(t, "setpriv")
	dir := t.TempDir()
	bin := filepath.Join(dir, "sensor")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil { // for the other user
			t.Fatal(err)
		}
	}
	var pids []int
	for _, workers := range []string{"1", "2"} {
		cmd := exec.Command(bin, "run", "-i", "lo", "--workers", workers, "-o", "jsonl:"+filepath.Join(dir, workers))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = cmd.Process.Signal(os.Interrupt)
			if err := cmd.Wait(); err != nil {
				t.Errorf("the sensor ended with %v", err)
			}
		}()
		pids = append(pids, cmd.Process.Pid)
		waitFor(t, "the sensor answers", func() bool {
			return exec.Command(bin, "stats", "--pid", strconv.Itoa(cmd.Process.Pid)).Run() == nil
		})
	}
	for _, pid := range pids {
		out, err := exec.Command(bin, "stats", "--pid", strconv.Itoa(pid)).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "BOOKS  balanced") {
			t.Errorf("%v\n%s", err, out)
		}
		out, err = exec.Command(bin, "stats", "--json", "--pid", strconv.Itoa(pid)).Output()
		var l struct {
			Type     string
			Balanced bool
			Accounts map[string]any
		}
		if err != nil || json.Unmarshal(out, &l) != nil || l.Type != "ledger" || !l.Balanced || l.Accounts["frames lo ingress"] == nil {
			t.Errorf("%v\n%s", err, out)
		}
		out, err = exec.Command(setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", bin, "stats", "--pid", strconv.Itoa(pid)).CombinedOutput()
		if err == nil || bytes.Contains(out, []byte("BOOKS")) {
			t.Errorf("another user: %v\n%s", err, out)
		}
	}
	out, err := exec.Command(bin, "stats").CombinedOutput()
	if err == nil || !strings.Contains(string(out), fmt.Sprint(pids[0])) || !strings.Contains(string(out), "--pid") {
		t.Errorf("of several: %v\n%s", err, out)
	}
	if out, err := exec.Command(bin, "stats", "--pid", strconv.Itoa(os.Getpid())).CombinedOutput(); err == nil || !strings.Contains(string(out), "there is none") {
		t.Errorf("of none: %v\n%s", err, out)
	}
}
