package postgres

import (
	"encoding/binary"
	"strconv"

	"flowscope/parsers/internal/wire"
	"flowscope/sensor"
)

// untyped consumes a packet that has no type: a Startup, or what stands in its
// place.
func (p *parser) untyped(s sensor.Segment, d *direction, at int, emit func(sensor.Message)) (n int, err error) {
	b := s.Data[at:]
	if len(b) < 8 {
		return 0, nil
	}
	size := binary.BigEndian.Uint32(b)
	code := binary.BigEndian.Uint32(b[4:])
	switch {
	case size < 8 || size > maxStartup:
		return 0, &Error{s.Offset + int64(at), "this is no startup packet of PostgreSQL"}
	case len(b) < int(size):
		return 0, nil
	}
	d.begun = true
	body := b[8:size]
	switch {
	case (code == codeSSL || code == codeGSS) && size == 8:
		p.phase, p.gss, p.askedAt = asked, code == codeGSS, s.Time
	case code == codeCancel && size >= 16:
		emit(&Cancel{Kind: KindCancel, PID: binary.BigEndian.Uint32(body)})
		return int(size), sensor.ErrDone
	case code>>16 == major3:
		p.startup(s, code, body, emit)
	default:
		return 0, &Error{s.Offset + int64(at), "this is no startup packet of PostgreSQL 3.x"}
	}
	return int(size), nil
}

// answer consumes the server's answer to a request for encryption.
func (p *parser) answer(s sensor.Segment, at int, emit func(sensor.Message)) (n int, err error) {
	c := s.Data[at]
	m := Encryption{Kind: KindEncryption, Method: "ssl", RTT: s.Time.Sub(p.askedAt)}
	if p.gss {
		m.Method = "gss"
	}
	switch {
	case c == 'N':
		p.phase = starting
	case c == 'S' && !p.gss:
		m.Accepted, err = true, sensor.HandTo("tls")
	case c == 'G' && p.gss:
		m.Accepted, err = true, sensor.ErrDone
	default:
		return 0, &Error{s.Offset + int64(at), "this is no answer to a request for encryption"}
	}
	p.side[s.Side].begun = true
	emit(&m)
	return 1, err
}

func (p *parser) startup(s sensor.Segment, code uint32, body []byte, emit func(sensor.Message)) {
	m := Startup{Kind: KindStartup, Version: "3.0"}
	if minor := code & 0xffff; minor != 0 {
		m.Version = "3." + strconv.FormatUint(uint64(minor), 10)
	}
	for r := (reader{wire.Cursor{B: body}}); len(r.B) > 0 && r.B[0] != 0; {
		name, value := r.text(), r.text()
		if r.Bad {
			break
		}
		value = clip(value, maxName)
		switch string(name) {
		case "user":
			m.User = value
		case "database":
			m.Database = value
		case "application_name":
			m.ApplicationName = value
		case "client_encoding":
			m.ClientEncoding = value
		case "replication":
			m.Replication = value
		}
	}
	p.phase, p.auth, p.askedAt, p.user = authenticating, "trust", s.Time, len(m.User)
	p.account = append(append(p.account[:0], m.User...), m.Database...)
	emit(&m)
}

// authentication notes what the server asks the client for.
func (p *parser) authentication(m message) {
	r := reader{wire.Cursor{B: m.body}}
	code := r.Uint32()
	switch {
	case p.phase != authenticating:
	case m.missing > 0:
		p.auth = ""
	case code == 2:
		p.auth = "krb5"
	case code == 3:
		p.auth = "password"
	case code == 4:
		p.auth = "crypt"
	case code == 5:
		p.auth = "md5"
	case code == 6:
		p.auth = "scm"
	case code == 7:
		p.auth = "gss"
	case code == 9:
		p.auth = "sspi"
	case code == 10:
		p.auth = "sasl"
	}
}

// mechanisms are those of SASL that the server knows.
var mechanisms = []struct{ wire, name string }{
	{"SCRAM-SHA-256\x00", "scram-sha-256"},
	{"SCRAM-SHA-256-PLUS\x00", "scram-sha-256-plus"},
	{"OAUTHBEARER\x00", "oauthbearer"},
}

// mechanism notes which mechanism of SASL a client has chosen.
func (p *parser) mechanism(body []byte) {
	if p.phase != authenticating || p.auth != "sasl" {
		return
	}
	for _, x := range mechanisms {
		if len(body) >= len(x.wire) && string(body[:len(x.wire)]) == x.wire {
			p.auth = x.name
		}
	}
}

// parameter notes what a server tells of its settings.
func (p *parser) parameter(m message) {
	if m.missing > 0 {
		p.escapes = escapesUnknown
		return
	}
	r := reader{wire.Cursor{B: m.body}}
	name, value := r.text(), r.text()
	switch string(name) {
	case "server_version":
		if !r.Bad && p.phase == authenticating {
			p.version = append(p.version[:0], value...)
		}
	case "standard_conforming_strings":
		switch string(value) {
		case "on":
			p.escapes = escapesNot
		case "off":
			p.escapes = escapesDo
		default:
			p.escapes = escapesUnknown
		}
	}
}

// login tells how authentication ended.
func (p *parser) login(s sensor.Segment, fault *Fault, emit func(sensor.Message)) {
	m := Login{Kind: KindLogin, User: p.account[:p.user], Database: p.account[p.user:], Auth: p.auth, Success: fault == nil,
		ServerVersion: p.version, Error: fault, Duration: s.Time.Sub(p.askedAt), Incomplete: p.clientLost(), Missing: p.missing}
	p.missing = 0
	emit(&m)
	p.phase, p.version, p.account = running, nil, nil
}
