package smtp

import (
	"bytes"

	"flowscope/sensor"
)

// client is what the parser knows of the client's side.
type client struct {
	offset  int64
	scanned int
	state   state
	left    int64 // bytes left of a chunk
	at      place
}

// state is what the client's side is in.
type state uint8

const (
	inCommand state = iota
	waits           // for what the server says: what comes next depends on that
	inSecret        // a line of AUTH
	inData
	inChunk
	lost // what the client says is not known any more
)

// place is where in a message the next byte is.
type place uint8

const (
	inLine    place = iota
	behindCR        // in a line, behind a CR
	atStart         // of a line, behind CRLF
	atBareEnd       // behind LF alone
)

// verb is a command.
type verb uint8

const (
	other verb = iota
	ehlo
	helo
	lhlo
	mailFrom
	rcptTo
	data
	bdat
	rset
	noop
	quit
	vrfy
	expn
	help
	auth
	startTLS
	etrn
	turn
	xclient
	xforward
	verbs
)

var verbNames = [verbs]string{"other", "EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN",
	"HELP", "AUTH", "STARTTLS", "ETRN", "TURN", "XCLIENT", "XFORWARD"}

// mechanisms are the names of AUTH that are shown.
var mechanisms = []string{"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
	"SCRAM-SHA-512", "NTLM", "GSSAPI", "GS2-KRB5", "KERBEROS_V4", "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS"}

// request consumes what is there of what a client says.
func (p *parser) request(s sensor.Segment, b []byte) (n int, err error) {
	c := &p.client
	switch c.state {
	case waits:
		return 0, nil
	case lost:
		return len(b), nil
	case inData:
		return p.body(s, b), nil
	case inChunk:
		n = int(min(c.left, int64(len(b))))
		if c.left -= int64(n); c.left == 0 {
			c.state = inCommand
			w := p.pending.last()
			w.ended, w.at = true, s.Time
		}
		return n, nil
	}
	text, n, ok := line(b, &c.scanned)
	switch {
	case !ok:
		return 0, &Error{c.offset, "a line of over 12288 bytes"}
	case n == 0:
		return 0, nil
	case c.state == inSecret:
		c.state = waits
		return n, nil
	}
	return n, p.ask(s, text)
}

// ask takes a command, which waits for its reply then.
func (p *parser) ask(s sensor.Segment, text []byte) error {
	c := &p.client
	w := p.pending.push()
	if w == nil {
		return &Error{c.offset, "over 1024 commands without a reply"}
	}
	word, rest, _ := bytes.Cut(bytes.TrimRight(text, " \t"), []byte{' '})
	for i, name := range verbNames {
		if verb(i) != other && equalFold(word, name) {
			w.verb = verb(i)
		}
	}
	w.at = s.Time
	rest = bytes.TrimLeft(rest, " ")
	switch w.verb {
	case ehlo, helo, lhlo, etrn:
		p.pending.keep(w, rest)
	case mailFrom, rcptTo:
		address, parameters := path(rest)
		p.pending.keep(w, address)
		w.size = announced(parameters)
	case vrfy, expn:
		p.pending.keep(w, rest)
	case auth:
		c.state = waits
		name, _, _ := bytes.Cut(rest, []byte{' '})
		w.mechanism = "other"
		for _, m := range mechanisms {
			if equalFold(name, m) {
				w.mechanism = m
			}
		}
	case data, startTLS:
		c.state = waits
	case bdat:
		return p.chunk(s, w, rest)
	}
	return nil
}

// chunk begins a chunk (RFC 3030, 2).
func (p *parser) chunk(s sensor.Segment, w *waiting, rest []byte) error {
	digits, last, _ := bytes.Cut(rest, []byte{' '})
	size, ok := number(digits)
	if !ok || size > maxChunk {
		return &Error{p.client.offset, "a chunk without a size"}
	}
	w.size, w.last = size, equalFold(bytes.TrimSpace(last), "LAST")
	w.ended = size == 0
	p.client.left = size
	if size > 0 {
		p.client.state = inChunk
	}
	return nil
}

// path cuts an address from what follows MAIL or RCPT (RFC 5321, 4.1.2).
func path(b []byte) (address, parameters []byte) {
	if i := bytes.IndexByte(b, ':'); i >= 0 {
		b = bytes.TrimLeft(b[i+1:], " ")
	}
	if len(b) == 0 || b[0] != '<' {
		address, parameters, _ = bytes.Cut(b, []byte{' '})
		return address, parameters
	}
	quoted := false
	for i := 1; i < len(b); i++ {
		switch {
		case b[i] == '\\' && quoted:
			i++
		case b[i] == '"':
			quoted = !quoted
		case b[i] == '>' && !quoted:
			return mailbox(b[1:i]), b[i+1:]
		}
	}
	return b[1:], nil
}

// mailbox cuts the source route off, which everybody ignores (RFC 5321, 4.1.1.3).
func mailbox(b []byte) []byte {
	if len(b) > 0 && b[0] == '@' {
		if i := bytes.IndexByte(b, ':'); i > 0 {
			return b[i+1:]
		}
	}
	return b
}

// announced returns the size that MAIL announces (RFC 1870, 6).
func announced(parameters []byte) int64 {
	for p := range bytes.FieldsSeq(parameters) {
		if len(p) > 5 && equalFold(p[:5], "SIZE=") {
			n, _ := number(p[5:])
			return n
		}
	}
	return 0
}

// number reads a number of at most 18 digits.
func number(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}

// body passes over what DATA sends, up to its end (RFC 5321, 4.1.1.4).
func (p *parser) body(s sensor.Segment, b []byte) (n int) {
	c := &p.client
	for n < len(b) {
		rest := b[n:]
		if (c.at == atStart || c.at == atBareEnd) && rest[0] == '.' {
			k, ended, wait := p.dot(c.at, rest)
			switch {
			case wait:
				return n
			case ended:
				w := p.pending.front()
				w.ended, w.at = true, s.Time
				c.state = inCommand
				return n + k
			}
			n += k
			c.at = inLine
			continue
		}
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			p.mail.bytes += int64(len(rest))
			c.at = inLine
			if rest[len(rest)-1] == '\r' {
				c.at = behindCR
			}
			return len(b)
		}
		cr := c.at == behindCR
		if end > 0 {
			cr = rest[end-1] == '\r'
		}
		c.at = atBareEnd
		if cr {
			c.at = atStart
		}
		p.mail.bytes += int64(end) + 1
		n += end + 1
	}
	return n
}

// dot judges a dot at the start of a line. Only between two CRLFs it ends the
// message; with other ends of line, some servers take it for the end.
func (p *parser) dot(at place, b []byte) (n int, ended, wait bool) {
	switch {
	case len(b) < 2 || b[1] == '\r' && len(b) < 3:
		return 0, false, true
	case b[1] == '\r' && b[2] == '\n' && at == atStart:
		return 3, true, false
	case b[1] == '\n', b[1] == '\r' && (b[2] == '\n' || at == atBareEnd):
		p.mail.ambiguous = true
	}
	if at == atBareEnd {
		p.mail.bytes++ // not doubled
	}
	return 1, false, false
}
