package filter

// values numbers what can be in a register: equal numbers, equal values.
type values struct {
	byKey  map[valueKey]int
	consts []knownValue // by number
}

type valueKey struct {
	code   uint16
	v0, v1 int
}

type knownValue struct {
	known bool
	value uint32
}

func (v *values) reset() {
	v.byKey = make(map[valueKey]int)
	v.consts = append(v.consts[:0], knownValue{}) // number 0 is unknown
}

// number returns the number of the result of an instruction.
func (v *values) number(code uint16, v0, v1 int) int {
	key := valueKey{code, v0, v1}
	n, ok := v.byKey[key]
	if !ok {
		n = len(v.consts)
		v.byKey[key] = n
		v.consts = append(v.consts, knownValue{})
	}
	return n
}

func (v *values) constant(k uint32) int {
	n := v.number(ldImm, int(k), 0)
	v.consts[n] = knownValue{known: true, value: k}
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
