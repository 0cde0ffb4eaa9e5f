package postgres

import (
	"flowscope/parsers/internal/wire"
	"flowscope/sensor"
)

// response notes a message of the server.
func (p *parser) response(s sensor.Segment, m message, emit func(sensor.Message)) {
	p.missing += m.missing
	switch m.kind {
	case 'N':
		p.notices(s, m, emit)
		return
	case 'S':
		p.parameter(m)
		return
	case 'A':
		p.notification(m, emit)
		return
	case 'Z':
		p.ready(s, m, emit)
		return
	}
	if p.held {
		p.tell(emit)
	}
	switch m.kind {
	case 'D':
		p.respond(s)
		p.returned++
		p.cur.RowBytes += m.size
	case '1', '2', '3', 'n':
		p.confirmed(m.kind)
	case 'T':
		if r := p.oldest(); r != nil && r.kind == 'D' && !p.open {
			p.queue.pop()
			return
		}
		p.respond(s)
	case 'C', 'I', 's':
		p.respond(s)
		p.completed(s, m)
	case 'G', 'H', 'W', 'd', 'V':
		p.respond(s)
		p.copy(m)
	case 'E':
		p.failed(s, m, emit)
	case 'R':
		p.authentication(m)
	}
}

// oldest returns the oldest request that waits. Ends of COPY that the server did
// not wait for are passed over.
func (p *parser) oldest() *request {
	for {
		r := p.queue.front()
		if r == nil || r.kind != 'c' && r.kind != 'f' {
			return r
		}
		p.queue.pop()
	}
}

// confirmed notes the success of a request that is no execution.
func (p *parser) confirmed(kind byte) {
	r := p.oldest()
	if r == nil {
		return
	}
	switch {
	case kind == '1' && r.kind == 'P':
		p.store.define(r)
	case kind == '2' && r.kind == 'B':
		p.store.bind(r)
	case kind == '3' && r.kind == 'C':
		p.store.close(r)
	case kind == 'n' && r.kind == 'D':
	default:
		p.assumed = true // the two sides do not fit
		return
	}
	p.queue.pop()
}

// respond begins the response to the oldest request, unless it has begun.
func (p *parser) respond(s sensor.Segment) {
	if p.open {
		return
	}
	r := p.oldest()
	if r != nil && r.kind != 'Q' && r.kind != 'E' && r.kind != 'F' {
		p.assumed, r = true, nil
	}
	p.begin(s, r)
}

// begin makes cur the response to r, which may be nil.
func (p *parser) begin(s sensor.Segment, r *request) {
	p.open, p.scratch, p.curAt, p.curKind, p.returned = true, p.scratch[:0], 0, 0, 0
	p.cur = Statement{Kind: KindStatement}
	c := &p.cur
	if r == nil {
		c.Pairing = PairingNone
		return
	}
	p.curAt, p.curKind = r.at, r.kind
	c.Protocol, c.Missing = Extended, r.missing
	if r.at != 0 {
		c.RTT = s.Time.Sub(r.at)
	}
	if p.assumed {
		c.Pairing = PairingAssumed
	}
	of := &unknown
	name := r.name()
	switch r.kind {
	case 'Q':
		c.Protocol = Simple
		p.text(r.text(), r.truncated)
		return
	case 'F':
		c.Protocol = Function
		return
	case 'P':
		c.Stage = "parse"
		c.Name = p.keep(name, maxName)
		p.text(r.text(), r.truncated)
		return
	case 'B':
		c.Stage = "bind"
		of = p.store.lookup(name)
	case 'D', 'C':
		c.Stage = "describe"
		if r.kind == 'C' {
			c.Stage = "close"
		}
		if of = p.store.lookup(name); r.target == 'P' {
			of = p.store.lookupPortal(name)
			name = of.name
		}
	case 'E':
		of = p.store.lookupPortal(name)
		name = of.name
	case 'S':
		c.Stage = "sync"
		return
	}
	c.Unseen = r.lost || !of.known
	if r.lost {
		return
	}
	c.Name = p.keep(name, maxName)
	if of.known {
		p.text(of.text, of.truncated)
	}
}

// keep copies b to where it lasts as long as cur.
func (p *parser) keep(b []byte, limit int) []byte {
	if len(b) == 0 {
		return nil
	}
	n := len(p.scratch)
	p.scratch = append(p.scratch, clip(b, limit)...)
	return p.scratch[n:len(p.scratch):len(p.scratch)]
}

// text sets the text of cur, and its verb.
func (p *parser) text(text []byte, truncated bool) {
	p.cur.Text, p.cur.Truncated = p.keep(text, maxStatement), truncated
	n := len(p.scratch)
	p.scratch = appendVerb(p.scratch, p.cur.Text)
	p.cur.Verb = p.scratch[n:len(p.scratch):len(p.scratch)]
}

// completed notes the end of a command.
func (p *parser) completed(s sensor.Segment, m message) {
	c := &p.cur
	c.Suspended = m.kind == 's'
	if m.kind == 'C' {
		p.tag(m)
	}
	if p.curKind == 'Q' || p.curKind == 'F' {
		return // until ReadyForQuery
	}
	p.complete(s)
	if p.curKind == 'E' {
		p.queue.pop()
	}
}

