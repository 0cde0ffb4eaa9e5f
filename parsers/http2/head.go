package http2

import (
	"flowscope/parsers/http"
	"flowscope/sensor"
)

// head is what a header block says. Its slices are those of the stream's text.
type head struct {
	values  [extra][]byte // of fields that are shown as they are
	status  int           // -1: there is none
	auth    string        // the scheme
	length  int64         // Content-Length, -1 if there is none
	code    int           // grpc-status, -1 if there is none
	headers []Header      // those that Config asks for

	fields  int // all of them
	unknown int
	found   Anomaly
}

// decode takes a header block, and keeps what is shown of it in x.
func (p *parser) decode(d *direction, x *stream, block []byte) error {
	h := &p.head
	*h = head{status: -1, length: -1, code: -1, headers: h.headers[:0]}
	var f headerField
	size, regular := uint32(0), false
	var seen uint32 // pseudo-header fields, by id
	for len(block) > 0 {
		n, err := d.hpack.next(block, &f)
		if err != nil {
			return err
		}
		block = block[n:]
		if f.size == 0 {
			continue
		}
		if h.fields++; size+f.size > maxList {
			h.found |= ManyFields
			continue
		}
		size += f.size
		h.found |= f.found
		switch {
		case f.id == other:
			regular = true
		case f.id == unknown:
			h.unknown++
		case f.id < authority:
			h.found |= BadField
		case f.id <= lastPseudo:
			if regular || seen&(1<<f.id) != 0 {
				h.found |= BadField
			}
			if seen&(1<<f.id) == 0 {
				seen |= 1 << f.id
				h.pseudo(x, &f)
			}
		default:
			regular = true
			h.regular(p.cfg, x, &f)
		}
	}
	d.hpack.shrink()
	return nil
}

// pseudo takes a pseudo-header field.
func (h *head) pseudo(x *stream, f *headerField) {
	if f.id != status {
		h.values[f.id] = x.keep(f.value)
		if f.id == method && h.values[method] == nil {
			h.found |= BadField
		}
		return
	}
	if n := number(f.value); len(f.value) == 3 && n >= 100 {
		h.status = int(n)
	} else {
		h.found |= BadField
	}
}

// regular takes another field that is shown; of those with a place of their own,
// the first.
func (h *head) regular(cfg *shared, x *stream, f *headerField) {
	switch {
	case f.id >= extra:
		if len(h.headers) < maxShown {
			h.headers = append(h.headers, Header{cfg.headers[f.id-extra], x.keep(f.value)})
		}
	case f.id == authorization, f.id == proxyAuthorization && h.auth == "":
		h.auth = http.AuthScheme(f.value)
	case f.id == contentLength:
		n := number(f.value)
		if n < 0 || h.length >= 0 && n != h.length {
			h.found |= WrongLength
		}
		if n >= 0 && h.length < 0 {
			h.length = n
		}
	case f.id == grpcStatus:
		if n := number(f.value); n >= 0 && n < 1<<31 && h.code < 0 {
			h.code = int(n)
		}
	case h.values[f.id] == nil:
		h.values[f.id] = x.keep(f.value)
	}
}

// headers takes a header block that is complete. f.stream is the stream that it is
// about: that which is promised, in a PUSH_PROMISE.
func (p *parser) headers(s sensor.Segment, d *direction, f frame, block []byte, emit func(sensor.Message)) error {
	x := p.streams.find(f.stream)
	isNew := x == nil
	if isNew {
		x = p.streams.fresh(f.stream)
	}
	mark := len(x.text)
	if err := p.decode(d, x, block); err != nil {
		if isNew {
			p.streams.discard(x)
		}
		return p.wrong(s.Side, err.Error(), emit)
	}
	if p.head.unknown > 0 { // bytes were lost that nobody knew of, or the sender is wrong
		d.partial = true
	}
	p.role(s.Side, f.kind)
	used := false
	switch {
	case f.kind == pushPromise:
		used = p.promise(s, x, isNew)
	case s.Side == p.client:
		used = p.request(s, d, x, isNew)
	default:
		used = p.response(s, d, x, isNew, f.flags&endStream != 0, emit)
	}
	if !used {
		x.text = x.text[:mark]
	}
	if isNew && !used {
		p.streams.discard(x)
		return nil
	}
	if isNew {
		p.streams.add(x)
	}
	p.streams.account(x)
	switch {
	case f.kind == pushPromise:
		p.endRequest(x, true, emit)
		x.ended, x.endAt = true, s.Time
	case f.flags&endStream != 0:
		p.endStream(s, x, emit)
	}
	p.makeRoom(emit)
	return nil
}

