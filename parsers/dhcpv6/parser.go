package dhcpv6

import (
	"net/netip"
	"sync"

	"flowscope/sensor"
)

var _ sensor.DatagramParser = (*parser)(nil)

// parser is the state of one flow.
type parser struct {
	pool    *sync.Pool
	pending []request // oldest first
	spoke   [2]bool   // sides of which there was a message
}

// maxDUID is how many bytes a DUID has at most (RFC 8415, 11.1).
const maxDUID = 130

// request is a request that was seen.
type request struct {
	sent sensor.Timestamp
	peer netip.Addr // that the relay nearest to the client has it from
	xid  uint32
	kind byte
	side sensor.Side
	size uint8 // of duid
	duid [maxDUID]byte
}

// same reports whether two messages are of the same transaction.
func (r *request) same(o *request) bool {
	return r.xid == o.xid && r.peer == o.peer && string(r.duid[:r.size]) == string(o.duid[:o.size])
}

// Parse implements sensor.DatagramParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) error {
	if s.EOF {
		if s.Side == sensor.Responder {
			p.end(emit)
		}
		return nil
	}
	if s.Missing > 0 {
		p.spoke[s.Side] = true
		p.pending = p.pending[:0] // what it answers is not known
		return nil
	}
	d := p.pool.Get().(*decoder)
	defer p.pool.Put(d)
	if err := d.decode(s.Data); err != nil {
		return err
	}
	p.spoke[s.Side] = true
	r := request{sent: s.Time, xid: d.msg.XID, kind: d.kind, side: s.Side, size: uint8(min(len(d.client), maxDUID))}
	copy(r.duid[:], d.client)
	if n := len(d.msg.Relays); n > 0 {
		r.peer = d.msg.Relays[n-1].Peer
	}
	if answers[r.kind][0] != 0 {
		p.request(&d.msg, &r)
	} else {
		p.reply(&d.msg, &r)
	}
	emit(&d.msg)
	return nil
}

// request notes a request. One that comes again keeps the time of the first.
func (p *parser) request(m *Message, r *request) {
	for i := range p.pending {
		if q := &p.pending[i]; q.kind == r.kind && q.side == r.side && q.same(r) {
			m.Repeated = true
			return
		}
	}
	if len(p.pending) == maxPending {
		p.remove(0)
	}
	p.pending = append(p.pending, *r)
}

// reply gives a reply the time since its request, which it ends: that to a group
// may have replies of other servers too, which have none.
func (p *parser) reply(m *Message, r *request) {
	for i := range p.pending {
		q := &p.pending[i]
		if q.side == r.side || !q.same(r) || answers[q.kind][0] != r.kind && answers[q.kind][1] != r.kind {
			continue
		}
		m.RTT = max(r.sent.Sub(q.sent), 0)
		p.remove(i)
		return
	}
}

// end tells what had no reply, if one would have come in this flow.
func (p *parser) end(emit func(sensor.Message)) {
	if p.spoke[0] && p.spoke[1] {
		for i := range p.pending {
			r := &p.pending[i]
			emit(&Message{Kind: KindUnanswered, Request: kinds[r.kind], XID: r.xid, ClientID: appendHex(nil, r.duid[:r.size], ':'), Sent: r.sent})
		}
	}
	p.pending = p.pending[:0]
}

func (p *parser) remove(i int) {
	p.pending = p.pending[:copy(p.pending[i:], p.pending[i+1:])+i]
}
