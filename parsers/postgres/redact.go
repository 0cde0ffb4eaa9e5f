package postgres

import "bytes"

// escapes says whether a backslash in '…' escapes what follows it: the setting
// standard_conforming_strings, which the server tells.
type escapes uint8

const (
	escapesUnknown escapes = iota
	escapesNot
	escapesDo
)

// lexer replaces the literals of a statement. It follows the server's scan.l in
// where tokens begin and end, and where it cannot know, it shows nothing more.
type lexer struct {
	src   []byte
	i     int
	dst   []byte
	limit int // of dst
	plain escapes
}

// appendRedacted appends a statement without its literals to dst, at most limit
// bytes of it, and reports whether it was cut.
func appendRedacted(dst, src []byte, plain escapes, limit int) (out []byte, cut bool) {
	start := len(dst)
	x := lexer{src: src, dst: dst, limit: start + limit, plain: plain}
	for x.i < len(x.src) && len(x.dst) < x.limit {
		if !x.token() {
			return clip(x.dst, x.limit), true
		}
	}
	cut = x.i < len(x.src) || len(x.dst) > x.limit
	out = clip(x.dst, x.limit)
	if n := len(out); n > start && out[n-1] == ' ' {
		out = out[:n-1]
	}
	return out, cut
}

func clip(b []byte, n int) []byte { return b[:min(len(b), n)] }

// token takes one token. It reports whether what follows can be told.
func (x *lexer) token() bool {
	switch c := x.src[x.i]; {
	case isBlank(c):
		x.i++
		x.blank()
	case c == '\'':
		return x.quoted(x.plain)
	case c == '"':
		x.identifier()
	case isDigit(c), c == '.' && x.i+1 < len(x.src) && isDigit(x.src[x.i+1]) && !x.behindDigit():
		x.number()
	case isLetter(c):
		return x.word()
	case c == '$':
		return x.dollar()
	case c == '-' && x.next('-'):
		if end := bytes.IndexAny(x.src[x.i:], "\n\r"); end >= 0 {
			x.i += end
		} else {
			x.i = len(x.src)
		}
		x.blank()
	case c == '/' && x.next('*'):
		x.comment()
	default:
		x.i++
		x.dst = append(x.dst, c)
	}
	return true
}

func (x *lexer) next(c byte) bool { return x.i+1 < len(x.src) && x.src[x.i+1] == c }

// behindDigit reports whether the byte before this one is shown as the end of a
// number: 1..2 is a range in PL/pgSQL.
func (x *lexer) behindDigit() bool { return x.i > 0 && x.src[x.i-1] == '.' }

// blank appends a blank, unless there is one.
func (x *lexer) blank() {
	if n := len(x.dst); n > 0 && x.dst[n-1] != ' ' {
		x.dst = append(x.dst, ' ')
	}
}

// quoted replaces '…'.
func (x *lexer) quoted(esc escapes) bool {
	x.dst = append(x.dst, '?')
	for x.i++; x.i < len(x.src); x.i++ {
		switch x.src[x.i] {
		case '\'':
			if !x.next('\'') {
				x.i++
				return true
			}
			x.i++
		case '\\':
			if !x.backslash(esc) {
				return false
			}
		}
	}
	return true
}

// backslash passes what a backslash escapes. It reports whether it is certain
// what that is: the backslash may also be the second byte of a character in
// encodings such as SJIS and GBK.
func (x *lexer) backslash(esc escapes) bool {
	quote := x.next('\'')
	switch {
	case esc == escapesNot:
	case esc == escapesUnknown && quote, quote && x.src[x.i-1] >= 0x80:
		return false
	case esc == escapesUnknown && x.next('\\'):
		// Two of them are one or two, which matters if a quote follows.
		end := x.i
		for end < len(x.src) && x.src[end] == '\\' {
			end++
		}
		if end < len(x.src) && x.src[end] == '\'' {
			return false
		}
		x.i = end - 1
	case esc == escapesDo && x.src[x.i-1] >= 0x80 && x.next('\\'):
		return false
	case esc == escapesDo:
		x.i++
	}
	return true
}

// identifier copies "…".
func (x *lexer) identifier() {
	start := x.i
	for x.i++; x.i < len(x.src); x.i++ {
		if x.src[x.i] == '"' {
			if !x.next('"') {
				x.i++
				break
			}
			x.i++
		}
	}
	x.dst = append(x.dst, x.src[start:x.i]...)
}

