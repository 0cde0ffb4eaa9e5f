//go:build linux

package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Options says what to look at.
type Options struct {
	// Interfaces to look at besides the host.
	Interfaces []string
	// Memory is what the maps and rings of the sensor will take, in bytes; 0
	// leaves the check out.
	Memory uint64
	// Load loads the programs without attaching them, as the sensor would. Nil
	// leaves the check out.
	Load func() error
}

// Run looks at the host and the interfaces.
func Run(o Options) []Check {
	h := host{files: os.DirFS("/"), uname: uname, program: executable(), features: kernelFeatures}
	l := &list{}
	h.kernel(l)
	privileged := h.privileges(l)
	h.settings(l)
	h.memory(l, o.Memory)
	h.bpf(l, privileged)
	if o.Load != nil {
		load(l, o.Load, privileged)
	}
	for _, name := range o.Interfaces {
		of := &list{iface: name}
		look(of, name)
		l.checks = append(l.checks, of.checks...)
	}
	return l.checks
}

// host is where facts come from; tests have others.
type host struct {
	files    fs.FS // of the root directory
	uname    func() string
	program  string // path of this binary
	features func() []feature
}

func uname() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

func executable() string {
	path, err := os.Executable()
	if err != nil {
		return "./sensor"
	}
	return path
}

// read returns a file without the white space around it.
func (h *host) read(name string) (string, error) {
	b, err := fs.ReadFile(h.files, name)
	return strings.TrimSpace(string(b)), err
}

// atLeast reports whether the kernel's release is major.minor or later.
func atLeast(release string, major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(release, "%d.%d", &a, &b); n < 2 {
		return false
	}
	return a > major || a == major && b >= minor
}

func (h *host) kernel(l *list) {
	switch r := h.uname(); {
	case r == "":
		l.add(Unknown, "kernel", "", "uname says nothing")
	case !atLeast(r, 5, 10):
		l.add(Warn, "kernel", "use Linux 5.10 or later", "%s, older than any that is tested", r)
	default:
		l.add(OK, "kernel", "", "%s", r)
	}
}

// The capabilities that matter.
const (
	capNetAdmin = 12
	capSysAdmin = 21
	capBPF      = 39
)

// privileges reports whether programs can be loaded and attached.
func (h *host) privileges(l *list) bool {
	status, err := h.read("proc/self/status")
	if err != nil {
		l.add(Unknown, "capabilities", "", "%v", err)
		return false
	}
	var effective uint64
	for line := range strings.Lines(status) {
		if v, ok := strings.CutPrefix(line, "CapEff:"); ok {
			effective, err = strconv.ParseUint(strings.TrimSpace(v), 16, 64)
		}
	}
	if err != nil {
		l.add(Unknown, "capabilities", "", "%v", err)
		return false
	}
	has := func(c uint) bool { return effective>>c&1 == 1 }
	var missing []string
	if !has(capBPF) && !has(capSysAdmin) {
		missing = append(missing, "CAP_BPF")
	}
	if !has(capNetAdmin) {
		missing = append(missing, "CAP_NET_ADMIN")
	}
	if len(missing) == 0 {
		l.add(OK, "capabilities", "", "CAP_BPF and CAP_NET_ADMIN")
		return true
	}
	l.add(Fail, "capabilities",
		"run it with sudo, or once: sudo setcap cap_bpf,cap_net_admin+ep "+h.program,
		"%s missing", strings.Join(missing, " and "))
	return false
}

// settings looks at what an administrator may have set.
func (h *host) settings(l *list) {
	switch v, err := h.read("proc/sys/net/core/bpf_jit_enable"); {
	case err != nil:
		l.add(Info, "jit", "", "not told: built in and always on, or not there")
	case v == "0":
		l.add(Warn, "jit", "sudo sysctl net.core.bpf_jit_enable=1", "off: the programs are interpreted, several times slower")
	default:
		l.add(OK, "jit", "", "on")
	}
	if v, err := h.read("sys/kernel/security/lockdown"); err == nil && strings.Contains(v, "[confidentiality]") {
		l.add(Info, "lockdown", "", "confidentiality: the programs read packets only, which it allows")
	}
	switch v, err := h.read("proc/sys/kernel/unprivileged_bpf_disabled"); {
	case err == nil && v == "0":
		l.add(Warn, "unprivileged bpf", "sudo sysctl kernel.unprivileged_bpf_disabled=2", "allowed to every user of this host; the sensor does not need it")
	case err == nil:
		l.add(OK, "unprivileged bpf", "", "off for other users")
	}
	if _, err := fs.Stat(h.files, "sys/kernel/btf/vmlinux"); err == nil {
		l.add(OK, "btf", "", "there; the sensor does not need it")
	} else {
		l.add(Info, "btf", "", "none; the sensor does not need it")
	}
}

// memory compares what is free with what the sensor takes.
func (h *host) memory(l *list, want uint64) {
	if want == 0 {
		return
	}
	info, err := h.read("proc/meminfo")
	if err != nil {
		l.add(Unknown, "memory", "", "%v", err)
		return
	}
	var free uint64
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			fmt.Sscan(v, &free)
			free <<= 10
		}
	}
	found := fmt.Sprintf("%d MiB for maps and rings, %d MiB available", want>>20, free>>20)
	if free < 2*want {
		l.add(Warn, "memory", "watch fewer flows: --kernel-flows", "%s", found)
		return
	}
	l.add(OK, "memory", "", "%s", found)
}

// bpf tells what the kernel can do. It says nothing true to those who may not
// ask.
func (h *host) bpf(l *list, privileged bool) {
	if !privileged {
		l.add(Unknown, "features", "", "cannot be asked without the capabilities")
		return
	}
	for _, f := range h.features() {
		switch {
		case f.err == nil:
			l.add(OK, f.name, "", "yes")
		case errors.Is(f.err, errNotThere) && f.optional != "":
			l.add(Info, f.name, "", "no: %s", f.optional)
		case errors.Is(f.err, errNotThere):
			l.add(Fail, f.name, "use Linux "+f.since+" or later", "no")
		default:
			l.add(Unknown, f.name, "", "%v", f.err)
		}
	}
}

// load tries what the sensor does first.
func load(l *list, try func() error, privileged bool) {
	err := try()
	switch {
	case err == nil:
		l.add(OK, "programs", "", "the kernel takes them")
	case !privileged:
		l.add(Unknown, "programs", "", "cannot be tried without the capabilities")
	default:
		l.add(Fail, "programs", "sensor run -v shows what the verifier says", "%v", err)
	}
}
