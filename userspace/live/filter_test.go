//go:build linux && (amd64 || arm64)

package live

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"flowscope/gen"
	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/internal/filter"
	"flowscope/userspace/replay"
)

// loadFilter loads a program that is a filter and nothing else.
func loadFilter(t *testing.T, name, expr string, next uint32) (*ebpf.Program, error) {
	t.Helper()
	spec, err := gen.LoadSensor()
	if err != nil {
		t.Fatal(err)
	}
	for n := range spec.Programs {
		if n != name {
			delete(spec.Programs, n)
		}
	}
	if err := spec.Variables["fs_next"].Set(next); err != nil {
		t.Fatal(err)
	}
	if err := addFilter(spec, name, expr, next); err != nil {
		return nil, err
	}
	c, err := ebpf.NewCollection(spec)
	if err != nil {
		t.Fatalf("%q: %+v", expr, tail(err))
	}
	p := c.DetachProgram(name)
	c.Close()
	t.Cleanup(func() { p.Close() })
	return p, nil
}

func filterExpressions(t *testing.T) (list []string) {
	t.Helper()
	b, err := os.ReadFile("../internal/filter/testdata/expressions.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimRight(line, "\n"); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

// someFrames are frames of the captures of testdata and of the corpus, cut,
// mutated and as they are.
func someFrames(t *testing.T, most int) (frames [][]byte) {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(root, "testdata", "*.pcap"))
	more, _ := filepath.Glob(filepath.Join(root, "..", "shared", "corpus", "*", "*.pcap"))
	for _, file := range append(files, more...) {
		n := 0
		src, err := replay.Open(replay.Options{Tee: func(f *replay.Frame) {
			if n++; f.Link == 1 && len(f.Data) >= 54 && len(f.Data) < 3000 && n <= 20 {
				frames = append(frames, bytes.Clone(f.Data))
			}
		}}, file)
		if err != nil {
			continue
		}
		var r sensor.Record
		for src.Read(&r) == nil {
		}
		src.Close()
	}
	rng := rand.New(rand.NewPCG(5, 6))
	rng.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
	frames = frames[:min(len(frames), most)]
	for _, f := range frames {
		b := bytes.Clone(f)
		for range 1 + rng.IntN(3) {
			b[rng.IntN(min(len(b), 60))] = byte(rng.Uint32())
		}
		frames = append(frames, b[:54+rng.IntN(len(b)-53)]) // the kernel runs over no shorter IP
	}
	return frames
}

// TestFilterInTheKernel compares the verdicts of the kernel with those of replay.
func TestFilterInTheKernel(t *testing.T) {
	testenv.NeedRoot(t)
	frames := someFrames(t, 150)
	verdicts, matches, expressions := 0, 0, 0
	for i, expr := range filterExpressions(t) {
		want, err := filter.Compile(expr, linkEthernet, filterSnaplen)
		if err != nil || testing.Short() && i%10 != 0 {
			continue
		}
		name := "fs_accepts_skb"
		if i%4 == 3 {
			name = "fs_accepts_xdp"
		}
		p, err := loadFilter(t, name, expr, beginsEthernet)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		expressions++
		for _, b := range frames {
			got, err := p.Run(&ebpf.RunOptions{Data: b})
			if err != nil {
				t.Fatalf("run over %d bytes: %v", len(b), err)
			}
			if w := want.Match(b, len(b)); w != (got == 1) {
				t.Errorf("%q in the kernel says %d of %x; replay says %v", expr, got, b, w)
				break
			}
			verdicts++
			matches += int(got)
		}
		p.Close()
	}
	t.Logf("%d expressions, %d frames, %d verdicts, %d of them matches", expressions, len(frames), verdicts, matches)
}

// TestFilterOfRawIP is for interfaces without a link layer.
func TestFilterOfRawIP(t *testing.T) {
	testenv.NeedRoot(t)
	if _, err := loadFilter(t, "fs_accepts_skb", "tcp port 443 or ip6", beginsIP); err != nil {
		t.Error(err)
	}
	if _, err := loadFilter(t, "fs_accepts_skb", "ether host 02:00:00:00:00:01", beginsIP); err == nil {
		t.Error("a filter of Ethernet addresses is accepted for raw IP")
	}
}

// TestLargestFilter: the verifier takes what the compiler lets pass, with the whole
// program and without CAP_PERFMON.
func TestLargestFilter(t *testing.T) {
	testenv.NeedRoot(t)
	for name, term := range map[string]func(int) string{
		"hosts": func(i int) string { return fmt.Sprintf("host 1.2.%d.%d", i/200, i%200) },
		"loads": func(i int) string { return fmt.Sprintf("tcp[%d]=tcp[%d]", i, i+7) },
		"far":   func(i int) string { return fmt.Sprintf("ether[%d]=7", 200+i) },
		"x":     func(i int) string { return fmt.Sprintf("ip[ip[%d]]=%d", i, i) },
		"ports": func(i int) string { return fmt.Sprintf("port %d", 1000+i) },
		"shift": func(i int) string { return fmt.Sprintf("ether[%d]<<ether[%d]/ether[%d]=%d", i, i+1, i+2, i) },
	} {
		expr := func(n int) string {
			terms := make([]string, n)
			for i := range terms {
				terms[i] = term(i)
			}
			return strings.Join(terms, " or ")
		}
		n := sort.Search(2000, func(n int) bool {
			_, err := filter.Compile(expr(n+1), linkEthernet, filterSnaplen)
			return err != nil
		})
		p, err := filter.Compile(expr(n), linkEthernet, filterSnaplen)
		if err != nil || n == 0 {
			t.Fatalf("%s: %d terms: %v", name, n, err)
		}
		withoutPerfmon(t, func() {
			spec, err := gen.LoadSensor()
			if err != nil {
				t.Error(err)
				return
			}
			for n := range spec.Programs {
				if n != "fs_ingress" {
					delete(spec.Programs, n)
				}
			}
			if err := addFilter(spec, "fs_ingress", expr(n), beginsEthernet); err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			c, err := ebpf.NewCollection(spec)
			if err != nil {
				t.Errorf("%s: %+v", name, tail(err))
				return
			}
			defer c.Close()
			verified := uint32(0)
			if info, err := c.Programs["fs_ingress"].Info(); err == nil {
				verified, _ = info.VerifiedInstructions()
			}
			t.Logf("%s: %d terms, %d instructions of the filter, %d verified", name, n, len(p.Instructions()), verified)
			if verified >= 100_000 {
				t.Errorf("%s: %d instructions verified, want less than 100000", name, verified)
			}
		})
	}
}

// TestFilteredIsCounted: what the filter does not accept is in its row only.
func TestFilteredIsCounted(t *testing.T) {
	s := bench(t, Options{Filter: "host 10.0.0.1 and tcp[13] & 16 != 0", Interval: time.Hour})
	for n := range uint32(10) {
		s.pass(t, tcpFrame(n+1, 1, sensor.ACK, 10), 3)
	}
	got, l := s.rest(t)
	a := l.Account("frames")
	if a.Total != 30 || a.Row("filtered") != 27 || a.Row("accounted") != 3 || len(got.counts) != 1 || got.payload != 30 {
		t.Errorf("%+v, %d flows with %d bytes", a, len(got.counts), got.payload)
	}
}

func TestFilterErrors(t *testing.T) {
	testenv.NeedRoot(t)
	_, err := open(Options{Interfaces: []string{"lo"}, Filter: "tcp port"}, func(*kernel) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "filter") {
		t.Errorf("open returned %v, want an error of the filter", err)
	}
}

// TestFilterSeesTags: the kernel keeps a VLAN tag beside the frame, and the filter
// sees it where it was on the wire, as replay does.
func TestFilterSeesTags(t *testing.T) {
	p := newPair(t, true)
	cable := p.packetSocket()
	b := make([]byte, 500)
	copy(b, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x81, 0, 0x60, 5, 8, 0})
	ip := b[18:]
	copy(ip, []byte{0x45, 0, 482 >> 8, 482 & 0xff, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	copy(ip[20:], []byte{5353 >> 8, 5353 & 0xff, 5353 >> 8, 5353 & 0xff, 462 >> 8, 462 & 0xff, 0, 0})
	copy(ip[28:], "hello")
	b[300], b[254], b[255], b[256], b[257] = '.', 1, 2, 3, 4
	for _, expr := range []string{
		"vlan 5 and udp dst port 5353", "vlan 6", "udp port 5353", "vlan and udp[8:4] = 0x68656c6c",
		"ether[12:4] = 0x81006005 and ether[16:2] = 0x0800 and ether[300] = 0x2e and len = 500",
		"ether[254:4] = 0x01020304", "ether[ether[254]+255:2] = 0x0304", "ether[499] = 0", "ether[500] = 0", "ether[498:4] >= 0",
	} {
		program, err := filter.Compile(expr, linkEthernet, filterSnaplen)
		if err != nil {
			t.Fatal(err)
		}
		want := uint64(0)
		if program.Match(b, len(b)) {
			want = 5
		}
		s, err := Open(Options{Interfaces: []string{p.here}, Filter: "ether src 02:00:00:00:00:01 and (" + expr + ")", Interval: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if err := unix.Send(cable, b, 0); err != nil {
				t.Fatal(err)
			}
		}
		var a *sensor.Account
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); runtime.Gosched() {
			l := &sensor.Ledger{}
			s.Account(l)
			if a = l.Account("frames " + p.here + " ingress"); a.Total >= 5 {
				break
			}
		}
		_, l := s.rest(t)
		a = l.Account("frames " + p.here + " ingress")
		if got := a.Row("accounted"); got != want || a.Row("filtered") < 5-want {
			t.Errorf("%q accepts %d frames, replay %d: %+v", expr, got, want, a)
		}
		s.Close()
	}
}

// packetSocket is one that sends frames from the other end of the cable.
func (p *pair) packetSocket() (fd int) {
	p.t.Helper()
	var err error
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns, e := netns.GetFromName(p.ns)
		if e == nil {
			e = netns.Set(ns)
			ns.Close()
		}
		if e != nil {
			err = e
			return
		}
		there, e := net.InterfaceByName(p.here + "p")
		if e != nil {
			err = e
			return
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err == nil {
			err = unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: there.Index})
		}
	})
	wg.Wait()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { unix.Close(fd) })
	return fd
}
