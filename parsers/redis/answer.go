package redis

import (
	"bytes"

	"flowscope/sensor"
)

// answer tells what came: a reply to the command that waits longest, or a push.
func (p *parser) answer(s sensor.Segment, emit func(sensor.Message)) error {
	r := &p.server
	w := p.pending.front()
	confirms := p.confirmation(w)
	switch {
	case confirms:
		p.subscribed = r.count
	case p.isPush():
		p.tellPush(emit)
		return nil
	case w != nil && w.confirms && w.channels == 0: // UNSUBSCRIBE of all there were
		p.pending.pop()
		w = p.pending.front()
	}
	m := &p.reply
	*m = Reply{Kind: KindReply, Type: r.replyType(), Bytes: r.bytes, Elements: r.elements, Errors: r.errors, Queued: r.queued, Missing: r.missing}
	role, knows := plain, false
	switch {
	case w != nil:
		role, knows = w.known.role, w.known != unknown
		m.Name, m.Subcommand, m.RTT = w.nameBytes(), w.sub, max(s.Time.Sub(w.at), 0)
		if len(w.key()) > 0 && !confirms {
			m.Key = w.key()
		}
		if p.assumed {
			m.Pairing = PairingAssumed
		}
	case p.pending.forgotten > 0:
		p.pending.forgotten--
		m.Pairing = PairingForgotten
	default:
		m.Pairing = PairingNone
		p.assumed = true
	}
	if confirms && len(r.text) > r.name {
		m.Key = r.text[r.name:]
	}
	if m.Type == TypeError {
		m.fault(r.text, knows && role != script)
	}
	emit(m)
	if w == nil {
		return nil
	}
	if confirms {
		w.confirms = true
		if w.channels == 0 || w.channels > 1 {
			w.channels = max(w.channels-1, 0)
			return nil
		}
	}
	p.pending.pop()
	return p.effect(role, m)
}

// confirmation reports whether the value is one of the replies to SUBSCRIBE and
// its kin, in which each channel has its own.
func (p *parser) confirmation(w *waiting) bool {
	r := &p.server
	if w == nil || r.kind != '>' && r.kind != '*' || r.name == 0 || w.known.role != subscribe && w.known.role != unsubscribe {
		return false
	}
	return equalFold(r.text[:r.name], w.known.name)
}

// isPush reports whether the value is no reply.
func (p *parser) isPush() bool {
	r := &p.server
	switch {
	case r.kind == '>':
		return true
	case r.kind == '+':
		return p.monitoring && r.stamp
	case r.kind != '*' || p.subscribed == 0:
		return false
	}
	switch string(r.text[:r.name]) {
	case "message", "pmessage", "smessage", "sunsubscribe":
		return true
	}
	return false
}

var monitorName = []byte("monitor")

func (p *parser) tellPush(emit func(sensor.Message)) {
	r := &p.server
	m := &p.push
	*m = Push{Kind: KindPush, Name: r.text[:r.name], Bytes: r.bytes, Elements: r.elements, Missing: r.missing}
	switch {
	case r.kind == '+':
		m.Name = monitorName
	case bytes.HasSuffix(m.Name, []byte("message")) || bytes.HasSuffix(m.Name, []byte("subscribe")):
		if len(r.text) > r.name {
			m.Channel = r.text[r.name:]
		}
	}
	emit(m)
}

// effect notes what a reply changes.
func (p *parser) effect(role role, m *Reply) error {
	if m.Type == TypeError {
		return nil
	}
	switch role {
	case replication:
		if m.Type == TypeSimple {
			return sensor.ErrDone
		}
	case monitor:
		p.monitoring = !m.Queued
	case reset:
		p.monitoring, p.subscribed = false, 0
	}
	return nil
}

// replyType names the type of the value.
func (r *response) replyType() string {
	if r.null {
		return TypeNull
	}
	switch r.kind {
	case '+':
		return TypeSimple
	case '-', '!':
		return TypeError
	case ':':
		return TypeInteger
	case '$':
		return TypeBulk
	case '#':
		return TypeBool
	case ',':
		return TypeDouble
	case '(':
		return TypeBigNumber
	case '=':
		return TypeVerbatim
	case '%':
		return TypeMap
	case '~':
		return TypeSet
	case '>':
		return TypePush
	}
	return TypeArray
}

// other is the code of an error that shows none.
var other = []byte("other")

// fault takes the text of an error apart.
func (m *Reply) fault(text []byte, shown bool) {
	code, rest, _ := bytes.Cut(text, []byte{' '})
	m.Error = other
	if isCode(code) {
		m.Error = code
		if end := bytes.IndexAny(rest, "'\"`"); end >= 0 {
			rest = rest[:end]
		}
		if rest = bytes.TrimSpace(rest); shown && len(rest) > 0 {
			m.Text = rest
		}
	}
}

// isCode reports whether the first word of an error is a code by convention.
func isCode(b []byte) bool {
	if len(b) == 0 || len(b) > maxName {
		return false
	}
	for _, c := range b {
		if c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// equalFold compares a word with one in capitals.
func equalFold(b, capitals []byte) bool {
	if len(b) != len(capitals) {
		return false
	}
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != capitals[i] {
			return false
		}
	}
	return true
}
