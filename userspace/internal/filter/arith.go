package filter

// maxRegisters is the number of scratch words of a BPF machine.
const maxRegisters = 16

// value is an arithmetic expression: the code that leaves it in a scratch word,
// and the condition under which it has a meaning.
type value struct {
	code  []stmt
	reg   int
	check *cond // nil if it always has
}

// precedence of the operators with one. Like libpcap's grammar, % and ^ have
// none, which makes everything right of them their right operand.
var precedence = map[string]int{"|": 1, "&": 2, "<<": 3, ">>": 3, "+": 4, "-": 4, "*": 5, "/": 5, "unary": 6}

var aluOps = map[string]uint16{
	"+": aluAdd, "-": aluSub, "*": aluMul, "/": aluDiv, "%": aluMod,
	"&": aluAnd, "|": aluOr, "^": aluXor, "<<": aluLsh, ">>": aluRsh,
}

func isArithmetic(t token) bool { return t.kind == tokOp && aluOps[t.text] != 0 }

func isRelation(t token) bool {
	switch t.text {
	case "=", "!=", "<", "<=", ">", ">=":
		return t.kind == tokOp
	}
	return false
}

// atArithmetic says whether an arithmetic expression begins here. Where a
// parenthesis could open one or an expression of primitives, it is the latter if
// it contains a relation, and, or, or not.
func (c *compiler) atArithmetic() bool {
	pos := c.pos
	for c.toks[pos].is("(") {
		pos++
	}
	t := c.toks[pos]
	starts := t.kind == tokNumber || t.is("-") || t.is("len") || t.kind == tokWord && isProtocol(t.text) && c.toks[pos+1].is("[")
	if !starts || pos == c.pos {
		return starts
	}
	depth := 0
	for _, t := range c.toks[c.pos:] {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			if depth--; depth == 0 {
				return true
			}
		case isRelation(t), t.is("and"), t.is("or"), t.is("not"):
			return false
		}
	}
	return true
}

// relation parses two arithmetic expressions and the comparison between them.
func (c *compiler) relation() *cond {
	left := c.arithmetic("")
	op := c.next()
	if !isRelation(op) {
		c.fail(op.off, "expected a comparison: =, !=, <, <=, > or >=")
	}
	right := c.arithmetic("")
	code := append(left.code, right.code...)
	code = append(code, stmt{ldxMem, uint32(right.reg)}, stmt{ldMem, uint32(left.reg)})
	var b *cond
	switch op.text {
	case "=", "!=":
		b = c.test(append(code, stmt{aluSub | srcX, 0}), jeq, 0)
	case ">", "<=":
		b = c.test(code, jgt|srcX, 0)
	default:
		b = c.test(code, jge|srcX, 0)
	}
	if op.text == "!=" || op.text == "<" || op.text == "<=" {
		b = not(b)
	}
	c.freeRegister(left.reg)
	c.freeRegister(right.reg)
	return allOf(left.check, right.check, b)
}

// arithmetic parses operands and operators up to one that binds less than the
// operator before, "" for none.
func (c *compiler) arithmetic(before string) value {
	c.enter()
	defer c.leave()
	left := c.operand()
	for {
		op := c.peek()
		if !isArithmetic(op) || binds(before, op.text) {
			return left
		}
		c.pos++
		left = c.binary(op, left, c.arithmetic(op.text))
	}
}

// binds says whether, in a OP1 b OP2 c, b belongs to OP1.
func binds(op1, op2 string) bool {
	p1, p2 := precedence[op1], precedence[op2]
	return p1 != 0 && p2 != 0 && p1 >= p2
}

func (c *compiler) operand() value {
	t := c.next()
	switch {
	case t.kind == tokNumber:
		return c.constant(t.num)
	case t.is("len"):
		v := value{reg: c.register(t)}
		v.code = []stmt{{ldLen, 0}, {store, uint32(v.reg)}}
		return v
	case t.is("-"):
		v := c.arithmetic("unary")
		v.code = append(v.code, stmt{ldMem, uint32(v.reg)}, stmt{aluNeg, 0}, stmt{store, uint32(v.reg)})
		return v
	case t.is("("):
		v := c.arithmetic("")
		c.closing(t)
		return v
	case t.kind == tokWord && isProtocol(t.text) && c.peek().is("["):
		return c.index(t)
	case t.kind == tokEnd:
		c.fail(t.off, "the expression ends where a number or PROTOCOL[OFFSET] should follow")
	}
	c.fail(t.off, "expected a number, len or PROTOCOL[OFFSET:SIZE]")
	return value{}
}

