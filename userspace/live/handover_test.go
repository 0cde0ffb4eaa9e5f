//go:build linux && (amd64 || arm64)

package live

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"

	"flowscope/gen"
	"flowscope/sensor"
)

// TestHandover: a flow belongs to the interface that saw it first until that is
// silent for longer than a packet takes from one interface to the other; then the
// other counts it, from its first packet on.
func TestHandover(t *testing.T) {
	s := bench(t, Options{Interval: time.Hour})
	a := newSpace(t)
	a.ip("link add v0 type veth peer name v1")
	k, from := flowKey(1)
	var one, two uint32
	// pass lets a packet of the flow be seen at an interface.
	pass := func(at uint32) {
		t.Helper()
		ctx := make([]byte, 192) // struct __sk_buff
		binary.NativeEndian.PutUint32(ctx[40:], at)
		if _, err := s.k.hooks[0].program.Run(&ebpf.RunOptions{Data: tcpFrame(1, 1, sensor.ACK, 10), Context: ctx}); err != nil {
			t.Fatal(err)
		}
	}
	// later lets time pass since the flow was counted last.
	later := func(d time.Duration) {
		t.Helper()
		var f gen.Flow
		if err := s.k.maps[0].Lookup(k, &f); err != nil {
			t.Fatal(err)
		}
		f.Dir[from].Last -= uint64(d)
		if err := s.k.maps[0].Update(k, f, ebpf.UpdateExist); err != nil {
			t.Fatal(err)
		}
	}
	err := a.do(func() error {
		for name, index := range map[string]*uint32{"v0": &one, "v1": &two} {
			l, err := netlink.LinkByName(name)
			if err != nil {
				return err
			}
			*index = uint32(l.Attrs().Index)
		}
		pass(one)
		pass(two) // the same packet, further on
		later(900 * time.Millisecond)
		pass(two) // still, much later
		pass(one)
		later(1100 * time.Millisecond)
		pass(two) // it takes another way now
		pass(two)
		pass(one) // a packet that was late
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, l := s.rest(t)
	if c := got.counts[direction{k, from}]; c.Packets != 4 || l.Account("frames").Row("other_interface") != 3 {
		t.Errorf("counted %+v, %+v; want 4 packets and 3 on another interface", c, l.Account("frames"))
	}
}
