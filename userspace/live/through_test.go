//go:build linux && (amd64 || arm64)

package live

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/internal/filter"
	"flowscope/userspace/internal/frame"
	"flowscope/userspace/replay"
)

// through opens a capture, to be sent through the kernel.
func through(t testing.TB, opt replay.Options, flows int, files ...string) (*replay.Source, *Through) {
	t.Helper()
	testenv.NeedRoot(t)
	th, err := OpenThrough(Options{Classify: opt.Classify, Filter: opt.Filter, MaxFlows: flows})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { th.Close() })
	opt.Classifier = th
	src, err := replay.Open(opt, files...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src, th
}

// captures returns all that there are: of this project, and beside it.
func captures(t testing.TB) []string {
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, dir := range []string{filepath.Join(root, "testdata"), filepath.Join(root, "..", "shared", "corpus")} {
		filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.Contains(filepath.Base(path), ".pcap") && !strings.HasSuffix(path, ".json") {
				files = append(files, path)
			}
			return nil
		})
	}
	if len(files) == 0 {
		t.Fatal("no captures")
	}
	return files
}

// TestThroughIsReplay: of all captures the same records, the same books and the
// same error, whether their frames go through the kernel or not.
func TestThroughIsReplay(t *testing.T) {
	tests := []struct {
		name  string
		opt   replay.Options
		flows int
	}{
		{name: "as they are", flows: 1 << 12},
		{name: "with few flows at a time", flows: 64},
		{name: "tunnels as they are outside", opt: replay.Options{Classify: sensor.Classify{Tunnels: sensor.Outer}}},
		{name: "flows by VLAN and tunnel, too", opt: replay.Options{Classify: sensor.Classify{KeyVLAN: true, KeyTunnel: true}}},
		{name: "what a filter accepts", opt: replay.Options{Filter: "tcp or udp port 53 or ip6 proto 44 or len > 1000 or (ip and ip[8] > 63)"}},
		{name: "what another accepts", opt: replay.Options{Filter: "greater 200 and not tcp[tcpflags] & tcp-push != 0"}},
	}
	files := ofHooks(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.opt.Stable = true
			want, err := replay.Open(tt.opt, files...)
			if err != nil {
				t.Fatal(err)
			}
			defer want.Close()
			got, th := through(t, tt.opt, tt.flows, files...)
			same(t, want, got)
			kernel, inGo := th.Frames()
			t.Logf("%d frames of %d captures through the kernel, %d left to Go", kernel, len(files), inGo)
			if inGo > kernel/50 {
				t.Error("want less left to Go")
			}
		})
	}
}

// ofHooks returns the captures that have only frames which a hook may have. The
// others are refused.
func ofHooks(t *testing.T) (files []string) {
	testenv.NeedRoot(t)
	for _, file := range captures(t) {
		links := map[replay.LinkType]bool{}
		src, err := replay.Open(replay.Options{Tee: func(f *replay.Frame) { links[f.Link] = true }}, file)
		if err != nil {
			continue // no capture
		}
		var r sensor.Record
		for src.Read(&r) == nil {
		}
		src.Close()
		other := false
		for link := range links {
			other = other || (&Through{}).Check(link) != nil
		}
		if !other {
			files = append(files, file)
		}
	}
	return files
}

// TestThroughOtherLinks: of frames that no hook has, what could be had is, and
// the error says what to do.
func TestThroughOtherLinks(t *testing.T) {
	testenv.NeedRoot(t)
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	th, err := OpenThrough(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer th.Close()
	for file, begins := range map[string]bool{"sll.pcap": false, "two_interfaces.pcapng": true} {
		src, err := replay.Open(replay.Options{Classifier: th}, filepath.Join(root, "testdata", file))
		n := 0
		if err == nil {
			var r sensor.Record
			for ; err == nil; err = src.Read(&r) {
				n++
			}
			src.Close()
		}
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "without --through-kernel") || begins != (n > 1) {
			t.Errorf("%s: %d records, %v", file, n, err)
		}
	}
}

