package http

import "math"

// framing is what the fields of a head say of the length of the body.
type framing struct {
	length  int64 // of Content-Length, -1 if there is none
	coded   bool  // there is a Transfer-Encoding
	chunked int   // how often it names chunked
	last    bool  // chunked is the last coding
	found   Anomaly
}

// contentLength takes the value of a Content-Length (RFC 9110, 8.6).
func (f *framing) contentLength(value []byte) {
	for more := true; more; {
		var item []byte
		item, value, more = listItem(value)
		n, ok := parseLength(item)
		switch {
		case !ok:
			f.found |= BadLength
		case f.length < 0:
			f.length = n
		case f.length != n:
			f.found |= DifferentLengths
		default:
			f.found |= RepeatedLength
		}
	}
}

// parseLength reads a decimal number without sign of up to 2^63-1.
func parseLength(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' || n > (math.MaxInt64-int64(c-'0'))/10 {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, len(b) > 0
}

// transferEncoding takes the value of a Transfer-Encoding (RFC 9112, 6.1).
func (f *framing) transferEncoding(value []byte) {
	f.coded, f.last = true, false
	for more := true; more; {
		var item []byte
		item, value, more = listItem(value)
		f.last = equalFold(item, "chunked")
		if f.last {
			f.chunked++
		} else if !isToken(item) {
			f.found |= BadTransferEncoding
		}
	}
}

// listItem takes an item from the front of a list with commas, and reports
// whether there is another. Empty items are items: not all receivers pass over
// them, as RFC 9110, 5.6.1 has it.
func listItem(b []byte) (item, rest []byte, more bool) {
	for i, c := range b {
		if c == ',' {
			return trimBlanks(b[:i]), b[i+1:], true
		}
	}
	return trimBlanks(b), nil, false
}

// isToken reports whether b is a token, with parameters perhaps (RFC 9110, 5.6.2).
func isToken(b []byte) bool {
	for _, c := range b {
		if c <= ' ' && c != ' ' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return len(b) > 0
}

// Lengths of bodies that are no number.
const (
	chunkedBody = -1 - iota
	untilClose
	unknownBody
)

// body returns the length of the body by RFC 9112, 6.3, or one of the constants.
func (f *framing) body(version string, response bool) int64 {
	switch {
	case f.found&ambiguous != 0:
		return unknownBody
	case f.coded && f.length >= 0:
		f.found |= BothLengths
		return unknownBody
	case f.coded && version != "1.1", f.coded && f.chunked > 1, f.coded && f.chunked == 1 && !f.last:
		f.found |= BadTransferEncoding
		return unknownBody
	case f.coded && f.last:
		return chunkedBody
	case f.coded && response:
		return untilClose
	case f.coded:
		f.found |= BadTransferEncoding
		return unknownBody
	case f.length >= 0:
		return f.length
	case response:
		return untilClose
	}
	return 0
}

// take looks at a field that may frame the body, and reports whether it does.
func (f *framing) take(v *field) bool {
	length := isName(v.name, "content-length")
	if !length && !isName(v.name, "transfer-encoding") {
		return false
	}
	if v.blank || v.folded {
		f.found |= HiddenLength
	}
	if length {
		f.contentLength(v.value)
	} else {
		f.transferEncoding(v.value)
	}
	return true
}
