//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
)

// attachment is what holds a program at its hook. It is not there any more when
// the interface is gone, or somebody removed it.
type attachment interface {
	Close() error // detaches
	alive() bool
}

// linked is an attachment that ends with the process, however that ends.
type linked struct{ link.Link }

func (l linked) alive() bool {
	info, err := l.Info()
	if err != nil {
		return false
	}
	if t := info.TCX(); t != nil {
		return t.Ifindex != 0
	}
	if x := info.XDP(); x != nil {
		return x.Ifindex != 0
	}
	return true
}

// choose says which hook a direction of an interface gets, and why.
func (k *kernel) choose(dev netlink.Link, direction string) (kind HookKind, mode XDPMode, why string) {
	switch {
	case k.opt.Hook == XDP && direction == "ingress":
		mode, why = k.opt.XDPMode, "asked for"
		if virtual := dev.Type() != "device"; mode == AnyXDP && virtual {
			mode, why = GenericXDP, "native XDP would slow down what talks to a virtual interface"
		}
		return XDP, mode, why
	case k.opt.Hook == TCX || k.opt.Hook == TC:
		return k.opt.Hook, AnyXDP, "asked for"
	case k.noTCX != nil:
		return TC, AnyXDP, "the kernel has no TCX, which came with Linux 6.6"
	}
	return TCX, AnyXDP, "the kernel has it"
}

// entry is the function of the object for a hook.
func entry(kind HookKind, direction string) string {
	if kind == XDP {
		return "fs_xdp"
	}
	return "fs_" + direction
}

// probeTCX finds out whether the kernel has TCX: by asking for what is on a hook.
func (k *kernel) probeTCX(index int) {
	_, err := link.QueryPrograms(link.QueryOptions{Target: index, Attach: ebpf.AttachTCXIngress})
	if errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, errInvalid) {
		k.noTCX = err
	}
}

// probeXDP says what XDP cannot do here.
func probeXDP() error {
	if err := features.HaveProgramHelper(ebpf.XDP, asm.FnXdpLoadBytes); errors.Is(err, ebpf.ErrNotSupported) {
		return fmt.Errorf("attach xdp: %w: %w: the kernel cannot read all of a packet there, which came with Linux 5.18: use --hook auto", ErrUnsupported, err)
	}
	return nil
}

// attachHook attaches a program at the head: what comes later may drop the
// packet. It runs in the namespace of the interface.
func (k *kernel) attachHook(d *device, h *hook) (err error) {
	switch h.kind {
	case TCX:
		at := ebpf.AttachTCXIngress
		if h.direction == "egress" {
			at = ebpf.AttachTCXEgress
		}
		l, err := link.AttachTCX(link.TCXOptions{Interface: d.index, Program: h.program, Attach: at, Anchor: link.Head()})
		if err != nil {
			return explain("attach tcx to "+d.name, err)
		}
		h.at, h.how = linked{l}, "tcx"
	case TC:
		f, err := k.traffic.attach(d, h)
		if err != nil {
			return explain("attach tc to "+d.name, err)
		}
		h.at, h.how = f, "tc"
	case XDP:
		return k.attachXDP(d, h)
	}
	return nil
}

// attachXDP attaches to XDP. Where the user did not say which mode, a driver that
// has none is no error.
func (k *kernel) attachXDP(d *device, h *hook) error {
	flags := map[XDPMode]link.XDPAttachFlags{AnyXDP: link.XDPDriverMode, NativeXDP: link.XDPDriverMode, GenericXDP: link.XDPGenericMode}
	attach := func(mode XDPMode) error {
		l, err := link.AttachXDP(link.XDPOptions{Interface: d.index, Program: h.program, Flags: flags[mode]})
		if err != nil {
			return err
		}
		h.at, h.how = linked{l}, "xdp "+XDPModes[max(mode, NativeXDP)]
		return nil
	}
	err := attach(h.mode)
	if h.mode == AnyXDP && errors.Is(err, errNotThere) {
		h.why = "the driver has no XDP of its own"
		err = attach(GenericXDP)
	}
	if err != nil {
		return explainXDP(d.name, h.mode, err)
	}
	return nil
}

// Needs says which capabilities a Source goes on to need once it is open:
// CAP_BPF and CAP_NET_ADMIN to attach to interfaces that come later, and
// CAP_NET_ADMIN to detach from traffic control. Links end without any.
func (s *Source) Needs() (bpf, netAdmin bool) {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	for _, h := range s.k.hooks {
		netAdmin = netAdmin || h.kind == TC
	}
	return s.opt.Follow, netAdmin || s.opt.Follow
}
