package postgres

import (
	"bytes"

	"flowscope/parsers/internal/wire"
	"flowscope/sensor"
)

// decode reads an error or a notice. What it points to is kept behind cur.
func (p *parser) decode(f *Fault, body []byte) {
	*f = Fault{}
	var message, file []byte
	for r := (reader{wire.Cursor{B: body}}); len(r.B) > 0 && r.B[0] != 0; {
		kind, value := r.Uint8(), r.text()
		if r.Bad {
			break
		}
		to := (*[]byte)(nil)
		switch kind {
		case 'S', 'V': // V, which is not translated, comes second
			to = &f.Severity
		case 'C':
			to = &f.Code
		case 's':
			to = &f.Schema
		case 't':
			to = &f.Table
		case 'c':
			to = &f.Column
		case 'd':
			to = &f.DataType
		case 'n':
			to = &f.Constraint
		case 'M':
			message = value
		case 'F':
			file = value
		}
		if to != nil {
			*to = value
		}
	}
	if !p.literals && (bytes.HasPrefix(f.Code, []byte("P0")) || isLanguage(file)) {
		message = []byte("***")
		f.Schema, f.Table, f.Column, f.DataType, f.Constraint = nil, nil, nil, nil, nil
	}
	for _, b := range [...]*[]byte{&f.Severity, &f.Code, &f.Schema, &f.Table, &f.Column, &f.DataType, &f.Constraint} {
		*b = p.keep(*b, maxName)
	}
	n := len(p.scratch)
	if p.literals || string(message) == "***" {
		p.scratch = append(p.scratch, message...)
	} else {
		p.scratch = appendMessage(p.scratch, message)
	}
	p.scratch = clip(p.scratch, n+maxFaultText)
	f.Text = p.scratch[n:len(p.scratch):len(p.scratch)]
}

// languages are how the source files of procedural languages begin, whose
// messages a user wrote.
var languages = []string{"pl_", "plperl", "plpy", "pltcl", "plv8"}

func isLanguage(file []byte) bool {
	for _, l := range languages {
		if len(file) >= len(l) && string(file[:len(l)]) == l {
			return true
		}
	}
	return false
}

// notices tells a notice, or an error that belongs to no statement.
func (p *parser) notices(s sensor.Segment, m message, emit func(sensor.Message)) {
	if m.kind == 'N' && p.open {
		p.cur.Notices++
	}
	if m.missing > 0 {
		return
	}
	if p.notice == nil {
		p.notice = &Notice{}
	}
	if !p.open {
		p.scratch = p.scratch[:0]
	}
	n := len(p.scratch)
	*p.notice = Notice{Kind: KindNotice, Missing: p.missing}
	if m.kind == 'E' {
		p.notice.Kind = KindError
		if p.assumed || p.over > 0 || p.overTail || p.clientLost() {
			p.notice.Pairing = PairingNone
		}
		p.missing = 0
	}
	p.decode(&p.notice.Fault, m.body)
	emit(p.notice)
	p.scratch = p.scratch[:n]
}

// notification tells that another session has notified a channel.
func (p *parser) notification(m message, emit func(sensor.Message)) {
	r := reader{wire.Cursor{B: m.body}}
	pid, channel := r.Uint32(), r.text()
	if m.missing > 0 || r.Bad {
		return
	}
	if p.note == nil {
		p.note = &Notification{}
	}
	*p.note = Notification{Kind: KindNotification, PID: pid, Channel: channel}
	emit(p.note)
}
