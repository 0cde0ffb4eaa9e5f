package safetext

import (
	"strconv"
	"unicode/utf8"
)

// ellipsis ends a text that was cut.
const ellipsis = "..."

// AppendText appends s as printable ASCII in at most columns bytes; a text that
// is longer ends in "...". Everything that is no printable ASCII is escaped as
// in a Go string literal: \n, \x1b, \u202e. Backslashes stay as they are.
func AppendText(dst []byte, s string, columns int) []byte {
	start := len(dst)
	fits := start // where to cut so that the ellipsis fits
	for i := 0; i < len(s); {
		if len(dst)-start+len(ellipsis) <= columns {
			fits = len(dst)
		}
		size := 1
		if c := s[i]; c >= 0x20 && c < 0x7f {
			dst = append(dst, c)
		} else {
			dst, size = appendTextEscape(dst, s[i:])
		}
		if len(dst)-start > columns {
			return append(dst[:fits], ellipsis[:min(len(ellipsis), max(columns, 0))]...)
		}
		i += size
	}
	return dst
}

// appendTextEscape escapes the first character of s and returns its size.
func appendTextEscape(dst []byte, s string) ([]byte, int) {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == '\n':
		return append(dst, `\n`...), size
	case r == '\r':
		return append(dst, `\r`...), size
	case r == '\t':
		return append(dst, `\t`...), size
	case r < utf8.RuneSelf, r == utf8.RuneError && size == 1:
		return append(dst, '\\', 'x', hexDigits[s[0]>>4], hexDigits[s[0]&15]), size
	}
	q := strconv.AppendQuoteRuneToASCII(dst, r)
	// Drop the quotes; characters that need an escape inside them are handled above.
	copy(q[len(dst):], q[len(dst)+1:len(q)-1])
	return q[:len(q)-2], size
}

// Text returns what [AppendText] appends, for strings of any length.
func Text(s string, columns int) string { return string(AppendText(nil, s, columns)) }
