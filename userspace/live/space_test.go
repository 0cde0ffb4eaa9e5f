//go:build linux && (amd64 || arm64)

package live

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"

	"flowscope/internal/testenv"
	"flowscope/sensor"
)

// space is a network namespace of the test.
type space struct {
	t    *testing.T
	name string
}

var spaces int // names that were given

func newSpace(t *testing.T) *space {
	t.Helper()
	testenv.NeedRoot(t)
	testenv.Need(t, "ip")
	spaces++
	s := &space{t, fmt.Sprintf("fss%d-%d", os.Getpid(), spaces)}
	command(t, "ip", "netns", "add", s.name)
	t.Cleanup(func() { _, _ = output("ip", "netns", "del", s.name) })
	s.run("ip", "link", "set", "lo", "up")
	return s
}

// run runs a command in the namespace.
func (s *space) run(argv ...string) string {
	s.t.Helper()
	return command(s.t, append([]string{"ip", "netns", "exec", s.name}, argv...)...)
}

// ip runs ip with words that are separated by spaces.
func (s *space) ip(words string) string {
	s.t.Helper()
	return command(s.t, append([]string{"ip", "-n", s.name}, strings.Fields(words)...)...)
}

// talk sends n datagrams of size bytes to an address of another namespace, one
// after the answer to the other: 2n packets.
func (s *space) talk(other *space, address string, n, size int) {
	s.t.Helper()
	if err := s.exchange(other, address, n, size); err != nil {
		s.t.Fatal(err)
	}
}

func (s *space) exchange(other *space, address string, n, size int) error {
	var there, here net.PacketConn
	err := other.do(func() (err error) {
		there, err = net.ListenPacket("udp4", address+":7000")
		return err
	})
	if err != nil {
		return err
	}
	defer there.Close()
	err = s.do(func() (err error) {
		here, err = net.ListenPacket("udp4", ":0") // another flow each time
		return err
	})
	if err != nil {
		return err
	}
	defer here.Close()
	deadline := time.Now().Add(2 * time.Second)
	_, _ = there.SetDeadline(deadline), here.SetDeadline(deadline)
	b := make([]byte, size)
	for range n {
		if _, err := here.WriteTo(b, there.LocalAddr()); err != nil {
			return err
		}
		_, from, err := there.ReadFrom(b)
		if err != nil {
			return err
		}
		if _, err := there.WriteTo(b, from); err != nil {
			return err
		}
		if _, _, err := here.ReadFrom(b); err != nil {
			return err
		}
	}
	return nil
}

// do runs f in the namespace.
func (s *space) do(f func() error) error {
	ns, err := enter(s.name)
	if err != nil {
		return err
	}
	defer ns.leave()
	return ns.do(f)
}

// set writes a setting of /proc/sys, which is that of the thread's namespace.
func (s *space) set(name, value string) {
	s.t.Helper()
	if err := s.do(func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0) }); err != nil {
		s.t.Fatal(err)
	}
}

// quiet makes an interface say nothing unasked, as it would with IPv6.
func (s *space) quiet(name string) {
	s.t.Helper()
	if _, err := os.Stat("/proc/sys/net/ipv6"); err == nil {
		s.set("net/ipv6/conf/"+name+"/disable_ipv6", "1")
	}
}

// cable lays a veth pair between two namespaces, with addresses.
func (s *space) cable(name, address string, other *space, otherName, otherAddress string) {
	s.t.Helper()
	s.ip("link add " + name + " type veth peer name " + otherName + " netns " + other.name)
	for _, end := range []struct {
		s             *space
		name, address string
	}{{s, name, address}, {other, otherName, otherAddress}} {
		end.s.quiet(end.name)
		if end.address != "" {
			end.s.ip("addr add " + end.address + " dev " + end.name)
		}
		end.s.ip("link set " + end.name + " up")
	}
}

// session is a Source that is read to its end by a goroutine.
type session struct {
	*Source
	t    *testing.T
	log  *logged
	done sync.WaitGroup
	sum  total
	end  *sensor.Ledger
}

