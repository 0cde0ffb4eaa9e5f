package filter

import (
	"golang.org/x/net/bpf"
)

// Bounds of what is compiled.
const (
	maxExpression   = 8 << 10  // bytes
	maxTests        = 4096     // comparisons before optimisation
	maxUnoptimised  = 64 << 10 // instructions before optimisation
	maxInstructions = 4096     // BPF_MAXINSNS of Linux
	maxSnaplen      = 1<<31 - 1
)

// Program is a compiled filter. It does not change and may be used by several
// goroutines at a time.
type Program struct {
	code []instruction
	raw  []bpf.RawInstruction
}

// compiler is the state of one compilation.
type compiler struct {
	expr  string
	toks  []token
	pos   int // in toks
	depth int // of nesting

	// Where the headers are. vlan, mpls and pppoes move them.
	link       linkLayer
	offLink    uint32 // of the link-layer header
	offType    uint32 // of the field that names the protocol in the payload
	offPayload uint32 // of the link layer's payload
	offNet     uint32 // of the network header in it, behind MPLS labels
	labels     int    // MPLS labels passed

	used [maxRegisters]bool // scratch words
	reg  int                // the last one taken

	tests, size int // generated so far
}

// Compile translates an expression for frames of a link type, a LINKTYPE_ number
// of tcpdump.org/linktypes: Ethernet (1), raw IP (12, 14, 101, 228, 229), BSD
// loopback (0, 108), Linux cooked (113, 276). The program returns snaplen, which
// must be positive, for a frame that matches. The empty expression matches every
// frame. The error, if any, is an *Error.
func Compile(expr string, link uint16, snaplen int) (p *Program, err error) {
	c := &compiler{expr: expr}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			p, err = nil, r
		default:
			panic(r)
		}
	}()
	var ok bool
	c.link, ok = linkLayers[link]
	switch {
	case len(expr) > maxExpression:
		c.fail(maxExpression, "the expression has %d bytes; at most %d are allowed", len(expr), maxExpression)
	case snaplen <= 0 || snaplen > maxSnaplen:
		c.fail(0, "a snapshot length of %d is not supported", snaplen)
	case !ok:
		c.fail(0, "filters are not supported for link type %d; they are for 0, 1, 12, 14, 101, 108, 113, 228, 229 and 276", link)
	}
	c.offType, c.offPayload = c.link.offType, c.link.offPayload
	c.toks = c.tokens()
	root := newGraph(c.program(), uint32(snaplen)).optimise(c)
	if root.code == ret && root.k == 0 {
		c.fail(0, "this can match no frame")
	}
	raw := assemble(root)
	if len(raw) > maxInstructions {
		c.fail(0, "the program has %d instructions; at most %d are allowed", len(raw), maxInstructions)
	}
	return &Program{code: decode(raw), raw: raw}, nil
}

// Instructions returns a copy of the program.
func (p *Program) Instructions() []bpf.RawInstruction {
	return append([]bpf.RawInstruction(nil), p.raw...)
}
