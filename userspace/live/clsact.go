//go:build linux && (amd64 || arm64)

package live

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
)

// A filter of ours is known by its handle and by its name, which begins with
// filterPrefix, then has the owner's id, then madeQdisc if it was a sensor that
// made the qdisc.
const (
	filterHandle = 0xf10e5c0e
	filterPrefix = "flowscope-"
	madeQdisc    = "+clsact"
	ethAll       = 3 // ETH_P_ALL
)

var parents = map[string]uint32{"ingress": netlink.HANDLE_MIN_INGRESS, "egress": netlink.HANDLE_MIN_EGRESS}

// traffic is what of traffic control is ours. A filter stays where it is when
// its process is killed. Whether its owner lives is known by a socket with the
// owner's id for a name, which the kernel takes away with the process: names
// that begin with @ belong to the network namespace, as the filter does.
type traffic struct {
	id     string
	socket int // -1: nothing was attached yet
}

func newTraffic() *traffic {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it never fails
	return &traffic{id: hex.EncodeToString(id), socket: -1}
}

// claim binds the socket of an id, which only one process can.
func claim(id string) (fd int, err error) {
	fd, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: "@" + filterPrefix + id}); err != nil {
		_ = syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

// dead says whether no process has the id. If in doubt, one has.
func dead(id string) bool {
	fd, err := claim(id)
	if err == nil {
		_ = syscall.Close(fd)
	}
	return err == nil
}

// owned returns the owner of a filter, "" if it is not a sensor's, and whether a
// sensor made its qdisc.
func owned(f netlink.Filter) (id string, made bool) {
	b, ok := f.(*netlink.BpfFilter)
	if !ok || b.Handle != filterHandle {
		return "", false
	}
	id, ok = strings.CutPrefix(b.Name, filterPrefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(id, madeQdisc)
}

// filters returns those of an interface in a direction.
func filters(index int, direction string) (list []netlink.Filter, err error) {
	for range 5 { // others change them meanwhile
		list, err = netlink.FilterList(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: index}}, parents[direction])
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return list, err
}

// hasQdisc says whether the interface has a clsact qdisc, or an ingress qdisc, of
// which there can be only one.
func hasQdisc(index int) (clsact, ingress bool, err error) {
	all, err := netlink.QdiscList(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: index}})
	for _, q := range all {
		if q.Attrs().LinkIndex == index {
			clsact = clsact || q.Type() == "clsact"
			ingress = ingress || q.Type() == "ingress"
		}
	}
	return clsact, ingress, err
}

func clsactOf(index int) netlink.Qdisc {
	return &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}
}

// attach adds a filter of its own priority, the first that is free, so that no
// other filter is replaced or shares what we remove.
func (t *traffic) attach(d *device, h *hook) (attachment, error) {
	if t.socket < 0 {
		fd, err := claim(t.id)
		if err != nil {
			return nil, fmt.Errorf("a socket that says that the sensor lives: %w", err)
		}
		t.socket = fd
	}
	made, err := makeClsact(d)
	if err != nil {
		return nil, err
	}
	name := filterPrefix + t.id
	if made {
		name += madeQdisc
	}
	f := &clsactFilter{index: d.index, direction: h.direction, id: t.id}
	for range 8 { // others may take the same priority at the same moment
		if f.priority, err = freePriority(d.index, h.direction); err != nil {
			break
		}
		err = netlink.FilterAdd(&netlink.BpfFilter{
			FilterAttrs: netlink.FilterAttrs{
				LinkIndex: d.index, Parent: parents[h.direction], Handle: filterHandle, Priority: f.priority, Protocol: ethAll,
			},
			Fd: h.program.FD(), Name: name, DirectAction: true,
		})
		if !errors.Is(err, syscall.EEXIST) && !errors.Is(err, syscall.EINVAL) {
			break
		}
	}
	if err != nil {
		_ = removeClsact(d.index, made)
		return nil, err
	}
	if made && h.direction == "ingress" {
		h.why += "; for the qdisc the kernel drops what is sent for a moment"
	}
	if f.priority > 1 {
		h.why += "; filters of a lower priority are before it"
	}
	return f, nil
}

