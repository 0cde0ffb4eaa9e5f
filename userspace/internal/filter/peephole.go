package filter

// values numbers what can be in a register: equal numbers, equal values.
type values struct {
	byKey  map[valueKey]int
	consts []constant // by number
}

type valueKey struct {
	code   uint16
	v0, v1 int
}

type constant struct {
	known bool
	value uint32
}

func (v *values) reset() {
	v.byKey = make(map[valueKey]int)
	v.consts = append(v.consts[:0], constant{}) // number 0 is unknown
}

// number returns the number of the result of an instruction.
func (v *values) number(code uint16, v0, v1 int) int {
	key := valueKey{code, v0, v1}
	n, ok := v.byKey[key]
	if !ok {
		n = len(v.consts)
		v.byKey[key] = n
		v.consts = append(v.consts, constant{})
	}
	return n
}

func (v *values) constant(k uint32) int {
	n := v.number(ldImm, int(k), 0)
	v.consts[n] = constant{known: true, value: k}
	return n
}

// stmt computes the value that s leaves in a register. With change, it
// simplifies s.
func (o *optimiser) stmt(s *stmt, val *[atomCount]int, change bool) {
	if s.code == nop {
		return
	}
	set := func(reg, v int) {
		if change && val[reg] == v {
			s.code = nop
		} else {
			val[reg] = v
		}
	}
	switch s.code & classMask {
	case classLd, classLdx:
		o.loadStmt(s, val, change, set)
	case classSt:
		set(int(s.k), val[atomA])
	case classStx:
		set(int(s.k), val[atomX])
	case classMisc:
		if s.code == tax {
			set(atomX, val[atomA])
		} else {
			set(atomA, val[atomX])
		}
	case classAlu:
		switch {
		case s.code == aluNeg:
			if a := o.values.consts[val[atomA]]; change && a.known {
				*s = stmt{ldImm, -a.value}
				val[atomA] = o.values.constant(s.k)
			} else {
				val[atomA] = o.values.number(s.code, val[atomA], 0)
			}
		case s.code&srcX != 0:
			o.aluX(s, val, change, set)
		default:
			o.aluK(s, val, change)
		}
	}
}

func (o *optimiser) loadStmt(s *stmt, val *[atomCount]int, change bool, set func(reg, v int)) {
	reg := s.sets()
	switch s.code & modeMask {
	case ldInd:
		if x := o.values.consts[val[atomX]]; change && x.known {
			s.code = ldAbs | s.code&0x18
			s.k += x.value
			o.changed = true
			set(reg, o.values.number(s.code, int(s.k), 0))
			return
		}
		set(reg, o.values.number(s.code, int(s.k), val[atomX]))
	case ldImm:
		set(reg, o.values.constant(s.k))
	case ldMem:
		v := val[s.k]
		if m := o.values.consts[v]; change && m.known {
			*s = stmt{ldImm | s.code&classMask, m.value}
			o.changed = true
		}
		set(reg, v)
	case ldLen:
		set(reg, o.values.number(s.code, 0, 0))
	default: // absolute, and the length of an IPv4 header
		set(reg, o.values.number(s.code, int(s.k), 0))
	}
}

// aluK handles an operation with a constant.
func (o *optimiser) aluK(s *stmt, val *[atomCount]int, change bool) {
	if change && s.k == 0 {
		switch s.code {
		case aluAdd, aluLsh, aluRsh, aluOr, aluXor:
			s.code = nop
			return
		case aluMul, aluAnd:
			s.code = ldImm
			val[atomA] = o.values.constant(0)
			return
		case aluDiv, aluMod:
			o.c.fail(0, "division by zero")
		}
	}
	if a := o.values.consts[val[atomA]]; change && a.known {
		*s = stmt{ldImm, o.fold(s.code, a.value, s.k)}
		o.changed = true
		val[atomA] = o.values.constant(s.k)
		return
	}
	val[atomA] = o.values.number(s.code, val[atomA], o.values.constant(s.k))
}

// aluX handles an operation with X.
func (o *optimiser) aluX(s *stmt, val *[atomCount]int, change bool, set func(reg, v int)) {
	op := s.code &^ srcX
	a, x := o.values.consts[val[atomA]], o.values.consts[val[atomX]]
	switch {
	case change && x.known && a.known:
		*s = stmt{ldImm, o.fold(op, a.value, x.value)}
		o.changed = true
		val[atomA] = o.values.constant(s.k)
		return
	case change && x.known:
		if (op == aluLsh || op == aluRsh) && x.value > 31 {
			o.c.fail(0, "shift by more than 31 bits")
		}
		*s = stmt{op, x.value}
		o.changed = true
		val[atomA] = o.values.number(s.code, val[atomA], o.values.constant(s.k))
		return
	case change && a.known && a.value == 0:
		switch op {
		case aluAdd, aluOr, aluXor:
			s.code = txa
			set(atomA, val[atomX])
			return
		case aluMul, aluDiv, aluMod, aluAnd, aluLsh, aluRsh:
			*s = stmt{ldImm, 0}
			set(atomA, o.values.constant(0))
			return
		}
	}
	val[atomA] = o.values.number(s.code, val[atomA], val[atomX])
}

// fold computes a OP b.
func (o *optimiser) fold(op uint16, a, b uint32) uint32 {
	if b == 0 && (op == aluDiv || op == aluMod) {
		o.c.fail(0, "division by zero")
	}
	return alu(op, a, b)
}

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
