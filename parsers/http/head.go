package http

import (
	"bytes"
	"math"
)

// scan finds the end of a head, over as many calls as it takes to come, and
// looks at each byte once.
type scan struct {
	line   int // where the line that is not complete begins
	looked int // up to where there is no LF behind line
}

// lines is where the lines of a head end: the offsets of their LFs. A head that
// came in pieces, or has many lines, has fewer of them or none.
type lines struct {
	n   int
	end [48]uint16
}

// end returns the length of the head at the front of b, with the empty line that
// ends it, or 0 if that is not there yet. first is called with the first line;
// if it returns true, that line is the whole head. The ends of lines are noted.
func (s *scan) end(b []byte, ends *lines, first func(line []byte) bool) int {
	whole := s.line == 0 && len(b) <= math.MaxUint16
	for {
		i := bytes.IndexByte(b[s.looked:], '\n')
		if i < 0 {
			s.looked = len(b)
			return 0
		}
		end := s.looked + i
		if whole && ends.n < len(ends.end) {
			ends.end[ends.n] = uint16(end)
			ends.n++
		}
		line := trimCR(b[s.line:end])
		start := s.line
		s.line, s.looked = end+1, end+1
		if len(line) == 0 || start == 0 && first(line) {
			return end + 1
		}
	}
}

// trimCR returns a line without the CR at its end.
func trimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// fields walks over the fields of a head.
type fields struct {
	size  int    // of the head
	line  int    // number of lines before rest, at most
	rest  []byte // lines behind the first
	cr    int    // CRs of the head that are not at the end of a line seen so far
	found Anomaly
}

// startLine splits a head, whose end was found, into its first line and the
// fields.
func startLine(head []byte, ends *lines) (line []byte, f fields) {
	f.size = len(head)
	if bytes.IndexByte(head, 0) >= 0 {
		f.found |= NUL
	}
	f.cr = bytes.Count(head, []byte{'\r'})
	if end := int(ends.end[0]); ends.n > 0 && end > 0 && head[end-1] == '\r' {
		f.cr--
		f.rest = head[end+1:]
		return head[:end-1], f
	}
	line, f.rest = f.cut(head)
	return line, f
}

// cut takes a line from the front of b.
func (f *fields) cut(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil
	}
	line = b[:i]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
		f.cr--
	} else {
		f.found |= BareLF
	}
	return line, b[i+1:]
}

// field is a header field. Its value may contain folds: CR, LF and blanks that
// mean one blank.
type field struct {
	name, value []byte
	blank       bool // before the colon
	folded      bool
}

// next sets x to the next field, of a head whose lines end at ends. It returns
// false behind the last.
func (f *fields) next(ends *lines, x *field) bool {
	// Most are one line with a CR LF at its end and nothing odd in it.
	if end := f.lineEnd(ends) - 1; end > 0 && f.rest[end] == '\r' && end+2 < len(f.rest) &&
		!isBlank(f.rest[0]) && f.rest[end+2] != ' ' && f.rest[end+2] != '\t' {
		line := f.rest[:end]
		if colon := bytes.IndexByte(line, ':'); colon > 0 && !isBlank(line[colon-1]) {
			x.name, x.value, x.blank, x.folded = line[:colon], trimBlanks(line[colon+1:]), false, false
			f.rest = f.rest[end+2:]
			f.cr--
			return true
		}
	}
	if len(f.rest) == 2 && f.rest[0] == '\r' && f.rest[1] == '\n' && f.cr == 1 {
		f.rest, f.cr = nil, 0
		return false
	}
	return f.odd(x)
}

// lineEnd returns the index of the first LF in rest, or -1.
func (f *fields) lineEnd(ends *lines) int {
	at := f.size - len(f.rest)
	for f.line < ends.n && f.line < len(ends.end) {
		end := int(ends.end[f.line]) - at
		if f.line++; end >= 0 {
			return end
		}
	}
	return bytes.IndexByte(f.rest, '\n')
}

// odd is next for any field.
func (f *fields) odd(x *field) bool {
	for {
		start := f.rest
		line, rest := f.cut(start)
		f.rest = rest
		if len(line) == 0 {
			if f.cr > 0 {
				f.found |= BareCR
			}
			return false
		}
		if line[0] == ' ' || line[0] == '\t' { // a fold of nothing: RFC 9112, 2.2
			f.found |= BadField
			continue
		}
		end, folded := len(line), false
		for len(f.rest) > 0 && (f.rest[0] == ' ' || f.rest[0] == '\t') {
			more, rest := f.cut(f.rest)
			if len(bytes.TrimLeft(more, " \t")) > 0 {
				end = len(start) - len(f.rest) + len(more)
			}
			f.rest, folded = rest, true
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 {
			f.found |= BadField
			continue
		}
		*x = field{name: line[:colon], value: trimBlanks(start[colon+1 : end]), folded: folded}
		if c := line[colon-1]; c == ' ' || c == '\t' {
			x.name, x.blank = bytes.TrimRight(x.name, " \t"), true
			f.found |= BlankBeforeColon
		}
		if folded {
			f.found |= Folded
		}
		return true
	}
}

// trimBlanks returns a value without the blanks, and folds, around it.
func trimBlanks(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// keepValue copies a value behind the text, with one blank for each fold and
// not more than maxLine of it.
func (x *exchange) keepValue(v *field, found *Anomaly) []byte {
	value := v.value
	if len(value) > maxLine {
		value = value[:maxLine]
		*found |= LongLine
	}
	if !v.folded {
		return x.keep(value)
	}
	start := len(x.text)
	for len(value) > 0 {
		i := bytes.IndexByte(value, '\n')
		if i < 0 {
			x.text = append(x.text, value...)
			break
		}
		x.text = append(append(x.text, trimBlanks(value[:i])...), ' ')
		value = bytes.TrimLeft(value[i+1:], " \t")
	}
	return x.text[start:len(x.text):len(x.text)]
}
