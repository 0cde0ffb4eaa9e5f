package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"flowscope/internal/testenv"
)

// lab is two network namespaces and a cable between them: servers at one end,
// clients at the other. The sensor watches the servers' end, and tcpdump writes
// down what comes by there.
type lab struct {
	dir   string
	bin   string
	ns    [2]string // of servers, of clients
	cable [2]string
}

const (
	servers = iota
	clients
)

const (
	serverIP = "10.203.9.1"
	clientIP = "10.203.9.2"
	serverV6 = "fd03:9::1"
	clientV6 = "fd03:9::2"
)

// newLab builds the cable and the program. Without offloads tcpdump sees frames as
// they would be on a wire: no super-packets, which are one packet to it and many
// to the sensor.
func newLab(t *testing.T, offloads bool) *lab {
	t.Helper()
	testenv.NeedRoot(t)
	if testing.Short() {
		t.Skip("takes a minute: run without -short")
	}
	for _, tool := range []string{"ip", "ethtool", "tcpdump", "taskset"} {
		testenv.Need(t, tool)
	}
	l := &lab{dir: t.TempDir()}
	_ = os.Chmod(filepath.Dir(l.dir), 0o755) // some servers become another user
	l.bin = filepath.Join(l.dir, "sensor")
	if out, err := exec.Command("go", "build", "-o", l.bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	must := func(argv ...string) {
		t.Helper()
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
		}
	}
	for i, end := range []string{"s", "c"} {
		l.ns[i] = fmt.Sprintf("fsp%d%s", os.Getpid(), end)
		l.cable[i] = "cable" + end
		must("ip", "netns", "add", l.ns[i])
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", l.ns[i]).Run() })
	}
	must("ip", "link", "add", "netns", l.ns[0], "name", l.cable[0], "type", "veth", "peer", "name", l.cable[1], "netns", l.ns[1])
	for i, ips := range [][]string{{serverIP + "/24", serverV6 + "/64"}, {clientIP + "/24", clientV6 + "/64"}} {
		in := []string{"ip", "netns", "exec", l.ns[i]}
		if !offloads {
			must(append(in, "ethtool", "-K", l.cable[i], "tso", "off", "gso", "off", "gro", "off", "tx", "off", "rx", "off")...)
		}
		must(append(in, "ip", "link", "set", l.cable[i], "addrgenmode", "none")...)
		must(append(in, "ip", "link", "set", "lo", "up")...)
		must(append(in, "ip", "link", "set", l.cable[i], "up")...)
		for _, ip := range ips {
			must(append(in, "ip", "addr", "add", ip, "dev", l.cable[i], "nodad")...)
		}
	}
	return l
}

