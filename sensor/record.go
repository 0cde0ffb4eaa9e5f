package sensor

import "strconv"

// Kind says what a Record reports.
type Kind uint8

// The kinds of Record.
const (
	// Packet is one packet of a flow, already classified. Its Count is what
	// the packet adds to its flow's counters; a Source whose packets were
	// counted elsewhere (in the kernel) leaves Count zero and sends Snapshots.
	Packet Kind = iota + 1
	// Snapshot adds Count to one direction (From) of the flow Key, and TCPFlags
	// to the flags that direction has shown. It carries no payload.
	Snapshot
	// Lost says that Count.PayloadBytes of payload of the flow Key, sent by
	// From, were seen and counted but will not be handed out, for Reason. It
	// comes before the Packet that follows the loss. It adds nothing to the
	// flow's counters.
	Lost
	// Tick says only that the time is now at least Time. A Source sends it so
	// that time-outs work while no packets come.
	Tick
)

// String returns the name of the kind.
func (k Kind) String() string {
	switch k {
	case Packet:
		return "packet"
	case Snapshot:
		return "snapshot"
	case Lost:
		return "lost"
	case Tick:
		return "tick"
	}
	return "kind-" + strconv.Itoa(int(k))
}

// TCP flags as they are on the wire (RFC 9293, 3.1; RFC 3168).
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// RecordFlags are further facts about a Packet.
type RecordFlags uint8

// The flags of a Packet.
const (
	// Fragment: an IP fragment. A fragment that does not complete its datagram
	// is counted but has no TCP header and no Payload; the one that completes
	// it carries the header and the payload of the whole datagram.
	Fragment RecordFlags = 1 << iota
	// FragmentConflict: fragments of this datagram overlapped with different
	// bytes; those that came first were kept.
	FragmentConflict
	// BadChecksum: the transport checksum was verified and is wrong. The packet
	// counts; its payload must not reach a parser.
	BadChecksum
)

// TunnelKind says how a packet was encapsulated.
type TunnelKind uint8

// The tunnels that the classifier looks into.
const (
	NoTunnel TunnelKind = iota
	GRE
	VXLAN
	Geneve
	GTPU
	IPIP // IPv4 or IPv6 in IPv4 or IPv6, 6in4 included
	MPLSTunnel
	PPPoE
)

// String returns the name of the tunnel, "" for NoTunnel.
func (t TunnelKind) String() string {
	switch t {
	case NoTunnel:
		return ""
	case GRE:
		return "gre"
	case VXLAN:
		return "vxlan"
	case Geneve:
		return "geneve"
	case GTPU:
		return "gtpu"
	case IPIP:
		return "ipip"
	case MPLSTunnel:
		return "mpls"
	case PPPoE:
		return "pppoe"
	}
	return "tunnel-" + strconv.Itoa(int(t))
}

// Encap is what surrounded the IP packet that a Record counts.
type Encap struct {
	VLAN     [2]uint16 // VLAN ids, outer first; 0 where there is none
	TunnelID uint32    // VNI, TEID, GRE key, MPLS label or PPPoE session of the innermost tunnel; 0 if it has none
	Tunnel   TunnelKind
}

// Counters count one direction of a flow, true to the wire: lengths come from
// IP headers and capture metadata, never from what was captured.
type Counters struct {
	Packets      uint64
	Bytes        uint64 // layer 3: IP header and everything behind it
	FrameBytes   uint64 // the whole frame as it was on the wire, without FCS
	PayloadBytes uint64 // behind the transport header (behind the IP header where there is no known transport)
}

// Add adds o to c.
func (c *Counters) Add(o Counters) {
	c.Packets += o.Packets
	c.Bytes += o.Bytes
	c.FrameBytes += o.FrameBytes
	c.PayloadBytes += o.PayloadBytes
}

// Sub returns c-o.
func (c Counters) Sub(o Counters) Counters {
	return Counters{
		Packets:      c.Packets - o.Packets,
		Bytes:        c.Bytes - o.Bytes,
		FrameBytes:   c.FrameBytes - o.FrameBytes,
		PayloadBytes: c.PayloadBytes - o.PayloadBytes,
	}
}

