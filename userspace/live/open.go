//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"github.com/vishvananda/netlink"

	"flowscope/gen"
	"flowscope/sensor"
)

// What a frame of an interface begins with: FS_L_ETHERNET, FS_L_IP.
const (
	beginsEthernet = 1
	beginsIP       = 6
)

// Flags of the classifier: FS_P_ in bpf/parse.h.
const (
	lookIntoTunnels = 1 << iota
	keyVLAN
	keyTunnel
)

// hook is a program on one direction of an interface.
type hook struct {
	iface     string
	direction string
	index     uint32 // of its books
	program   *ebpf.Program
	link      link.Link
	insns     uint32 // that the verifier looked at
}

// kernel is what is loaded: maps and programs.
type kernel struct {
	flows    *ebpf.Map // of maps: current, previous
	maps     [3]*ebpf.Map
	rings    *ebpf.Map // of maps
	ringMaps []*ebpf.Map
	ledger   *ebpf.Map
	control  *ebpf.Map
	scratch  *ebpf.Map
	verdicts *ebpf.Program
	hooks    []*hook
	filter   string
}

// load makes the maps and the programs, and attaches nothing.
func load(o *Options) (_ *kernel, err error) {
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, explain("allow locked memory", err)
	}
	if err := checkFilter(o.Filter); err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	k := &kernel{filter: o.Filter}
	defer func() {
		if err != nil {
			k.close()
		}
	}()
	if k.hooks, err = hooksOf(o.Interfaces); err != nil {
		return nil, err
	}
	spec, err := gen.LoadSensor()
	if err != nil {
		return nil, err
	}
	if err := k.makeMaps(spec, o); err != nil {
		return nil, explain("make the maps", err)
	}
	flags := uint32(0)
	if o.Classify.Tunnels == sensor.Inner {
		flags |= lookIntoTunnels
	}
	if o.Classify.KeyVLAN {
		flags |= keyVLAN
	}
	if o.Classify.KeyTunnel {
		flags |= keyTunnel
	}
	common := map[string]any{"fs_flags": flags, "fs_ring_mask": uint32(o.Rings - 1), "fs_wake_at": uint32(min(o.RingSize/8, 64<<10)),
		"fs_squeeze_at": uint32(o.RingSize / 2), "fs_coarse": coarseClock()}
	if k.verdicts, err = k.program(spec, "fs_verdicts", common); err != nil {
		return nil, explain("load the program for verdicts", err)
	}
	for _, h := range k.hooks {
		l, err := netlink.LinkByName(h.iface)
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w", h.iface, err)
		}
		own := map[string]any{"fs_hook": h.index, "fs_next": begins(l)}
		for name, v := range common {
			own[name] = v
		}
		if h.program, err = k.program(spec, "fs_"+h.direction, own); err != nil {
			return nil, explain("load the program for "+h.iface, err)
		}
		if info, err := h.program.Info(); err == nil {
			h.insns, _ = info.VerifiedInstructions()
		}
	}
	return k, nil
}

// hooksOf returns the hooks of interfaces, each once.
func hooksOf(names []string) ([]*hook, error) {
	var hooks []*hook
	seen := map[string]bool{}
	for _, name := range names {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w", name, err)
		}
		name = l.Attrs().Name // it may have been asked for by another of its names
		if seen[name] {
			continue
		}
		seen[name] = true
		directions := []string{"ingress", "egress"}
		if l.Attrs().EncapType == "loopback" {
			directions = directions[:1]
		}
		for _, d := range directions {
			hooks = append(hooks, &hook{iface: name, direction: d, index: uint32(len(hooks))})
		}
	}
	return hooks, nil
}

// begins returns what the frames of an interface begin with.
func begins(l netlink.Link) uint32 {
	switch l.Attrs().EncapType {
	case "ether", "loopback":
		return beginsEthernet
	}
	return beginsIP
}

