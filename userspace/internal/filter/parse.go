package filter

import "slices"

// maxNesting bounds the depth of parentheses, brackets and chained not.
const maxNesting = 100

// qualifiers say what an id, such as a number or an address, means.
type qualifiers struct {
	proto string // "" if not given
	dir   string // "", "src", "dst", "src or dst", "src and dst"
	kind  string // "", "host", "net", "port", "portrange", "proto"
	known bool   // false where nothing was said that an id could inherit
}

// The methods below go through the tokens once and generate code on the way:
// vlan, mpls and pppoes change what the primitives right of them mean.

// peek returns the next token without taking it.
func (c *compiler) peek() token { return c.toks[c.pos] }

// next takes a token.
func (c *compiler) next() token {
	t := c.toks[c.pos]
	if t.kind != tokEnd {
		c.pos++
	}
	return t
}

// accept takes the token if it is that operator or word.
func (c *compiler) accept(text string) bool {
	if !c.peek().is(text) {
		return false
	}
	c.pos++
	return true
}

// enter counts a level of nesting; the caller defers leave.
func (c *compiler) enter() {
	if c.depth++; c.depth > maxNesting {
		c.fail(c.peek().off, "nested deeper than %d levels", maxNesting)
	}
}

func (c *compiler) leave() { c.depth-- }

// program parses the whole expression; nil stands for the empty one.
func (c *compiler) program() *cond {
	if c.peek().kind == tokEnd {
		return nil
	}
	b, _ := c.expression(qualifiers{})
	if t := c.peek(); t.kind != tokEnd {
		if t.is(")") {
			c.fail(t.off, "this parenthesis was never opened")
		}
		c.fail(t.off, "expected and, or, or the end%s", c.hintAfter(t))
	}
	return b
}

// hintAfter suggests what was meant by a token that stands where an operator
// should.
func (c *compiler) hintAfter(t token) string {
	switch {
	case t.is("/") && c.pos > 0 && c.toks[c.pos-1].kind == tokNumber:
		return "; a network with a prefix length has at least two numbers, as in net 10.0/8"
	case t.kind == tokNumber || t.kind == tokDotted || t.kind == tokIP6 || t.kind == tokMAC || t.kind == tokName:
		return "; an address or number needs host, net or port before it"
	case t.is("mask"):
		return "; mask goes behind an IPv4 network, as in net 10.0.0.0 mask 255.0.0.0"
	}
	return ""
}

// expression parses terms and ids joined by and, or, which have the same
// precedence and associate to the left. It returns the qualifiers that an id
// behind it inherits.
func (c *compiler) expression(q qualifiers) (*cond, qualifiers) {
	b, q := c.term(q)
	for {
		op := c.peek()
		if !op.is("and") && !op.is("or") {
			return b, q
		}
		c.pos++
		var right *cond
		if c.atID() {
			right = c.id(q)
		} else {
			right, q = c.term(q)
		}
		b = join(op.text, b, right)
	}
}

func join(op string, a, b *cond) *cond {
	if op == "and" {
		return and(a, b)
	}
	return or(a, b)
}

// atID says whether what follows is an id, which inherits its qualifiers, rather
// than a term, which brings its own.
func (c *compiler) atID() bool {
	pos, open := c.pos, 0
	for ; ; pos++ {
		if c.toks[pos].is("(") {
			open++
		} else if c.toks[pos].is("not") {
			open = 0
		} else {
			break
		}
	}
	switch c.toks[pos].kind {
	case tokName, tokEscaped, tokDotted, tokIP6, tokMAC:
		return true
	case tokNumber:
		for pos++; open > 0 && c.toks[pos].is(")"); pos++ {
			open--
		}
		return !isArithmetic(c.toks[pos]) && !isRelation(c.toks[pos])
	}
	return false
}

// id parses one id: an address, name or number, not id, or ids in parentheses.
func (c *compiler) id(q qualifiers) *cond {
	c.enter()
	defer c.leave()
	t := c.peek()
	switch {
	case t.is("not"):
		c.pos++
		return not(c.id(q))
	case t.is("("):
		if num, ok := c.takeNumber(); ok {
			return c.numberID(num, q)
		}
		c.pos++
		b := c.ids(q)
		c.closing(t)
		return b
	case t.kind == tokNumber:
		c.pos++
		return c.numberID(t, q)
	}
	return c.addressID(q)
}

// ids parses what stands in parentheses behind qualifiers: ids joined by and, or.
// The first is not in parentheses of its own, as in libpcap.
func (c *compiler) ids(q qualifiers) *cond {
	if c.peek().is("(") {
		if _, ok := c.lookNumber(); !ok {
			c.fail(c.peek().off, "parentheses cannot begin with parentheses here; leave out the inner ones")
		}
	}
	b := c.id(q)
	for {
		op := c.peek()
		if !op.is("and") && !op.is("or") {
			return b
		}
		c.pos++
		b = join(op.text, b, c.id(q))
	}
}

// closing takes the parenthesis that closes the one at open.
func (c *compiler) closing(open token) {
	if t := c.peek(); !c.accept(")") {
		if t.kind == tokEnd {
			c.fail(open.off, "this parenthesis is not closed")
		}
		c.fail(t.off, "expected and, or, or a closing parenthesis%s", c.hintAfter(t))
	}
}

