//go:build linux && (amd64 || arm64)

package live

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netns"

	"flowscope/internal/testenv"
)

// pair is two ends of a cable: one here, one in a network namespace of its own.
type pair struct {
	t    *testing.T
	ns   string
	here string // interface
}

const (
	hereIP  = "10.203.7.1"
	thereIP = "10.203.7.2"
	hereV6  = "fd03:7::1"
	thereV6 = "fd03:7::2"
)

func newPair(t *testing.T, offloads bool) *pair {
	t.Helper()
	testenv.NeedRoot(t)
	testenv.Need(t, "ip")
	p := &pair{t: t, ns: fmt.Sprintf("fsn%d", os.Getpid()), here: fmt.Sprintf("fsv%d", os.Getpid())}
	there := p.here + "p"
	p.run("ip", "netns", "add", p.ns)
	t.Cleanup(func() {
		_ = exec.Command("ip", "link", "del", p.here).Run()
		_ = exec.Command("ip", "netns", "del", p.ns).Run()
	})
	p.run("ip", "link", "add", p.here, "type", "veth", "peer", "name", there, "netns", p.ns)
	if !offloads {
		features := []string{"tso", "off", "gso", "off", "gro", "off", "tx", "off", "rx", "off"}
		ethtool := testenv.Need(t, "ethtool")
		p.run(append([]string{ethtool, "-K", p.here}, features...)...)
		p.inside(append([]string{ethtool, "-K", there}, features...)...)
	}
	p.run("ip", "addr", "add", hereIP+"/24", "dev", p.here)
	p.run("ip", "addr", "add", hereV6+"/64", "dev", p.here, "nodad")
	p.inside("ip", "addr", "add", thereIP+"/24", "dev", there)
	p.inside("ip", "addr", "add", thereV6+"/64", "dev", there, "nodad")
	p.inside("ip", "link", "set", "lo", "up")
	p.inside("ip", "link", "set", there, "up")
	p.run("ip", "link", "set", p.here, "up")
	return p
}

func (p *pair) run(argv ...string) string {
	p.t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

func (p *pair) inside(argv ...string) string {
	p.t.Helper()
	return p.run(append([]string{"ip", "netns", "exec", p.ns}, argv...)...)
}

// listen makes a socket in the namespace: it stays there, whoever uses it.
func (p *pair) listen(network, addr string) any {
	p.t.Helper()
	type result struct {
		socket any
		err    error
	}
	c := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns, err := netns.GetFromName(p.ns)
		if err == nil {
			err = netns.Set(ns)
			ns.Close()
		}
		if err != nil {
			c <- result{nil, err}
			return
		}
		if strings.HasPrefix(network, "udp") {
			s, err := net.ListenPacket(network, addr)
			c <- result{s, err}
			return
		}
		s, err := net.Listen(network, addr)
		c <- result{s, err}
	}()
	r := <-c
	if r.err != nil {
		p.t.Fatal(r.err)
	}
	return r.socket
}
