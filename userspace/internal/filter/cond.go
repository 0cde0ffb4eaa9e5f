package filter

// Opcodes of classic BPF (linux/bpf_common.h), as far as they are generated.
const (
	ldImm  = 0x00
	ldAbs  = 0x20
	ldInd  = 0x40
	ldMem  = 0x60
	ldLen  = 0x80
	ldxImm = 0x01
	ldxMem = 0x61
	ldxMSH = 0xb1 // 4*([k]&0xf): the length of an IPv4 header
	store  = 0x02
	storeX = 0x03

	sizeW = 0x00
	sizeH = 0x08
	sizeB = 0x10

	aluAdd = 0x04
	aluSub = 0x14
	aluMul = 0x24
	aluDiv = 0x34
	aluOr  = 0x44
	aluAnd = 0x54
	aluLsh = 0x64
	aluRsh = 0x74
	aluNeg = 0x84
	aluMod = 0x94
	aluXor = 0xa4

	jmp  = 0x05
	jeq  = 0x15
	jgt  = 0x25
	jge  = 0x35
	jset = 0x45

	srcX = 0x08 // in an ALU operation or a jump: the operand is X, not k

	ret = 0x06
	tax = 0x07
	txa = 0x87

	classMask = 0x07
	classLd   = 0x00
	classLdx  = 0x01
	classSt   = 0x02
	classStx  = 0x03
	classAlu  = 0x04
	classJmp  = 0x05
	classRet  = 0x06
	classMisc = 0x07
	modeMask  = 0xe0
	opMask    = 0xf0

	nop = 0xffff // a statement that was optimised away
)

// stmt is an instruction that does not jump.
type stmt struct {
	code uint16
	k    uint32
}

// cond is a condition on a frame: a test, or two conditions joined. The left one
// is evaluated first, and the right one only if it matters.
type cond struct {
	op   condOp
	a, b *cond
	code []stmt // of a test: run before the jump
	jump uint16
	k    uint32
}

type condOp uint8

const (
	opTest condOp = iota
	opAnd
	opOr
	opNot
)

func and(a, b *cond) *cond { return &cond{op: opAnd, a: a, b: b} }
func or(a, b *cond) *cond  { return &cond{op: opOr, a: a, b: b} }
func not(a *cond) *cond    { return &cond{op: opNot, a: a} }

// allOf joins the conditions that are not nil, of which there is one.
func allOf(list ...*cond) *cond {
	var all *cond
	for _, b := range list {
		switch {
		case all == nil:
			all = b
		case b != nil:
			all = and(all, b)
		}
	}
	return all
}

// test makes a condition of code, a jump and its operand, and counts it.
func (c *compiler) test(code []stmt, jump uint16, k uint32) *cond {
	c.size += len(code) + 1
	if c.tests++; c.tests > maxTests || c.size > maxUnoptimised {
		c.fail(c.peek().off, "the filter gets too large here: more than %d tests", maxTests)
	}
	return &cond{code: code, jump: jump, k: k}
}

// constantly is true or false of any frame.
func (c *compiler) constantly(v bool) *cond {
	k := uint32(1)
	if v {
		k = 0
	}
	return c.test([]stmt{{ldImm, k}}, jeq, 0)
}

// relative says what an offset counts from.
type relative uint8

const (
	relLink       relative = iota // the link-layer header
	relType                       // the field that names the protocol in the payload
	relLLC                        // the 802.2 header in an 802.3 frame
	relPayload                    // the network header, behind any MPLS labels
	relLabel                      // the MPLS label before the payload
	relTransport                  // the header behind an IPv4 header of any length
	relTransport6                 // the header behind an IPv6 header without extensions
)

// loadAt loads size bytes into A.
func (c *compiler) loadAt(rel relative, off uint32, size uint16) []stmt {
	net := c.offPayload + c.offNet
	switch rel {
	case relLink:
		off += c.offLink
	case relType:
		off += c.offType
	case relLLC:
		off += c.offPayload
	case relPayload:
		off += net
	case relLabel:
		off += net - mplsLabelLen
	case relTransport:
		return []stmt{{ldxMSH, net}, {ldInd | size, net + off}}
	case relTransport6:
		off += net + ip6HeaderLen
	}
	return []stmt{{ldAbs | size, off}}
}

// compare is true if the bytes at off are equal to v.
func (c *compiler) compare(rel relative, off uint32, size uint16, v uint32) *cond {
	return c.test(c.loadAt(rel, off, size), jeq, v)
}

// compareMasked is true if the bytes at off, masked, are equal to v.
func (c *compiler) compareMasked(rel relative, off uint32, size uint16, v, mask uint32) *cond {
	code := c.loadAt(rel, off, size)
	if mask != 0xffffffff {
		code = append(code, stmt{aluAnd, mask})
	}
	return c.test(code, jeq, v)
}

// compareBytes is true if the frame has b at off. The last bytes are compared
// first.
func (c *compiler) compareBytes(rel relative, off uint32, b []byte) *cond {
	var all *cond
	for len(b) > 0 {
		n, size := 1, uint16(sizeB)
		switch {
		case len(b) >= 4:
			n, size = 4, sizeW
		case len(b) >= 2:
			n, size = 2, sizeH
		}
		v := uint32(0)
		for _, x := range b[len(b)-n:] {
			v = v<<8 | uint32(x)
		}
		b = b[:len(b)-n]
		all = allOf(all, c.compare(rel, off+uint32(len(b)), size, v))
	}
	return all
}
