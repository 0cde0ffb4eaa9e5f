package safetext

import (
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// MaxString is how many bytes of a string are exported unless the user says
// otherwise.
const MaxString = 1024

// MinRoom is the least room that AppendJSON can work with: quotes and the mark
// of a cut fit into it.
const MinRoom = 64

const (
	hexDigits = "0123456789abcdef"
	cutMark   = "[cut of "
	// maxGrowth is how many bytes of JSON one byte can become: \u001b.
	maxGrowth = 6
)

// plain marks the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// AppendJSON appends s as a JSON string, quotes included, and reports whether
// it had to be cut. At most limit bytes of s are shown, and at most room bytes
// are appended; room must be at least [MinRoom].
func AppendJSON(dst []byte, s string, limit, room int) (out []byte, cut bool) {
	whole := len(s)
	limit = min(limit, (room-MinRoom)/maxGrowth)
	if whole > limit {
		s, cut = s[:cutAt(s, max(limit, 0))], true
	}
	dst = append(dst, '"')
	dst = appendEscaped(dst, s, cut)
	if cut {
		dst = append(dst, `\\`+cutMark...)
		dst = strconv.AppendInt(dst, int64(whole), 10)
		dst = append(dst, " bytes]"...)
	}
	return append(dst, '"'), cut
}

// AppendJSONBytes is AppendJSON for bytes, which it only reads.
func AppendJSONBytes(dst, s []byte, limit, room int) (out []byte, cut bool) {
	return AppendJSON(dst, unsafe.String(unsafe.SliceData(s), len(s)), limit, room)
}

// cutAt returns the largest n <= limit such that s[:n] does not end inside a
// valid UTF-8 sequence. limit must be less than len(s).
func cutAt(s string, limit int) int {
	for start := limit; start > 0 && limit-start < utf8.UTFMax; start-- {
		if !utf8.RuneStart(s[start]) {
			continue
		}
		if _, size := utf8.DecodeRuneInString(s[start:]); start+size > limit {
			return start
		}
		return limit
	}
	return limit
}

// appendEscaped appends the inside of a JSON string. cut says that the mark of
// a cut will follow.
func appendEscaped(dst []byte, s string, cut bool) []byte {
	for i := 0; i < len(s); {
		run := i
		for i < len(s) && plain[s[i]] {
			i++
		}
		dst = append(dst, s[run:i]...)
		if i == len(s) {
			break
		}
		switch c := s[i]; {
		case c == '\\':
			end := i + 1
			for end < len(s) && s[end] == '\\' {
				end++
			}
			n := end - i
			if ambiguous(s[end:], cut) {
				n *= 2
			}
			for range n {
				dst = append(dst, `\\`...)
			}
			i = end
		case c < utf8.RuneSelf:
			dst = appendASCII(dst, c)
			i++
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				dst = append(dst, '\\', '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			case isHidden(r):
				dst = appendRune(dst, r)
			default:
				dst = append(dst, s[i:i+size]...)
			}
			i += size
		}
	}
	return dst
}

// ambiguous reports whether a backslash before rest would read as one of ours.
func ambiguous(rest string, cut bool) bool {
	if rest == "" {
		return cut
	}
	switch c := rest[0]; {
	case c == '[':
		return strings.HasPrefix(rest, cutMark)
	case c == 'x':
		return len(rest) >= 3 && isHighNibble(rest[1]) && isNibble(rest[2])
	case c >= utf8.RuneSelf:
		r, size := utf8.DecodeRuneInString(rest)
		return r == utf8.RuneError && size == 1
	}
	return false
}

func isHighNibble(c byte) bool { return c == '8' || c == '9' || 'a' <= c && c <= 'f' }
func isNibble(c byte) bool     { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

// appendASCII escapes an ASCII byte that is not plain and no backslash.
func appendASCII(dst []byte, c byte) []byte {
	switch c {
	case '"':
		return append(dst, `\"`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendRune escapes r as one or, above U+FFFF, two \uXXXX (RFC 8259, 7).
func appendRune(dst []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		dst = appendUnit(dst, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	return appendUnit(dst, r)
}

func appendUnit(dst []byte, u rune) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12&15], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}
