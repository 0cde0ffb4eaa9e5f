//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
)

// find resolves the selection and prepares the devices. It runs in the namespace.
func (k *kernel) find() error {
	all, err := listLinks()
	if err != nil {
		return fmt.Errorf("list the interfaces: %w", err)
	}
	if missing := k.wanted.missing(all); len(missing) > 0 && !k.opt.Follow {
		return fmt.Errorf("interface %s: there is none of that name: there are %s; --follow waits for one", strings.Join(missing, ", "), namesOf(all))
	}
	if len(all) > 0 {
		k.probeTCX(all[0].Attrs().Index)
	}
	for _, l := range all {
		if _, err := k.add(l); err != nil {
			return err
		}
	}
	if len(k.devices) == 0 && !k.opt.Follow {
		return errors.New("no interface is left to watch: --exclude leaves none")
	}
	return nil
}

// add prepares a device for an interface if it is wanted. What cannot be watched
// is an error where it was asked for by name.
func (k *kernel) add(l netlink.Link) (*device, error) {
	a := l.Attrs()
	wanted, byName := k.wanted.wants(a)
	if !wanted || k.refused[a.Index] == a.Name {
		return nil, nil
	}
	d, err := k.newDevice(l)
	if err != nil {
		return nil, k.refuse(a, byName, err)
	}
	k.devices = append(k.devices, d)
	k.hooks = append(k.hooks, d.hooks...)
	k.publish()
	return d, nil
}

// refuse notes that an interface cannot be watched: if it came by a pattern, the
// others can.
func (k *kernel) refuse(a *netlink.LinkAttrs, byName bool, err error) error {
	if byName && !k.following {
		return err
	}
	k.refused[a.Index] = a.Name
	k.log.Warn("not watched", "interface", a.Name, "error", err)
	return nil
}

// attach removes what sensors that were killed left, and attaches all devices.
func (k *kernel) attach() error {
	return k.ns.do(func() error {
		n, err := sweep()
		if n > 0 {
			k.log.Info("removed filters that a killed sensor left", "filters", n)
		}
		if err != nil {
			k.log.Warn("look for filters that a killed sensor left", "error", err)
		}
		for _, d := range slices.Clone(k.devices) {
			if err := k.start(d); err != nil {
				return err
			}
		}
		return nil
	})
}

// start attaches a device, or lets it go.
func (k *kernel) start(d *device) error {
	err := k.attachDevice(d)
	if err == nil {
		for _, h := range d.hooks {
			k.log.Info("attached", "interface", d.name, "direction", h.direction, "hook", h.how, "why", h.why, "verified", h.insns)
		}
		return nil
	}
	a := &netlink.LinkAttrs{Index: d.index, Name: d.name}
	if _, err := netlink.LinkByIndex(d.index); err != nil && k.following {
		k.lose(d, "gone before it was attached to")
		return nil
	}
	byName := slices.Contains(k.wanted.names, d.name)
	if err := k.refuse(a, byName, err); err != nil {
		return err
	}
	k.drop(d)
	return nil
}

// drop forgets a device, of which nothing is attached any more.
func (k *kernel) drop(d *device) {
	_ = k.barrier()
	k.devices = slices.DeleteFunc(k.devices, func(o *device) bool { return o == d })
	k.retire(d)
	k.publish()
}

// lose lets a device go that is not there any more.
func (k *kernel) lose(d *device, why string) {
	if err := d.detach(); err != nil {
		k.log.Debug("detach", "interface", d.name, "error", err)
	}
	k.drop(d)
	d.gone = true
	k.lost = append(k.lost, d)
	if len(k.lost) > maxDeparted {
		k.lost = slices.Delete(k.lost, 0, 1)
	}
	k.publish()
	k.log.Info("let go", "interface", d.name, "why", why)
}

