package filter

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// kind is the class of a token.
type kind uint8

const (
	tokEnd     kind = iota
	tokWord         // a reserved word
	tokOp           // an operator or a bracket; not, and, or are these too
	tokNumber       // a number or a named constant
	tokDotted       // 1.2, 1.2.3 or 1.2.3.4
	tokIP6          // an IPv6 address
	tokMAC          // an Ethernet address
	tokName         // anything else that looks like a name
	tokEscaped      // a name behind a backslash
)

// token is one word of an expression.
type token struct {
	kind kind
	off  int    // in the expression
	text string // as written, but the one spelling of an operator or word with several
	num  uint32 // of a tokNumber
	addr netip.Addr
	mac  [6]byte
}

// is says whether t is the operator or reserved word of that text.
func (t token) is(text string) bool {
	return (t.kind == tokOp || t.kind == tokWord) && t.text == text
}

// The lexical rules of libpcap. Where several match, the longest wins, and of
// two of the same length the first in this order: word, MAC, number, dotted,
// IPv6, constant, name.
var (
	reNumber = longest(`^(0[xX][0-9A-Fa-f]+|[0-9]+)`)
	reDotted = longest(`^N(\.N){1,3}`)
	reMAC    = longest(`^(B(:B){5}|B(-B){5}|B(\.B){5}|Q\.Q\.Q|QQQ)`)
	reName   = longest(`^[A-Za-z0-9]([-_.A-Za-z0-9]*[.A-Za-z0-9])?`)
	reBadMAC = longest(`^B:+(B:+)+`)
	reIP6    = longest(`^[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.xX]*`)
	reIP6End = longest(`^(.*:)?N\.N\.N\.N$`)
	reGroup  = regexp.MustCompile(`^[0-9A-Fa-f]{1,4}$`)
)

func longest(pattern string) *regexp.Regexp {
	re := regexp.MustCompile(strings.NewReplacer(
		"N", `([0-9]+|0[xX][0-9A-Fa-f]+)`,
		"B", `([0-9A-Fa-f]{1,2})`,
		"Q", `([0-9A-Fa-f]{4})`,
	).Replace(pattern))
	re.Longest()
	return re
}

// operators, longer ones first, with the spelling used from here on.
var operators = []struct{ text, as string }{
	{">=", ">="}, {"<=", "<="}, {"!=", "!="}, {"==", "="}, {"<<", "<<"}, {">>", ">>"}, {"&&", "and"}, {"||", "or"},
	{"+", "+"}, {"-", "-"}, {"*", "*"}, {"/", "/"}, {"%", "%"}, {":", ":"}, {"[", "["}, {"]", "]"}, {"!", "not"},
	{"<", "<"}, {">", ">"}, {"(", "("}, {")", ")"}, {"&", "&"}, {"|", "|"}, {"^", "^"}, {"=", "="},
}

// tokens cuts the expression into tokens; the last one is a tokEnd.
func (c *compiler) tokens() []token {
	var toks []token
	for off := 0; ; {
		for off < len(c.expr) && strings.IndexByte(" \r\n\t", c.expr[off]) >= 0 {
			off++
		}
		if off == len(c.expr) {
			return append(toks, token{kind: tokEnd, off: off})
		}
		t, n := c.token(off)
		toks = append(toks, t)
		off += n
	}
}

// token returns the token at off, which is not a space, and its length.
func (c *compiler) token(off int) (token, int) {
	rest := c.expr[off:]
	n := max(len(reName.FindString(rest)), ip6Len(rest), len(reMAC.FindString(rest)),
		len(reDotted.FindString(rest)), len(reBadMAC.FindString(rest)))
	if n > 0 {
		return c.word(off, rest[:n]), n
	}
	if rest[0] == '\\' {
		n := strings.IndexAny(rest, " !()\n\t")
		if n < 0 {
			n = len(rest)
		}
		if n == 1 {
			c.fail(off, "a backslash goes before the name of a protocol, as in ip proto \\tcp")
		}
		return token{kind: tokEscaped, off: off, text: rest[1:n]}, n
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op.text) {
			return token{kind: tokOp, off: off, text: op.as}, len(op.text)
		}
	}
	if rest[0] == '$' {
		c.fail(off, "ARCnet addresses are not supported")
	}
	c.fail(off, "this character has no meaning in a filter")
	return token{}, 0
}

