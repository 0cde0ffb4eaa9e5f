package filter

// peephole rewrites short sequences of statements.
func (o *optimiser) peephole(b *block) {
	last := -1
	for i := b.nextStmt(0); i < len(b.stmts); {
		j := b.nextStmt(i + 1)
		if j == len(b.stmts) {
			break
		}
		last = j
		s, next := &b.stmts[i], &b.stmts[j]
		if s.code == store && next.code == ldxMem && s.k == next.k {
			next.code = tax
			o.changed = true
		}
		if s.code == ldImm && next.code == tax {
			s.code, next.code = ldxImm, txa
			o.changed = true
		}
		if s.code == ldImm {
			o.mergeOffset(b, i)
		}
		i = j
	}
	if b.code == jeq && b.outUse&(1<<atomA) == 0 && last >= 0 {
		o.mergeCompare(b, &b.stmts[last])
	}
}

// nextStmt returns the index of the first statement from i on that is one.
func (b *block) nextStmt(i int) int {
	for i < len(b.stmts) && b.stmts[i].code == nop {
		i++
	}
	return i
}

// mergeOffset puts a constant offset behind an IPv4 header into the load: what
// is at i is its `ld #k`, then maybe comes the header's length in X, then add x,
// tax, ld [x+n].
func (o *optimiser) mergeOffset(b *block, i int) {
	if b.outUse&(1<<atomX) != 0 {
		return
	}
	at := func(j int) stmt {
		if j < len(b.stmts) {
			return b.stmts[j]
		}
		return stmt{nop, 0}
	}
	add := b.nextStmt(i + 1)
	if at(add).code == ldxMSH {
		add = b.nextStmt(add + 1)
	}
	toX := b.nextStmt(add + 1)
	load := b.nextStmt(toX + 1)
	if at(add).code != aluAdd|srcX || at(toX).code != tax ||
		at(load).code == nop || at(load).code&(classMask|modeMask) != ldInd {
		return
	}
	b.stmts[load].k += b.stmts[i].k
	b.stmts[i].code, b.stmts[add].code, b.stmts[toX].code = nop, nop, nop
	o.changed = true
}

// mergeCompare puts the arithmetic before a test for equality into the test.
func (o *optimiser) mergeCompare(b *block, last *stmt) {
	switch last.code {
	case aluSub | srcX:
		if x := o.values.consts[b.val[atomX]]; x.known {
			b.k += x.value
		} else if b.k == 0 {
			b.code = jeq | srcX
		} else {
			return
		}
	case aluSub:
		b.k += last.k
	case aluAnd:
		if b.k != 0 {
			return
		}
		b.k = last.k
		b.code = jset
		b.out[0].to, b.out[1].to = b.out[1].to, b.out[0].to
	default:
		return
	}
	last.code = nop
	o.changed = true
}

// foldJump decides a jump whose operands are known.
func (o *optimiser) foldJump(b *block) {
	if len(b.stmts) == 0 || b.isReturn() {
		return
	}
	if b.code == jset {
		switch b.k {
		case 0:
			b.out[0].to = b.out[1].to
		case 0xffffffff:
			b.out[1].to = b.out[0].to
		}
	}
	if x := o.values.consts[b.val[atomX]]; x.known && b.code&srcX != 0 {
		b.code &^= srcX
		b.k = x.value
	}
	a := o.values.consts[b.val[atomA]]
	if !a.known || b.code&srcX != 0 {
		return
	}
	if b.yes() != b.no() {
		o.changed = true
	}
	if jumps(b.code, a.value, b.k) {
		b.out[1].to = b.out[0].to
	} else {
		b.out[0].to = b.out[1].to
	}
}
