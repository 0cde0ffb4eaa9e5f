//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"

	"flowscope/gen"
)

// device is an interface that is watched.
type device struct {
	index       int
	name        string
	begins      uint32 // what its frames begin with
	hooks       []*hook
	before, now InterfaceCounters // when it was attached to, and as last heard
	gone        bool
}

// hook is a program on one direction of an interface.
type hook struct {
	iface     string
	direction string
	index     uint32 // of its books
	kind      HookKind
	mode      XDPMode
	how, why  string
	program   *ebpf.Program
	at        attachment // nil: not attached
	insns     uint32     // that the verifier looked at
	until     uint64     // this epoch, the place of the books was another hook's
	before    string     // interface of that; "" if both had it in one epoch
}

// spare is a program that was attached, with the place of its books: loading one
// takes longer than attaching one.
type spare struct {
	entry   string
	begins  uint32
	program *ebpf.Program
	insns   uint32
	index   uint32
	until   uint64 // this epoch, it was a hook's
	before  string // interface of that
}

// departed is what hooks of interfaces that are gone have counted.
type departed struct {
	iface, direction string
	books            gen.Ledger
}

// maxDeparted caps the interfaces that have rows of their own in the ledger when
// they are gone; the others have rows together.
const maxDeparted = 128

// newDevice prepares the hooks of an interface: loads their programs, and
// attaches nothing.
func (k *kernel) newDevice(l netlink.Link) (*device, error) {
	a := l.Attrs()
	first, ok := begins(l)
	if !ok {
		return nil, fmt.Errorf("interface %s: %w: its frames are of kind %s: watch one with Ethernet or IP frames", a.Name, ErrUnsupported, a.EncapType)
	}
	d := &device{index: a.Index, name: a.Name, begins: first}
	d.before = countersOf(a)
	d.now = d.before
	directions := []string{"ingress", "egress"}
	if a.EncapType == "loopback" { // each packet comes in there, too
		directions = directions[:1]
	}
	for _, direction := range directions {
		h := &hook{iface: a.Name, direction: direction}
		h.kind, h.mode, h.why = k.choose(l, direction)
		if err := k.equip(d, h); err != nil {
			k.retire(d)
			return nil, err
		}
		d.hooks = append(d.hooks, h)
	}
	return d, nil
}

// equip gives a hook its program and a place for its books.
func (k *kernel) equip(d *device, h *hook) error {
	name := entry(h.kind, h.direction)
	for i, s := range k.spares {
		if s.entry == name && s.begins == d.begins {
			k.spares = slices.Delete(k.spares, i, i+1)
			h.program, h.insns = s.program, s.insns
			h.follow(&s, k.running())
			return nil
		}
	}
	switch {
	case k.used < k.ledger.MaxEntries():
		h.index = k.used
	case len(k.spares) > 0: // a place with the wrong program
		h.follow(&k.spares[0], k.running())
	default:
		return fmt.Errorf("interface %s: %d hooks are watched, and no more can be", d.name, k.used)
	}
	program, err := k.load(name, h.index, d.begins)
	if err != nil {
		return err
	}
	if h.index == k.used {
		k.used++
	} else {
		k.spares[0].program.Close()
		k.spares = slices.Delete(k.spares, 0, 1)
	}
	h.program = program
	if info, err := program.Info(); err == nil {
		h.insns, _ = info.VerifiedInstructions()
	}
	return nil
}

// follow gives h the place of the hook that had s.
func (h *hook) follow(s *spare, running uint64) {
	h.index, h.until, h.before = s.index, s.until, s.before
	if s.until == running {
		h.before = ""
	}
}

// load loads the program of a hook.
func (k *kernel) load(name string, index, begins uint32) (*ebpf.Program, error) {
	constants := map[string]any{"fs_hook": index, "fs_next": begins}
	for n, v := range k.constants {
		constants[n] = v
	}
	p, err := k.program(k.spec, name, constants)
	if err != nil {
		return nil, explain("load "+name, err)
	}
	return p, nil
}