// role learns from a header block which side is the client, where there was no
// preface.
func (p *parser) role(side sensor.Side, k kind) {
	h := &p.head
	if p.known || (h.values[method] == nil) == (h.status < 0) {
		return
	}
	p.known, p.client = true, side
	if h.status >= 0 || k == pushPromise {
		p.client = side.Other()
	}
	if c := &p.side[p.client]; !c.prefix && c.state != atStart {
		p.join(p.client)
	}
}

// request takes the header fields of a request, or the trailer of one. It returns
// false if they are not to be kept.
func (p *parser) request(s sensor.Segment, d *direction, x *stream, isNew bool) bool {
	h := &p.head
	closed := isNew && x.id <= d.highest
	d.highest = max(d.highest, x.id)
	switch {
	case x.hasRequest:
		x.request.Trailers += h.fields
		x.request.Unknown += h.unknown
		x.request.Anomalies |= h.found
		return false
	case h.values[method] == nil && (p.partial() || closed):
		return false // a trailer, or nothing that can be told
	case h.values[method] == nil:
		h.found |= BadField
	}
	x.headAt = s.Time
	p.fillRequest(x)
	if x.hasResponse {
		p.answers(x)
	}
	return true
}

// promise takes the request that a server answers without being asked.
func (p *parser) promise(s sensor.Segment, x *stream, isNew bool) bool {
	if !isNew || p.head.values[method] == nil {
		return false
	}
	x.headAt = s.Time
	p.fillRequest(x)
	x.request.Pushed = true
	return true
}

func (p *parser) fillRequest(x *stream) {
	h, m := &p.head, &x.request
	v := &h.values
	list := append(m.Headers[:0], h.headers...)
	*m = Request{Kind: KindRequest, Stream: x.id, Method: v[method], Target: v[path], Host: v[authority], Scheme: v[scheme],
		Protocol: v[protocol], UserAgent: v[userAgent], Referer: v[referer], ContentType: v[contentType],
		ContentEncoding: v[contentEncoding], ForwardedFor: v[forwardedFor], Auth: h.auth, Headers: list}
	m.ContentLength, m.Unknown = max(h.length, 0), h.unknown
	x.hasRequest, x.length[0] = true, h.length
	switch {
	case m.Host == nil:
		m.Host = v[host]
	case v[host] != nil && string(v[host]) != string(m.Host):
		h.found |= TwoHosts
	}
	if string(m.Method) == "CONNECT" && m.Protocol == nil {
		m.Target = m.Host
	} else if m.Target == nil && h.unknown == 0 {
		h.found |= BadField
	}
	m.Anomalies = h.found
	if isGRPC(m.ContentType) {
		x.grpc, x.timeout = true, v[grpcTimeout]
	}
}

// response takes the header fields of a response, or the trailer of one, or those
// of an interim response, which it tells. It returns false if they are not to be
// kept.
func (p *parser) response(s sensor.Segment, d *direction, x *stream, isNew, end bool, emit func(sensor.Message)) bool {
	h, m := &p.head, &x.response
	switch {
	case x.hasResponse:
		m.Trailers += h.fields
		m.Unknown += h.unknown
		m.Anomalies |= h.found
		if !end {
			m.Anomalies |= BadField
			return false
		}
		m.Headers = append(m.Headers, h.headers...)
		x.trail(h)
		return true
	case h.status < 0 && (isNew || !p.partial() && h.unknown == 0 && !end):
		return false
	case h.status >= 0 && h.status < 200 && !end:
		p.interim = Response{Headers: p.interim.Headers[:0]}
		p.fillResponse(x, &p.interim)
		p.interim.RTT = x.rtt(s.Time)
		p.interim.Partial = p.partial()
		emit(&p.interim)
		return false
	}
	p.fillResponse(x, m)
	if h.status < 0 && !p.partial() {
		m.Anomalies |= BadField
	}
	m.RTT = x.rtt(s.Time)
	x.hasResponse, x.length[1] = true, h.length
	x.encoding = h.values[grpcEncoding]
	if !x.hasRequest && isGRPC(m.ContentType) {
		x.grpc = true
	}
	x.trail(h)
	return true
}

func (p *parser) fillResponse(x *stream, m *Response) {
	h := &p.head
	v := &h.values
	list := append(m.Headers[:0], h.headers...)
	*m = Response{Kind: KindResponse, Stream: x.id, Status: max(h.status, 0), ContentType: v[contentType],
		ContentEncoding: v[contentEncoding], Server: v[server], Location: v[location], Headers: list}
	m.ContentLength, m.Unknown, m.Anomalies = max(h.length, 0), h.unknown, h.found
	m.pair(x)
}

// answers tells a response what it answers.
func (p *parser) answers(x *stream) { x.response.pair(x) }

func (m *Response) pair(x *stream) {
	m.Method, m.Target, m.Host, m.Pairing = x.request.Method, x.request.Target, x.request.Host, ""
	if !x.hasRequest {
		m.Pairing = PairingNone
	}
}