func (c *compiler) constant(n uint32) value {
	reg := c.register(c.peek())
	return value{code: []stmt{{ldImm, n}, {store, uint32(reg)}}, reg: reg}
}

// binary computes left OP right. Like libpcap it drops the check of the right
// operand: `1 + udp[0] = 1` is true of any frame with a 0 in that place.
func (c *compiler) binary(op token, left, right value) value {
	// libpcap looks at the first instruction of the right operand only, and so
	// refuses some where it is not the whole operand, such as 1/(0+1).
	if first := right.code[0]; first.code == ldImm {
		switch {
		case (op.text == "/" || op.text == "%") && first.k == 0:
			c.fail(op.off, "division by zero (also refused, as by tcpdump, if the divisor only begins with 0)")
		case (op.text == "<<" || op.text == ">>") && first.k > 31:
			c.fail(op.off, "shift by more than 31 bits")
		}
	}
	c.freeRegister(left.reg)
	c.freeRegister(right.reg)
	reg := c.register(op)
	code := append(left.code, right.code...)
	code = append(code, stmt{ldxMem, uint32(right.reg)}, stmt{ldMem, uint32(left.reg)},
		stmt{aluOps[op.text] | srcX, 0}, stmt{store, uint32(reg)})
	return value{code: code, reg: reg, check: left.check}
}

// index parses the brackets behind a protocol and loads what they select.
func (c *compiler) index(proto token) value {
	c.pos++
	v := c.arithmetic("")
	size := uint32(1)
	if c.accept(":") {
		num := c.next()
		if num.kind != tokNumber {
			c.fail(num.off, "expected a size of 1, 2 or 4 bytes")
		}
		size = num.num
		if size != 1 && size != 2 && size != 4 {
			c.fail(num.off, "the size of a load is 1, 2 or 4 bytes")
		}
	}
	if t := c.peek(); !c.accept("]") {
		c.fail(t.off, "expected ] or :SIZE")
	}
	return c.load(proto, v, size)
}

// load replaces the offset v by size bytes of the header of a protocol there.
func (c *compiler) load(proto token, v value, size uint32) value {
	width := map[uint32]uint16{1: sizeB, 2: sizeH, 4: sizeW}[size]
	reg := c.register(proto)
	c.freeRegister(v.reg)
	var check *cond
	at := stmt{ldInd | width, 0}
	toX := []stmt{{ldxMem, uint32(v.reg)}}
	switch proto.text {
	case "link":
		at.k = c.offLink
		check = v.check
	case "ip", "ip6", "arp", "rarp", "atalk", "decnet", "lat", "sca", "moprc", "mopdl":
		at.k = c.offPayload + c.offNet
		check = allOf(v.check, c.protocol(proto))
	case "tcp", "udp", "sctp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp":
		at.k = c.offPayload + c.offNet
		toX = []stmt{{ldxMSH, at.k}, {ldMem, uint32(v.reg)}, {aluAdd | srcX, 0}, {tax, 0}}
		check = and(c.protocol(proto), c.notFragment())
		check = allOf(v.check, check)
		check = and(c.linkType(proto.off, etherIP), check)
	case "icmp6":
		at.k = c.offPayload + c.offNet + ip6HeaderLen
		check = allOf(v.check, c.linkType(proto.off, etherIP6), c.compare(relPayload, 6, sizeB, protoICMP6))
	default:
		c.fail(proto.off, "%s[] is not supported; ether, ip, ip6, arp, rarp, tcp, udp, sctp, icmp, icmp6, igmp, igrp, pim, vrrp and carp are", proto.text)
	}
	code := append(v.code, toX...)
	code = append(code, at, stmt{store, uint32(reg)})
	return value{code: code, reg: reg, check: check}
}

// register takes a free scratch word, looking round from the last one taken.
func (c *compiler) register(t token) int {
	for range maxRegisters {
		if !c.used[c.reg] {
			c.used[c.reg] = true
			return c.reg
		}
		c.reg = (c.reg + 1) % maxRegisters
	}
	c.fail(t.off, "an arithmetic expression with more than %d values at a time; put the nested part on the left", maxRegisters)
	return 0
}

func (c *compiler) freeRegister(r int) { c.used[r] = false }