// command is a program that runs at one end, in the folder of the lab, and ends
// with the test.
func (l *lab) command(ctx context.Context, end int, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", l.ns[end]}, argv...)...)
	cmd.Dir = l.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// file writes a file for a program into the folder of the lab.
func (l *lab) file(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(l.dir, name)
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// talker is command for a server or a client. All of them run on one CPU: on two,
// the order in which tcpdump sees packets that come at the same time need not be
// that in which the sensor does.
func (l *lab) talker(ctx context.Context, end int, argv ...string) *exec.Cmd {
	return l.command(ctx, end, append([]string{"taskset", "-c", firstCPU()}, argv...)...)
}

// firstCPU returns the first CPU that the test may run on.
func firstCPU() string {
	b, _ := os.ReadFile("/proc/self/status")
	_, list, _ := strings.Cut(string(b), "Cpus_allowed_list:")
	if i := strings.IndexAny(strings.TrimSpace(list), ",-\n"); i > 0 {
		return strings.TrimSpace(list)[:i]
	}
	return "0"
}

// serve starts a server and waits until it listens: at "tcp:80", "udp:53".
func (l *lab) serve(t *testing.T, at string, argv ...string) *exec.Cmd {
	t.Helper()
	cmd := l.talker(context.Background(), servers, argv...)
	return l.start(t, cmd, at)
}

func (l *lab) start(t *testing.T, cmd *exec.Cmd, at string) *exec.Cmd {
	t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	stdin, err := cmd.StdinPipe() // some leave when it ends
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	stop := func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(3 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		stdin.Close()
	}
	t.Cleanup(stop)
	proto, port, _ := strings.Cut(at, ":")
	for range 1000 {
		select {
		case <-done:
			t.Fatalf("%s ended\n%s", strings.Join(cmd.Args[7:], " "), &log)
		default:
		}
		if listens(cmd.Process.Pid, proto, port) {
			return cmd
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	t.Fatalf("%s does not listen at %s\n%s", strings.Join(cmd.Args[7:], " "), at, &log)
	return nil
}

// listens says whether there is a socket in the namespace of a process that waits
// for others.
func listens(pid int, proto, port string) bool {
	var p int
	fmt.Sscan(port, &p)
	state := map[string]string{"tcp": "0A", "udp": "07"}[proto]
	for _, version := range []string{"", "6"} {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s%s", pid, proto, version))
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) > 3 && f[3] == state && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", p)) {
				return true
			}
		}
	}
	return false
}

// say runs a client to its end and returns what it said.
func (l *lab) say(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := l.try(t, argv...)
	if err != nil {
		t.Fatalf("%s: %v\n%.2000s", strings.Join(argv, " "), err, out)
	}
	return out
}

// try is say for a client that may be refused.
func (l *lab) try(t *testing.T, argv ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := l.talker(ctx, clients, argv...).CombinedOutput()
	return string(out), err
}

// watch is a sensor that runs, and tcpdump beside it.
type watch struct {
	lab     *lab
	name    string
	sensor  *exec.Cmd
	tcpdump *exec.Cmd
	dumpLog *syncBuffer
	log     *syncBuffer
}

// watch starts both and returns when both see every packet.
func (l *lab) watch(t *testing.T, name string, args ...string) *watch {
	t.Helper()
	w := &watch{lab: l, name: filepath.Join(l.dir, name), log: &syncBuffer{}, dumpLog: &syncBuffer{}}
	w.tcpdump = l.command(context.Background(), servers, testenv.Need(t, "tcpdump"), "-i", l.cable[servers], "-n", "-s", "0", "-B", "65536",
		"--immediate-mode", "--time-stamp-precision=nano", "-Z", "root", "-w", w.name+".pcap")
	w.tcpdump.Stderr = w.dumpLog
	if err := w.tcpdump.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.tcpdump.Process.Kill() })
	waitFor(t, "tcpdump listens", func() bool { return strings.Contains(w.dumpLog.String(), "listening") })

	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: w.name + ".notify", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	w.sensor = l.command(context.Background(), servers, append([]string{l.bin, "run", "-i", l.cable[servers], "-o", "jsonl:" + w.name + ".live"}, args...)...)
	w.sensor.Env = append(os.Environ(), "NOTIFY_SOCKET="+w.name+".notify")
	w.sensor.Stderr = w.log
	if err := w.sensor.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.sensor.Process.Kill() })
	_ = socket.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 100)
	if n, err := socket.Read(b); err != nil || string(b[:n]) != "READY=1" {
		t.Fatalf("heard %q, %v\n%s", b[:n], err, w.log)
	}
	return w
}

// stop ends both, and returns what the sensor said and what it makes of the
// packets that tcpdump wrote.
func (w *watch) stop(t *testing.T) (live, replayed *transcript) {
	t.Helper()
	time.Sleep(200 * time.Millisecond) // the last ACKs
	_ = w.sensor.Process.Signal(os.Interrupt)
	if err := w.sensor.Wait(); err != nil {
		t.Fatalf("run: %v\n%s", err, w.log)
	}
	_ = w.tcpdump.Process.Signal(os.Interrupt)
	if err := w.tcpdump.Wait(); err != nil || !strings.Contains(w.dumpLog.String(), "\n0 packets dropped by kernel") {
		t.Fatalf("tcpdump: %v\n%s", err, w.dumpLog)
	}
	cmd := exec.Command(w.lab.bin, "replay", "-q", "-r", w.name+".pcap", "-o", "jsonl:"+w.name+".replay")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("replay: %v\n%s", err, out)
	}
	return readTranscript(t, w.name+".live"), readTranscript(t, w.name+".replay")
}

// syncBuffer is a Buffer that is read while a program writes to it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*syncBuffer)(nil)

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