// Record is what a Source hands out. The caller owns the Record and reuses it;
// a Source sets every field that its Kind gives a meaning to.
type Record struct {
	Time    Timestamp
	Ordinal uint64 // position of the frame in the Source, from 1; 0 for a Tick. Not increasing where frames were held back (fragments).
	Key     Key
	Count   Counters
	Encap   Encap

	Kind     Kind
	From     uint8       // index in Key of the sender
	TCPFlags uint8       // as on the wire; 0 if this is not TCP
	Flags    RecordFlags // of a Packet
	Reason   Loss        // of a Lost record
	Seq, Ack uint32      // TCP, host byte order
	Window   uint16      // TCP, as on the wire, unscaled
	Where    uint16      // of a Snapshot: for the Source's [Locator]; 0 if it has none

	// WireLen is the length of the transport payload on the wire, in bytes. If
	// it is more than len(Payload), the rest was not captured.
	WireLen int
	// Payload is the transport payload. It aliases the Source's memory, must
	// not be written to, and is valid until the next Read.
	Payload []byte
}

// Loss says why payload that was seen is not handed out.
type Loss uint8

// The reasons of a gap or a Lost record.
const (
	LossNone     Loss = iota
	LossMissing       // never captured: sequence numbers show that it was sent
	LossCut           // cut off by the capture's snap length or the kernel's slice size
	LossFragment      // a datagram whose fragments never became complete
	LossRing          // the ring buffer was full
	LossBudget        // the flow's payload budget in the kernel was used up
	LossBuffer        // a cap of the reorder buffer was reached before the bytes before it came
	LossTimeout       // the bytes before it did not come in time
	LossBypass        // not copied, because no parser wanted it at the time
	LossChecksum      // its checksum was verified and is wrong
)

var lossNames = [...]string{"", "missing", "cut", "fragment", "ring_full", "over_budget", "buffer_full", "timeout", "bypassed", "bad_checksum"}

// String returns the name of the reason as it is exported.
func (l Loss) String() string {
	if int(l) < len(lossNames) {
		return lossNames[l]
	}
	return "loss-" + strconv.Itoa(int(l))
}

// Source hands out records in the order in which the packets were seen.
type Source interface {
	// Read fills r with the next record. It returns io.EOF after the last one,
	// and goes on doing so. Any other error is final too: what was handed out
	// before it stays true. r is not valid when the error is not nil.
	Read(r *Record) error
	// Close releases the Source's memory, after which no Payload it lent may be
	// touched. It unblocks a Read in another goroutine, which then returns
	// net.ErrClosed, and may be called twice.
	Close() error
}

// BatchReader is an optional ability of a Source, for speed: its reader looks at
// the keys of some records ahead, so that memory is there when each is worked on.
type BatchReader interface {
	// ReadBatch fills recs from its beginning and returns how many records that
	// are: at least one, unless the error is not nil. Errors are those of Read.
	// Payloads are valid until the next ReadBatch or Read.
	ReadBatch(recs []Record) (int, error)
}

// Bypasser is an optional ability of a Source that copies payload under a budget
// for each direction of a flow. What it is told is advice, which it hears some
// milliseconds later; records that ignore it may still follow. Its methods may be
// called by several goroutines at a time, and while Read is.
type Bypasser interface {
	// Budget returns how many bytes of a direction are copied before More is
	// called.
	Budget() int64
	// Bypass says that no parser wants more payload of the flow: count on, stop
	// copying.
	Bypass(Key) error
	// More says that a parser wants n bytes beyond the budget, or behind those it
	// wanted before, of the direction from the endpoint at index from in Key.
	More(k Key, from uint8, n uint32) error
	// Skip says that of such a direction of a TCP flow nothing is wanted that ends
	// before the sequence number until, which is at most 2^30 ahead.
	Skip(k Key, from uint8, until uint32) error
}

// Locator is an optional ability of a Source that watches interfaces.
type Locator interface {
	// Locate returns the names of the interfaces that a Snapshot's Where stands
	// for: first those whose packets are counted in the flow, then others that saw
	// them, too. The slice is not changed any more. It is for the one who handles
	// the Snapshot: thousands of records later, where may stand for others. It may be
	// called by several goroutines at a time, and while Read is.
	Locate(where uint16) []string
}

// Accountant is an ability of whatever passes on or drops what it was given.
type Accountant interface {
	// Account adds the accounts of this stage to l. It may be called at any
	// time between two calls of Read; the books balance at each such point.
	Account(l *Ledger)
}