// logged is a log that may be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func watch(t *testing.T, o Options) *session {
	t.Helper()
	s := &session{t: t, log: &logged{}}
	o.Log = slog.New(slog.NewTextHandler(s.log, nil))
	src, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Source = src
	t.Cleanup(func() { src.Close() })
	s.done.Go(func() { s.sum, s.end = src.readAll(t) })
	return s
}

// finish stops the Source and returns what it said.
func (s *session) finish() (total, *sensor.Ledger) {
	s.t.Helper()
	s.Stop()
	s.done.Wait()
	if s.t.Failed() {
		s.t.Log(s.log.String())
	}
	return s.sum, s.end
}

// says waits until the log has all the words in one line.
func (s *session) says(words ...string) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Log(s.log.String())
		}
	}()
	eventually(s.t, fmt.Sprintf("the log has %q", words), func() bool {
	lines:
		for line := range strings.Lines(s.log.String()) {
			for _, w := range words {
				if !strings.Contains(line, w) {
					continue lines
				}
			}
			return true
		}
		return false
	})
}

// packets returns the sum over all directions.
func (t total) all() (c sensor.Counters) {
	for _, one := range t.counts {
		c.Add(one)
	}
	return c
}

// state is what is attached to the interfaces of the namespace.
func (s *space) state() string {
	s.t.Helper()
	tc := testenv.Need(s.t, "tc")
	var b strings.Builder
	for line := range strings.Lines(s.run(tc, "qdisc", "show")) {
		if strings.Contains(line, "clsact") || strings.Contains(line, "ingress") {
			b.WriteString(line)
		}
	}
	var names []string
	if err := s.do(func() error {
		all, err := listLinks()
		for _, l := range all {
			names = append(names, l.Attrs().Name)
		}
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		for _, d := range []string{"ingress", "egress"} {
			if out, err := output("ip", "netns", "exec", s.name, tc, "filter", "show", "dev", name, d); err == nil {
				b.WriteString(out)
			}
		}
	}
	for line := range strings.Lines(s.ip("-d link show")) {
		if strings.Contains(line, "prog/xdp") {
			b.WriteString(line)
		}
	}
	if err := s.do(func() error { return tcxState(&b) }); err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

func command(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := output(argv...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return out
}

func output(argv ...string) (string, error) {
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	return string(out), err
}

func attrsOf(name string) *netlink.LinkAttrs { return &netlink.LinkAttrs{Name: name} }

// tcxState writes what is at TCX of the interfaces of the thread's namespace.
func tcxState(w io.Writer) error {
	all, err := listLinks()
	if err != nil {
		return err
	}
	for _, l := range all {
		for _, at := range []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress} {
			r, err := link.QueryPrograms(link.QueryOptions{Target: l.Attrs().Index, Attach: at})
			if err != nil {
				continue // no TCX in this kernel
			}
			for range r.Programs {
				fmt.Fprintf(w, "%s %v\n", l.Attrs().Name, at)
			}
		}
	}
	return nil
}

// hasTCX says whether the kernel has it.
func hasTCX() bool {
	k := &kernel{}
	k.probeTCX(1)
	return k.noTCX == nil
}

// openTun makes the device tun0 in a namespace, for packets without link header.
func openTun(t *testing.T, s *space) *os.File {
	t.Helper()
	var fd int
	err := s.do(func() (err error) {
		if fd, err = syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_CLOEXEC, 0); err != nil {
			return err
		}
		const tunSetIff, iffTun, iffNoPI = 0x400454ca, 1, 0x1000
		request := struct {
			name  [16]byte
			flags uint16
			_     [22]byte
		}{flags: iffTun | iffNoPI}
		copy(request.name[:], "tun0")
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), tunSetIff, uintptr(unsafe.Pointer(&request))); errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil {
		testenv.Skipf(t, "needs a tun device: modprobe tun: %v", err)
	}
	f := os.NewFile(uintptr(fd), "tun0")
	t.Cleanup(func() { f.Close() })
	return f
}

// passing is a program of somebody else, which passes all packets on.
func passing(t *testing.T) *ebpf.Program {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "foreign", Type: ebpf.SchedCLS, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}
