package filter

import (
	"math/bits"
	"slices"
)

// block is a node of the control flow: statements, then a jump to one of two
// blocks, or a return.
type block struct {
	id    int
	code  uint16 // of the jump or return
	k     uint32
	stmts []stmt
	out   [2]edge // taken if the jump's condition is true, false

	level   int   // longest distance to a return
	in      *edge // edges that lead here, linked by nextIn
	visited int   // generation of the last walk that came by

	// What the optimiser knows on leaving the block.
	use, kill, outUse atoms
	val               [atomCount]int
	operand           int // value number of the jump's operand

	// What the assembler knows.
	offset   int
	long     [2]bool // the jump needs a ja
	assigned bool
}

// edge is one of the two ways out of a block.
type edge struct {
	id     int
	from   *block
	to     *block
	nextIn *edge
	dom    bitset // edges on every way here, this one included
}

func (b *block) isReturn() bool { return b.code == ret }

// targets are the blocks behind the edges: jump taken, not taken.
func (b *block) yes() *block { return b.out[0].to }
func (b *block) no() *block  { return b.out[1].to }

// graph is the control flow of a program.
type graph struct {
	root   *block
	blocks []*block
	edges  []*edge
	levels [][]*block
	walk   int
}

// newGraph lays out a condition, nil for the one that is always true.
func newGraph(b *cond, snaplen uint32) *graph {
	match := &block{code: ret, k: snaplen}
	if b == nil {
		return &graph{root: match}
	}
	return &graph{root: b.layOut(match, &block{code: ret})}
}

// layOut returns the first block of the condition, which leads to yes or no.
func (b *cond) layOut(yes, no *block) *block {
	switch b.op {
	case opAnd:
		return b.a.layOut(b.b.layOut(yes, no), no)
	case opOr:
		return b.a.layOut(yes, b.b.layOut(yes, no))
	case opNot:
		return b.a.layOut(no, yes)
	}
	t := &block{code: b.jump, k: b.k, stmts: b.code}
	t.out[0].to, t.out[1].to = yes, no
	return t
}

// number gives the blocks and edges their ids, in depth-first order.
func (g *graph) number() {
	g.walk++
	g.numberFrom(g.root)
	edgeWords := (2*len(g.blocks) + 63) / 64
	space := make(bitset, 2*len(g.blocks)*edgeWords)
	g.edges = make([]*edge, 2*len(g.blocks))
	for i, b := range g.blocks {
		for side := range b.out {
			e := &b.out[side]
			e.id = i + side*len(g.blocks)
			e.from = b
			e.dom, space = space[:edgeWords], space[edgeWords:]
			g.edges[e.id] = e
		}
	}
}

func (g *graph) numberFrom(b *block) {
	if b.visited == g.walk {
		return
	}
	b.visited = g.walk
	b.id = len(g.blocks)
	g.blocks = append(g.blocks, b)
	if !b.isReturn() {
		g.numberFrom(b.yes())
		g.numberFrom(b.no())
	}
}

// findLevels sorts the blocks by their longest distance to a return. Within a
// level, the one found last comes first: the order decides which of several
// possible moves the optimiser makes, and so has to be libpcap's.
func (g *graph) findLevels() {
	g.walk++
	g.levels = g.levels[:0]
	g.levelFrom(g.root)
	for _, level := range g.levels {
		for i, j := 0, len(level)-1; i < j; i, j = i+1, j-1 {
			level[i], level[j] = level[j], level[i]
		}
	}
}

func (g *graph) levelFrom(b *block) {
	if b.visited == g.walk {
		return
	}
	b.visited = g.walk
	b.level = 0
	if !b.isReturn() {
		g.levelFrom(b.yes())
		g.levelFrom(b.no())
		b.level = max(b.yes().level, b.no().level) + 1
	}
	for len(g.levels) <= b.level {
		g.levels = append(g.levels, nil)
	}
	g.levels[b.level] = append(g.levels[b.level], b)
}

// down calls f for each block, those far from a return first.
func (g *graph) down(f func(*block)) {
	for i := g.root.level; i >= 0; i-- {
		for _, b := range g.levels[i] {
			f(b)
		}
	}
}

// up calls f for each block but the returns, those close to a return first.
func (g *graph) up(f func(*block)) {
	for i := 1; i <= g.root.level; i++ {
		for _, b := range g.levels[i] {
			f(b)
		}
	}
}

// dominated computes the blocks to which all ways lead through b, as a table by
// id. It goes by the levels last found, even if branches have moved since.
func (g *graph) dominated(b *block, table []bool) []bool {
	table = slices.Grow(table[:0], len(g.blocks))[:len(g.blocks)]
	for i := range table {
		table[i] = true
	}
	table[g.root.id] = false
	g.down(func(at *block) {
		if at == b {
			table[at.id] = true
		}
		if !at.isReturn() && !table[at.id] {
			table[at.yes().id] = false
			table[at.no().id] = false
		}
	})
	return table
}

// findEdgeDominators computes, for each edge, the edges on every way through it.
func (g *graph) findEdgeDominators() {
	for _, e := range g.edges {
		e.dom.fill()
	}
	clear(g.root.out[0].dom)
	clear(g.root.out[1].dom)
	g.down(func(b *block) {
		for side := range b.out {
			e := &b.out[side]
			e.dom.set(e.id)
			if e.to != nil {
				e.to.out[0].dom.intersect(e.dom)
				e.to.out[1].dom.intersect(e.dom)
			}
		}
	})
}

// findInEdges lists the edges that lead to each block, the one found last first.
func (g *graph) findInEdges() {
	for _, b := range g.blocks {
		b.in = nil
	}
	for i := g.root.level; i > 0; i-- {
		for _, b := range g.levels[i] {
			for side := range b.out {
				e := &b.out[side]
				e.nextIn = e.to.in
				e.to.in = e
			}
		}
	}
}

// bitset is a set of small numbers.
type bitset []uint64

func (s bitset) set(i int) { s[i/64] |= 1 << (i % 64) }

func (s bitset) fill() {
	for i := range s {
		s[i] = ^uint64(0)
	}
}

func (s bitset) intersect(o bitset) {
	for i := range s {
		s[i] &= o[i]
	}
}

// each yields the members below n, smallest first.
func (s bitset) each(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i, w := range s {
			for w != 0 {
				k := i*64 + bits.TrailingZeros64(w)
				w &= w - 1
				if k >= n || !yield(k) {
					return
				}
			}
		}
	}
}
