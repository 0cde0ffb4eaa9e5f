//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"

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

// kernel is what is loaded and attached: maps and programs, and the interfaces
// that are watched.
type kernel struct {
	opt       *Options
	spec      *ebpf.CollectionSpec
	constants map[string]any // of all programs
	log       *slog.Logger
	ns        *namespace
	traffic   *traffic
	wanted    selection
	noTCX     error // why not, if the kernel is known to have none

	mu        sync.Mutex // guards what follows it; held while devices are attached and detached
	devices   []*device
	lost      []*device
	departed  []*departed
	refused   map[int]string // interfaces that cannot be watched
	spares    []spare
	used      uint32 // places for books
	following bool   // the first devices are attached
	detached  bool

	over      atomic.Uint64 // epochs
	directory atomic.Pointer[directory]

	flows    *ebpf.Map // of maps: current, previous
	maps     [3]*ebpf.Map
	rings    *ebpf.Map // of maps
	ringMaps []*ebpf.Map
	ledger   *ebpf.Map
	control  *ebpf.Map
	scratch  *ebpf.Map
	finding  *ebpf.Map
	verdicts *ebpf.Program
	hooks    []*hook
	filter   string
}

// prepare makes the maps and loads nothing.
func prepare(o *Options) (_ *kernel, err error) {
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, explain("allow locked memory", err)
	}
	if err := checkFilter(o.Filter); err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	k := &kernel{
		opt: o, log: o.Log, traffic: newTraffic(), refused: map[int]string{},
		wanted: selection{names: o.Interfaces, exclude: o.Exclude},
		filter: o.Filter,
	}
	k.directory.Store(&directory{})
	defer func() {
		if err != nil {
			k.close()
		}
	}()
	if k.ns, err = enter(o.Netns); err != nil {
		return nil, err
	}
	spec, err := gen.LoadSensor()
	if err != nil {
		return nil, err
	}
	k.spec = spec
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
	k.constants = common
	return k, nil
}

// load makes the maps and the programs, and attaches nothing.
func load(o *Options) (_ *kernel, err error) {
	k, err := prepare(o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			k.close()
		}
	}()
	if k.verdicts, err = k.program(k.spec, "fs_verdicts", k.constants); err != nil {
		return nil, explain("load the program for verdicts", err)
	}
	if err := tryVerdicts(k.verdicts); err != nil {
		return nil, explain("run the program for verdicts", err)
	}
	if o.Hook == XDP {
		if err := probeXDP(); err != nil {
			return nil, err
		}
	}
	if err := k.ns.do(k.find); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *kernel) makeMaps(spec *ebpf.CollectionSpec, o *Options) (err error) {
	flow, ring := spec.Maps["flow_map"], spec.Maps["ring_map"]
	// Each CPU may let one more begin than the cap.
	flow.MaxEntries, ring.MaxEntries = uint32(o.MaxFlows+ebpf.MustPossibleCPU()), uint32(o.RingSize)
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
	spec.Maps["ledger"].MaxEntries = uint32(2 * o.MaxInterfaces)
	if k.ledger, err = ebpf.NewMap(spec.Maps["ledger"]); err != nil {
		return err
	}
	if k.scratch, err = ebpf.NewMap(spec.Maps["scratch"]); err != nil {
		return err
	}
	if k.finding, err = ebpf.NewMap(spec.Maps["finding"]); err != nil {
		return err
	}
	if k.control, err = ebpf.NewMap(spec.Maps["control"]); err != nil {
		return err
	}
	if err := k.control.Put(uint32(0), gen.Control{Budget: uint64(o.Budget), MaxNew: uint64(o.MaxNew)}); err != nil {
		return err
	}
	return k.allow(uint64(o.MaxFlows))
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
		"flows": k.flows, "rings": k.rings, "ledger": k.ledger, "control": k.control, "scratch": k.scratch, "finding": k.finding,
	}})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.DetachProgram(name), nil
}

// barrier returns when no program runs any more that was attached before.
func (k *kernel) barrier() error {
	if err := k.rings.Put(uint32(0), k.ringMaps[0]); err != nil { // the kernel waits for them
		return fmt.Errorf("wait for the programs: %w", err)
	}
	return nil
}

// detach returns when no program runs any more. Nothing may follow interfaces
// then.
func (k *kernel) detach() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.detached || k.rings == nil {
		return nil
	}
	defer func() { k.detached = true }()
	return k.ns.do(func() (err error) {
		for _, d := range k.devices {
			err = errors.Join(err, d.detach())
		}
		_ = k.census()
		return errors.Join(err, k.barrier())
	})
}

func (k *kernel) close() {
	if k.ns != nil {
		_ = k.detach()
		k.ns.leave()
	}
	k.traffic.close()
	for _, h := range k.hooks {
		h.program.Close()
	}
	for _, s := range k.spares {
		s.program.Close()
	}
	if k.verdicts != nil {
		k.verdicts.Close()
	}
	for _, m := range append(append([]*ebpf.Map{k.flows, k.rings, k.ledger, k.control, k.scratch, k.finding}, k.maps[:]...), k.ringMaps...) {
		if m != nil {
			m.Close()
		}
	}
}
