//go:build linux

package doctor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
)

// look checks one interface.
func look(l *list, name string) {
	dev, err := netlink.LinkByName(name)
	if err != nil {
		l.add(Fail, "interface", "give one of "+names(), "not there: %v", err)
		return
	}
	a := dev.Attrs()
	frames := "Ethernet frames"
	if a.EncapType != "ether" && a.EncapType != "loopback" {
		frames = "IP packets without a link header"
	}
	driver := dev.Type()
	if d, err := driverOf(name); err == nil {
		driver = d
	}
	found := fmt.Sprintf("%s, %s, MTU %d, driver %s", a.Name, frames, a.MTU, driver)
	if a.Flags&net.FlagUp == 0 {
		l.add(Warn, "interface", "sudo ip link set "+a.Name+" up", "%s, down: nothing comes by", found)
	} else {
		l.add(OK, "interface", "", "%s", found)
	}
	chosen(l, dev, tcx())
	offloads(l, a.Name)
	owners(l, dev)
	if s := a.Statistics; s != nil {
		if lost := s.RxDropped + s.RxMissedErrors + s.RxOverErrors; lost > 0 {
			l.add(Info, "drops", "", "%d packets dropped before the hook since the interface is there (of %d)", lost, s.RxPackets+lost)
		}
	}
}

// chosen says which hook --hook auto takes; tcx is what came of asking for TCX.
func chosen(l *list, dev netlink.Link, tcx error) {
	directions := "both directions"
	if dev.Attrs().EncapType == "loopback" {
		directions = "ingress, where each packet comes by once"
	}
	switch {
	case tcx == nil:
		l.add(OK, "hook", "", "auto is tcx, %s: the kernel has it", directions)
	case !errors.Is(tcx, errNotThere):
		l.add(Unknown, "hook", "", "%v", tcx)
	case hasIngressQdisc(dev):
		l.add(Fail, "hook", "sudo tc qdisc del dev "+dev.Attrs().Name+" ingress, or --hook xdp",
			"auto is tc, since the kernel has no TCX; there is an ingress qdisc, beside which there cannot be the clsact qdisc that it needs")
	default:
		l.add(OK, "hook", "", "auto is tc, %s: the kernel has no TCX, which came with Linux 6.6", directions)
	}
}

func hasIngressQdisc(dev netlink.Link) bool {
	all, err := netlink.QdiscList(dev)
	return err == nil && slices.ContainsFunc(all, func(q netlink.Qdisc) bool { return q.Type() == "ingress" })
}

// names lists the interfaces.
func names() string {
	all, err := netlink.LinkList()
	if err != nil {
		return ""
	}
	var s []string
	for _, l := range all {
		s = append(s, l.Attrs().Name)
	}
	return strings.Join(s, " ")
}

// offloads says what the card does to packets before they are seen.
func offloads(l *list, name string) {
	on, err := offloadsOf(name)
	switch {
	case err != nil:
		l.add(Unknown, "offloads", "", "%v", err)
	case len(on) == 0:
		l.add(OK, "offloads", "", "none")
	default:
		l.add(OK, "offloads", "", "%s on: what they join is counted as the packets on the wire", strings.Join(on, ", "))
	}
}

// owners says who else is on the hooks of an interface.
func owners(l *list, dev netlink.Link) {
	var there []string
	for at, what := range map[ebpf.AttachType]string{ebpf.AttachTCXIngress: "tcx/ingress", ebpf.AttachTCXEgress: "tcx/egress"} {
		r, err := link.QueryPrograms(link.QueryOptions{Target: dev.Attrs().Index, Attach: at})
		if err != nil {
			continue // told by the check of tcx
		}
		for _, p := range r.Programs {
			there = append(there, fmt.Sprintf("%s: %s", what, programName(p.ID)))
		}
	}
	for parent, what := range map[uint32]string{netlink.HANDLE_MIN_INGRESS: "tc/ingress", netlink.HANDLE_MIN_EGRESS: "tc/egress"} {
		filters, err := netlink.FilterList(dev, parent)
		if err != nil {
			continue
		}
		for _, f := range filters {
			name := f.Type()
			if b, ok := f.(*netlink.BpfFilter); ok {
				name = b.Name
			}
			there = append(there, fmt.Sprintf("%s: %s", what, name))
		}
	}
	if x := dev.Attrs().Xdp; x != nil && x.Attached {
		mode := map[uint32]string{1: "native", 2: "generic", 3: "offloaded"}[x.AttachMode]
		there = append(there, fmt.Sprintf("xdp (%s): %s", mode, programName(ebpf.ProgramID(x.ProgId))))
		l.add(Info, "xdp", "", "taken: packets it drops or redirects are not seen at tcx; --hook xdp does not attach beside it")
	}
	if len(there) == 0 {
		l.add(OK, "others", "", "nobody else on the hooks")
		return
	}
	l.add(Info, "others", "", "%s; they stay as they are, the sensor is before them and passes every packet on", strings.Join(slices.Sorted(slices.Values(there)), ", "))
}

// programName names a program as bpftool does.
func programName(id ebpf.ProgramID) string {
	p, err := ebpf.NewProgramFromID(id)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			return fmt.Sprintf("prog %d (its name needs CAP_SYS_ADMIN)", id)
		}
		return fmt.Sprintf("prog %d", id)
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil || info.Name == "" {
		return fmt.Sprintf("prog %d", id)
	}
	return fmt.Sprintf("%s (prog %d)", info.Name, id)
}
