//go:build linux && (amd64 || arm64)

package live

import (
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"flowscope/internal/testenv"
	"flowscope/sensor"
)

// TestHooks watches both ends' traffic of a cable by each hook: the same counts,
// and nothing stays.
func TestHooks(t *testing.T) {
	tests := []struct {
		name    string
		o       Options
		in, out string
	}{
		{"auto", Options{}, "tcx", "tcx"},
		{"tcx", Options{Hook: TCX}, "tcx", "tcx"},
		{"tc", Options{Hook: TC}, "tc", "tc"},
		{"xdp", Options{Hook: XDP}, "xdp generic", "tcx"},
		{"xdp native", Options{Hook: XDP, XDPMode: NativeXDP}, "xdp native", "tcx"},
		{"xdp generic", Options{Hook: XDP, XDPMode: GenericXDP}, "xdp generic", "tcx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newSpace(t), newSpace(t)
			a.cable("here", "10.203.1.1/24", b, "there", "10.203.1.2/24")
			for _, end := range []struct {
				s    *space
				name string
			}{{a, "here"}, {b, "there"}} { // jumbo frames
				end.s.ip("link set " + end.name + " mtu 9000")
			}
			a.talk(b, "10.203.1.2", 1, 58) // so that the addresses are known
			if hasTCX() {
				tt.o.Netns = a.name
			} else {
				tt.in, tt.out = strings.ReplaceAll(tt.in, "tcx", "tc"), "tc"
				if tt.o.Hook == TCX {
					t.Skip("this kernel has no TCX, which came with Linux 6.6")
				}
				tt.o.Netns = a.name
			}
			if tt.o.Hook == XDP && probeXDP() != nil {
				t.Skip("this kernel has no bpf_xdp_load_bytes, which came with Linux 5.18")
			}
			before := a.state()
			tt.o.Interfaces = []string{"here"}
			s := watch(t, tt.o)
			for _, h := range s.Hooks() {
				want := tt.in
				if h.Direction == "egress" {
					want = tt.out
				}
				if h.Kind != want || h.Why == "" {
					t.Errorf("%s is by %q (%s), want %q", h.Direction, h.Kind, h.Why, want)
				}
			}
			a.talk(b, "10.203.1.2", 20, 58)
			a.talk(b, "10.203.1.2", 5, 8000)
			sum, l := s.finish()
			want := sensor.Counters{Packets: 50, Bytes: 40*86 + 10*8028, FrameBytes: 40*100 + 10*8042}
			if c := sum.all(); c.Packets != want.Packets || c.Bytes != want.Bytes || c.FrameBytes != want.FrameBytes {
				t.Errorf("counted %+v, want %+v: %v", c, want, l)
			}
			if i := l.Account("interface here"); i.Row("rx_packets") < 25 || i.Row("tx_packets") < 25 {
				t.Errorf("the interface's own counters: %+v", i)
			}
			if d := cmp.Diff(before, a.state()); d != "" {
				t.Errorf("left behind (-before +after):\n%s", d)
			}
		})
	}
}

