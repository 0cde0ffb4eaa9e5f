package http2

import (
	"bytes"
	"slices"

	"flowscope/parsers/http"
)

// fieldID says what a header field is for the parser. Names are not kept: they
// are looked at once, when they come.
type fieldID uint8

const (
	other      fieldID = iota // is passed over
	badName                   // is no name (RFC 9113, 8.2.1), or an unknown pseudo-header field
	hopByHop                  // must not occur (RFC 9113, 8.2.2)
	unknown                   // of a table whose content was not seen
	authority                 // the pseudo-header fields
	method                    //
	path                      //
	scheme                    //
	status                    //
	protocol                  // RFC 8441
	lastPseudo = protocol
)

const (
	authorization fieldID = iota + lastPseudo + 1
	contentEncoding
	contentLength
	contentType
	forwardedFor
	grpcEncoding
	grpcMessage
	grpcStatus
	grpcTimeout
	host
	location
	proxyAuthorization
	referer
	server
	userAgent
	extra // of Config.Headers, the first of maxExtra
)

// identify says which field it is that has this name.
func (c *shared) identify(name []byte) fieldID {
	switch string(name) {
	case ":authority":
		return authority
	case ":method":
		return method
	case ":path":
		return path
	case ":scheme":
		return scheme
	case ":status":
		return status
	case ":protocol":
		return protocol
	case "authorization":
		return authorization
	case "content-encoding":
		return contentEncoding
	case "content-length":
		return contentLength
	case "content-type":
		return contentType
	case "x-forwarded-for":
		return forwardedFor
	case "grpc-encoding":
		return grpcEncoding
	case "grpc-message":
		return grpcMessage
	case "grpc-status":
		return grpcStatus
	case "grpc-timeout":
		return grpcTimeout
	case "host":
		return host
	case "location":
		return location
	case "proxy-authorization":
		return proxyAuthorization
	case "referer":
		return referer
	case "server":
		return server
	case "user-agent":
		return userAgent
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return hopByHop
	}
	if i := slices.IndexFunc(c.headers, func(h string) bool { return h == string(name) }); i >= 0 {
		return extra + fieldID(i)
	}
	for _, b := range name {
		if b <= ' ' || b >= 0x7f || b >= 'A' && b <= 'Z' || b == ':' {
			return badName
		}
	}
	if len(name) == 0 {
		return badName
	}
	return other
}

// appendShown appends what is shown of a value, at most maxValue bytes of it. It
// is in this form, without secrets, that values are kept.
func (c *shared) appendShown(dst []byte, id fieldID, value []byte) []byte {
	if id < authority {
		return dst
	}
	value = value[:min(len(value), maxValue)]
	if c.secrets && id != grpcMessage {
		return append(dst, value...)
	}
	switch id {
	case path, referer, location:
		return http.AppendRedacted(dst, value)
	case authority, host:
		return http.AppendRedactedAuthority(dst, value)
	case authorization, proxyAuthorization:
		return append(dst, http.AuthScheme(value)...)
	case grpcMessage:
		return appendPercent(dst, value)
	}
	if id >= extra && http.SecretField(c.headers[id-extra]) {
		return append(dst, "***"...)
	}
	return append(dst, value...)
}

// oddities says what is odd about a value.
func oddities(value []byte) (found Anomaly) {
	if len(value) > maxValue {
		found |= LongValue
	}
	if bytes.IndexByte(value, 0) >= 0 || bytes.IndexByte(value, '\n') >= 0 || bytes.IndexByte(value, '\r') >= 0 {
		found |= BadValue
	}
	return found
}

// appendPercent appends a value of grpc-message, which is percent-encoded.
func appendPercent(dst, b []byte) []byte {
	for len(b) > 0 {
		if b[0] == '%' && len(b) > 2 {
			high, ok1 := hex(b[1])
			low, ok2 := hex(b[2])
			if ok1 && ok2 {
				dst, b = append(dst, high<<4|low), b[3:]
				continue
			}
		}
		dst, b = append(dst, b[0]), b[1:]
	}
	return dst
}

func hex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
