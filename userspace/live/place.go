//go:build linux && (amd64 || arm64)

package live

import (
	"slices"
	"strconv"
	"sync/atomic"

	"flowscope/gen"
)

// maxPlaces caps the places whose names are remembered. When there are more, they
// are looked up anew.
const maxPlaces = 1 << 14

// placeNumbers are given out in turn: one means another place after half of them,
// which is more than the engine has records under way.
const placeNumbers = 2 * maxPlaces

// place is where a flow was seen in an epoch: the interfaces that count its
// directions, and a byte for each of up to four hooks that saw it, too (fs_also).
type place struct {
	counts [2]uint32
	also   uint32
}

// places numbers them, from 1 on, as they come up in Read.
type places struct {
	of         *directory
	epoch      uint64 // whose places they are
	last       place
	lastNumber uint16
	latest     uint16 // that was given out
	all        map[place]uint16
	names      [placeNumbers]atomic.Pointer[[]string] // of each number but 0
}

// begin begins an epoch. It forgets the places of those before if interfaces have come, gone
// or been renamed since: in the epoch that was running at the latest change, the
// number of a hook may mean another than in those after it.
func (p *places) begin(epoch uint64, d *directory) {
	if p.of, p.epoch = d, epoch; epoch <= d.changed+1 {
		p.forget()
	}
}

func (p *places) forget() {
	clear(p.all)
	p.last, p.lastNumber = place{}, 0
}

// number returns the number of the place of a flow of the epoch.
func (p *places) number(f *gen.Flow) uint16 {
	at := place{f.Ifindex, f.Also}
	if at == p.last {
		return p.lastNumber
	}
	n, ok := p.all[at]
	if !ok {
		if p.all == nil {
			p.all = map[place]uint16{}
		}
		if len(p.all) == maxPlaces {
			p.forget()
		}
		names := p.of.at(at, p.epoch)
		n = p.latest%placeNumbers + 1
		p.latest, p.all[at] = n, n
		p.names[n-1].Store(&names)
	}
	p.last, p.lastNumber = at, n
	return n
}

// directory is which interface was where, as of the latest change: Read must not
// wait until a program is loaded for another one.
type directory struct {
	changed uint64             // the epoch that was running then
	names   map[uint32]string  // by index of the interface
	hooks   map[uint32]tenants // by the place of their books
}

// tenants are the interfaces of the hooks that had a place one after the other,
// the first of them until an epoch was over; "" is not known.
type tenants struct {
	until         uint64
	before, after string
}

// publish makes the directory anew. k.mu is held.
func (k *kernel) publish() {
	d := &directory{k.running(), map[uint32]string{}, map[uint32]tenants{}}
	for _, dev := range slices.Concat(k.lost, k.devices) {
		d.names[uint32(dev.index)] = dev.name
	}
	for _, s := range k.spares {
		d.hooks[s.index] = tenants{s.until, s.before, ""}
	}
	for _, h := range k.hooks {
		d.hooks[h.index] = tenants{h.until, h.before, h.iface}
	}
	k.directory.Store(d)
}

// at returns the names of the interfaces of a place.
func (d *directory) at(p place, epoch uint64) (names []string) {
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, index := range p.counts {
		if name, ok := d.names[index]; ok || index == 0 {
			add(name)
		} else {
			add("interface " + strconv.Itoa(int(index))) // gone, and many after it
		}
	}
	for shift := 24; shift >= 0; shift -= 8 { // the first to see it is the highest
		number := p.also >> shift & 255
		t := d.hooks[number-1]
		switch {
		case number == 255:
			add("others")
		case number > 0 && epoch <= t.until:
			add(t.before)
		case number > 0:
			add(t.after)
		}
	}
	return names
}

// Locate implements sensor.Locator.
func (s *Source) Locate(where uint16) []string {
	if where == 0 || where > placeNumbers {
		return nil
	}
	if names := s.places.names[where-1].Load(); names != nil {
		return *names
	}
	return nil
}
