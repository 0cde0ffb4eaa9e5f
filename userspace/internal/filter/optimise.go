package filter

// The optimiser does what libpcap's does, in its order (the algorithm is that of
// McCanne and Jacobson, "The BSD Packet Filter", 1993, section 4, as it grew
// since): the order of the tests that remain decides the verdict on a frame that
// is too short for some of them.

// atoms is a set of registers: scratch words, A and X.
type atoms uint32

const (
	atomA     = maxRegisters
	atomX     = maxRegisters + 1
	atomCount = maxRegisters + 2
)

// unknown is the value number of what is not known.
const unknown = 0

// maxMoves is how many rounds may only move branches before the optimiser takes
// it that they move in a circle.
const maxMoves = 100

// optimiser is the state of one optimisation.
type optimiser struct {
	*graph
	c       *compiler
	changed bool
	values  values
	through []bool // of pullUp, kept for its memory
}

// optimise returns the root of an equivalent, smaller graph.
func (g *graph) optimise(c *compiler) *block {
	g.number()
	o := &optimiser{graph: g, c: c}
	o.loop(false)
	o.loop(true)
	o.mergeEqual()
	o.skipRoot()
	return o.root
}

// loop moves branches, or else changes statements, until nothing changes.
func (o *optimiser) loop(statements bool) {
	for range maxMoves {
		o.changed = false
		o.findLevels()
		o.findUses()
		o.findEdgeDominators()
		o.round(statements)
		if !o.changed {
			return
		}
	}
}

func (o *optimiser) round(statements bool) {
	o.values.reset()
	o.findInEdges()
	o.down(func(b *block) { o.block(b, statements) })
	if statements {
		return
	}
	o.up(func(b *block) {
		o.shortcut(&b.out[0])
		o.shortcut(&b.out[1])
	})
	o.findInEdges()
	o.up(func(b *block) {
		o.pullUp(b, 0)
		o.pullUp(b, 1)
	})
}

// uses returns the registers that a statement or jump reads.
func (s stmt) uses() atoms {
	const a, x = atoms(1) << atomA, atoms(1) << atomX
	switch s.code & classMask {
	case classLd, classLdx:
		switch s.code & modeMask {
		case ldInd:
			return x
		case ldMem:
			return 1 << s.k
		}
	case classSt:
		return a
	case classStx:
		return x
	case classAlu, classJmp:
		if s.code&srcX != 0 {
			return a | x
		}
		return a
	case classMisc:
		if s.code == txa {
			return x
		}
		return a
	}
	return 0
}

// sets returns the register that a statement writes, -1 if none.
func (s stmt) sets() int {
	switch s.code & classMask {
	case classLd, classAlu:
		return atomA
	case classLdx:
		return atomX
	case classSt, classStx:
		return int(s.k)
	case classMisc:
		if s.code == tax {
			return atomX
		}
		return atomA
	}
	return -1
}

// findUses computes which registers a later block reads.
func (o *optimiser) findUses() {
	o.down(func(b *block) {
		b.use, b.kill, b.outUse = 0, 0, 0
		defined := atoms(0)
		for _, s := range b.stmts {
			if s.code == nop {
				continue
			}
			b.use |= s.uses() &^ defined
			if r := s.sets(); r >= 0 {
				if b.use&(1<<r) == 0 {
					b.kill |= 1 << r
				}
				defined |= 1 << r
			}
		}
		if !b.isReturn() {
			b.use |= stmt{b.code, 0}.uses() &^ defined
		}
	})
	o.up(func(b *block) {
		b.outUse |= b.yes().use | b.no().use
		b.use |= b.outUse &^ b.kill
	})
}

// block computes what is in the registers on leaving b, and simplifies b.
func (o *optimiser) block(b *block, statements bool) {
	if b.in == nil {
		b.val = [atomCount]int{}
	} else {
		b.val = b.in.from.val
		for e := b.in.nextIn; e != nil; e = e.nextIn {
			for i := range b.val {
				if b.val[i] != e.from.val[i] {
					b.val[i] = unknown
				}
			}
		}
	}
	a, x := b.val[atomA], b.val[atomX]
	for i := range b.stmts {
		o.stmt(&b.stmts[i], &b.val, statements)
	}
	same := b.outUse == 0 && a != unknown && b.val[atomA] == a && x != unknown && b.val[atomX] == x
	if statements && (same || b.isReturn()) {
		if len(b.stmts) > 0 {
			b.stmts = nil
			o.changed = true
		}
	} else {
		o.peephole(b)
		o.foldJump(b)
		o.dropDead(b)
	}
	if b.code&srcX == 0 {
		b.operand = o.values.constant(b.k)
	} else {
		b.operand = b.val[atomX]
	}
}

// dropDead removes statements whose result nobody reads.
func (o *optimiser) dropDead(b *block) {
	var last [atomCount]*stmt // the latest write that was not read
	read := func(used atoms) {
		for i := range last {
			if used&(1<<i) != 0 {
				last[i] = nil
			}
		}
	}
	drop := func(s *stmt) {
		if s != nil {
			s.code = nop
			o.changed = true
		}
	}
	for i := range b.stmts {
		s := &b.stmts[i]
		if s.code == nop {
			continue
		}
		read(s.uses())
		if r := s.sets(); r >= 0 {
			drop(last[r])
			last[r] = s
		}
	}
	if !b.isReturn() {
		read(stmt{b.code, 0}.uses())
	}
	for i, s := range last {
		if b.outUse&(1<<i) == 0 {
			drop(s)
		}
	}
}

