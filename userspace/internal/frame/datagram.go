package frame

import (
	"bytes"
	"slices"

	"flowscope/sensor"
)

// Bounds of one datagram; both are far above what 64 KiB in the smallest
// packets of IPv6 (1280 bytes) or of old modems (296 bytes) take.
const (
	maxPieces = 1024 // pieces of what was not there before
	maxHeld   = 1024 // fragments held until the flow is known
)

// identity says which fragments belong to one datagram (RFC 791, 3.2; RFC 8200,
// 4.5), and in which network: addresses are not unique across VLANs or tunnels.
type identity struct {
	src, dst [16]byte
	id       uint32
	tunnelID uint32
	vlan     [2]uint16
	tunnel   sensor.TunnelKind
	v6       bool
	proto    sensor.Proto // of IPv4; the later fragments of IPv6 need not say
}

func identify(p *Packet) identity {
	i := identity{
		src: p.Src, dst: p.Dst, id: p.FragID,
		tunnelID: p.TunnelID, vlan: p.VLAN, tunnel: p.Tunnel, v6: p.V6,
	}
	if !p.V6 {
		i.proto = p.Proto
	}
	return i
}

// part is one fragment as the books and records know it.
type part struct {
	origin    origin
	length    int // of the IP packet
	off, size int // what it carries of the datagram
	fresh     int // bytes of it that no earlier fragment brought
}

// piece is bytes of a datagram. Pieces are in order and do not overlap.
type piece struct {
	off, end int
	data     []byte // less than end-off if the rest was not captured
}

// datagram is one datagram being put together, or put together a moment ago.
type datagram struct {
	id    identity
	pkt   Packet           // of the first fragment if that came, else of any; L3 and L4 are 0, End the total
	since sensor.Timestamp // when it began or, of a complete one, became it; by the table's clock
	data  []byte           // of a complete one; handed out, so never written to

	broken   bool // will not be put together: a cap was reached
	tied     bool // the flow is known
	tunnel   bool // it may carry a packet of its own
	first    bool // pkt is of the first fragment
	conflict bool // fragments overlapped with different bytes, or lengths
	flow     sensor.Key
	from     uint8
	header   int // bytes up to the transport payload
	reported int // bytes of transport payload in records so far

	total   int // length, -1 while unknown
	covered int // bytes of it that came
	pieces  []piece
	held    []part
	cost    int // bytes charged to the table

	in         *list
	prev, next *datagram
}

// template makes p what is known of the packet that was cut in fragments.
func (d *datagram) template(p *Packet) {
	d.pkt = *p
	d.pkt.L3, d.pkt.L4, d.pkt.End = 0, 0, 0
	d.first = p.FragOff == 0
}

// missing returns the reason why what is held of a datagram that is not
// complete ends.
func (d *datagram) missing() Reason {
	if d.tied {
		return FragmentIncomplete
	}
	return FragmentUntied
}

func (d *datagram) complete() bool { return d.data != nil }

func (d *datagram) flags() sensor.RecordFlags {
	if d.conflict {
		return sensor.Fragment | sensor.FragmentConflict
	}
	return sensor.Fragment
}

// payloadOf returns how much of the transport payload a fragment brought.
func (d *datagram) payloadOf(f *part) int {
	return max(0, f.fresh-max(0, d.header-f.off))
}

// tie sets the flow: p is the packet behind its extension headers.
func (d *datagram) tie(c *Classifier, p *Packet, t *transport) {
	if d.tied {
		return
	}
	d.tied = true
	d.from = c.key(&d.flow, p, t)
	d.header = p.L4 + t.header
	switch p.Proto {
	case sensor.ProtoGRE, sensor.ProtoIPIP, sensor.ProtoIPv6, sensor.ProtoMPLS:
		d.tunnel = c.tunnels.look
	case sensor.ProtoUDP:
		d.tunnel = c.tunnels.kind(t.port[0], t.port[1]) != sensor.NoTunnel
	}
}

// repeats says whether a fragment carries what a complete datagram has there
// already, and so is a duplicate of one of its fragments, not the beginning of
// another datagram with the same identification.
func (d *datagram) repeats(f *part, data []byte) bool {
	if f.off+f.size > d.total {
		return false
	}
	have := d.data[min(f.off, len(d.data)):]
	n := min(len(have), len(data))
	return bytes.Equal(have[:n], data[:n])
}

// insert takes the bytes of a fragment that no earlier one brought. It returns
// what it keeps, in bytes, and false if there are too many pieces.
func (d *datagram) insert(f *part, data []byte, last bool) (kept int, ok bool) {
	off, end := f.off, f.off+f.size
	if last {
		switch {
		case d.total < 0 && len(d.pieces) > 0 && d.pieces[len(d.pieces)-1].end > end:
			d.conflict = true // it says that what came before is behind the end
		case d.total < 0:
			d.total = end
		case d.total != end:
			d.conflict = true
		}
	}
	if d.total >= 0 && end > d.total {
		d.conflict = true
		end = d.total
	}
	i, _ := slices.BinarySearchFunc(d.pieces, off, func(p piece, off int) int { return p.end - off - 1 })
	for at := off; at < end; i++ {
		if len(d.pieces) >= maxPieces {
			return kept, false
		}
		if i == len(d.pieces) || at < d.pieces[i].off {
			p := piece{off: at, end: end}
			if i < len(d.pieces) {
				p.end = min(end, d.pieces[i].off)
			}
			p.data = bytes.Clone(cutOut(data, off, p.off, p.end))
			kept += len(p.data)
			d.covered += p.end - p.off
			f.fresh += p.end - p.off
			d.pieces = slices.Insert(d.pieces, i, p)
			at = p.end
			continue
		}
		p := &d.pieces[i]
		to := min(end, p.end)
		a, b := cutOut(p.data, p.off, at, to), cutOut(data, off, at, to)
		if n := min(len(a), len(b)); !bytes.Equal(a[:n], b[:n]) {
			d.conflict = true
		}
		at = to
	}
	return kept, true
}

// cutOut returns what data, which begins at off, has of the bytes from, to.
func cutOut(data []byte, off, from, to int) []byte {
	return data[min(from-off, len(data)):min(to-off, len(data))]
}

// prefix appends the first captured bytes of the datagram to b, up to its
// capacity, and returns them and how many came without a hole.
func (d *datagram) prefix(b []byte) ([]byte, int) {
	wire, whole := 0, true
	for i := range d.pieces {
		p := &d.pieces[i]
		if p.off != wire {
			break
		}
		wire = p.end
		if whole {
			n := min(len(p.data), cap(b)-len(b))
			b = append(b, p.data[:n]...)
			whole = len(p.data) == p.end-p.off && n == len(p.data)
		}
	}
	return b, wire
}

// assemble puts the pieces together, up to the first byte not captured.
func (d *datagram) assemble() {
	n := 0
	for i := range d.pieces {
		n += len(d.pieces[i].data)
	}
	d.data, _ = d.prefix(make([]byte, 0, max(n, 1)))
	d.pieces = nil
	d.pkt.End = d.total
}