// TestOthersStay attaches beside filters of others, and between: they count on,
// and are there when all is over.
func TestOthersStay(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	a.cable("here", "10.203.1.1/24", b, "there", "10.203.1.2/24")
	tc := testenv.Need(t, "tc")
	a.talk(b, "10.203.1.2", 1, 58)
	a.run(tc, "qdisc", "add", "dev", "here", "clsact")
	other := passing(t)
	err := a.do(func() error {
		l, err := netlink.LinkByName("here")
		if err != nil {
			return err
		}
		return netlink.FilterAdd(&netlink.BpfFilter{
			FilterAttrs: netlink.FilterAttrs{LinkIndex: l.Attrs().Index, Parent: netlink.HANDLE_MIN_INGRESS, Handle: 7, Priority: 5, Protocol: ethAll},
			Fd:          other.FD(), Name: "foreign", DirectAction: true,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	foreign := func() string {
		var b strings.Builder
		for line := range strings.Lines(a.run(tc, "filter", "show", "dev", "here", "ingress")) {
			if strings.Contains(line, "pref 5") {
				b.WriteString(line)
			}
		}
		return a.run(tc, "qdisc", "show", "dev", "here", "clsact") + b.String()
	}
	before := foreign()
	one := watch(t, Options{Netns: a.name, Interfaces: []string{"here"}, Hook: TC})
	two := watch(t, Options{Netns: a.name, Interfaces: []string{"here"}, Hook: TC})
	a.talk(b, "10.203.1.2", 10, 58)
	for _, s := range []*session{one, two} {
		if sum, _ := s.finish(); sum.all().Packets != 20 {
			t.Errorf("counted %+v, want 20 packets", sum.all())
		}
	}
	if d := cmp.Diff(before, foreign()); d != "" {
		t.Errorf("what others have changed (-before +after):\n%s", d)
	}
	if out := a.run(tc, "filter", "show", "dev", "here", "ingress") + a.run(tc, "filter", "show", "dev", "here", "egress"); strings.Contains(out, filterPrefix) {
		t.Errorf("a filter of ours is left: %s", out)
	}

	// The qdisc that a sensor made goes with the last sensor.
	a.run(tc, "qdisc", "del", "dev", "here", "clsact")
	one = watch(t, Options{Netns: a.name, Interfaces: []string{"here"}, Hook: TC})
	two = watch(t, Options{Netns: a.name, Interfaces: []string{"here"}, Hook: TC})
	one.finish()
	if out := a.state(); !strings.Contains(out, filterPrefix) {
		t.Errorf("the second sensor's filters are gone with the first: %s", out)
	}
	two.finish()
	if out := a.state(); out != "" {
		t.Errorf("left behind: %s", out)
	}

	// An ingress qdisc leaves no room, and stays.
	a.run(tc, "qdisc", "add", "dev", "here", "ingress")
	_, err = Open(Options{Netns: a.name, Interfaces: []string{"here"}, Hook: TC})
	if err == nil || !strings.Contains(err.Error(), "tc qdisc del dev here ingress") {
		t.Errorf("Open beside an ingress qdisc: %v", err)
	}
	if out := a.run(tc, "qdisc", "show", "dev", "here"); !strings.Contains(out, "ingress") {
		t.Errorf("the ingress qdisc is gone: %s", out)
	}
}

// TestLeftovers: a filter whose sensor is dead is removed at the next start,
// whatever hook that uses; others stay.
func TestLeftovers(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	a.cable("here", "10.203.1.1/24", b, "there", "10.203.1.2/24")
	dead := watch(t, Options{Netns: a.name, Interfaces: []string{"here"}, Hook: TC})
	dead.k.traffic.close() // as the kernel does when the process is killed
	alive := watch(t, Options{Netns: a.name, Interfaces: []string{"lo"}, Hook: TC})
	if out := a.state(); strings.Contains(out, dead.k.traffic.id) || !strings.Contains(out, alive.k.traffic.id) {
		t.Errorf("the dead one is %s, the living %s:\n%s", dead.k.traffic.id, alive.k.traffic.id, out)
	}
	if out := a.run("tc", "qdisc", "show", "dev", "here"); strings.Contains(out, "clsact") {
		t.Errorf("the qdisc of the dead one is left: %s", out)
	}
	dead.finish()
	next := watch(t, Options{Netns: a.name, Interfaces: []string{"here"}})
	if out := a.state(); !strings.Contains(out, alive.k.traffic.id) {
		t.Errorf("the filter of a living sensor is gone: %s", out)
	}
	next.finish()
	alive.finish()
	if out := a.state(); out != "" {
		t.Errorf("left behind: %s", out)
	}
}

// TestXDPIsTaken: a second XDP program says what to do.
func TestXDPIsTaken(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	a.cable("here", "10.203.1.1/24", b, "there", "10.203.1.2/24")
	if probeXDP() != nil {
		t.Skip("this kernel has no bpf_xdp_load_bytes, which came with Linux 5.18")
	}
	s := watch(t, Options{Netns: a.name, Interfaces: []string{"here"}, Hook: XDP})
	before := a.state()
	_, err := Open(Options{Netns: a.name, Interfaces: []string{"here"}, Hook: XDP, XDPMode: GenericXDP})
	if err == nil || !strings.Contains(err.Error(), "use --hook auto") {
		t.Errorf("a second XDP: %v", err)
	}
	if d := cmp.Diff(before, a.state()); d != "" {
		t.Errorf("the first one changed:\n%s", d)
	}
	s.finish()
}

// TestErrorsSayWhatToDo opens what cannot be.
func TestErrorsSayWhatToDo(t *testing.T) {
	a := newSpace(t)
	tests := []struct {
		o    Options
		want string
	}{
		{Options{Interfaces: []string{"none0"}, Netns: a.name}, "interface none0: there is none of that name: there are lo"},
		{Options{Interfaces: []string{"any"}, Exclude: []string{"*"}, Netns: a.name}, "--exclude leaves none"},
		{Options{Interfaces: []string{"lo"}, Netns: "no-such-namespace"}, "ip netns list"},
		{Options{Interfaces: []string{"lo"}, Netns: "/proc/self/status"}, "not a network namespace"},
		{Options{Interfaces: []string{"[x"}}, "want a name, or one with *"},
		{Options{Interfaces: []string{"lo"}, Netns: a.name, Hook: XDP, XDPMode: NativeXDP}, "use --xdp-mode generic"},
	}
	for _, tt := range tests {
		if tt.o.Hook == XDP && probeXDP() != nil {
			tt.want = "Linux 5.18"
		}
		s, err := Open(tt.o)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Open(%+v): %v, want %q in it", tt.o, err, tt.want)
		}
	}
}

// TestTun watches a device whose packets have no link header.
func TestTun(t *testing.T) {
	for _, hook := range []HookKind{TCX, TC, XDP} {
		t.Run(hook.String(), func(t *testing.T) {
			a := newSpace(t)
			if hook == TCX && !hasTCX() {
				t.Skip("this kernel has no TCX, which came with Linux 6.6")
			}
			if hook == XDP && probeXDP() != nil {
				t.Skip("this kernel has no bpf_xdp_load_bytes, which came with Linux 5.18")
			}
			tun := openTun(t, a)
			a.quiet("tun0")
			a.ip("addr add 10.203.9.1/24 dev tun0")
			a.ip("link set tun0 up")
			s := watch(t, Options{Netns: a.name, Interfaces: []string{"tun0"}, Hook: hook})
			var u net.PacketConn
			err := a.do(func() (err error) {
				u, err = net.ListenPacket("udp4", "10.203.9.1:7000")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			defer u.Close()
			for range 10 { // out, and back with its ends exchanged
				if _, err := u.WriteTo([]byte("hello"), &net.UDPAddr{IP: net.IPv4(10, 203, 9, 2), Port: 7000}); err != nil {
					t.Fatal(err)
				}
				b := make([]byte, 100)
				n, err := tun.Read(b)
				if err != nil {
					t.Fatal(err)
				}
				for i := range 4 {
					b[12+i], b[16+i] = b[16+i], b[12+i]
				}
				if _, err := tun.Write(b[:n]); err != nil {
					t.Fatal(err)
				}
				if n, _, err := u.ReadFrom(b); err != nil || string(b[:n]) != "hello" {
					t.Fatalf("%q, %v", b[:n], err)
				}
			}
			sum, _ := s.finish()
			if c := sum.all(); c.Packets != 20 || c.Bytes != 20*33 || c.FrameBytes != 20*33 || len(sum.counts) != 2 {
				t.Errorf("%d directions, %+v; want 20 packets of 33 bytes in two", len(sum.counts), c)
			}
			for d, b := range sum.payloads {
				if string(b) != strings.Repeat("hello", 10) {
					t.Errorf("%v: %q", d, b)
				}
			}
		})
	}
}
