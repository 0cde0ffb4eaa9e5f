//go:build linux && (amd64 || arm64)

package live

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"flowscope/gen"
	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/internal/frame"
	"flowscope/userspace/replay"
)

// bench is a Source whose programs are attached to nothing: the test runs them.
func bench(t testing.TB, o Options) *Source {
	t.Helper()
	testenv.NeedRoot(t)
	o.Interfaces = []string{"lo"}
	s, err := open(o, func(*kernel) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// pass runs the program over a frame, which must let it pass as it is.
func (s *Source) pass(t *testing.T, b []byte, times uint32) {
	t.Helper()
	opt := ebpf.RunOptions{Data: b, DataOut: make([]byte, len(b)+256), Repeat: times}
	var ret uint32
	var err error
	undisturbed(t, func() { ret, err = s.k.hooks[0].program.Run(&opt) })
	if err != nil {
		t.Fatalf("run over %d bytes: %v", len(b), err)
	}
	if int32(ret) != -1 || !bytes.Equal(opt.DataOut, b) {
		t.Fatalf("the program returned %d, or changed the frame", int32(ret))
	}
}

// undisturbed runs f without signals: one, such as the runtime sends to other
// threads, ends a run of many times, which then begins anew.
func undisturbed(t *testing.T, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before); err != nil {
		t.Fatal(err)
	}
	f()
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil); err != nil {
		t.Fatal(err)
	}
}

// tcpFrame is a TCP segment of flow n.
func tcpFrame(n uint32, seq uint32, flags uint8, payload int) []byte {
	b := make([]byte, 54+payload)
	b[12] = 8
	ip := b[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, 6
	binary.BigEndian.PutUint16(ip[2:], uint16(40+payload))
	binary.BigEndian.PutUint32(ip[12:], 0x0a000000|n)
	copy(ip[16:], []byte{10, 255, 0, 1})
	tcp := ip[20:]
	binary.BigEndian.PutUint16(tcp, 40000)
	binary.BigEndian.PutUint16(tcp[2:], 443)
	binary.BigEndian.PutUint32(tcp[4:], seq)
	tcp[12], tcp[13] = 0x50, flags
	for i := range payload {
		tcp[20+i] = byte(n) + byte(i)
	}
	return b
}

func flowKey(n uint32) (sensor.Key, uint8) {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 0x0a000000|n)
	return sensor.NewKey(sensor.ProtoTCP, netip.AddrPortFrom(netip.AddrFrom4(ip), 40000), netip.MustParseAddrPort("10.255.0.1:443"))
}

// total is what all records of a Source add up to.
type total struct {
	counts   map[direction]sensor.Counters
	payload  uint64
	lost     map[sensor.Loss]uint64
	packets  int
	payloads map[direction][]byte
	where    map[direction][]string
}

// rest reads until the end, after Stop, and checks the books.
func (s *Source) rest(t *testing.T) (total, *sensor.Ledger) {
	t.Helper()
	s.Stop()
	return s.readAll(t)
}