// same compares what two Sources hand out.
func same(t *testing.T, want, got *replay.Source) {
	t.Helper()
	for n := 1; ; n++ {
		var a, b sensor.Record
		errA, errB := want.Read(&a), got.Read(&b)
		if errA != nil || errB != nil {
			if errA == nil || errB == nil || errA.Error() != errB.Error() {
				t.Errorf("after %d records: %v, want %v", n-1, errB, errA)
			}
			break
		}
		if d := differ(a, b); d != "" {
			t.Errorf("record %d (-replay +through):\n%s", n, d)
			return
		}
	}
	sameBooks(t, want, got)
}

// differ is what is not the same in two records.
func differ(a, b sensor.Record) string {
	if !bytes.Equal(a.Payload, b.Payload) {
		return fmt.Sprintf("%d bytes of payload\n%d bytes of payload, or others", len(a.Payload), len(b.Payload))
	}
	a.Payload, b.Payload = nil, nil
	if reflect.DeepEqual(a, b) {
		return ""
	}
	return cmp.Diff(a, b)
}

func sameBooks(t *testing.T, want, got sensor.Accountant) {
	t.Helper()
	var la, lb sensor.Ledger
	want.Account(&la)
	got.Account(&lb)
	if err := lb.Check(); err != nil {
		t.Errorf("the books do not balance: %v", err)
	}
	for _, a := range la.Accounts {
		if d := cmp.Diff(a, *lb.Account(a.Stage)); d != "" {
			t.Errorf("account (-replay +through):\n%s", d)
		}
	}
}

// TestThroughHostileFrames: frames that were mutated, cut, and lie about their
// lengths, of Ethernet and of raw IP, give what they give in Go, as does a filter
// over them.
func TestThroughHostileFrames(t *testing.T) {
	testenv.NeedRoot(t)
	var seeds []frame.Frame
	for _, file := range ofHooks(t) {
		src, err := replay.Open(replay.Options{Tee: func(f *replay.Frame) {
			g := *f
			g.Data = bytes.Clone(f.Data)
			seeds = append(seeds, g)
		}}, file)
		if err != nil {
			continue
		}
		var r sensor.Record
		for src.Read(&r) == nil {
		}
		src.Close()
	}
	n := 60000
	if testing.Short() {
		n = 10000
	}
	for _, expr := range []string{"", "greater 100 and (tcp or ip6 or udp[4:2] > 20 or ip[100] > 7)"} {
		t.Run(expr, func(t *testing.T) {
			th, err := OpenThrough(Options{Filter: expr, MaxFlows: 2048})
			if err != nil {
				t.Fatal(err)
			}
			defer th.Close()
			rng := rand.New(rand.NewPCG(5, uint64(len(expr))))
			twin := frame.New(sensor.Classify{})
			for i := range n {
				f := hostile(rng, seeds)
				f.Ordinal, f.Time = uint64(i+1), sensor.Timestamp(i)*1e5
				sameFrame(t, th, twin, expr, f)
				if t.Failed() {
					t.Fatalf("frame %d: link %d, %d bytes of %d:\n%x", i, f.Link, len(f.Data), f.WireLen, f.Data)
				}
			}
			twin.Finish()
			if err := th.Finish(); err != nil {
				t.Error(err)
			}
			sameBooks(t, twin, th)
			kernel, inGo := th.Frames()
			t.Logf("%d frames through the kernel, %d left to Go", kernel, inGo)
		})
	}
}

