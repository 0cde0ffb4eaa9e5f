//go:build linux && (amd64 || arm64)

package live

import (
	"slices"
	"strconv"
	"sync/atomic"

	"flowscope/gen"
)

// maxPlaces caps the combinations of interfaces in which flows are told to be.
const maxPlaces = 4096

// place is where a flow was seen: the interfaces that count its directions, and
// a byte for each of up to four hooks that saw it, too (fs_also).
type place struct {
	counts [2]uint32
	also   uint32
}

// places numbers them, from 1 on, as they come up in Read.
type places struct {
	last   place
	number uint16 // of last
	all    map[place]uint16
	names  atomic.Pointer[[][]string] // of each number but 0
}

// of returns the number of a flow's place, 0 if there are too many.
func (p *places) of(f *gen.Flow, k *kernel) uint16 {
	at := place{f.Ifindex, f.Also}
	if at == p.last {
		return p.number
	}
	n, ok := p.all[at]
	if !ok && len(p.all) < maxPlaces {
		if p.all == nil {
			p.all = map[place]uint16{}
			p.names.Store(&[][]string{})
		}
		names := append(slices.Clip(*p.names.Load()), k.namesAt(at))
		n = uint16(len(names))
		p.all[at] = n
		p.names.Store(&names)
	}
	p.last, p.number = at, n
	return n
}

// namesAt returns the names of the interfaces of a place.
func (k *kernel) namesAt(at place) (names []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, index := range at.counts {
		if index == 0 {
			continue
		}
		name := "interface " + strconv.Itoa(int(index)) // it is gone
		for _, d := range slices.Concat(k.lost, k.devices) {
			if d.index == int(index) {
				name = d.name
			}
		}
		add(name)
	}
	for shift := 24; shift >= 0; shift -= 8 { // the first to see it is the highest
		number := at.also >> shift & 255
		for _, h := range k.hooks {
			if number < 255 && h.index+1 == number {
				add(h.iface)
			}
		}
		if number == 255 {
			add("others")
		}
	}
	return names
}

// Locate implements sensor.Locator.
func (s *Source) Locate(where uint16) []string {
	all := s.places.names.Load()
	if all == nil || where == 0 || int(where) > len(*all) {
		return nil
	}
	return (*all)[where-1]
}