func (s *Source) readAll(t *testing.T) (total, *sensor.Ledger) {
	t.Helper()
	sum := total{counts: map[direction]sensor.Counters{}, lost: map[sensor.Loss]uint64{}, payloads: map[direction][]byte{}, where: map[direction][]string{}}
	var r sensor.Record
	for {
		err := s.Read(&r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		d := direction{r.Key, r.From}
		switch r.Kind {
		case sensor.Packet:
			sum.packets++
			sum.payload += uint64(len(r.Payload))
			sum.payloads[d] = append(sum.payloads[d], r.Payload...)
		case sensor.Snapshot:
			c := sum.counts[d]
			c.Add(r.Count)
			sum.counts[d] = c
			for _, name := range s.Locate(r.Where) {
				if !slices.Contains(sum.where[d], name) {
					sum.where[d] = append(sum.where[d], name)
				}
			}
		case sensor.Lost:
			sum.lost[r.Reason] += r.Count.PayloadBytes
		}
	}
	l := &sensor.Ledger{}
	s.Account(l)
	if err := l.Check(); err != nil {
		t.Errorf("the books do not balance: %v", err)
	}
	return sum, l
}

// TestKernelIsTheTwin runs captures, and mutations of their frames, through the
// program and through the Go classifier: the same keys, directions, counters,
// payload and reasons.
func TestKernelIsTheTwin(t *testing.T) {
	testenv.NeedRoot(t)
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(root, "testdata", "*.pcap"))
	more, _ := filepath.Glob(filepath.Join(root, "..", "shared", "corpus", "*", "*.pcap"))
	rng := rand.New(rand.NewPCG(3, 4))
	var frames [][]byte
	for _, file := range append(files, more...) {
		src, err := replay.Open(replay.Options{Tee: func(f *replay.Frame) {
			if f.Link == 1 && len(f.Data) >= 54 && len(f.Data) < 3000 {
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
	mutations := 10000
	if testing.Short() {
		mutations, frames = 500, frames[:min(len(frames), 1500)]
	}
	for range mutations {
		b := bytes.Clone(frames[rng.IntN(len(frames))])
		for range 1 + rng.IntN(3) {
			b[rng.IntN(min(len(b), 100))] = byte(rng.Uint32())
		}
		frames = append(frames, b[:54+rng.IntN(len(b)-53)]) // the kernel runs over no shorter IP
	}
	const batch = 500
	compared, skipped := 0, 0
	for len(frames) > 0 {
		n := min(batch, len(frames))
		a, b := compareBatch(t, frames[:n])
		compared, skipped = compared+a, skipped+b
		frames = frames[n:]
		if t.Failed() {
			return
		}
	}
	t.Logf("%d frames, and %d fragments and deep ones left out", compared, skipped)
}

// compareBatch runs frames through both. Fragments, which only replay ties to
// their flow, and frames too deep for the kernel are left out.
func compareBatch(t *testing.T, frames [][]byte) (compared, skipped int) {
	t.Helper()
	s := bench(t, Options{Rings: 1, RingSize: 8 << 20, Budget: 1 << 40, Interval: time.Hour})
	defer s.Close()
	c := frame.New(sensor.Classify{})
	want := total{counts: map[direction]sensor.Counters{}, payloads: map[direction][]byte{}}
	for i, b := range frames {
		f := frame.Frame{Ordinal: uint64(i + 1), Time: sensor.Timestamp(i), Link: frame.LinkEthernet, WireLen: len(b), Data: b}
		var r sensor.Record
		var l sensor.Ledger
		probe := frame.New(sensor.Classify{})
		probe.Classify(&f, &r)
		probe.Account(&l)
		if l.Account("frames").Row("fragments_held")+l.Account("frames").Row("fragment_malformed") > 0 || r.Flags&sensor.Fragment != 0 || isDeep(b) {
			skipped++
			continue
		}
		s.pass(t, b, 1)
		compared++
		if !c.Classify(&f, &r) {
			continue
		}
		d := direction{r.Key, r.From}
		k := want.counts[d]
		k.Add(r.Count)
		want.counts[d] = k
		if r.Key.Proto == sensor.ProtoTCP || r.Key.Proto == sensor.ProtoUDP {
			want.payloads[d] = append(want.payloads[d], r.Payload...)
			if len(r.Payload) > 0 || r.TCPFlags&(sensor.FIN|sensor.SYN|sensor.RST) != 0 {
				want.packets++
			}
		}
	}
	got, ledger := s.rest(t)
	if d := cmp.Diff(want.counts, got.counts); d != "" {
		t.Errorf("counters (-go +kernel):\n%s", d)
	}
	for d, b := range want.payloads {
		if !bytes.Equal(b, got.payloads[d]) {
			t.Errorf("%v: payload differs: %d bytes, want %d", d, len(got.payloads[d]), len(b))
		}
	}
	if want.packets > got.packets {
		t.Errorf("%d packets crossed, want %d", got.packets, want.packets)
	}
	var books sensor.Ledger
	c.Account(&books)
	for _, row := range books.Account("frames").Rows {
		if n := ledger.Account("frames").Row(row.Name); n != row.Count {
			t.Errorf("%d frames are %s, want %d", n, row.Name, row.Count)
		}
	}
	return compared, skipped
}

// isDeep says whether the headers of a frame reach behind the kernel's window.
func isDeep(b []byte) bool {
	if len(b) <= 256 {
		return false
	}
	var a, z sensor.Record
	for _, n := range []int{256, len(b)} {
		f := frame.Frame{Ordinal: 1, Link: frame.LinkEthernet, WireLen: len(b), Data: b[:n]}
		r := &z
		if n == 256 {
			r = &a
		}
		if !frame.New(sensor.Classify{}).Classify(&f, r) {
			*r = sensor.Record{}
		}
		r.Payload = nil
	}
	return !cmp.Equal(a, z)
}

// TestFullMap: what finds no room in the flow map is in the overflow rows.
func TestFullMap(t *testing.T) {
	for _, o := range []Options{{MaxFlows: 100, MaxNew: 1 << 20}, {MaxFlows: 1 << 12, MaxNew: 100}} {
		o.Interval = time.Hour
		s := bench(t, o)
		for n := range uint32(1000) {
			s.pass(t, tcpFrame(n+1, 1, sensor.ACK, 10), 3)
		}
		got, l := s.rest(t)
		a := l.Account("kernel_flows")
		if a.Total != 3000 || len(got.counts) > 200 || len(got.counts) < 100 || a.Row("overflow_tcp") != 3000-a.Row("snapshots") || a.Row("in_maps") != 0 {
			t.Errorf("%d flows, %+v", len(got.counts), a)
		}
		p := l.Account("kernel_payload")
		if p.Total != 30000 || p.Row("no_flow") != a.Row("overflow_tcp")*10 || got.payload != p.Row("forwarded") {
			t.Errorf("%d bytes came, %+v", got.payload, p)
		}
	}
}

// TestNothingIsLostBetweenEpochs counts on all CPUs while the maps are swapped
// as fast as the kernel lets go of them.
func TestNothingIsLostBetweenEpochs(t *testing.T) {
	s := bench(t, Options{Interval: time.Millisecond, Budget: 1})
	const each, flows = 400_000, 8
	var wg sync.WaitGroup
	for n := range uint32(flows) {
		wg.Go(func() {
			for range 4 {
				s.pass(t, tcpFrame(n%4+1, 1, sensor.ACK, 20), each/4)
			}
		})
	}
	go func() {
		wg.Wait()
		s.Stop()
	}()
	began := time.Now()
	got, l := s.readAll(t)
	a := l.Account("kernel_flows")
	if a.Row("snapshots") != each*flows || a.Row("in_maps") != 0 || a.Sum() != a.Total {
		t.Errorf("%+v, want %d packets", a, each*flows)
	}
	sum := uint64(0)
	for _, c := range got.counts {
		sum += c.Packets
		if c.Packets != each*flows/4 || c.Bytes != c.Packets*60 || c.PayloadBytes != c.Packets*20 {
			t.Errorf("%+v, want %d packets of 60 bytes", c, each*flows/4)
		}
	}
	if sum != each*flows {
		t.Errorf("%d packets in flows, want %d", sum, each*flows)
	}
	t.Logf("%d packets in %v", sum, time.Since(began))
}

// TestVerdict: the engine's verdict stops the copy, in this epoch and the next,
// and the counting goes on.
func TestVerdict(t *testing.T) {
	s := bench(t, Options{Interval: time.Hour})
	s.pass(t, tcpFrame(1, 1, sensor.ACK, 100), 1)
	k, from := flowKey(1)
	if err := s.Bypass(k); err != nil {
		t.Fatal(err)
	}
	if err := s.verdicts.tell(s.k.verdicts); err != nil {
		t.Fatal(err)
	}
	s.pass(t, tcpFrame(1, 101, sensor.ACK, 100), 5)
	s.pass(t, tcpFrame(2, 1, sensor.ACK, 100), 1)
	s.pass(t, tcpFrame(1, 601, sensor.ACK|sensor.FIN, 0), 1) // the end crosses
	got, l := s.rest(t)
	if c := got.counts[direction{k, from}]; c.Packets != 7 || c.PayloadBytes != 600 {
		t.Errorf("counted %+v, want 7 packets with 600 bytes", c)
	}
	if got.payload != 200 || got.lost[sensor.LossBypass] != 500 || got.packets != 3 {
		t.Errorf("%d packets with %d bytes crossed, lost %v; want 3, 200, and 500 bypassed", got.packets, got.payload, got.lost)
	}
	if p := l.Account("kernel_payload"); p.Row("bypassed") != 500 {
		t.Errorf("%+v, want 500 bytes bypassed", p)
	}
}

// TestBudgetAndRings: what is over the budget, or finds no room in the ring, is
// told by how much and why, and the rest arrives.
func TestBudgetAndRings(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		why  sensor.Loss
		row  string
	}{
		{"budget", Options{Budget: 1000}, sensor.LossBudget, "over_budget"},
		{"ring", Options{Rings: 1, RingSize: 4096}, sensor.LossRing, "ring_full"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Interval = time.Hour
			s := bench(t, tt.o)
			for i := range uint32(100) {
				s.pass(t, tcpFrame(1, 1+i*100, sensor.ACK, 100), 1)
			}
			got, l := s.rest(t)
			p := l.Account("kernel_payload")
			if p.Total != 10000 || p.Row("forwarded") != got.payload || p.Row(tt.row) != got.lost[tt.why] || got.payload+got.lost[tt.why] != 10000 || got.lost[tt.why] == 0 {
				t.Errorf("%d bytes crossed, lost %v, %+v", got.payload, got.lost, p)
			}
		})
	}
}

// TestWithoutPerfmon loads every program, for Ethernet and for raw IP, with
// CAP_BPF and CAP_NET_ADMIN and nothing else.
func TestWithoutPerfmon(t *testing.T) {
	testenv.NeedRoot(t)
	spec, err := gen.LoadSensor()
	if err != nil {
		t.Fatal(err)
	}
	withoutPerfmon(t, func() {
		for name := range spec.Programs {
			for _, next := range []uint32{beginsEthernet, beginsIP} {
				one := spec.Copy()
				for n := range one.Programs {
					if n != name {
						delete(one.Programs, n)
					}
				}
				if err := one.Variables["fs_next"].Set(next); err != nil {
					t.Error(err)
				}
				c, err := ebpf.NewCollection(one)
				if err != nil {
					t.Errorf("%s: %+v", name, tail(err))
					continue
				}
				info, err := c.Programs[name].Info()
				if err == nil {
					n, _ := info.VerifiedInstructions()
					t.Logf("%s, frames of kind %d: %d instructions verified", name, next, n)
					if n >= 100_000 {
						t.Errorf("%s: %d instructions verified, want less than 100000", name, n)
					}
				}
				c.Close()
			}
		}
	})
}

// withoutPerfmon runs f with CAP_BPF and CAP_NET_ADMIN and nothing else.
func withoutPerfmon(t *testing.T, f func()) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // the thread ends with the goroutine, and with it its poverty
		caps := uint64(1)<<unix.CAP_BPF | 1<<unix.CAP_NET_ADMIN
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		data := [2]unix.CapUserData{
			{Effective: uint32(caps), Permitted: uint32(caps)},
			{Effective: uint32(caps >> 32), Permitted: uint32(caps >> 32)},
		}
		if err := unix.Capset(&head, &data[0]); err != nil {
			t.Error(err)
			return
		}
		f()
	})
	wg.Wait()
}