// complete notes that the response has ended. It is told when it is known
// whether ReadyForQuery follows.
func (p *parser) complete(s sensor.Segment) {
	p.held, p.copyIn = true, false
	if p.curAt != 0 {
		p.cur.Duration = s.Time.Sub(p.curAt)
	}
	if p.cur.Results == 1 {
		p.cur.Results = 0
	}
	p.cur.Rows += p.returned
	if p.cur.Copy == "in" || p.cur.Copy == "both" {
		p.cur.CopyBytes += p.copied
	}
}

// tag notes a command tag.
func (p *parser) tag(m message) {
	c := &p.cur
	c.Results++
	r := reader{wire.Cursor{B: m.body}}
	tag := r.text()
	c.Command = nil
	if r.Bad {
		return
	}
	end, rows, any := len(tag), int64(0), false
	for {
		i := end
		for i > 0 && isDigit(tag[i-1]) {
			i--
		}
		if i == end || i == 0 || tag[i-1] != ' ' || end-i > 18 {
			break
		}
		if !any { // the last one; INSERT has an object id before it
			for _, d := range tag[i:end] {
				rows = rows*10 + int64(d-'0')
			}
			any = true
		}
		end = i - 1
	}
	c.Command = p.keep(tag[:end], 64)
	if any {
		c.Rows += rows // those that were returned are among them
		p.returned = 0
	}
	switch string(c.Command) {
	case "DEALLOCATE", "DEALLOCATE ALL", "DISCARD ALL":
		p.store.clear()
	}
}

// copy notes a message of COPY, or of a function call.
func (p *parser) copy(m message) {
	c := &p.cur
	switch m.kind {
	case 'd':
		c.CopyBytes += m.size
		return
	case 'H':
		c.Copy = "out"
		return
	case 'G':
		c.Copy = "in"
	case 'W':
		c.Copy = "both"
	default:
		return
	}
	p.copyIn, p.copied = true, 0
	if p.curKind != 'E' {
		return
	}
	// The server ignores each Sync that comes before the end of the data.
	n := 1
	for n < p.queue.count && p.queue.at(n).kind == 'S' {
		n++
	}
	if n < p.queue.count && (p.queue.at(n).kind == 'c' || p.queue.at(n).kind == 'f') {
		p.copyIn = false
		n++
	}
	p.queue.dropBehind(n - 1)
}

// failed notes an error.
func (p *parser) failed(s sensor.Segment, m message, emit func(sensor.Message)) {
	if p.phase == authenticating {
		p.scratch = p.scratch[:0]
		p.decode(&p.fault, m.body)
		p.login(s, &p.fault, emit)
		return
	}
	r := p.oldest()
	if r == nil && !p.open {
		p.notices(s, m, emit)
		return
	}
	if !p.open {
		p.begin(s, r)
	}
	p.decode(&p.fault, m.body)
	p.cur.Error = &p.fault
	if p.curKind == 'Q' || p.curKind == 'F' {
		p.copyIn = false
		return
	}
	p.complete(s)
	if p.curKind != 0 {
		p.skip()
	}
}

// skip forgets the requests that an error skips.
func (p *parser) skip() {
	failed := true
	for r := p.queue.front(); r != nil && r.kind != 'S'; r = p.queue.front() {
		if r.kind == 'P' && r.first == 0 && failed {
			p.store.unnamed.forget() // (PostgreSQL documentation, 55.2.3)
		}
		if r.kind == 'E' && !failed {
			p.cur.Skipped++
		}
		failed = false
		p.queue.pop()
	}
	p.skipping = p.queue.count == 0 && p.over == 0 && !p.overTail
}

// ready notes that the server waits for the next request.
func (p *parser) ready(s sensor.Segment, m message, emit func(sensor.Message)) {
	if p.phase == authenticating {
		p.login(s, nil, emit)
		return
	}
	r := p.oldest()
	if !p.open && r != nil && r.kind != 'S' && endsWithReady(r.kind) {
		p.begin(s, r)
	}
	if p.open {
		if !p.held {
			p.complete(s)
		}
		if len(m.body) > 0 {
			p.cur.Transaction = transaction(m.body[0])
		}
		p.tell(emit)
	}
	if m.missing > 0 || m.body[0] == 'I' {
		p.store.clearPortals() // they end with the transaction
	}
	p.copyIn, p.skipping = false, false
	if p.queue.count == 0 {
		p.over = max(0, p.over-1)
		return
	}
	for r := p.oldest(); r != nil; r = p.oldest() {
		kind := r.kind
		p.queue.pop()
		if kind == 'Q' {
			p.store.unnamed.forget()
		}
		if endsWithReady(kind) {
			return
		}
		p.assumed = true
	}
}

func transaction(c byte) string {
	switch c {
	case 'I':
		return "idle"
	case 'T':
		return "open"
	case 'E':
		return "failed"
	}
	return ""
}

// tell emits cur.
func (p *parser) tell(emit func(sensor.Message)) {
	p.open, p.held = false, false
	c := &p.cur
	if p.clientLost() && (c.Copy == "in" || c.Copy == "both" || c.Error != nil && c.Protocol == Extended) {
		c.Incomplete = true // there may be more data, or more that was skipped
	}
	c.Missing += p.missing
	p.missing = 0
	emit(&p.cur)
}

// clientLost reports whether nothing is known of what the client sends.
func (p *parser) clientLost() bool {
	d := &p.side[sensor.Initiator]
	return d.dead && !d.closed
}
