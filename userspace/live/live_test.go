//go:build linux && (amd64 || arm64)

package live

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// direction is one direction of a flow; of what it sends, totals.
type direction struct {
	key  sensor.Key
	from uint8
}

func (d direction) String() string { return fmt.Sprintf("%v from %d", d.key, d.from) }

// tally is what a run of the engine says of all flows, and of the bytes of the
// TCP streams.
type tally struct {
	counts  map[string]sensor.Counters
	flags   map[string]uint8
	streams map[string]string
	hashes  map[string][]byte
	gaps    []string
}

func newTally() *tally {
	return &tally{counts: map[string]sensor.Counters{}, flags: map[string]uint8{}, streams: map[string]string{}, hashes: map[string][]byte{}}
}

// Consume implements sensor.Sink.
func (a *tally) Consume(ev *sensor.Event) error {
	name := func(s sensor.Side) string {
		return direction{ev.Flow.Key, ev.Flow.Initiator ^ uint8(s)}.String()
	}
	switch ev.Kind {
	case sensor.FlowEnd:
		for s := range sensor.Side(2) {
			c := a.counts[name(s)]
			c.Add(ev.Flow.Counters[s])
			if c != (sensor.Counters{}) {
				a.counts[name(s)] = c
			}
			if f := a.flags[name(s)] | ev.Flow.TCP[s].Flags; f != 0 {
				a.flags[name(s)] = f
			}
		}
	case sensor.FlowData:
		n := name(ev.Side)
		a.hashes[n] = append(a.hashes[n], ev.Data...)
	case sensor.FlowGap:
		a.gaps = append(a.gaps, fmt.Sprintf("%s: %d %v", name(ev.Side), ev.Lost, ev.Reason))
	}
	return nil
}

func (a *tally) finish() {
	for n, b := range a.hashes {
		a.streams[n] = fmt.Sprintf("%d bytes, %x", len(b), sha256.Sum256(b))
	}
}

// run runs src through an engine until it ends.
func run(t *testing.T, src sensor.Source, workers int) (*tally, sensor.Ledger) {
	t.Helper()
	a := newTally()
	books, err := engine.Run(context.Background(), src, engine.Config{StreamData: true}, workers, a)
	if err != nil {
		t.Fatal(err)
	}
	if err := books.Check(); err != nil {
		t.Errorf("the books do not balance: %v\n%v", err, books)
	}
	a.finish()
	return a, books
}

// capture runs tcpdump beside the sensor and returns what ends it, and its file.
func capture(t *testing.T, iface string) (file string, stop func()) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "beside.pcap")
	cmd := exec.Command(testenv.Need(t, "tcpdump"), "-i", iface, "-U", "--immediate-mode", "-B", "16384", "-Z", "root", "-s", "0", "-w", file)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "tcpdump writes", func() bool {
		info, err := os.Stat(file)
		return err == nil && info.Size() >= 24
	})
	return file, func() {
		time.Sleep(100 * time.Millisecond) // for what tcpdump has not read yet
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		if !strings.Contains(log.String(), "0 packets dropped by kernel") {
			t.Fatalf("tcpdump lost packets: %s", log.String())
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within 5 s: %s", what)
}

// talk makes TCP and UDP traffic over the pair, v4 and v6, and returns when all
// of it was answered.
func (p *pair) talk(conns, size int) {
	p.t.Helper()
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, ip := range []string{thereIP, thereV6} {
		l := p.listen("tcp", net.JoinHostPort(ip, "0")).(net.Listener)
		defer l.Close()
		wg.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				wg.Go(func() {
					defer c.Close()
					_, _ = io.Copy(c, c)
				})
			}
		})
		u := p.listen("udp", net.JoinHostPort(ip, "0")).(net.PacketConn)
		defer u.Close()
		wg.Go(func() {
			b := make([]byte, 2000)
			for {
				n, from, err := u.ReadFrom(b)
				if err != nil {
					return
				}
				_, _ = u.WriteTo(b[:n], from)
			}
		})
		for i := range conns {
			p.echo(l.Addr(), size+i)
		}
		p.ask(u.LocalAddr(), 20)
	}
}

func (p *pair) echo(addr net.Addr, size int) {
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		p.t.Error(err)
		return
	}
	defer c.Close()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	go func() {
		_, _ = c.Write(data)
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, data) {
		p.t.Errorf("echo of %d bytes: %d came back, %v", size, len(got), err)
	}
}