// TestSuperPackets: a packet that is several on the wire counts as these.
func TestSuperPackets(t *testing.T) {
	s := bench(t, Options{Interval: time.Hour})
	b := tcpFrame(1, 1, sensor.ACK|sensor.PSH, 2500)
	ctx := make([]byte, 192) // struct __sk_buff
	const gsoSegs, gsoSize = 164, 176
	binary.NativeEndian.PutUint32(ctx[gsoSegs:], 3)
	binary.NativeEndian.PutUint32(ctx[gsoSize:], 1000)
	if _, err := s.k.hooks[0].program.Run(&ebpf.RunOptions{Data: b, Context: ctx}); err != nil {
		t.Fatal(err)
	}
	got, _ := s.rest(t)
	k, from := flowKey(1)
	want := sensor.Counters{Packets: 3, Bytes: 2500 + 3*40, FrameBytes: 2500 + 3*54, PayloadBytes: 2500}
	if c := got.counts[direction{k, from}]; c != want {
		t.Errorf("counted %+v, want %+v", c, want)
	}
}

// TestClose ends a Read that waits, twice.
func TestClose(t *testing.T) {
	s := bench(t, Options{})
	done := make(chan error)
	go func() {
		var r sensor.Record
		for {
			if err := s.Read(&r); err != nil {
				done <- err
				return
			}
		}
	}()
	time.Sleep(20 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-done:
		if fmt.Sprint(err) != "use of closed network connection" {
			t.Errorf("Read returned %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Read still waits")
	}
	var l sensor.Ledger
	s.Account(&l)
	if l.Account("frames") == nil {
		t.Error("no books after Close")
	}
}

// TestLayout: the casts between the kernel's key and the sensor's.
func TestLayout(t *testing.T) {
	k := sensor.Key{Addr: [2][16]byte{{1}, {2}}, Port: [2]uint16{3, 4}, Tunnel: 5, VLAN: 6, Proto: 7, Kind: 0}
	g := *(*gen.Key)(unsafe.Pointer(&k))
	if g.Addr != k.Addr || g.Port != k.Port || g.Tunnel != 5 || g.Vlan != 6 || g.Proto != 7 {
		t.Errorf("%+v became %+v", k, g)
	}
}

// tail is the end of what the verifier said.
func tail(err error) error {
	var ve *ebpf.VerifierError
	if errors.As(err, &ve) {
		return fmt.Errorf("%w\n%s", err, strings.Join(ve.Log[max(0, len(ve.Log)-60):], "\n"))
	}
	return err
}
