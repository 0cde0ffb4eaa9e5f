package http2

import (
	"bytes"
	"encoding/binary"

	"flowscope/sensor"
)

// isGRPC reports whether a type of content is that of gRPC, with any encoding of
// messages. That of gRPC-Web has other trailers, and is not.
func isGRPC(contentType []byte) bool {
	const name = "application/grpc"
	rest, ok := bytes.CutPrefix(contentType, []byte(name))
	return ok && (len(rest) == 0 || rest[0] == '+' || rest[0] == ';')
}

// counter counts messages, each behind a byte of flags and four of its length
// (grpc/grpc, doc/PROTOCOL-HTTP2.md).
type counter struct {
	messages int64
	bytes    int64
	left     uint32 // of the message
	size     uint32 // of the message
	prefix   [5]byte
	have     uint8 // bytes of prefix
	lost     bool  // it is not known any more where a message begins
}

// add takes bytes of a body.
func (c *counter) add(b []byte) {
	for len(b) > 0 && !c.lost {
		if c.have < 5 {
			n := copy(c.prefix[c.have:], b)
			b = b[n:]
			if c.have += uint8(n); c.have < 5 {
				return
			}
			c.size = binary.BigEndian.Uint32(c.prefix[1:])
			c.left = c.size
		}
		n := min(uint64(c.left), uint64(len(b)))
		b = b[n:]
		c.take(uint32(n))
	}
}

// take passes over bytes of a message.
func (c *counter) take(n uint32) {
	if c.left -= n; c.left == 0 {
		c.messages++
		c.bytes += int64(c.size)
		c.have = 0
	}
}

// lose passes over bytes that are missing.
func (c *counter) lose(n int64) {
	if c.have < 5 || n > int64(c.left) {
		c.lost = true
		return
	}
	c.take(uint32(n))
}

// trail notes the status of a call.
func (x *stream) trail(h *head) {
	if h.code >= 0 {
		x.trailer.code = h.code
	}
	if m := h.values[grpcMessage]; m != nil {
		x.trailer.message = m
	}
}

// tellCall tells a call of gRPC, whose response is told by it.
func (p *parser) tellCall(x *stream, emit func(sensor.Message)) {
	q, r, m := &x.request, &x.response, &p.call
	*m = Call{Kind: KindCall, Stream: x.id, Host: q.Host, Pairing: r.Pairing, Code: x.trailer.code, Status: grpcName(x.trailer.code),
		Text: x.trailer.message, HTTPStatus: r.Status, RTT: r.RTT, Timeout: x.timeout, Encoding: x.encoding,
		RequestMessages: x.count[0].messages, RequestBytes: x.count[0].bytes,
		ResponseMessages: x.count[1].messages, ResponseBytes: x.count[1].bytes,
		Headers: r.Headers, Missing: q.Missing + r.Missing, Incomplete: r.Incomplete, Partial: r.Partial,
		Unknown: q.Unknown + r.Unknown, Reset: r.Reset, Anomalies: r.Anomalies}
	if path := q.Target; len(path) > 0 && path[0] == '/' {
		if i := bytes.LastIndexByte(path, '/'); i > 0 {
			m.Service, m.Method = path[1:i], path[i+1:]
		} else {
			m.Method = path[1:]
		}
	}
	if x.hasRequest && x.lastAt >= x.headAt {
		m.Duration = x.lastAt.Sub(x.headAt)
	}
	emit(m)
}