// differs says whether a register that is read behind to has another value there
// than behind from.
func differs(from, to *block) bool {
	for i := range atomCount {
		if to.outUse&(1<<i) != 0 && from.val[i] != to.val[i] {
			return true
		}
	}
	return false
}

// shortcut lets an edge skip blocks whose outcome is known on it.
func (o *optimiser) shortcut(e *edge) {
	if e.to.isReturn() {
		return
	}
	if e.to.yes() == e.to.no() && !differs(e.from, e.to.yes()) {
		o.changed = true
		e.to = e.to.yes()
	}
again:
	for k := range e.dom.each(len(o.edges)) {
		target := known(e.to, o.edges[k])
		if target != nil && !differs(e.from, target) {
			o.changed = true
			e.to = target
			if target.isReturn() {
				return
			}
			goto again
		}
	}
}

// known returns where b leads if e was taken before, nil if that says nothing.
func known(b *block, e *edge) *block {
	if b.code != e.from.code || b.val[atomA] != e.from.val[atomA] || b.isReturn() {
		return nil
	}
	taken := e == &e.from.out[0]
	if b.operand == e.from.operand {
		if taken {
			return b.yes()
		}
		return b.no()
	}
	if taken && b.code == jeq {
		return b.no() // equal to one constant, so not to another
	}
	return nil
}

// pullUp looks, in a chain of tests that begins at b and that all lead to the
// same block on one side, for tests of different values between tests of the
// same, and moves the later of the same before them. side is 0 for a chain of
// or, 1 for one of and.
func (o *optimiser) pullUp(b *block, side int) {
	if b.in == nil {
		return
	}
	val := b.in.from.val[atomA]
	for e := b.in.nextIn; e != nil; e = e.nextIn {
		if e.from.val[atomA] != val {
			return
		}
	}
	same, chain := side, 1-side
	computed := false
	inChain := func(at *block) bool {
		if at.isReturn() || at.out[same].to != b.out[same].to {
			return false
		}
		if !computed {
			o.through = o.dominated(b, o.through)
			computed = true
		}
		return o.through[at.id]
	}
	differ := b.in.from.edgeTo(b)
	top := true
	for {
		if !inChain(differ.to) {
			return
		}
		if differ.to.val[atomA] != val {
			break
		}
		differ = &differ.to.out[chain]
		top = false
	}
	later := &differ.to.out[chain]
	for {
		if !inChain(later.to) {
			return
		}
		if later.to.val[atomA] == val {
			break
		}
		later = &later.to.out[chain]
	}
	pull := later.to
	later.to = pull.out[chain].to
	pull.out[chain].to = differ.to
	if top {
		for e := b.in; e != nil; e = e.nextIn {
			e.from.edgeTo(b).to = pull
		}
	} else {
		differ.to = pull
	}
	o.changed = true
}

// edgeTo returns the edge from b to another block.
func (b *block) edgeTo(to *block) *edge {
	if b.yes() == to {
		return &b.out[0]
	}
	return &b.out[1]
}

// mergeEqual leaves one of each set of equal blocks.
func (o *optimiser) mergeEqual() {
	for {
		first := make(map[string]*block) // by contents and targets
		instead := make(map[*block]*block)
		o.walk++
		o.mark(o.root)
		var key []byte
		for i := len(o.blocks) - 1; i >= 0; i-- {
			b := o.blocks[i]
			if b.visited != o.walk {
				continue
			}
			key = b.appendKey(key[:0])
			if other, ok := first[string(key)]; ok {
				instead[b] = other
			} else {
				first[string(key)] = b
			}
		}
		done := true
		for _, e := range o.edges {
			if to, ok := instead[e.to]; ok {
				e.to = to
				done = false
			}
		}
		if done {
			return
		}
	}
}

func (o *optimiser) mark(b *block) {
	if b.visited == o.walk {
		return
	}
	b.visited = o.walk
	if !b.isReturn() {
		o.mark(b.yes())
		o.mark(b.no())
	}
}

// appendKey appends what equal blocks have in common.
func (b *block) appendKey(key []byte) []byte {
	word := func(n int) {
		key = append(key, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	word(int(b.code))
	word(int(b.k))
	for _, e := range b.out {
		if e.to != nil {
			word(e.to.id)
		}
	}
	for _, s := range b.stmts {
		if s.code != nop {
			word(int(s.code))
			word(int(s.k))
		}
	}
	return key
}

// skipRoot leaves out a first test that decides nothing. Its statements stay, for
// those behind may use what they loaded.
func (o *optimiser) skipRoot() {
	stmts := o.root.stmts
	o.root.stmts = nil
	for !o.root.isReturn() && o.root.yes() == o.root.no() {
		o.root = o.root.yes()
	}
	o.root.stmts = append(stmts, o.root.stmts...)
	if o.root.isReturn() {
		o.root.stmts = nil
	}
}