func (k *kernel) makeMaps(spec *ebpf.CollectionSpec, o *Options) (err error) {
	flow, ring := spec.Maps["flow_map"], spec.Maps["ring_map"]
	flow.MaxEntries, ring.MaxEntries = uint32(o.MaxFlows), uint32(o.RingSize)
	for i := range k.maps {
		if k.maps[i], err = ebpf.NewMap(flow); err != nil {
			return fmt.Errorf("of %d flows: %w", o.MaxFlows, err)
		}
	}
	for range o.Rings {
		m, err := ebpf.NewMap(ring)
		if err != nil {
			return fmt.Errorf("a ring of %d bytes: %w", o.RingSize, err)
		}
		k.ringMaps = append(k.ringMaps, m)
	}
	s := spec.Maps["flows"]
	s.InnerMap.MaxEntries = flow.MaxEntries
	if k.flows, err = ebpf.NewMap(s); err != nil {
		return err
	}
	for i := range uint32(2) {
		if err := k.flows.Put(i, k.maps[i]); err != nil {
			return err
		}
	}
	s = spec.Maps["rings"]
	s.MaxEntries, s.InnerMap.MaxEntries = uint32(o.Rings), ring.MaxEntries
	if k.rings, err = ebpf.NewMap(s); err != nil {
		return err
	}
	for i, m := range k.ringMaps {
		if err := k.rings.Put(uint32(i), m); err != nil {
			return err
		}
	}
	spec.Maps["ledger"].MaxEntries = uint32(len(k.hooks))
	if k.ledger, err = ebpf.NewMap(spec.Maps["ledger"]); err != nil {
		return err
	}
	if k.scratch, err = ebpf.NewMap(spec.Maps["scratch"]); err != nil {
		return err
	}
	if k.control, err = ebpf.NewMap(spec.Maps["control"]); err != nil {
		return err
	}
	return k.control.Put(uint32(0), gen.Control{Budget: uint64(o.Budget), MaxNew: uint64(o.MaxNew)})
}

// program loads one program with its own constants.
func (k *kernel) program(spec *ebpf.CollectionSpec, name string, constants map[string]any) (*ebpf.Program, error) {
	spec = spec.Copy()
	for n := range spec.Programs {
		if n != name {
			delete(spec.Programs, n)
		}
	}
	delete(spec.Maps, "flow_map")
	delete(spec.Maps, "ring_map")
	for n, v := range constants {
		if err := spec.Variables[n].Set(v); err != nil {
			return nil, err
		}
	}
	if next, ok := constants["fs_next"].(uint32); ok && k.filter != "" {
		if err := addFilter(spec, name, k.filter, next); err != nil {
			return nil, err
		}
	}
	c, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{
		"flows": k.flows, "rings": k.rings, "ledger": k.ledger, "control": k.control, "scratch": k.scratch,
	}})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.DetachProgram(name), nil
}

// attach attaches all hooks, at the head: what comes later may drop the packet.
func (k *kernel) attach() error {
	for _, h := range k.hooks {
		l, err := netlink.LinkByName(h.iface)
		if err != nil {
			return fmt.Errorf("interface %s: %w", h.iface, err)
		}
		at := ebpf.AttachTCXIngress
		if h.direction == "egress" {
			at = ebpf.AttachTCXEgress
		}
		h.link, err = link.AttachTCX(link.TCXOptions{
			Interface: l.Attrs().Index, Program: h.program, Attach: at, Anchor: link.Head(),
		})
		if err != nil {
			return explain("attach to "+h.iface, err)
		}
	}
	return nil
}

// detach returns when no program runs any more.
func (k *kernel) detach() (err error) {
	for _, h := range k.hooks {
		if h.link != nil {
			err = errors.Join(err, h.link.Close())
			h.link = nil
		}
	}
	return err
}

func (k *kernel) close() {
	_ = k.detach()
	for _, h := range k.hooks {
		if h.program != nil {
			h.program.Close()
		}
	}
	if k.verdicts != nil {
		k.verdicts.Close()
	}
	for _, m := range append(append([]*ebpf.Map{k.flows, k.rings, k.ledger, k.control, k.scratch}, k.maps[:]...), k.ringMaps...) {
		if m != nil {
			m.Close()
		}
	}
}
