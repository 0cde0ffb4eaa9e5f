package sensor

import "time"

// TunnelLevel says which flows of an encapsulated packet are counted.
type TunnelLevel uint8

// The levels. Parsers get the innermost payload at Inner and Both, and the
// outer payload at Outer, where tunnels are not looked into.
const (
	Inner TunnelLevel = iota // the innermost packet only
	Outer                    // the outermost packet only
	Both                     // outermost and innermost, as two flows
)

// Classify says how a Source makes records of packets. Its zero value works:
// five-tuples without VLAN or tunnel id, inner flows of tunnels, checksums not
// verified.
type Classify struct {
	Key       KeyKind
	KeyVLAN   bool // make the outer VLAN id part of the key
	KeyTunnel bool // make the tunnel id part of the key (where both directions use one, as VXLAN does)
	Tunnels   TunnelLevel

	// VerifyChecksums verifies TCP and UDP checksums where the whole packet was
	// captured. Do not use it on a capture taken on the sending host: offloaded
	// checksums are filled in after the capture.
	VerifyChecksums bool

	// UDP ports of tunnels. Nil is the default: 4789 and 8472, 6081, 2152.
	VXLANPorts, GenevePorts, GTPUPorts []uint16

	// Caps of the fragment table; 0 is the default.
	MaxDatagrams     int           // datagrams being put together; default 4096
	MaxFragmentBytes int           // bytes held for them; default 16 MiB
	FragmentTimeout  time.Duration // from the first fragment seen; default 30 s (RFC 8200, 4.5 allows 60)
}
