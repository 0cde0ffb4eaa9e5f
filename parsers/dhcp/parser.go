package dhcp

import (
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

// request is a request that was seen.
type request struct {
	sent     sensor.Timestamp
	xid      uint32
	kind     byte // by option 53, 0 without
	hlen     byte
	side     sensor.Side
	hardware [16]byte
}

// answers says which types answer a type of request; 0 is BOOTP.
var answers = [...][]byte{
	0: {0}, 1: {2, 5}, 3: {5, 6}, 8: {5}, 10: {11, 12, 13}, // discover (and rapid commit, RFC 4039), request, inform, lease_query
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
		p.pending = p.pending[:0] // what it answers is not known
		return nil
	}
	d := p.pool.Get().(*decoder)
	defer p.pool.Put(d)
	if err := d.decode(s.Data); err != nil {
		return err
	}
	p.spoke[s.Side] = true
	r := request{sent: s.Time, xid: d.msg.XID, hlen: s.Data[2], side: s.Side, hardware: [16]byte(s.Data[28:44])}
	if v := d.value[optType]; len(v) == 1 {
		r.kind = v[0]
	}
	if s.Data[0] == 1 {
		p.request(&d.msg, &r)
	} else {
		p.reply(&d.msg, &r)
	}
	emit(&d.msg)
	return nil
}

// request notes a request that is to be answered. One that comes again keeps the
// time of the first.
func (p *parser) request(m *Message, r *request) {
	if int(r.kind) >= len(answers) || answers[r.kind] == nil {
		return
	}
	for i := range p.pending {
		q := &p.pending[i]
		if q.xid == r.xid && q.kind == r.kind && q.side == r.side && q.hlen == r.hlen && q.hardware == r.hardware {
			m.Repeated = true
			return
		}
	}
	if len(p.pending) == maxPending {
		p.remove(0)
	}
	p.pending = append(p.pending, *r)
}

// reply gives a reply the time since its request, which it ends: that of a
// broadcast may have replies of other servers too, which have none.
func (p *parser) reply(m *Message, r *request) {
	for i := range p.pending {
		q := &p.pending[i]
		if q.xid != r.xid || q.side == r.side || q.hlen != r.hlen || q.hardware != r.hardware {
			continue
		}
		for _, kind := range answers[q.kind] {
			if kind == r.kind {
				m.RTT = max(r.sent.Sub(q.sent), 0)
				p.remove(i)
				return
			}
		}
	}
}

// end tells what had no reply, if one would have come in this flow: a flow in which
// both sides spoke is none of broadcasts.
func (p *parser) end(emit func(sensor.Message)) {
	for i := range p.pending {
		r := &p.pending[i]
		if !p.spoke[0] || !p.spoke[1] {
			break
		}
		var d decoder
		m := &Message{Kind: KindUnanswered, Request: KindBootRequest, XID: r.xid, Sent: r.sent, Hardware: d.colons(r.hardware[:min(r.hlen, 16)])}
		if r.kind > 0 {
			m.Request = kinds[r.kind]
		}
		emit(m)
	}
	p.pending = p.pending[:0]
}

func (p *parser) remove(i int) {
	p.pending = p.pending[:copy(p.pending[i:], p.pending[i+1:])+i]
}
