//go:build linux && (amd64 || arm64)

package live

import (
	"strings"
	"testing"

	"flowscope/gen"
)

// TestDirectory: what the numbers in a flow stand for, in each epoch.
func TestDirectory(t *testing.T) {
	k := &kernel{
		devices: []*device{{index: 2, name: "eth0"}, {index: 3, name: "eth1"}},
		lost:    []*device{{index: 4, name: "veth4"}},
		hooks: []*hook{
			{iface: "eth0", index: 0}, {iface: "eth0", index: 1}, {iface: "eth1", index: 2},
			{iface: "veth6", index: 4, until: 5, before: "veth5"}, {iface: "veth8", index: 5, until: 5},
		},
		spares: []spare{{index: 3, until: 5, before: "veth4"}},
	}
	k.publish()
	tests := []struct {
		name   string
		counts [2]uint32
		also   uint32
		epoch  uint64
		want   string
	}{
		{"one interface", [2]uint32{2, 0}, 0, 6, "eth0"},
		{"the same for both directions", [2]uint32{2, 2}, 0, 6, "eth0"},
		{"a router", [2]uint32{2, 3}, 0x0203, 6, "eth0 eth1"},
		{"two hooks of one", [2]uint32{3, 0}, 0x0102, 6, "eth1 eth0"},
		{"the first to see it is first", [2]uint32{2, 0}, 0x0503, 6, "eth0 veth6 eth1"},
		{"before another had the place", [2]uint32{2, 0}, 5, 5, "eth0 veth5"},
		{"since it has", [2]uint32{2, 0}, 5, 6, "eth0 veth6"},
		{"when both had it", [2]uint32{2, 0}, 6, 5, "eth0"},
		{"after both had it", [2]uint32{2, 0}, 6, 6, "eth0 veth8"},
		{"an interface that is gone", [2]uint32{4, 0}, 4, 5, "veth4"},
		{"nobody has its place now", [2]uint32{2, 0}, 4, 6, "eth0"},
		{"one that is long gone", [2]uint32{9, 0}, 0, 6, "interface 9"},
		{"too many hooks", [2]uint32{2, 0}, 255, 6, "eth0 others"},
		{"four of them", [2]uint32{9, 2}, 0xff030504, 5, "interface 9 eth0 others eth1 veth5 veth4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(k.directory.Load().at(place{tt.counts, tt.also}, tt.epoch), " "); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestPlaces: a place keeps its number until interfaces change, and a number its
// names while the engine may ask.
func TestPlaces(t *testing.T) {
	k := &kernel{devices: []*device{{index: 1, name: "a"}, {index: 2, name: "b"}}}
	k.publish() // in epoch 1
	s := &Source{k: k}
	at := func(index uint32) uint16 { return s.places.number(&gen.Flow{Ifindex: [2]uint32{index}}) }
	is := func(n uint16, want string) {
		t.Helper()
		if got := strings.Join(s.Locate(n), " "); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	s.places.begin(1, k.directory.Load())
	a, b := at(1), at(2)
	is(a, "a")
	is(b, "b")
	is(0, "")
	is(placeNumbers, "")
	is(placeNumbers+1, "")
	if at(1) != a || at(2) != b {
		t.Error("another number for the same place")
	}
	k.over.Store(9)
	k.devices[0].name = "c"
	k.publish() // in epoch 10
	for _, epoch := range []uint64{9, 10, 11} {
		s.places.begin(epoch, k.directory.Load())
		is(at(1), "c")
	}
	is(a, "a") // of a record that was under way
	c := at(1)
	s.places.begin(12, k.directory.Load())
	if at(1) != c {
		t.Error("another number, though nothing changed")
	}
	f := &gen.Flow{}
	if n := testing.AllocsPerRun(100, func() { f.Ifindex[0] ^= 3; s.places.number(f); s.Locate(c) }); n != 0 {
		t.Errorf("%v allocations for places that are known", n)
	}
	for i := range uint32(3 * placeNumbers) {
		n := at(100 + i)
		if i == 0 {
			c = n
		}
		if i < maxPlaces {
			is(c, "interface 100")
		}
		if len(s.places.all) > maxPlaces {
			t.Fatalf("%d places are remembered, want at most %d", len(s.places.all), maxPlaces)
		}
	}
	is(at(2), "b")
}
