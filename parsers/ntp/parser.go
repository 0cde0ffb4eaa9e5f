package ntp

import (
	"sync"

	"flowscope/sensor"
)

var _ sensor.DatagramParser = (*parser)(nil)

// parser is the state of one flow.
type parser struct {
	pool    *sync.Pool
	pending []request // oldest first
}

// request is a request that was seen.
type request struct {
	sent     sensor.Timestamp
	transmit uint64
	version  uint8
	side     sensor.Side
	answered bool
}

// Parse implements sensor.DatagramParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) error {
	if s.EOF {
		p.drop(len(p.pending), emit)
		return nil
	}
	if s.Missing > 0 {
		return nil
	}
	m := p.pool.Get().(*Message)
	defer p.pool.Put(m)
	if err := m.decode(s.Data, s.Time); err != nil {
		return err
	}
	switch m.Mode {
	case modeClient:
		p.request(m, s, emit)
	case modeServer:
		p.response(m, s)
	}
	emit(m)
	return nil
}

// request notes a request. Those whose time is over are told first.
func (p *parser) request(m *Message, s sensor.Segment, emit func(sensor.Message)) {
	n := 0
	for n < len(p.pending) && s.Time.Sub(p.pending[n].sent) > queryTimeout {
		n++
	}
	p.drop(n, emit)
	for i := range p.pending {
		if r := &p.pending[i]; r.side == s.Side && r.transmit == m.transmit && !r.answered {
			m.Repeated = true
			return
		}
	}
	if len(p.pending) == maxPending {
		p.drop(1, emit)
	}
	p.pending = append(p.pending, request{sent: s.Time, transmit: m.transmit, version: m.Version, side: s.Side})
}

// response gives a response what is known of its request, the latest that fits.
func (p *parser) response(m *Message, s sensor.Segment) {
	for i := len(p.pending) - 1; i >= 0; i-- {
		r := &p.pending[i]
		if r.side == s.Side || r.transmit != m.origin {
			continue
		}
		if m.Repeated = r.answered; !r.answered {
			r.answered = true
			m.RTT = max(s.Time.Sub(r.sent), 0)
		}
		return
	}
	m.Unsolicited = true
}

// drop forgets the n oldest requests, and tells those that were not answered.
func (p *parser) drop(n int, emit func(sensor.Message)) {
	for _, r := range p.pending[:n] {
		if !r.answered {
			emit(&Message{Kind: KindUnanswered, Version: r.version, Mode: modeClient, Sent: r.sent})
		}
	}
	p.pending = p.pending[:copy(p.pending, p.pending[n:])]
}
