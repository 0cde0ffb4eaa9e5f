//go:build linux && (amd64 || arm64)

package live

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/sensor"
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
		if !bytes.Equal(a.Payload, b.Payload) {
			t.Errorf("record %d: %d bytes of payload, or others; want %d", n, len(b.Payload), len(a.Payload))
			return
		}
		a.Payload, b.Payload = nil, nil
		if d := cmp.Diff(a, b); d != "" {
			t.Errorf("record %d (-replay +through):\n%s", n, d)
			return
		}
	}
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
