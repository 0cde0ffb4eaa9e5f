package smtp

import (
	"bytes"
	"time"

	"flowscope/sensor"
)

// server is what the parser knows of the server's side.
type server struct {
	offset  int64
	scanned int
	reply   reply
	list    [][]byte // for a message
}

// reply is a reply of which not all lines have come.
type reply struct {
	code  int
	lines int
	text  []byte // of the first line, and the capabilities
	first int    // bytes of text that are of the first line
	ends  []int  // where in text each capability ends
	cut   bool
}

// envelope is what is known of the message that is being sent.
type envelope struct {
	text       []byte // the sender and the recipients
	from       int    // bytes of text that are the sender
	ends       []int  // where in text each recipient ends
	recipients int
	rejected   int
	announced  int64
	bytes      int64
	chunks     int
	missing    int64
	ambiguous  bool
	left       int // LMTP: recipients without a reply
}

func (e *envelope) reset() { *e = envelope{text: e.text[:0], ends: e.ends[:0]} }

// response consumes a line of a reply (RFC 5321, 4.2).
func (p *parser) response(s sensor.Segment, b []byte, emit func(sensor.Message)) (n int, err error) {
	v := &p.server
	if len(b) == 0 {
		return 0, nil
	}
	text, n, ok := line(b, &v.scanned)
	switch {
	case !ok:
		return 0, &Error{v.offset, "a line of over 12288 bytes"}
	case n == 0:
		return 0, nil
	}
	code, more, ok := status(text)
	if !ok {
		return 0, &Error{v.offset, "this is no reply"}
	}
	r := &v.reply
	r.code = code
	text = text[min(len(text), 4):]
	r.lines++
	switch w := p.pending.front(); {
	case r.lines == 1:
		if len(text) > maxArgument {
			text = text[:maxArgument]
		}
		r.text = append(r.text[:0], text...)
		r.first = len(r.text)
	case w == nil || w.verb != ehlo && w.verb != lhlo || code/100 != 2:
	case len(r.ends) == maxRecipients || len(r.text)+len(text) > maxEnvelope || len(text) > maxArgument:
		r.cut = true
	default:
		r.text = append(r.text, text...)
		r.ends = append(r.ends, len(r.text))
	}
	if more {
		return n, nil
	}
	err = p.answer(s, emit)
	*r = reply{text: r.text[:0], ends: r.ends[:0]}
	return n, err
}

// status reads the code of a line.
func status(b []byte) (code int, more, ok bool) {
	if len(b) < 3 || b[0] < '2' || b[0] > '5' {
		return 0, false, false
	}
	for _, c := range b[:3] {
		if c < '0' || c > '9' {
			return 0, false, false
		}
		code = 10*code + int(c-'0')
	}
	if len(b) == 3 {
		return code, false, true
	}
	return code, b[3] == '-', b[3] == '-' || b[3] == ' '
}

// fill writes what a message shows of a reply.
func (r *reply) fill(m *Status, shown bool) {
	*m = Status{Status: r.code}
	text := r.text[:r.first]
	if n := enhanced(text, r.code); n > 0 {
		m.Enhanced, text = text[:n], bytes.TrimLeft(text[n:], " ")
	}
	if shown {
		m.Text = text
	}
}

// enhanced returns the length of an enhanced status at the front of a text (RFC
// 2034; RFC 3463, 2).
func enhanced(b []byte, code int) int {
	if len(b) < 5 || int(b[0]-'0') != code/100 || b[1] != '.' {
		return 0
	}
	dots, digits := 1, 0
	for i := 2; i < len(b) && i < 10; i++ {
		switch c := b[i]; {
		case c >= '0' && c <= '9':
			digits++
			if i == len(b)-1 && dots == 2 {
				return len(b)
			}
		case c == '.' && digits > 0 && dots == 1:
			dots, digits = 2, 0
		case c == ' ' && dots == 2 && digits > 0:
			return i
		default:
			return 0
		}
	}
	return 0
}

// answer takes a whole reply.
func (p *parser) answer(s sensor.Segment, emit func(sensor.Message)) error {
	r := &p.server.reply
	w := p.pending.front()
	if !p.greeted {
		p.greeted = true
		if r.code == 220 || w == nil && (r.code == 421 || r.code == 554) {
			m := &p.greeting
			*m = Greeting{Kind: KindGreeting}
			r.fill(&m.Status, true)
			m.Host, _, _ = bytes.Cut(m.Text, []byte{' '})
			emit(m)
			return nil
		}
		p.assumed = p.assumed || w == nil
	}
	if r.code == 221 && w != nil && w.verb != quit { // RFC 5321, 4.2.3: no answer to anything else
		w, p.pending = nil, pending{}
		p.client.state = lost
	}
	if w == nil {
		p.tell(s, nil, emit)
		p.assumed = p.assumed || r.code != 421 // RFC 5321, 3.8: at any time
		return nil
	}
	switch {
	case w.verb == auth && r.code == 334:
		p.client.state = inSecret
		return nil
	case w.verb == data && w.begun:
		p.tellMail(s, w, emit)
		return nil
	case w.verb == data && r.code == 354:
		p.client.state, p.client.at = inData, atStart
		p.mail.left = p.mail.recipients
		p.tell(s, w, emit)
		w.begun = true
		return nil
	case w.verb == bdat && !w.ended: // before the chunk is there
		p.client.state = lost
	}
	if w.verb == bdat && w.last && r.code/100 == 2 || w.verb == bdat && p.mail.left > 0 {
		if p.mail.left == 0 {
			p.tell(s, w, emit)
			p.mail.add(w)
			p.mail.left = p.mail.recipients
		}
		p.tellMail(s, w, emit)
		return nil
	}
	p.tell(s, w, emit)
	return p.effect(w)
}

