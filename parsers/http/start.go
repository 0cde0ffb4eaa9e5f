package http

import (
	"bytes"
	"slices"

	"flowscope/sensor"
)

// line reads a request line (RFC 9112, 3). The slices are those of b.
func (m *Request) line(b []byte) bool {
	space := bytes.IndexByte(b, ' ')
	if space <= 0 || space > maxMethod {
		return false
	}
	for _, c := range b[:space] {
		if !isMethod(c) {
			return false
		}
	}
	m.Method = b[:space]
	rest := trimSpaces(b[space+1:])
	last := bytes.LastIndexByte(rest, ' ')
	if last < 0 { // HTTP/0.9 (RFC 1945, 4.1)
		m.Target, m.Version = rest, "0.9"
		return string(m.Method) == "GET" && len(rest) > 0
	}
	m.Target = trimSpaces(rest[:last])
	m.Version = version(rest[last+1:])
	return m.Version != ""
}

// trimSpaces returns b without the spaces around it.
func trimSpaces(b []byte) []byte {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// version returns the number in HTTP/1.x, or "".
func version(b []byte) string {
	if len(b) != 8 || string(b[:7]) != statusStart {
		return ""
	}
	switch b[7] {
	case '0':
		return "1.0"
	case '1':
		return "1.1"
	}
	if b[7] > '1' && b[7] <= '9' {
		return "1.x"
	}
	return ""
}

// statusLine reads a status line (RFC 9112, 4), or that of SHOUTcast, which is HTTP/1.0
// with another name in front. The reason is a slice of b.
func statusLine(b []byte) (number string, status int, reason []byte, ok bool) {
	if rest, shoutcast := bytes.CutPrefix(b, []byte("ICY")); shoutcast {
		number, b = "1.0", rest
	} else {
		n := min(len(b), len("HTTP/1.1"))
		number, b = version(b[:n]), b[n:]
	}
	if number == "" || len(b) < len(" 200") || b[0] != ' ' {
		return "", 0, nil, false
	}
	for _, c := range b[1:4] {
		if c < '0' || c > '9' {
			return "", 0, nil, false
		}
		status = 10*status + int(c-'0')
	}
	if b = b[4:]; len(b) > 0 {
		if b[0] != ' ' {
			return "", 0, nil, false
		}
		reason = b[1:]
	}
	return number, status, reason, status >= 100
}

// request takes the head of a request. ok is false if it is none.
func (p *parser) request(s *sensor.Segment, head []byte, ends *lines) (x *exchange, length int64, ok bool) {
	line, f := startLine(head, ends)
	x = p.exchange()
	m := &x.request
	headers := m.Headers
	if !m.line(line) {
		return nil, 0, false
	}
	m.Kind, m.Headers = KindRequest, headers
	x.noBody = string(m.Method) == "HEAD"
	x.connect = string(m.Method) == "CONNECT"
	x.simple = m.Version == "0.9"
	x.headAt = s.Time
	target := m.Target
	if len(target) > maxLine {
		target = target[:maxLine]
		f.found |= LongLine
	}
	authority := authorityOf(target, x.connect)
	m.Method, m.Target, m.Host = x.keep(m.Method), p.url(x, target, x.connect), x.keepHost(authority)
	frame := framing{length: -1}
	var host []byte
	var v field
	for n := 0; f.next(ends, &v); n++ {
		if frame.take(&v) {
			continue
		}
		if n >= maxFields {
			f.found |= ManyFields
			continue
		}
		if isName(v.name, "host") {
			if host != nil && !bytes.Equal(host, v.value) {
				f.found |= TwoHosts
			}
			host = v.value
			continue
		}
		p.requestField(x, &v, &f.found)
		if len(p.shared.cfg.Headers) > 0 {
			m.Headers = p.extra(x, m.Headers, &v, &f.found)
		}
	}
	switch {
	case authority == nil && host != nil:
		m.Host = x.keepHost(host[:min(len(host), maxLine)])
	case host != nil && !x.connect && !equalFold(host, string(hostOf(authority))):
		f.found |= TwoHosts // RFC 9112, 3.2.2: that of the target counts
	}
	length = frame.body(m.Version, false)
	if x.connect && length >= 0 {
		length = 0 // RFC 9110, 9.3.6
	}
	m.Body.head(&frame, f.found)
	return x, length, true
}

// authorityOf returns the authority of a target in absolute-form or, for
// CONNECT, authority-form (RFC 9112, 3.2).
func authorityOf(target []byte, connect bool) []byte {
	if connect {
		authority, _, _ := bytes.Cut(target, []byte{' '})
		return authority
	}
	i := bytes.Index(target, []byte("://"))
	if i <= 0 || bytes.IndexByte(target[:i], '/') >= 0 {
		return nil
	}
	authority := target[i+3:]
	if end := bytes.IndexAny(authority, "/?#"); end >= 0 {
		authority = authority[:end]
	}
	return authority
}

func (p *parser) requestField(x *exchange, v *field, found *Anomaly) {
	m := &x.request
	switch len(v.name) {
	case len("referer"):
		if m.Referer == nil && isName(v.name, "referer") {
			m.Referer = p.urlValue(x, v, found)
		} else if m.Upgrade == nil && isName(v.name, "upgrade") {
			m.Upgrade = x.keepValue(v, found)
		}
	case len("user-agent"):
		if m.UserAgent == nil && isName(v.name, "user-agent") {
			m.UserAgent = x.keepValue(v, found)
		}
	case len("content-type"):
		if m.ContentType == nil && isName(v.name, "content-type") {
			m.ContentType = x.keepValue(v, found)
		}
	case len("authorization"):
		if isName(v.name, "authorization") {
			m.Auth = scheme(v.value)
		}
	case len("x-forwarded-for"):
		if m.ForwardedFor == nil && isName(v.name, "x-forwarded-for") {
			m.ForwardedFor = x.keepValue(v, found)
		}
	case len("content-encoding"):
		if m.ContentEncoding == nil && isName(v.name, "content-encoding") {
			m.ContentEncoding = x.keepValue(v, found)
		}
	case len("proxy-authorization"):
		if m.Auth == "" && isName(v.name, "proxy-authorization") {
			m.Auth = scheme(v.value)
		}
	}
}

// response takes the head of a response to x. ok is false if it is none.
func (p *parser) response(s *sensor.Segment, x *exchange, head []byte, ends *lines) (length int64, ok bool) {
	line, f := startLine(head, ends)
	m := &x.response
	x.clearResponse()
	m.Kind = KindResponse
	if m.Version, m.Status, m.Reason, ok = statusLine(line); !ok {
		return 0, false
	}
	if len(m.Reason) > maxLine {
		m.Reason = m.Reason[:maxLine]
		f.found |= LongLine
	}
	m.Reason = x.keep(m.Reason)
	m.Method, m.Target, m.Host = x.request.Method, x.request.Target, x.request.Host
	frame := framing{length: -1}
	var v field
	for n := 0; f.next(ends, &v); n++ {
		if frame.take(&v) {
			continue
		}
		if n >= maxFields {
			f.found |= ManyFields
			continue
		}
		p.responseField(x, &v, &f.found)
		if len(p.shared.cfg.Headers) > 0 {
			m.Headers = p.extra(x, m.Headers, &v, &f.found)
		}
	}
	length = frame.body(m.Version, true)
	if m.Status < 200 || m.Status == 204 || m.Status == 304 || x.noBody || x.connect && m.Status < 300 {
		length = 0 // RFC 9112, 6.3
		frame.found &^= BothLengths
	}
	m.Body.head(&frame, f.found)
	switch {
	case x.ended && s.Time >= x.endAt:
		m.RTT = s.Time.Sub(x.endAt)
	case x.headAt != 0:
		m.RTT = max(s.Time.Sub(x.headAt), 0)
	}
	return length, true
}

func (p *parser) responseField(x *exchange, v *field, found *Anomaly) {
	m := &x.response
	switch len(v.name) {
	case len("server"):
		if m.Server == nil && isName(v.name, "server") {
			m.Server = x.keepValue(v, found)
		}
	case len("upgrade"):
		if m.Upgrade == nil && isName(v.name, "upgrade") {
			m.Upgrade = x.keepValue(v, found)
		}
	case len("location"):
		if m.Location == nil && isName(v.name, "location") {
			m.Location = p.urlValue(x, v, found)
		}
	case len("content-type"):
		if m.ContentType == nil && isName(v.name, "content-type") {
			m.ContentType = x.keepValue(v, found)
		}
	case len("content-encoding"):
		if m.ContentEncoding == nil && isName(v.name, "content-encoding") {
			m.ContentEncoding = x.keepValue(v, found)
		}
	}
}

// head notes what a head says of the body.
func (b *Body) head(f *framing, found Anomaly) {
	b.Anomalies = found | f.found
	b.ContentLength = max(f.length, 0)
	if f.found&(BadLength|DifferentLengths) != 0 {
		b.ContentLength = 0
	}
	b.Chunked = f.coded && f.last
}

// extra appends a field that the configuration asks for.
func (p *parser) extra(x *exchange, list []Header, v *field, found *Anomaly) []Header {
	cfg := &p.shared.cfg
	if !slices.ContainsFunc(cfg.Headers, func(name string) bool { return equalFold(v.name, name) }) {
		return list
	}
	h := Header{Name: x.keep(v.name)}
	if isSecretField(v.name) && !cfg.Secrets {
		h.Value = x.keep([]byte(stars))
	} else {
		h.Value = x.keepValue(v, found)
	}
	return append(list, h)
}

// url keeps a target.
func (p *parser) url(x *exchange, b []byte, authority bool) []byte {
	switch {
	case p.shared.cfg.Secrets:
		return x.keep(b)
	case authority:
		return x.keepAuthority(b)
	}
	return x.keepURL(b)
}

// urlValue keeps the value of a field that is a URL.
func (p *parser) urlValue(x *exchange, v *field, found *Anomaly) []byte {
	b := x.keepValue(v, found)
	if p.shared.cfg.Secrets {
		return b
	}
	return x.keepURL(b)
}

// keepHost keeps a host, without the name and password that may be before it.
func (x *exchange) keepHost(b []byte) []byte { return x.keep(hostOf(b)) }

// hostOf cuts the host, and its port, out of an authority.
func hostOf(b []byte) []byte { return b[bytes.LastIndexByte(b, '@')+1:] }