func (p *pair) ask(addr net.Addr, n int) {
	c, err := net.Dial("udp", addr.String())
	if err != nil {
		p.t.Error(err)
		return
	}
	defer c.Close()
	b := make([]byte, 2000)
	for i := range n {
		_, _ = c.Write(b[:100+i])
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if got, err := c.Read(b); err != nil || got != 100+i {
			p.t.Errorf("datagram of %d bytes: %d came back, %v", 100+i, got, err)
			return
		}
	}
}

// settle waits until the last packets of a connection have passed.
func settle() { time.Sleep(300 * time.Millisecond) }

// TestLiveIsTheReplayOfTheCapture holds counters, flags and streams of a live run
// against those of the capture that tcpdump made beside it.
func TestLiveIsTheReplayOfTheCapture(t *testing.T) {
	p := newPair(t, false)
	file, stop := capture(t, p.here)
	src, err := Open(Options{Interfaces: []string{p.here}, Interval: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var live *tally
	var books sensor.Ledger
	var done sync.WaitGroup
	done.Go(func() { live, books = run(t, src, 2) })
	p.talk(20, 100_000)
	settle()
	src.Stop()
	done.Wait()
	stop()

	in, err := replay.Open(replay.Options{}, file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	beside, other := run(t, in, 1)
	clean(live, beside)
	if d := cmp.Diff(beside.counts, live.counts); d != "" {
		t.Errorf("counters differ (-capture +live):\n%s", d)
	}
	if d := cmp.Diff(beside.flags, live.flags); d != "" {
		t.Errorf("TCP flags differ (-capture +live):\n%s", d)
	}
	if d := cmp.Diff(beside.streams, live.streams); d != "" {
		t.Errorf("streams differ (-capture +live):\n%s", d)
	}
	if len(live.gaps) != 0 {
		t.Errorf("gaps: %q", live.gaps)
	}
	t.Logf("%d directions, %d streams, %d frames live, %d captured", len(live.counts), len(live.streams),
		books.Account("frames").Total, other.Account("frames").Total)
	for _, h := range src.Hooks() {
		t.Logf("%s %s: %d instructions verified", h.Interface, h.Direction, h.Verified)
	}
}

// clean leaves out what the two may see differently because they do not begin
// and end at the same moment: the neighbour discovery of IPv6, and the fragments
// that only replay ties to their flow.
func clean(all ...*tally) {
	for _, a := range all {
		for n := range a.counts {
			if strings.Contains(n, "icmp") {
				delete(a.counts, n)
			}
		}
	}
}

// TestSuperPacketsOfTCP: with offloads on, what passes the hooks is packets of up
// to 64 KiB; what is counted is what a card would send: headers for every
// segment. The streams are whole.
func TestSuperPacketsOfTCP(t *testing.T) {
	p := newPair(t, true)
	file, stop := capture(t, p.here)
	src, err := Open(Options{Interfaces: []string{p.here}, Interval: 100 * time.Millisecond, Budget: 1 << 30, RingSize: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var live *tally
	var books sensor.Ledger
	var done sync.WaitGroup
	done.Go(func() { live, books = run(t, src, 1) })
	p.talk(3, 1_000_000)
	settle()
	src.Stop()
	done.Wait()
	stop()
	in, err := replay.Open(replay.Options{}, file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	beside, _ := run(t, in, 1)
	if d := cmp.Diff(beside.streams, live.streams); d != "" {
		t.Errorf("streams differ (-capture +live):\n%s", d)
	}
	segments := uint64(0)
	for n, c := range live.counts {
		if !strings.Contains(n, "tcp") {
			continue
		}
		header := uint64(52) // IPv4, TCP, timestamps
		if strings.Contains(n, "[") {
			header = 72
		}
		// 8 more in the SYN; 12, 20 or 28 in a selective acknowledgement.
		if got, want := c.Bytes-c.PayloadBytes, c.Packets*header+8; got < want || (got-want)%4 != 0 || got-want > want/50 {
			t.Errorf("%s: %d bytes of headers in %d packets, want %d", n, got, c.Packets, want)
		}
		if b := beside.counts[n]; c.PayloadBytes != b.PayloadBytes {
			t.Errorf("%s: %d bytes of payload, captured %d", n, c.PayloadBytes, b.PayloadBytes)
		}
		segments += c.Packets
	}
	frames := uint64(0)
	for _, h := range src.Hooks() {
		frames += h.Frames
	}
	t.Logf("%d packets on the wire, %d frames", books.Account("frames").Total, frames)
}
