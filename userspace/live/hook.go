package live

import "fmt"

// HookKind is where in the kernel a program sees packets.
type HookKind uint8

const (
	// Auto is TCX where the kernel has it, else TC.
	Auto HookKind = iota
	// TCX is before the first of the traffic control programs, Linux 6.6 or
	// later.
	TCX
	// TC is a filter of traffic control at a clsact qdisc. What is left of it
	// after a SIGKILL passes all packets, and goes away when a Source is opened
	// the next time.
	TC
	// XDP is in the driver, before all else, and only inwards; outwards it is as
	// with Auto.
	XDP
)

// HookKinds are the names of the kinds, in their order.
var HookKinds = [...]string{"auto", "tcx", "tc", "xdp"}

// String returns the name of the kind.
func (k HookKind) String() string {
	if int(k) < len(HookKinds) {
		return HookKinds[k]
	}
	return fmt.Sprintf("hook %d", uint8(k))
}

// XDPMode says who runs an XDP program.
type XDPMode uint8

const (
	// AnyXDP is native on a card whose driver can do it, else generic.
	AnyXDP XDPMode = iota
	// NativeXDP is in the driver. On a veth it turns off segmentation offload of
	// the other end: TCP gets slower.
	NativeXDP
	// GenericXDP is behind the driver, for any interface.
	GenericXDP
)

// XDPModes are the names of the modes, in their order.
var XDPModes = [...]string{"auto", "native", "generic"}

// Hook is a program on one direction of an interface.
type Hook struct {
	Interface string
	Direction string // "ingress" or "egress"
	Kind      string // "tcx", "tc", "xdp native" or "xdp generic"
	Why       string // it is that, where there was a choice
	Verified  uint32 // instructions that the kernel's verifier went through; 0 if it does not say
	Frames    uint64 // socket buffers seen, super-packets once
}

// Interface is an interface that is or was watched.
type Interface struct {
	Name     string // its latest
	Index    int
	Gone     bool // from where it was watched: deleted, or in another network namespace
	Counters InterfaceCounters
}

// InterfaceCounters are what the interface itself has counted while it was
// watched. They are no part of the ledger's equations: what is dropped before the
// hook is here only. And most drivers count buffers, as [Hook.Frames] does: a
// super-packet of receive or send offload is one, where the ledger has the packets
// that it is on the wire.
type InterfaceCounters struct {
	RxPackets, RxBytes   uint64
	TxPackets, TxBytes   uint64
	RxDropped, TxDropped uint64 // by the kernel, for want of room or of a receiver
	RxMissed             uint64 // by the card or its driver, for want of room
	RxErrors, TxErrors   uint64
}
