package frame

import "flowscope/sensor"

// maxDatagram is the longest payload of an IP packet that fragments can carry.
const maxDatagram = 65535

// fragment takes a fragment, p in b, and makes the records that it makes known.
func (c *Classifier) fragment(p *Packet, b []byte, o *origin) {
	size := p.End - p.L4
	if size == 0 || p.More && size%8 != 0 || int(p.FragOff)+size > maxDatagram {
		c.leave(FragmentMalformed, o)
		return
	}
	data := b[min(p.L4, len(b)):min(p.End, len(b))]
	part := part{origin: *o, length: p.Len(), off: int(p.FragOff), size: size}

	d := c.frags.datagram(p, o.time, &c.books)
	if d.complete() {
		if d.repeats(&part, data) {
			c.fragmentRecord(d, &part)
			return
		}
		c.frags.remove(d)
		d = c.frags.datagram(p, o.time, &c.books)
	}
	if p.FragOff == 0 && !d.first {
		d.template(p)
	}
	ok := c.frags.add(d, &part, data, !p.More, &c.books)
	switch {
	case !ok && (!d.tied || c.hides(d)):
		c.leave(FragmentLimit, o)
		c.drop(d, FragmentLimit)
		return
	case ok && d.covered == d.total:
		c.frags.complete(d)
		c.whole(d, &part)
		return
	case !d.tied:
		c.tie(d)
	}
	if !d.tied || c.hides(d) {
		if !c.frags.hold(d, &part, &c.books) {
			c.leave(FragmentLimit, o)
		}
		return
	}
	c.release(d)
	c.fragmentRecord(d, &part)
}

// hides says whether the fragments of a datagram give no records of their own
// if there is a packet inside it.
func (c *Classifier) hides(d *datagram) bool {
	return d.tunnel && (c.cfg.Tunnels == sensor.Inner || d.pkt.Depth > 0)
}

// whole makes the records of a datagram that last made complete.
func (c *Classifier) whole(d *datagram, last *part) {
	p := d.pkt
	p.extensions(d.data)
	p.Frag = false
	t := readTransport(p.Proto, d.data[min(p.L4, len(d.data)):], p.End-p.L4)
	d.tie(c, &p, &t)

	var inside Parsed
	parseDatagram(&inside, c.tunnels, &p, d.data)
	if inside.N > 1 && c.hides(d) {
		c.drop(d, TunnelFragment)
		inside.from(1)
		c.place(&inside, d.data, &last.origin)
		return
	}

	c.release(d)
	r := c.record()
	c.fill(r, &p, d.data, &last.origin)
	r.Key, r.From = d.flow, d.from
	r.Flags |= d.flags()
	r.Count.Bytes = uint64(last.length)
	r.Count.PayloadBytes = uint64(max(0, t.payload-d.reported))
	c.account(&last.origin, last.length)
	if inside.N > 1 {
		withoutPayload(r)
		inside.from(1)
		c.place(&inside, d.data, &last.origin)
	}
}

// from drops the n outermost packets.
func (ps *Parsed) from(n int) {
	copy(ps.Packets[:], ps.Packets[n:])
	ps.N -= n
}

// tie finds the flow of a datagram, if what is there of its beginning tells.
func (c *Classifier) tie(d *datagram) {
	var buf [256]byte
	b, wire := d.prefix(buf[:0])
	if wire == 0 {
		return
	}
	p := d.pkt
	p.End = wire
	p.extensions(b)
	cut := len(b) < wire // more of the prefix will not come
	unread := extends(p.Proto, p.V6) && p.Proto != protoFragment
	if !cut && (unread || len(b)-p.L4 < headerNeed(p.Proto)) {
		return
	}
	t := readTransport(p.Proto, b[min(p.L4, len(b)):], maxDatagram)
	d.tie(c, &p, &t)
}

// release makes records of what was held of a datagram.
func (c *Classifier) release(d *datagram) {
	held := c.frags.unhold(d, &c.books)
	for i := range held {
		c.fragmentRecord(d, &held[i])
	}
}

// drop books what was held of a datagram under a reason.
func (c *Classifier) drop(d *datagram, why Reason) {
	held := c.frags.unhold(d, &c.books)
	for i := range held {
		c.leave(why, &held[i].origin)
	}
}

// leave books the frame under a reason, unless it is booked already.
func (c *Classifier) leave(why Reason, o *origin) {
	if !o.accounted {
		o.accounted = true
		c.books.leave(why, o.wireLen, o.ipBytes)
	}
}

// fragmentRecord makes a record of a fragment that only counts.
func (c *Classifier) fragmentRecord(d *datagram, f *part) {
	payload := d.payloadOf(f)
	d.reported += payload
	r := c.record()
	*r = sensor.Record{
		Kind:    sensor.Packet,
		Time:    f.origin.time,
		Ordinal: f.origin.ordinal,
		Key:     d.flow,
		From:    d.from,
		Encap:   sensor.Encap{VLAN: d.pkt.VLAN, TunnelID: d.pkt.TunnelID, Tunnel: d.pkt.Tunnel},
		Flags:   d.flags(),
		Count: sensor.Counters{
			Packets:      1,
			Bytes:        uint64(f.length),
			FrameBytes:   uint64(f.origin.wireLen),
			PayloadBytes: uint64(payload),
		},
	}
	c.account(&f.origin, f.length)
}