// review compares what is watched with what is there. It runs in the namespace,
// with k.mu held.
func (k *kernel) review() error {
	all, err := listLinks()
	if err != nil {
		return fmt.Errorf("list the interfaces: %w", err)
	}
	for _, d := range slices.Clone(k.devices) {
		i := slices.IndexFunc(all, func(l netlink.Link) bool { return l.Attrs().Index == d.index })
		switch {
		case i < 0:
			k.lose(d, "deleted, or in another network namespace")
		case !d.alive():
			k.lose(d, "the program is not attached any more")
		default:
			d.update(k, all[i].Attrs())
		}
	}
	for index, name := range k.refused {
		if !slices.ContainsFunc(all, func(l netlink.Link) bool { return l.Attrs().Index == index && l.Attrs().Name == name }) {
			delete(k.refused, index)
		}
	}
	if !k.opt.Follow {
		return nil
	}
	for _, l := range all {
		if slices.ContainsFunc(k.devices, func(d *device) bool { return d.index == l.Attrs().Index }) {
			continue
		}
		d, err := k.add(l)
		if err == nil && d != nil {
			err = k.start(d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// update takes over what an interface is called now, and what it has counted.
func (d *device) update(k *kernel, a *netlink.LinkAttrs) {
	d.now = countersOf(a)
	if a.Name == d.name {
		return
	}
	k.log.Info("renamed", "interface", a.Name, "before", d.name)
	d.name = a.Name
	for _, h := range d.hooks {
		h.iface = a.Name
	}
	k.publish()
}

// hear notes what the kernel said last of an interface that is going.
func (k *kernel) hear(u netlink.LinkUpdate) {
	if u.Header.Type != syscall.RTM_DELLINK || u.Link == nil || u.Link.Attrs().Statistics == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, d := range slices.Backward(slices.Concat(k.lost, k.devices)) { // a review may have been faster
		if d.index == u.Link.Attrs().Index {
			d.now = d.now.most(countersOf(u.Link.Attrs())) // a veth has forgotten some by now
			return
		}
	}
}

const (
	reviewAfter = 10 * time.Millisecond // a change: more are coming
	reviewEvery = 2 * time.Second       // the kernel may have had no room to tell
)

// follow keeps what is watched up to date until stop is closed. Changes that it
// is not told of it finds out later.
func (k *kernel) follow(stop <-chan struct{}) {
	done := make(chan struct{})
	var changes chan netlink.LinkUpdate
	subscribe := func() {
		changes = make(chan netlink.LinkUpdate, 64)
		err := k.ns.do(func() error {
			return netlink.LinkSubscribeWithOptions(changes, done, netlink.LinkSubscribeOptions{ErrorCallback: func(error) {}})
		})
		if err != nil {
			k.log.Warn("interfaces that change are noticed late", "error", err)
			changes = nil
		}
	}
	subscribe()
	review := time.NewTimer(0) // for what changed before we subscribed
	defer review.Stop()
	for {
		select {
		case <-stop:
			close(done)
			for changes != nil {
				if _, ok := <-changes; !ok {
					changes = nil
				}
			}
			return
		case u, ok := <-changes:
			if !ok { // it was too much at once
				subscribe()
			} else {
				k.hear(u)
			}
			review.Reset(reviewAfter)
		case <-review.C:
			k.mu.Lock()
			err := k.ns.do(k.review)
			k.mu.Unlock()
			if err != nil {
				k.log.Warn("follow interfaces", "error", err)
			}
			review.Reset(reviewEvery)
		}
	}
}

// census notes what the interfaces have counted until now. It runs in the
// namespace.
func (k *kernel) census() error {
	all, err := listLinks()
	for _, d := range k.devices {
		for _, l := range all {
			if l.Attrs().Index == d.index {
				d.now = countersOf(l.Attrs())
			}
		}
	}
	return err
}

// interfaces returns what is and was watched. k.mu is held.
func (k *kernel) interfaces() (out []Interface) {
	if !k.detached {
		_ = k.ns.do(k.census) // else what was heard last
	}
	for _, d := range slices.Concat(k.lost, k.devices) {
		out = append(out, Interface{Name: d.name, Index: d.index, Gone: d.gone, Counters: d.now.since(d.before)})
	}
	return out
}

func listLinks() (all []netlink.Link, err error) {
	for range 5 { // others change them meanwhile
		all, err = netlink.LinkList()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if errors.Is(err, netlink.ErrDumpInterrupted) && len(all) > 0 {
		err = nil
	}
	return all, err
}

func namesOf(all []netlink.Link) string {
	var names []string
	for _, l := range all {
		names = append(names, l.Attrs().Name)
	}
	return strings.Join(names, " ")
}
