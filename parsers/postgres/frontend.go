package postgres

import (
	"bytes"

	"flowscope/parsers/internal/wire"
	"flowscope/sensor"
)

// request notes a message of the client.
func (p *parser) request(s sensor.Segment, m message) {
	if m.kind == 'd' || m.kind == 'p' {
		p.missing += m.missing
	}
	switch m.kind {
	case 'd':
		if p.copyIn {
			p.copied += m.size
		}
		return
	case 'c', 'f':
		if p.copyIn {
			p.copyIn = false
			return
		}
	case 'S':
		if p.copyIn {
			return // the server ignores it (PostgreSQL documentation, 55.2.6)
		}
	case 'p':
		p.mechanism(m.body)
		return
	case 'H', 'X':
		return
	}
	if p.skipping && m.kind != 'S' {
		if m.kind == 'E' && p.held {
			p.cur.Skipped++
		}
		return
	}
	p.skipping = false
	r := p.enqueue(m.kind)
	if r == nil {
		return
	}
	r.at = s.Time
	p.fill(r, m)
}

// enqueue returns a place for a request, or nil if too many wait.
func (p *parser) enqueue(kind byte) *request {
	if p.over == 0 && !p.overTail {
		if r := p.queue.push(kind); r != nil {
			return r
		}
	}
	if p.overTail = !endsWithReady(kind); !p.overTail {
		p.over++
	}
	return nil
}

// endsWithReady reports whether the response to a request ends with
// ReadyForQuery.
func endsWithReady(kind byte) bool { return kind == 'S' || kind == 'Q' || kind == 'F' }

// fill sets what a request says.
func (p *parser) fill(r *request, m message) {
	b := reader{wire.Cursor{B: m.body}}
	var text []byte
	switch r.missing = m.missing; m.kind {
	case 'Q':
		text = b.rest()
	case 'P':
		p.names(r, b.text(), nil)
		text = b.rest()
	case 'B':
		portal := b.text()
		p.names(r, b.text(), portal)
	case 'E':
		p.names(r, b.text(), nil)
	case 'D', 'C':
		r.target = b.Uint8()
		p.names(r, b.text(), nil)
	}
	if b.Bad || m.missing > 0 {
		r.lost, text = true, nil
		p.queue.text -= len(r.buf)
		r.buf, r.first, r.second = r.buf[:0], 0, 0
		return
	}
	if m.kind != 'Q' && m.kind != 'P' {
		return
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	r.truncated = !m.whole()
	if p.queue.text+maxStatement > maxPendingText {
		r.truncated = true
		return
	}
	p.queue.text -= len(r.buf)
	var cut bool
	if p.literals {
		r.buf = append(r.buf, clip(text, maxStatement)...)
		cut = len(text) > maxStatement
	} else {
		r.buf, cut = appendRedacted(r.buf, text, p.escapes, maxStatement)
		if p.escapes != escapesUnknown && mentions(text) {
			p.escapes = escapesUnknown // until the server tells
		}
	}
	r.truncated = r.truncated || cut
	p.queue.text += len(r.buf)
}

func (p *parser) names(r *request, first, second []byte) {
	r.buf = append(append(r.buf[:0], first...), second...)
	r.first, r.second = uint16(len(first)), uint16(len(second))
	p.queue.text += len(r.buf)
}

// mentions reports whether a statement may change standard_conforming_strings.
func mentions(text []byte) bool {
	const word = "conforming"
	for i := 0; ; i++ {
		k := bytes.IndexAny(text[i:], "cC")
		if k < 0 {
			return false
		}
		if i += k; len(text)-i >= len(word) && bytes.EqualFold(text[i:i+len(word)], []byte(word)) {
			return true
		}
	}
}

// sent notes that a message that was passed over has ended.
func (p *parser) sent(s sensor.Segment) {
	if r := p.queue.last(); r != nil && r.kind == p.side[sensor.Initiator].kind {
		r.at = s.Time
	}
}

// unanswered tells cur as a statement without a response.
func (p *parser) unanswered(emit func(sensor.Message)) {
	c := &p.cur
	p.open, p.held = false, false
	emit(&Unanswered{Kind: KindUnanswered, Protocol: c.Protocol, Verb: c.Verb, Text: c.Text, Truncated: c.Truncated,
		Name: c.Name, Unseen: c.Unseen, Missing: c.Missing, Sent: p.curAt})
}

// drain tells what waits for responses that will not come, or were not captured.
func (p *parser) drain(s sensor.Segment, emit func(sensor.Message)) {
	if p.held {
		p.cur.Incomplete = true // without the state of the transaction
		p.tell(emit)
	} else if p.open {
		p.cur.Incomplete = true
		if r := p.oldest(); r != nil && r.kind == p.curKind {
			p.queue.pop()
		}
		p.complete(s)
		p.tell(emit)
	}
	for r := p.oldest(); r != nil; r = p.oldest() {
		switch r.kind {
		case 'P':
			p.store.define(r)
		case 'B':
			p.store.bind(r)
		case 'C':
			p.store.close(r)
		case 'Q', 'E', 'F':
			p.begin(s, r)
			if p.side[sensor.Responder].closed {
				p.unanswered(emit)
				break
			}
			p.cur.Pairing, p.cur.RTT = PairingNone, 0
			p.tell(emit)
		}
		p.queue.pop()
	}
}