// attachDevice attaches all hooks of a device, or none.
func (k *kernel) attachDevice(d *device) error {
	for _, h := range d.hooks {
		err := k.attachHook(d, h)
		if err != nil && h.kind == TCX && k.opt.Hook != TCX && errors.Is(err, ebpf.ErrNotSupported) {
			k.noTCX = err
			h.kind, h.why = TC, "the kernel has no TCX, which came with Linux 6.6"
			err = k.attachHook(d, h)
		}
		if err != nil {
			return errors.Join(err, d.detach())
		}
	}
	return nil
}

// detach detaches all hooks. Programs may still be running.
func (d *device) detach() (err error) {
	for _, h := range d.hooks {
		if h.at != nil {
			err = errors.Join(err, h.at.Close())
			h.at = nil
		}
	}
	return err
}

// alive says whether all hooks are where they were attached.
func (d *device) alive() bool {
	return !slices.ContainsFunc(d.hooks, func(h *hook) bool { return h.at != nil && !h.at.alive() })
}

// retire puts what a device had aside for another, when no program of it runs
// any more.
func (k *kernel) retire(d *device) {
	for _, h := range d.hooks {
		b := k.books(h)
		i := slices.IndexFunc(k.departed, func(p *departed) bool { return p.iface == h.iface && p.direction == h.direction })
		if i < 0 && len(k.departed) >= maxDeparted && b.Frames > 0 {
			k.departed[0].iface, k.departed[0].direction = "others", "both"
			i = 0
		}
		switch {
		case i >= 0:
			merge(&k.departed[i].books, &b)
		case b.Frames > 0:
			k.departed = append(k.departed, &departed{h.iface, h.direction, b})
		}
		zero := make([]gen.Ledger, ebpf.MustPossibleCPU())
		if err := k.ledger.Put(h.index, zero); err != nil {
			h.program.Close() // the place is not used again: its books would be counted twice
			continue
		}
		until, before := k.running(), h.iface
		if h.how == "" { // never attached
			until, before = h.until, h.before
		}
		k.spares = append(k.spares, spare{entry(h.kind, h.direction), d.begins, h.program, h.insns, h.index, until, before})
	}
	d.hooks = nil
	k.hooks = nil
	for _, d := range k.devices {
		k.hooks = append(k.hooks, d.hooks...)
	}
}

// countersOf returns what an interface has counted since it is there.
func countersOf(a *netlink.LinkAttrs) InterfaceCounters {
	s := a.Statistics
	if s == nil {
		return InterfaceCounters{}
	}
	return InterfaceCounters{
		RxPackets: s.RxPackets, RxBytes: s.RxBytes, TxPackets: s.TxPackets, TxBytes: s.TxBytes,
		RxDropped: s.RxDropped, TxDropped: s.TxDropped, RxMissed: s.RxMissedErrors + s.RxOverErrors + s.RxFifoErrors,
		RxErrors: s.RxErrors, TxErrors: s.TxErrors,
	}
}

// most returns the greater of each counter.
func (a InterfaceCounters) most(b InterfaceCounters) InterfaceCounters {
	return InterfaceCounters{
		RxPackets: max(a.RxPackets, b.RxPackets), RxBytes: max(a.RxBytes, b.RxBytes),
		TxPackets: max(a.TxPackets, b.TxPackets), TxBytes: max(a.TxBytes, b.TxBytes),
		RxDropped: max(a.RxDropped, b.RxDropped), TxDropped: max(a.TxDropped, b.TxDropped), RxMissed: max(a.RxMissed, b.RxMissed),
		RxErrors: max(a.RxErrors, b.RxErrors), TxErrors: max(a.TxErrors, b.TxErrors),
	}
}

// since returns what was counted after b.
func (a InterfaceCounters) since(b InterfaceCounters) InterfaceCounters {
	less := func(a, b uint64) uint64 { return a - min(a, b) } // some drivers begin anew
	return InterfaceCounters{
		RxPackets: less(a.RxPackets, b.RxPackets), RxBytes: less(a.RxBytes, b.RxBytes),
		TxPackets: less(a.TxPackets, b.TxPackets), TxBytes: less(a.TxBytes, b.TxBytes),
		RxDropped: less(a.RxDropped, b.RxDropped), TxDropped: less(a.TxDropped, b.TxDropped), RxMissed: less(a.RxMissed, b.RxMissed),
		RxErrors: less(a.RxErrors, b.RxErrors), TxErrors: less(a.TxErrors, b.TxErrors),
	}
}