// lookNumber says whether a number follows, in any parentheses, and where it
// ends.
func (c *compiler) lookNumber() (end int, ok bool) {
	pos := c.pos
	for c.toks[pos].is("(") {
		pos++
	}
	open := pos - c.pos
	if c.toks[pos].kind != tokNumber {
		return 0, false
	}
	for pos++; open > 0; pos, open = pos+1, open-1 {
		if !c.toks[pos].is(")") {
			return 0, false
		}
	}
	return pos, true
}

// takeNumber takes a number, in any parentheses.
func (c *compiler) takeNumber() (token, bool) {
	end, ok := c.lookNumber()
	if !ok {
		return token{}, false
	}
	i := slices.IndexFunc(c.toks[c.pos:end], func(t token) bool { return t.kind == tokNumber })
	num := c.toks[c.pos+i]
	c.pos = end
	return num, true
}

// term parses one primitive with its qualifiers, not term, or an expression in
// parentheses.
func (c *compiler) term(q qualifiers) (*cond, qualifiers) {
	c.enter()
	defer c.leave()
	t := c.peek()
	switch {
	case t.is("not"):
		c.pos++
		b, q := c.term(q)
		return not(b), q
	case c.atArithmetic():
		return c.relation(), qualifiers{}
	case t.is("("):
		c.pos++
		b, _ := c.expression(q)
		c.closing(t)
		return b, q
	case t.kind == tokWord:
		return c.primitive()
	case t.kind == tokEnd:
		c.fail(t.off, "the expression ends where a primitive should follow")
	case t.kind == tokOp:
		c.fail(t.off, "expected a primitive, such as host 10.0.0.1 or tcp port 80")
	}
	c.fail(t.off, "expected a primitive; an address or number needs host, net or port before it")
	return nil, q
}

// directions of the qualifiers.
const (
	dirSrc  = "src"
	dirDst  = "dst"
	dirBoth = "src and dst"
	dirAny  = "src or dst"
)

// primitive parses qualifiers with their id, a protocol, or one of the
// primitives with a word of their own.
func (c *compiler) primitive() (*cond, qualifiers) {
	t := c.peek()
	if b := c.special(); b != nil {
		return b, qualifiers{}
	}
	q := qualifiers{known: true}
	if isProtocol(t.text) {
		c.pos++
		q.proto = t.text
		switch next := c.peek(); {
		case next.is("broadcast"):
			c.pos++
			return c.broadcast(t), qualifiers{}
		case next.is("multicast"):
			c.pos++
			return c.multicast(t), qualifiers{}
		}
	}
	q.dir = c.direction()
	switch t := c.peek(); {
	case t.is("host"), t.is("net"), t.is("port"), t.is("portrange"):
		c.pos++
		q.kind = t.text
	case t.is("proto") && q.dir == "":
		c.pos++
		q.kind = t.text
	case t.kind == tokWord && refused[t.text] != "":
		c.fail(t.off, "%s", refused[t.text])
	case q.dir == "" && q.proto != "":
		return c.protocol(c.toks[c.pos-1]), qualifiers{}
	case q.dir == "":
		c.fail(t.off, "%s is not supported", t.text)
	}
	return c.id(q), q
}

// direction takes src, dst, or both of them joined.
func (c *compiler) direction() string {
	t := c.peek()
	if !t.is(dirSrc) && !t.is(dirDst) {
		return ""
	}
	c.pos++
	op := c.peek()
	if !op.is("and") && !op.is("or") {
		return t.text
	}
	other := dirDst
	if t.is(dirDst) {
		other = dirSrc
	}
	if c.pos++; !c.accept(other) {
		c.fail(c.peek().off, "expected %s, as in %s %s %s host 10.0.0.1", other, t.text, op.text, other)
	}
	if op.is("and") {
		return dirBoth
	}
	return dirAny
}

// special parses the primitives that take no qualifiers; nil if there is none.
func (c *compiler) special() *cond {
	t := c.peek()
	switch t.text {
	case "broadcast", "multicast":
		c.pos++
		if t.text == "broadcast" {
			return c.broadcast(t)
		}
		return c.multicast(t)
	case "less", "greater":
		c.pos++
		num := c.next()
		if num.kind != tokNumber {
			c.fail(num.off, "expected a number of bytes, as in %s 128", t.text)
		}
		if t.text == "less" {
			return not(c.test([]stmt{{ldLen, 0}}, jgt, num.num))
		}
		return c.test([]stmt{{ldLen, 0}}, jge, num.num)
	case "vlan":
		c.pos++
		return c.vlan(t, c.optional())
	case "mpls":
		c.pos++
		return c.mpls(t, c.optional())
	case "pppoes":
		c.pos++
		return c.pppoes(c.optional())
	case "pppoed":
		c.pos++
		return c.linkType(t.off, etherPPPoED)
	}
	return nil
}

// optional takes the number behind vlan, mpls or pppoes, if there is one.
func (c *compiler) optional() *token {
	if t := c.peek(); t.kind != tokNumber && !t.is("(") {
		return nil
	}
	num, ok := c.takeNumber()
	if !ok {
		c.fail(c.peek().off, "expected a number")
	}
	return &num
}