// tell tells a command and its reply.
func (p *parser) tell(s sensor.Segment, w *waiting, emit func(sensor.Message)) {
	r := &p.server.reply
	m := &p.command
	*m = Command{Kind: KindCommand, Truncated: r.cut}
	if r.lines > 1 {
		m.Lines = r.lines
	}
	if w == nil {
		m.Pairing = PairingNone
		r.fill(&m.Status, r.code == 421)
		emit(m)
		return
	}
	if p.assumed {
		m.Pairing = PairingAssumed
	}
	r.fill(&m.Status, w.verb != other && w.verb != auth && w.verb != xclient && !p.assumed)
	m.Verb, m.Mechanism, m.Last, m.Missing = verbNames[w.verb], w.mechanism, w.last, w.missing
	if w.verb == bdat {
		m.Bytes = w.size
	} else {
		m.Announced = w.size
	}
	m.Truncated = m.Truncated || w.cut
	m.RTT = since(s.Time, w.at)
	m.Name, m.Address = w.argument()
	if len(r.ends) > 0 {
		p.server.list = cutAt(p.server.list[:0], r.text, r.first, r.ends)
		m.Capabilities = p.server.list
	}
	emit(m)
}

func since(t, u sensor.Timestamp) time.Duration { return max(t.Sub(u), 0) }

// cutAt appends the pieces of text that begin at start and end at ends.
func cutAt(list [][]byte, text []byte, start int, ends []int) [][]byte {
	for _, end := range ends {
		list = append(list, text[start:end:end])
		start = end
	}
	return list
}

// tellMail tells a message for which the answer has come. In LMTP there is one
// answer for each recipient (RFC 2033, 4.2).
func (p *parser) tellMail(s sensor.Segment, w *waiting, emit func(sensor.Message)) {
	r, e, m := &p.server.reply, &p.mail, &p.told
	*m = Mail{Kind: KindMail, Helo: p.helo, From: e.text[:e.from], Recipients: e.recipients, Rejected: e.rejected, Announced: e.announced,
		Bytes: e.bytes, Chunks: e.chunks, Missing: e.missing, Ambiguous: e.ambiguous, Incomplete: !w.ended}
	if w.ended {
		m.RTT = since(s.Time, w.at)
	}
	if p.assumed {
		m.Pairing = PairingAssumed
	}
	r.fill(&m.Status, true)
	p.server.list = cutAt(p.server.list[:0], e.text, e.from, e.ends)
	m.To = p.server.list
	if p.lmtp && e.left > 0 {
		if i := e.recipients - e.left; i < len(m.To) {
			m.To = m.To[i : i+1]
		} else {
			m.To = nil
		}
		e.left--
	} else {
		e.left = 0
	}
	emit(m)
	if !w.ended {
		p.client.state = lost
	}
	if e.left > 0 {
		return
	}
	e.reset()
	p.pending.pop()
}

// add adds a chunk that was accepted.
func (e *envelope) add(w *waiting) {
	e.bytes += w.size
	e.missing += w.missing
	e.chunks++
}

// effect notes what a reply changes, and takes the command from the queue.
func (p *parser) effect(w *waiting) error {
	code, ok := p.server.reply.code, p.server.reply.code/100 == 2
	e := &p.mail
	switch w.verb {
	case ehlo, helo, lhlo:
		if ok {
			p.helo = append(p.helo[:0], w.text...)
			p.lmtp = w.verb == lhlo
			e.reset()
		}
	case rset:
		e.reset()
	case mailFrom:
		if ok {
			e.reset()
			e.text = append(e.text, w.text...)
			e.from, e.announced = len(e.text), w.size
		}
	case rcptTo:
		switch {
		case !ok:
			e.rejected++
		case len(e.ends) < maxRecipients && len(e.text)+len(w.text) <= maxEnvelope:
			e.text = append(e.text, w.text...)
			e.ends = append(e.ends, len(e.text))
			fallthrough
		default:
			e.recipients++
		}
	case bdat:
		if ok {
			e.add(w)
		}
	case data, auth:
		p.client.state = inCommand
	case startTLS:
		p.client.state = inCommand
		if code == 220 {
			p.pending.pop()
			return sensor.HandTo("tls")
		}
	}
	p.pending.pop()
	return nil
}
