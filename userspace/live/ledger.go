//go:build linux && (amd64 || arm64)

package live

import (
	"flowscope/gen"
	"flowscope/sensor"
)

// books are what the Source counts of what it hands out.
type books struct {
	snapshots uint64 // packets
	slices    uint64
	told      uint64 // bytes in Lost records
}

// reasonNames are the names of enum fs_reason in the ledger; the first are those
// of replay.
var reasonNames = [...]string{
	"accounted", "filtered", "arp", "non_ip", "unsupported_link", "truncated_link", "malformed_link",
	"too_many_headers", "truncated_ip", "malformed_ip", "deep_headers", "other_interface", "unreadable",
}

var fateNames = [...]string{"forwarded", "bypassed", "over_budget", "ring_full", "cut", "fragment", "no_flow"}

var overflowNames = [...]string{"overflow_tcp", "overflow_udp", "overflow_icmp", "overflow_other"}

// Account adds the accounts of the kernel half: what each hook saw and why some
// of it is in no flow ("frames", "frame_bytes"), where the packets of the flows
// are ("kernel_flows"), what became of the payload of TCP and UDP
// ("kernel_payload"), and of the records that it made for user space ("slices").
// Beside them is what each interface has counted itself ("interface"), which is
// no equation, and in buffers: see [InterfaceCounters].
//
// While packets come, the books are read one after the other, and what is under
// way is what the others leave; at rest, after Read returned io.EOF, every row
// was counted.
func (s *Source) Account(l *sensor.Ledger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.final != nil {
		for _, a := range s.final.Accounts {
			l.Add(a)
		}
		return
	}
	s.account(l)
}

func (s *Source) account(l *sensor.Ledger) {
	var all gen.Ledger
	s.k.mu.Lock()
	for _, p := range s.k.departed {
		l.Add(reasons("frames "+p.iface+" "+p.direction, "packets", &p.books, packetsOf))
		merge(&all, &p.books)
	}
	for _, h := range s.k.hooks {
		b := s.k.books(h)
		l.Add(reasons("frames "+h.iface+" "+h.direction, "packets", &b, packetsOf))
		merge(&all, &b)
	}
	interfaces := s.k.interfaces()
	s.k.mu.Unlock()
	l.Add(reasons("frames", "packets", &all, packetsOf))
	l.Add(reasons("frame_bytes", "bytes", &all, bytesOf))

	flows := flowsAccount(&all, s.books.snapshots)
	inMaps, inRings := flows.Total-flows.Sum(), all.Slices-s.books.slices
	if s.ended {
		inMaps, inRings = s.waiting(), s.unread()
	}
	flows.Rows = append(flows.Rows, sensor.Row{Name: "in_maps", Count: inMaps})
	l.Add(flows)

	l.Add(payloadAccount(&all))
	l.Add(sensor.Account{Stage: "slices", Unit: "records", Total: all.Slices + all.Refused, Rows: []sensor.Row{
		{Name: "read", Count: s.books.slices},
		{Name: "in_rings", Count: inRings},
		{Name: "ring_full", Count: all.Refused},
	}})
	for i := range interfaces {
		interfaces[i].add(l)
	}
}

// flowsAccount is where the packets of the flows are, but for the row "in_maps".
func flowsAccount(b *gen.Ledger, snapshots uint64) sensor.Account {
	a := sensor.Account{Stage: "kernel_flows", Unit: "packets", Total: b.Row[gen.SensorFsReasonFS_ACCOUNTED].Packets,
		Rows: []sensor.Row{{Name: "snapshots", Count: snapshots}}}
	for i, name := range overflowNames {
		a.Rows = append(a.Rows, sensor.Row{Name: name, Count: b.Overflow[i].Packets})
	}
	return a
}

// payloadAccount is what became of payload.
func payloadAccount(b *gen.Ledger) sensor.Account {
	a := sensor.Account{Stage: "kernel_payload", Unit: "bytes", Total: b.Offered}
	for i, name := range fateNames {
		a.Rows = append(a.Rows, sensor.Row{Name: name, Count: b.Fate[i]})
	}
	return a
}

// unread counts the records that are left in the rings.
func (s *Source) unread() (n uint64) {
	for _, r := range s.rings {
		rest := *r
		for rest.next() != nil {
			n++
		}
	}
	return n
}

func packetsOf(s gen.Sum) uint64 { return s.Packets }
func bytesOf(s gen.Sum) uint64   { return s.Bytes }

// reasons is the account of what a hook saw.
func reasons(stage, unit string, b *gen.Ledger, of func(gen.Sum) uint64) sensor.Account {
	a := sensor.Account{Stage: stage, Unit: unit, Total: of(b.Seen)}
	for i, name := range reasonNames {
		if n := of(b.Row[i]); n != 0 || i == 0 {
			a.Rows = append(a.Rows, sensor.Row{Name: name, Count: n})
		}
	}
	return a
}

// books returns the books of a hook, the sum over the CPUs.
func (k *kernel) books(h *hook) (sum gen.Ledger) {
	var each []gen.Ledger
	if err := k.ledger.Lookup(h.index, &each); err != nil {
		return gen.Ledger{}
	}
	for i := range each {
		merge(&sum, &each[i])
	}
	return sum
}

func merge(to, b *gen.Ledger) {
	add := func(to *gen.Sum, s gen.Sum) {
		to.Packets += s.Packets
		to.Bytes += s.Bytes
	}
	add(&to.Seen, b.Seen)
	for i := range b.Row {
		add(&to.Row[i], b.Row[i])
	}
	for i := range b.Overflow {
		add(&to.Overflow[i], b.Overflow[i])
	}
	for i := range b.Fate {
		to.Fate[i] += b.Fate[i]
	}
	to.Frames += b.Frames
	to.Offered += b.Offered
	to.Slices += b.Slices
	to.Refused += b.Refused
}

// Hooks returns where the Source is attached.
func (s *Source) Hooks() []Hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	var out []Hook
	for _, h := range s.k.hooks {
		hk := Hook{Interface: h.iface, Direction: h.direction, Kind: h.how, Why: h.why, Verified: h.insns}
		if !s.closed {
			b := s.k.books(h)
			hk.Frames = b.Frames
		}
		out = append(out, hk)
	}
	return out
}

// Interfaces returns the interfaces that are or were watched, with what they
// have counted themselves meanwhile.
func (s *Source) Interfaces() []Interface {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	return s.k.interfaces()
}

// add adds what an interface has counted itself: that is no equation, but a list.
// Its unit is not that of "frames", as one buffer may be many packets on the wire.
func (i *Interface) add(l *sensor.Ledger) {
	c := &i.Counters
	a := sensor.Account{Stage: "interface " + i.Name, Unit: "buffers", Rows: []sensor.Row{
		{Name: "rx_packets", Count: c.RxPackets}, {Name: "tx_packets", Count: c.TxPackets},
		{Name: "rx_dropped", Count: c.RxDropped}, {Name: "tx_dropped", Count: c.TxDropped},
		{Name: "rx_missed", Count: c.RxMissed}, {Name: "rx_errors", Count: c.RxErrors}, {Name: "tx_errors", Count: c.TxErrors},
	}}
	a.Total = a.Sum()
	l.Add(a)
}