// hostile makes a frame of one of seeds.
func hostile(rng *rand.Rand, seeds []frame.Frame) *frame.Frame {
	f := seeds[rng.IntN(len(seeds))]
	f.Data = bytes.Clone(f.Data)
	if f.Link == frame.LinkEthernet && rng.IntN(4) == 0 && len(f.Data) > 14 {
		f.Link, f.Data, f.WireLen = frame.LinkRaw, f.Data[14:], f.WireLen-14
	}
	for range rng.IntN(4) {
		if len(f.Data) > 0 {
			f.Data[rng.IntN(min(len(f.Data), 100))] = byte(rng.Uint32())
		}
	}
	if rng.IntN(2) == 0 {
		f.Data = f.Data[:rng.IntN(len(f.Data)+1)]
	}
	switch rng.IntN(8) {
	case 0:
		f.WireLen = len(f.Data)
	case 1:
		f.WireLen = rng.IntN(3000)
	case 2:
		f.WireLen = int(rng.Uint32())
	case 3:
		f.WireLen = 0
	}
	return &f
}

// sameFrame compares what the kernel makes of a frame with what Go does.
func sameFrame(t *testing.T, th *Through, twin *frame.Classifier, expr string, f *frame.Frame) {
	t.Helper()
	passed, err := th.Take(f)
	if err != nil {
		t.Error(err)
		return
	}
	if expr != "" {
		p, err := filter.Compile(expr, uint16(f.Link), filterSnaplen)
		if err != nil {
			t.Fatal(err)
		}
		want := p.Match(f.Data, f.WireLen)
		if passed != want {
			t.Errorf("passed the filter: %v, want %v", passed, want)
		}
		if !want {
			twin.Filtered(f)
			return
		}
	}
	var a, b sensor.Record
	more := twin.Classify(f, &a)
	for {
		if ok := th.Next(&b); ok != more {
			t.Errorf("there is a record: %v, want %v", ok, more)
			return
		}
		if !more {
			return
		}
		if d := differ(a, b); d != "" {
			t.Errorf("records (-go +kernel):\n%s", d)
		}
		more = twin.Next(&a)
	}
}

// TestThroughWithoutPerfmon: two capabilities are enough for this, too. What is
// never attached and guarded by fs_through may cost the verifier more: 6.1, which
// follows branches both ways, goes through 124,611 instructions.
func TestThroughWithoutPerfmon(t *testing.T) {
	testenv.NeedRoot(t)
	withoutPerfmon(t, func() {
		th, err := OpenThrough(Options{Filter: "tcp port 443 or udp"})
		if err != nil && strings.Contains(err.Error(), "CAP_PERFMON") {
			t.Log("needs Linux 6.1:", err)
			return
		}
		if err != nil {
			t.Error(tail(err))
			return
		}
		defer th.Close()
		for i := range th.runners {
			p := &th.runners[i]
			for _, prog := range []*ebpf.Program{p.skb, p.xdp} {
				info, err := prog.Info()
				if err != nil {
					t.Error(err)
					continue
				}
				n, _ := info.VerifiedInstructions()
				t.Logf("%d instructions verified", n)
				if n >= 200_000 {
					t.Errorf("%d instructions verified, want less than 200000", n)
				}
			}
		}
		b := tcpFrame(1, 1, sensor.ACK|sensor.PSH, 400)
		passed, err := th.Take(&frame.Frame{Ordinal: 1, Link: frame.LinkEthernet, WireLen: len(b), Data: b})
		var r sensor.Record
		if err != nil || !passed || !th.Next(&r) || len(r.Payload) != 400 {
			t.Errorf("%v, %v, %d bytes of payload, want 400", passed, err, len(r.Payload))
		}
		if err := th.Finish(); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkThrough: one frame of a known flow, to the record and back.
func BenchmarkThrough(b *testing.B) {
	testenv.NeedRoot(b)
	th, err := OpenThrough(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer th.Close()
	data := tcpFrame(1, 1, sensor.ACK, 400)
	f := frame.Frame{Link: frame.LinkEthernet, WireLen: len(data), Data: data}
	var r sensor.Record
	b.ReportAllocs()
	for b.Loop() {
		if _, err := th.Take(&f); err != nil || !th.Next(&r) {
			b.Fatal(err)
		}
	}
}