// number replaces a number, and what hangs on to it.
func (x *lexer) number() {
	for x.i < len(x.src) {
		c := x.src[x.i]
		exponent := (c == '+' || c == '-') && x.src[x.i-1]|0x20 == 'e' && x.i+1 < len(x.src) && isDigit(x.src[x.i+1])
		if c == '.' && x.next('.') || !isDigit(c) && !isLetter(c) && c != '.' && !exponent {
			break
		}
		x.i++
	}
	x.dst = append(x.dst, '?')
}

// word copies a word, or replaces the literal that it begins.
func (x *lexer) word() bool {
	start := x.i
	for x.i < len(x.src) && (isLetter(x.src[x.i]) || isDigit(x.src[x.i]) || x.src[x.i] == '$') {
		x.i++
	}
	word := x.src[start:x.i]
	if len(word) == 1 && x.i < len(x.src) {
		switch word[0] | 0x20 {
		case 'e':
			if x.src[x.i] == '\'' {
				return x.quoted(escapesDo)
			}
		case 'b', 'x':
			if x.src[x.i] == '\'' {
				return x.quoted(escapesNot)
			}
		case 'u': // U&'…': where backslashes escape in '…', it is an error
			if x.src[x.i] == '&' && x.next('\'') {
				x.i++
				return x.quoted(x.plain)
			}
		}
	}
	x.dst = append(x.dst, word...)
	return true
}

// dollar replaces $tag$…$tag$, and copies $1.
func (x *lexer) dollar() bool {
	end := x.i + 1
	if end < len(x.src) && isDigit(x.src[end]) {
		for end < len(x.src) && isDigit(x.src[end]) {
			end++
		}
		x.dst = append(x.dst, x.src[x.i:end]...)
		x.i = end
		return true
	}
	for end < len(x.src) && (isLetter(x.src[end]) || isDigit(x.src[end])) {
		end++
	}
	if end == len(x.src) || x.src[end] != '$' {
		x.dst = append(x.dst, '$')
		x.i++
		return true
	}
	tag := x.src[x.i : end+1]
	x.dst = append(x.dst, '?')
	n := bytes.Index(x.src[end+1:], tag)
	if n < 0 {
		x.i = len(x.src)
		return true
	}
	x.i = end + 1 + n + len(tag)
	return true
}

// comment drops /*…*/, which can be nested.
func (x *lexer) comment() {
	depth := 1
	for x.i += 2; x.i < len(x.src) && depth > 0; x.i++ {
		switch c := x.src[x.i]; {
		case c == '/' && x.next('*'):
			depth++
			x.i++
		case c == '*' && x.next('/'):
			depth--
			x.i++
		}
	}
	x.blank()
}

func isBlank(c byte) bool  { return c == ' ' || c >= '\t' && c <= '\r' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 }

// appendVerb appends the first word of a redacted statement, in upper case.
func appendVerb(dst, text []byte) []byte {
	text = bytes.TrimLeft(text, "( ")
	for i, c := range text {
		switch {
		case c >= 0x80 || !isLetter(c), i == maxVerb:
			return dst
		case c >= 'a' && c <= 'z':
			c &^= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// appendMessage appends the message of an error without what is in quotes, of
// whatever language, and without numbers. What is quoted may hold quotes itself,
// so all from the first quote to the last goes.
func appendMessage(dst, message []byte) []byte {
	first, last, count := -1, -1, 0
	for i := 0; i < len(message); i++ {
		if n := quoteAt(message[i:]); n > 0 {
			if first < 0 {
				first = i
			}
			last = i + n
			count++
		}
	}
	switch {
	case first < 0:
		return appendWithoutNumbers(dst, message)
	case count == 1 && message[first] != '\'':
		last = len(message) // a quote that does not end
	}
	dst = appendWithoutNumbers(dst, message[:first])
	dst = append(dst, `"?"`...)
	return appendWithoutNumbers(dst, message[last:])
}

// quotes begin or end what is quoted, in the languages that the server speaks.
var quotes = []string{`"`, "'", "`", "«", "»", "„", "“", "”", "‘", "’", "‚", "‹", "›", "「", "」", "『", "』"}

func quoteAt(b []byte) int {
	if c := b[0]; c != '"' && c != '\'' && c != '`' && c < 0xc2 {
		return 0
	}
	for _, q := range quotes {
		if len(b) >= len(q) && string(b[:len(q)]) == q {
			return len(q)
		}
	}
	return 0
}

func appendWithoutNumbers(dst, b []byte) []byte {
	for i := 0; i < len(b); {
		c := b[i]
		i++
		if isDigit(c) {
			for i < len(b) && (isDigit(b[i]) || isLetter(b[i]) && b[i] < 0x80) {
				i++
			}
			c = '?'
		}
		dst = append(dst, c)
	}
	return dst
}
