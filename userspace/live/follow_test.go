//go:build linux && (amd64 || arm64)

package live

import (
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowscope/sensor"
)

// rename gives an interface that is up another name. Before Linux 6.2 that takes
// taking it down.
func (s *space) rename(from, to string) {
	s.t.Helper()
	s.ip("link set " + from + " down")
	s.ip("link set " + from + " name " + to)
	s.ip("link set " + to + " up")
}

// TestFollow watches a pattern while interfaces appear, vanish, are renamed and
// move.
func TestFollow(t *testing.T) {
	for _, hook := range []HookKind{Auto, TC} {
		t.Run(hook.String(), func(t *testing.T) {
			a, b := newSpace(t), newSpace(t)
			s := watch(t, Options{Netns: a.name, Interfaces: []string{"v*", "late"}, Exclude: []string{"vx*"}, Follow: true, Hook: hook})
			a.cable("v1", "10.203.1.1/24", b, "w1", "10.203.1.2/24")
			a.cable("vx", "10.203.2.1/24", b, "wx", "10.203.2.2/24")
			a.cable("other", "10.203.3.1/24", b, "wo", "10.203.3.2/24")
			s.says("attached", "interface=v1", "egress")
			a.talk(b, "10.203.1.2", 5, 58)
			a.talk(b, "10.203.2.2", 5, 58)
			a.talk(b, "10.203.3.2", 5, 58)

			a.rename("other", "late") // it gets a name that was asked for
			s.says("attached", "interface=late", "egress")
			a.talk(b, "10.203.3.2", 5, 58)

			a.rename("v1", "renamed") // and stays watched
			s.says("renamed", "interface=renamed", "before=v1")
			a.talk(b, "10.203.1.2", 5, 58)

			a.ip("link set renamed netns " + b.name) // not watched there
			s.says("let go", "interface=renamed")
			b.ip("link set renamed up")
			if out := b.state(); out != "" {
				t.Errorf("attached in the other namespace: %s", out)
			}
			b.ip("link set renamed netns " + a.name) // a name that no one asked for
			a.ip("link set renamed name v1")
			s.says("attached", "interface=v1", "egress")
			eventually(t, "v1 is watched again", func() bool {
				n := 0
				for _, h := range s.Hooks() {
					if h.Interface == "v1" {
						n++
					}
				}
				return n == 2
			})
			a.ip("addr add 10.203.1.1/24 dev v1")
			a.ip("link set v1 up")
			a.talk(b, "10.203.1.2", 5, 58)
			eventually(t, "the interfaces have counted", func() bool { // a veth that goes forgets what it counted last
				for _, i := range s.Interfaces() {
					if !i.Gone && i.Counters.TxPackets < 5 {
						return false
					}
				}
				return true
			})

			a.ip("link del v1")
			a.ip("link del vx")
			a.ip("link del late")
			eventually(t, "nothing is watched", func() bool { return len(s.Hooks()) == 0 })
			sum, l := s.finish()
			udp := uint64(0)
			for d, c := range sum.counts {
				if strings.Contains(d.String(), "udp") {
					udp += c.Packets
				}
			}
			if udp != 4*5*2 {
				t.Errorf("%d packets of ours, want %d\n%+v", udp, 4*5*2, l)
			}
			for name, least := range map[string]uint64{"frames renamed ingress": 10, "frames v1 egress": 5, "frames late ingress": 5} {
				if n := l.Account(name).Row("accounted"); n < least {
					t.Errorf("%s: %d accounted, want %d or more", name, n, least)
				}
			}
			gone := map[string]bool{}
			for _, i := range s.Interfaces() {
				gone[i.Name] = i.Gone && i.Counters.TxPackets >= 5
			}
			if want := map[string]bool{"renamed": true, "v1": true, "late": true}; !cmp.Equal(gone, want) {
				t.Errorf("gone interfaces with their counters: %v, want %v", gone, want)
			}
			if out := a.state(); out != "" {
				t.Errorf("left behind: %s", out)
			}
		})
	}
}