// makeClsact makes sure that there is a clsact qdisc, and says whether a sensor
// made it: we or one whose filters are still there.
func makeClsact(d *device) (made bool, err error) {
	err = netlink.QdiscAdd(clsactOf(d.index))
	if err == nil {
		return true, nil
	}
	clsact, ingress, listed := hasQdisc(d.index)
	switch {
	case listed != nil:
		return false, listed
	case ingress:
		return false, fmt.Errorf("%w: an ingress qdisc is there, and stays; there cannot be a clsact qdisc beside it: remove it (tc qdisc del dev %s ingress) or use --hook xdp", err, d.name)
	case !clsact:
		if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EOPNOTSUPP) {
			return false, fmt.Errorf("the kernel has no clsact qdisc: %w: modprobe sch_ingress cls_bpf", err)
		}
		return false, err
	}
	for direction := range parents {
		list, err := filters(d.index, direction)
		if err != nil {
			return false, err
		}
		for _, f := range list {
			if _, byUs := owned(f); byUs {
				return true, nil
			}
		}
	}
	return false, nil
}

// removeClsact removes the qdisc if a sensor made it and nothing is left in it.
func removeClsact(index int, made bool) error {
	if !made {
		return nil
	}
	for direction := range parents {
		if list, err := filters(index, direction); err != nil || len(list) > 0 {
			return err
		}
	}
	if clsact, _, err := hasQdisc(index); err != nil || !clsact {
		return err
	}
	return netlink.QdiscDel(clsactOf(index))
}

// freePriority returns the first priority that no filter has: those that come
// before another see what it may drop.
func freePriority(index int, direction string) (uint16, error) {
	list, err := filters(index, direction)
	if err != nil {
		return 0, err
	}
	taken := map[uint16]bool{}
	for _, f := range list {
		taken[f.Attrs().Priority] = true
	}
	for p := uint16(1); p < 1<<15; p++ {
		if !taken[p] {
			return p, nil
		}
	}
	return 0, errors.New("no priority is free")
}

// clsactFilter is an attachment of traffic control.
type clsactFilter struct {
	index     int
	direction string
	id        string
	priority  uint16
}

// find returns the filter if it is there.
func (f *clsactFilter) find() (*netlink.BpfFilter, bool, error) {
	list, err := filters(f.index, f.direction)
	if err != nil {
		return nil, false, err
	}
	for _, l := range list {
		if id, made := owned(l); id == f.id {
			return l.(*netlink.BpfFilter), made, nil
		}
	}
	return nil, false, nil
}

func (f *clsactFilter) alive() bool {
	there, _, err := f.find()
	return err != nil || there != nil
}

// Close removes the filter, and the qdisc if it is not needed any more. It runs
// in the namespace of the interface. That the interface is gone is no error.
func (f *clsactFilter) Close() error {
	there, made, err := f.find()
	if err == nil && there != nil {
		if err = netlink.FilterDel(there); err == nil {
			err = removeClsact(f.index, made)
		}
	}
	if err == nil || errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EINVAL) && !f.hasDevice() {
		return nil
	}
	return fmt.Errorf("remove the filter from interface %d: %w", f.index, err)
}

func (f *clsactFilter) hasDevice() bool {
	_, err := netlink.LinkByIndex(f.index)
	return err == nil
}

// close lets others know that nothing of ours is attached.
func (t *traffic) close() {
	if t.socket >= 0 {
		_ = syscall.Close(t.socket)
		t.socket = -1
	}
}

// sweep removes what sensors that were killed left in the namespace: their
// filters, and qdiscs that they made and that are empty. It returns how many
// filters these were.
func sweep() (removed int, err error) {
	all, err := netlink.QdiscList(nil)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return 0, err
	}
	for _, q := range all {
		if q.Type() != "clsact" {
			continue
		}
		n, made, err := sweepInterface(q.Attrs().LinkIndex)
		removed += n
		if err == nil && n > 0 {
			err = removeClsact(q.Attrs().LinkIndex, made)
		}
		if err != nil && !errors.Is(err, syscall.ENODEV) && !errors.Is(err, syscall.ENOENT) {
			return removed, err
		}
	}
	return removed, nil
}

func sweepInterface(index int) (removed int, made bool, err error) {
	for direction := range parents {
		list, err := filters(index, direction)
		if err != nil {
			return removed, made, err
		}
		for _, f := range list {
			id, byUs := owned(f)
			if id == "" || !dead(id) {
				continue
			}
			if err := netlink.FilterDel(f); err != nil {
				return removed, made, err
			}
			removed++
			made = made || byUs
		}
	}
	return removed, made, nil
}
