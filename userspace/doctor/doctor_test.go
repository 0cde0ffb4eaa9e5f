//go:build linux

package doctor

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"

	"flowscope/internal/testenv"
)

// find returns the check of a name.
func find(t *testing.T, checks []Check, iface, name string) Check {
	t.Helper()
	for _, c := range checks {
		if c.Name == name && c.Interface == iface {
			return c
		}
	}
	t.Fatalf("no check %q of %q in %+v", name, iface, checks)
	return Check{}
}

// TestHost gives each check of the host facts that it must tell apart.
func TestHost(t *testing.T) {
	good := map[string]string{
		"proc/self/status":                          "Name:\tsensor\nCapEff:\t0000008000001000\n",
		"proc/sys/net/core/bpf_jit_enable":          "1\n",
		"proc/sys/kernel/unprivileged_bpf_disabled": "2\n",
		"proc/meminfo":                              "MemTotal: 9000000 kB\nMemAvailable:    1000000 kB\n",
		"sys/kernel/btf/vmlinux":                    "",
	}
	all := []feature{{name: "ring buffers", since: "5.8"}, {name: "tcx", since: "6.6", optional: "clsact then"}}
	without := func(i int) []feature {
		f := append([]feature(nil), all...)
		f[i].err = errNotThere
		return f
	}
	for _, tc := range []struct {
		name     string
		file     string // that is different
		content  string
		release  string
		features []feature
		check    string
		status   Status
		says     string // in what was found, or in the remedy
	}{
		{name: "all well", check: "kernel", status: OK, says: "6.1.0"},
		{name: "old", release: "4.19.0-1", check: "kernel", status: Warn, says: "5.10"},
		{name: "two capabilities are enough", check: "capabilities", status: OK},
		{name: "all capabilities", file: "proc/self/status", content: "CapEff: 000001ffffffffff", check: "capabilities", status: OK},
		{name: "CAP_SYS_ADMIN for CAP_BPF", file: "proc/self/status", content: "CapEff: 0000000000201000", check: "capabilities", status: OK},
		{name: "no CAP_BPF", file: "proc/self/status", content: "CapEff: 0000000000001000", check: "capabilities", status: Fail, says: "setcap cap_bpf,cap_net_admin+ep /opt/sensor"},
		{name: "garbage", file: "proc/self/status", content: "CapEff: what", check: "capabilities", status: Unknown},
		{name: "no jit", file: "proc/sys/net/core/bpf_jit_enable", content: "0", check: "jit", status: Warn, says: "sysctl"},
		{name: "open to all", file: "proc/sys/kernel/unprivileged_bpf_disabled", content: "0", check: "unprivileged bpf", status: Warn, says: "=2"},
		{name: "locked down", file: "sys/kernel/security/lockdown", content: "none integrity [confidentiality]", check: "lockdown", status: Info},
		{name: "enough memory", check: "memory", status: OK, says: "976 MiB available"},
		{name: "little memory", file: "proc/meminfo", content: "MemAvailable: 100000 kB", check: "memory", status: Warn, says: "--kernel-flows"},
		{name: "no ring buffers", features: without(0), check: "ring buffers", status: Fail, says: "5.8"},
		{name: "no tcx", features: without(1), check: "tcx", status: Info, says: "clsact"},
		{name: "not allowed to ask", file: "proc/self/status", content: "CapEff: 0", check: "features", status: Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := fstest.MapFS{}
			for name, content := range good {
				files[name] = &fstest.MapFile{Data: []byte(content)}
			}
			if tc.file != "" {
				files[tc.file] = &fstest.MapFile{Data: []byte(tc.content)}
			}
			release, features := "6.1.0-50-amd64", all
			if tc.release != "" {
				release = tc.release
			}
			if tc.features != nil {
				features = tc.features
			}
			h := host{files: files, uname: func() string { return release }, program: "/opt/sensor", features: func() []feature { return features }}
			l := &list{}
			h.kernel(l)
			may := h.privileges(l)
			h.settings(l)
			h.memory(l, 60<<20)
			h.bpf(l, may)
			c := find(t, l.checks, "", tc.check)
			if c.Status != tc.status || !strings.Contains(c.Found+" "+c.Remedy, tc.says) {
				t.Errorf("got %+v, want %s and %q", c, tc.status, tc.says)
			}
			if Failed(l.checks) != (tc.status == Fail || tc.check == "features") {
				t.Errorf("Failed = %v", Failed(l.checks))
			}
			if (c.Status == Warn || c.Status == Fail) && c.Remedy == "" {
				t.Errorf("no remedy: %+v", c)
			}
		})
	}
}