// word classifies the text of a token that is no operator.
func (c *compiler) word(off int, text string) token {
	t := token{off: off, text: text}
	switch {
	case words[text] != "":
		t.text = words[text]
		t.kind = tokWord
		if t.text == "and" || t.text == "or" || t.text == "not" {
			t.kind = tokOp
		}
	case reMAC.FindString(text) == text:
		t.kind = tokMAC
		t.mac = parseMAC(text)
	case reNumber.FindString(text) == text:
		t.kind = tokNumber
		t.num = c.number(off, text)
	case reDotted.FindString(text) == text:
		t.kind = tokDotted
	case ip6Len(text) == len(text):
		t.kind = tokIP6
		addr, err := netip.ParseAddr(text)
		if err != nil {
			c.fail(off, "not an IPv6 address: %s", text)
		}
		t.addr = addr
	case strings.Contains(text, ":"):
		c.fail(off, "not an Ethernet address (six groups of one or two hexadecimal digits): %s", text)
	default:
		num, ok := constants[text]
		if ok {
			t.kind, t.num = tokNumber, num
		} else {
			t.kind = tokName
		}
	}
	return t
}

// number reads a number as C does: 0x for hexadecimal, a leading 0 for octal.
func (c *compiler) number(off int, text string) uint32 {
	digits, base := text, 10
	switch {
	case len(text) > 1 && (text[1] == 'x' || text[1] == 'X'):
		digits, base = text[2:], 16
	case len(text) > 1 && text[0] == '0':
		digits, base = text[1:], 8
		if strings.ContainsAny(digits, "89") {
			c.fail(off, "a number with a leading 0 is octal and has the digits 0 to 7: %s", text)
		}
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		c.fail(off, "a number has at most 32 bits: %s", text)
	}
	return uint32(n)
}

// ip6Len returns the length of the longest prefix of s that has the form of an
// IPv6 address, 0 if there is none.
func ip6Len(s string) int {
	const maxText = 48 // no address is longer
	run := reIP6.FindString(s)
	for n := min(len(run), maxText); n >= 2; n-- {
		if isIP6(run[:n]) {
			return n
		}
	}
	return 0
}

// isIP6 says whether s is groups of hexadecimal digits with at most one "::"
// and, maybe, an IPv4 address in the place of the last two.
func isIP6(s string) bool {
	room := 8
	if strings.Contains(s, ".") {
		end := strings.LastIndexByte(s, ':') + 1
		if end == 0 || !reIP6End.MatchString(s) {
			return false
		}
		room -= 2
		if s = s[:end]; !strings.HasSuffix(s, "::") {
			s = s[:end-1]
		}
	}
	head, tail, compressed := strings.Cut(s, "::")
	n := 0
	for _, part := range []string{head, tail} {
		if part == "" {
			continue
		}
		for group := range strings.SplitSeq(part, ":") {
			if !reGroup.MatchString(group) {
				return false
			}
			n++
		}
	}
	if compressed {
		return n < room
	}
	return n == room
}

// parseMAC reads the forms of reMAC.
func parseMAC(s string) (mac [6]byte) {
	digits := strings.FieldsFunc(s, func(r rune) bool { return r == ':' || r == '-' || r == '.' })
	if len(digits) == 6 {
		for i, d := range digits {
			n, _ := strconv.ParseUint(d, 16, 8)
			mac[i] = byte(n)
		}
		return mac
	}
	n, _ := strconv.ParseUint(strings.Join(digits, ""), 16, 48)
	for i := range mac {
		mac[i] = byte(n >> (40 - 8*i))
	}
	return mac
}