// TestComeAndGo makes and deletes interfaces many times under one name: no
// program, place for books or descriptor is lost.
func TestComeAndGo(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	times := 25
	if testing.Short() {
		times = 5
	}
	s := watch(t, Options{Netns: a.name, Interfaces: []string{"v*"}, Follow: true, MaxInterfaces: 2})
	var descriptors int
	for i := range times {
		a.cable("v1", "10.203.1.1/24", b, "w1", "10.203.1.2/24")
		eventually(t, "v1 is watched", func() bool { return len(s.Hooks()) == 2 })
		a.talk(b, "10.203.1.2", 2, 58)
		a.ip("link del v1")
		eventually(t, "v1 is let go of", func() bool { return len(s.Hooks()) == 0 })
		if fds := openFiles(t); i == 1 {
			descriptors = fds
		} else if i > 1 && fds > descriptors+2 {
			t.Fatalf("%d descriptors are open, %d were", fds, descriptors)
		}
	}
	sum, l := s.finish()
	udp := uint64(0)
	for d, c := range sum.counts {
		if strings.Contains(d.String(), "udp") {
			udp += c.Packets
		}
	}
	if udp != uint64(times)*4 {
		t.Errorf("%d packets of ours, want %d\n%+v", udp, times*4, l)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestOnce watches all interfaces of a router and of a bridge: each packet is
// counted once, and its flow tells where else it was.
func TestOnce(t *testing.T) {
	for _, kind := range []string{"router", "bridge"} {
		t.Run(kind, func(t *testing.T) {
			left, middle, right := newSpace(t), newSpace(t), newSpace(t)
			to := "10.203.2.1"
			if kind == "router" {
				middle.cable("m1", "10.203.1.2/24", left, "ll", "10.203.1.1/24")
				middle.cable("m2", "10.203.2.2/24", right, "rr", "10.203.2.1/24")
				middle.set("net/ipv4/ip_forward", "1")
				left.ip("route add default via 10.203.1.2")
				right.ip("route add default via 10.203.2.2")
			} else {
				to = "10.203.1.3"
				middle.ip("link add br0 type bridge mcast_snooping 0") // else it speaks IGMP
				middle.quiet("br0")
				middle.ip("link set br0 up")
				middle.cable("m1", "", left, "ll", "10.203.1.1/24")
				middle.cable("m2", "", right, "rr", "10.203.1.3/24")
				middle.ip("link set m1 master br0")
				middle.ip("link set m2 master br0")
			}
			eventually(t, "the way is open", func() bool {
				return left.exchange(right, to, 1, 58) == nil
			})
			s := watch(t, Options{Netns: middle.name, Interfaces: []string{"any"}, Interval: 100 * time.Millisecond})
			left.talk(right, to, 50, 58)
			sum, l := s.finish()
			if c := sum.all(); c.Packets != 100 || c.Bytes != 100*86 {
				t.Errorf("counted %+v, want 100 packets of 86 bytes", c)
			}
			for d, names := range sum.where {
				if slices.Sort(names); !slices.Equal(names, []string{"m1", "m2"}) {
					t.Errorf("%v was seen at %q, want m1 and m2", d, names)
				}
			}
			all := l.Account("frames")
			if all.Total < 200 || all.Row("other_interface") < 100 || all.Row("accounted") != 100 {
				t.Errorf("%+v, want 100 accounted and as many or more on another interface", all)
			}
			for _, name := range []string{"frames m1 ingress", "frames m2 ingress"} {
				if n := l.Account(name).Row("accounted"); n != 50 {
					t.Errorf("%s: %d accounted, want 50", name, n)
				}
			}
		})
	}
}

// TestOnceAndAgain: an interface takes the place of another that is gone, and no
// flow is told to have been where it was not.
func TestOnceAndAgain(t *testing.T) {
	left, middle, right := newSpace(t), newSpace(t), newSpace(t)
	middle.cable("m1", "10.203.1.2/24", left, "ll", "10.203.1.1/24")
	middle.set("net/ipv4/ip_forward", "1")
	left.ip("route add default via 10.203.1.2")
	s := watch(t, Options{Netns: middle.name, Interfaces: []string{"m*"}, Follow: true, Interval: 100 * time.Millisecond})
	for _, name := range []string{"m2", "m3"} {
		middle.cable(name, "10.203.2.2/24", right, "rr", "10.203.2.1/24")
		right.ip("route add default via 10.203.2.2")
		s.says("attached", name)
		eventually(t, "the way is open", func() bool {
			return left.exchange(right, "10.203.2.1", 1, 58) == nil
		})
		left.talk(right, "10.203.2.1", 20, 58)
		if err := left.do(func() error { // which no packet of the flow answers
			c, err := net.Dial("udp4", "10.203.2.1:9")
			if err == nil {
				_, err = c.Write([]byte("hello"))
				c.Close()
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		middle.ip("link del " + name)
		s.says("let go", name)
		for over := s.k.running(); s.k.running() == over; {
			time.Sleep(10 * time.Millisecond)
		}
	}
	used := s.k.used
	sum, _ := s.finish()
	if used != 4 {
		t.Errorf("%d places for books, want 4: those of m2 are those of m3", used)
	}
	answered, other := map[string]int{}, map[string]int{}
	for d, names := range sum.where {
		slices.Sort(names)
		switch {
		case d.key.Proto != sensor.ProtoUDP: // the one ICMP flow
		case slices.Contains(d.key.Port[:], 7000):
			answered[strings.Join(names, " ")]++
		default:
			other[strings.Join(names, " ")]++
		}
	}
	delete(answered, "m1") // found no way further yet
	if len(answered) != 2 || answered["m1 m2"] == 0 || answered["m1 m3"] == 0 || !maps.Equal(other, map[string]int{"m1 m2": 1, "m1 m3": 1}) {
		t.Errorf("flows were seen at %v, and without answer at %v; want m1 and m2, then m1 and m3", answered, other)
	}
}

// TestPatterns: which interfaces a selection is for.
func TestPatterns(t *testing.T) {
	tests := []struct {
		names, exclude []string
		name           string
		want           bool
	}{
		{[]string{"eth0"}, nil, "eth0", true},
		{[]string{"eth0"}, nil, "eth1", false},
		{[]string{"any"}, nil, "lo", true},
		{[]string{"any"}, []string{"lo"}, "lo", false},
		{[]string{"veth*"}, nil, "veth12", true},
		{[]string{"veth*"}, []string{"veth1?"}, "veth12", false},
		{[]string{"e[nt]*"}, nil, "ens3", true},
		{[]string{"any"}, []string{"any"}, "lo", false},
	}
	for _, tt := range tests {
		s := selection{names: tt.names, exclude: tt.exclude}
		if got, _ := s.wants(attrsOf(tt.name)); got != tt.want {
			t.Errorf("%v without %v wants %s: %v, want %v", tt.names, tt.exclude, tt.name, got, tt.want)
		}
	}
}
