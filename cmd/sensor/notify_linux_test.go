package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"flowscope/internal/testenv"
)

// TestNotify is the service manager of a sensor: it hears when it watches, that
// it is alive, and that it ends.
func TestNotify(t *testing.T) {
	testenv.NeedRoot(t)
	dir := t.TempDir()
	bin := filepath.Join(dir, "sensor")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	hear := func(want string) {
		t.Helper()
		_ = socket.SetReadDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, 100)
		n, err := socket.Read(b)
		for err == nil && string(b[:n]) == "WATCHDOG=1" && want != "WATCHDOG=1" {
			n, err = socket.Read(b)
		}
		if err != nil || string(b[:n]) != want {
			t.Fatalf("heard %q, %v, want %q", b[:n], err, want)
		}
	}

	cmd := exec.Command(bin, "run", "-i", "lo", "-o", "jsonl:"+filepath.Join(dir, "out.jsonl"))
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+socket.LocalAddr().String(), "WATCHDOG_USEC=400000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	hear("READY=1")
	hear("WATCHDOG=1")
	hear("WATCHDOG=1")
	_ = cmd.Process.Signal(os.Interrupt)
	hear("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}