// TestLoad tells who must not load from what does not load.
func TestLoad(t *testing.T) {
	for _, tc := range []struct {
		err        error
		privileged bool
		want       Status
	}{{nil, true, OK}, {errors.New("invalid argument"), true, Fail}, {os.ErrPermission, false, Unknown}} {
		l := &list{}
		load(l, func() error { return tc.err }, tc.privileged)
		if got := l.checks[0].Status; got != tc.want {
			t.Errorf("%v, privileged %v: %s, want %s", tc.err, tc.privileged, got, tc.want)
		}
	}
}

// TestInterfaces looks at the loopback interface and at one that is not there,
// as anybody.
func TestInterfaces(t *testing.T) {
	checks := Run(Options{Interfaces: []string{"lo", "none-such"}})
	if c := find(t, checks, "lo", "interface"); c.Status != OK || !strings.Contains(c.Found, "MTU 65536") {
		t.Errorf("lo: %+v", c)
	}
	if c := find(t, checks, "none-such", "interface"); c.Status != Fail || !strings.Contains(c.Remedy, "lo") {
		t.Errorf("one that is not there: %+v", c)
	}
}

// TestOthers puts programs of somebody else on the hooks of a device, which must
// be told and left alone.
func TestOthers(t *testing.T) {
	testenv.NeedRoot(t)
	ip := testenv.Need(t, "ip")
	const name = "fsdoctor0"
	run := func(args ...string) {
		if out, err := exec.Command(ip, args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v\n%s", args, err, out)
		}
	}
	run("link", "add", name, "mtu", "1400", "type", "veth", "peer", "name", name+"p")
	t.Cleanup(func() { _ = exec.Command(ip, "link", "del", name).Run() })

	checks := Run(Options{Interfaces: []string{name}})
	if c := find(t, checks, name, "interface"); c.Status != Warn || !strings.Contains(c.Found, "driver veth") || !strings.Contains(c.Remedy, "up") {
		t.Errorf("a device that is down: %+v", c)
	}
	if c := find(t, checks, name, "others"); c.Status != OK {
		t.Errorf("nobody on the hooks: %+v", c)
	}

	dev, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	hook := func(tcx error) Check {
		var l list
		chosen(&l, dev, tcx)
		return l.checks[0]
	}
	if c := hook(nil); c.Status != OK || !strings.Contains(c.Found, "auto is tcx, both") {
		t.Errorf("%+v", c)
	}
	if c := hook(errNotThere); c.Status != OK || !strings.Contains(c.Found, "auto is tc, both") {
		t.Errorf("without TCX: %+v", c)
	}
	if err := netlink.QdiscAdd(&netlink.Ingress{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: dev.Attrs().Index, Parent: netlink.HANDLE_INGRESS, Handle: netlink.MakeHandle(0xffff, 0)}}); err != nil {
		t.Fatal(err)
	}
	if c := hook(errNotThere); c.Status != Fail || !strings.Contains(c.Remedy, "tc qdisc del dev "+name) {
		t.Errorf("without TCX and with an ingress qdisc: %+v", c)
	}
	run("link", "set", name, "up")
	program := func(typ ebpf.ProgramType, name string) *ebpf.Program {
		p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: name, Type: typ, License: "GPL", Instructions: asm.Instructions{
			asm.Mov.Imm(asm.R0, map[ebpf.ProgramType]int32{ebpf.SchedCLS: -1, ebpf.XDP: 2}[typ]), asm.Return(),
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	index := dev.Attrs().Index
	tc, err := link.AttachTCX(link.TCXOptions{Interface: index, Program: program(ebpf.SchedCLS, "somebody_tc"), Attach: ebpf.AttachTCXEgress})
	if err != nil {
		testenv.Skipf(t, "needs Linux 6.6: %v", err)
	}
	defer tc.Close()
	xdp, err := link.AttachXDP(link.XDPOptions{Interface: index, Program: program(ebpf.XDP, "somebody_xdp"), Flags: link.XDPGenericMode})
	if err != nil {
		t.Fatal(err)
	}
	defer xdp.Close()

	checks = Run(Options{Interfaces: []string{name}})
	if c := find(t, checks, name, "interface"); c.Status != OK {
		t.Errorf("a device that is up: %+v", c)
	}
	c := find(t, checks, name, "others")
	if c.Status != Info || !strings.Contains(c.Found, "tcx/egress: somebody_tc") || !strings.Contains(c.Found, "xdp (generic): somebody_xdp") {
		t.Errorf("two programs on the hooks: %+v", c)
	}
	if c := find(t, checks, name, "xdp"); c.Status != Info {
		t.Errorf("XDP is taken: %+v", c)
	}
	if q, err := link.QueryPrograms(link.QueryOptions{Target: index, Attach: ebpf.AttachTCXEgress}); err != nil || len(q.Programs) != 1 {
		t.Errorf("after the look: %v, %v", q, err)
	}
}
