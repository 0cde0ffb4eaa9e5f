package dns

import "encoding/binary"

const (
	headerSize = 12
	maxName    = 255 // octets on the wire (RFC 1035, 3.1)
	maxJumps   = 20  // compression pointers in one name
)

// reader reads a message, or the data of one record in it. Its first error
// sticks: after it, numbers are 0, names and slices empty, and nothing moves.
type reader struct {
	msg    []byte // the whole message: names point back into it
	at     int
	end    int // of the message or of the record's data
	reason string
	bad    int // offset of what reason is about
	short  bool
}

func (r *reader) fail(at int, reason string) {
	if r.reason == "" {
		r.reason, r.bad = reason, at
		r.at = r.end
	}
}

// overrun fails because the message, or the data, ends too early.
func (r *reader) overrun() {
	if r.reason == "" {
		r.short = r.end == len(r.msg)
	}
	r.fail(r.at, "it ends too early")
}

func (r *reader) err() error {
	if r.reason == "" {
		return nil
	}
	return &Error{Offset: r.bad, Reason: r.reason}
}

func (r *reader) left() int { return r.end - r.at }

func (r *reader) take(n int) []byte {
	if n > r.left() {
		r.overrun()
		return nil
	}
	b := r.msg[r.at : r.at+n]
	r.at += n
	return b
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// skipName moves behind a name and looks at nothing that it points to.
func (r *reader) skipName() {
	for size := 1; ; {
		at := r.at
		c := int(r.u8())
		switch {
		case r.reason != "" || c == 0:
			return
		case c >= 0xc0:
			r.u8()
			return
		case c >= 0x40:
			r.fail(at, "unknown type of label")
			return
		}
		if size += c + 1; size > maxName {
			r.fail(at, "a name of more than 255 octets")
			return
		}
		r.take(c)
	}
}

// name appends a name as text. Where it follows a compression pointer, that
// pointer must lead to before everything the name was made of so far, so that
// it comes to an end.
func (r *reader) name(dst []byte) []byte {
	start, size, jumps := len(dst), 1, 0
	at, end, low := r.at, r.end, r.at
	for {
		if at >= end {
			r.at = min(at, r.end)
			r.overrunAt(at, jumps)
			return dst[:start]
		}
		c := int(r.msg[at])
		switch {
		case c == 0:
			if jumps == 0 {
				r.at = at + 1
			}
			if len(dst) == start {
				return append(dst, '.')
			}
			return dst
		case c < 0x40:
			if size += c + 1; size > maxName {
				r.fail(at, "a name of more than 255 octets")
				return dst[:start]
			}
			if at+1+c > end {
				r.overrunAt(at, jumps)
				return dst[:start]
			}
			if len(dst) > start {
				dst = append(dst, '.')
			}
			dst = appendLabel(dst, r.msg[at+1:at+1+c])
			at += 1 + c
		case c < 0xc0:
			r.fail(at, "unknown type of label")
			return dst[:start]
		default:
			if at+2 > end {
				r.overrunAt(at, jumps)
				return dst[:start]
			}
			to := (c&0x3f)<<8 | int(r.msg[at+1])
			if jumps == 0 {
				r.at = at + 2
			}
			jumps++
			switch {
			case to >= low:
				r.fail(at, "a compression pointer that does not lead backwards")
			case to < headerSize:
				r.fail(at, "a compression pointer into the header")
			case jumps > maxJumps:
				r.fail(at, "more than 20 compression pointers in a name")
			}
			if r.reason != "" {
				return dst[:start]
			}
			at, low, end = to, to, len(r.msg)
		}
	}
}

// overrunAt fails because a name does not end; before it jumped, more of the
// message might have helped.
func (r *reader) overrunAt(at, jumps int) {
	if r.reason == "" {
		r.short = jumps == 0 && r.end == len(r.msg)
	}
	r.fail(at, "a name that does not end")
}

// appendLabel appends a label with the escapes of RFC 4343, 2.1.
func appendLabel(dst, label []byte) []byte {
	n := 0
	for n < len(label) && isPlain[label[n]] {
		n++
	}
	dst = append(dst, label[:n]...)
	for _, c := range label[n:] {
		switch {
		case c == '.' || c == '\\':
			dst = append(dst, '\\', c)
		case c > ' ' && c < 0x7f:
			dst = append(dst, c)
		default:
			dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		}
	}
	return dst
}

// isPlain says which bytes of a label are text as they are.
var isPlain = func() (is [256]bool) {
	for c := '!'; c < 0x7f; c++ {
		is[c] = c != '.' && c != '\\'
	}
	return is
}()

// appendString appends a string in quotes, escaped as in a zone file.
func appendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ' && c < 0x7f:
			dst = append(dst, c)
		default:
			dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		}
	}
	return append(dst, '"')
}
