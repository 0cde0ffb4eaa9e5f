package filter

import (
	"encoding/binary"

	"golang.org/x/net/bpf"
)

// instruction is a classic BPF instruction with the targets of its jumps.
type instruction struct {
	op     uint16
	jt, jf uint16
	k      uint32
}

// decode resolves the jumps of a program that assemble made.
func decode(raw []bpf.RawInstruction) []instruction {
	code := make([]instruction, len(raw))
	for i, in := range raw {
		code[i] = instruction{op: in.Op, k: in.K}
		switch {
		case in.Op == jmp:
			code[i].jt = uint16(i + 1 + int(in.K))
		case in.Op&classMask == classJmp:
			code[i].jt = uint16(i + 1 + int(in.Jt))
			code[i].jf = uint16(i + 1 + int(in.Jf))
		}
	}
	return code
}

// Match says whether the filter accepts a frame, of which data is what was
// captured and wireLen the length on the wire. data is only read, and not kept.
func (p *Program) Match(data []byte, wireLen int) bool {
	var a, x uint32
	var mem [maxRegisters]uint32
	code := p.code
	n := uint64(len(data))
	for pc := uint(0); pc < uint(len(code)); pc++ {
		in := &code[pc]
		switch in.op {
		case ldAbs | sizeH:
			off := uint64(in.k)
			if off+2 > n {
				return false
			}
			a = uint32(binary.BigEndian.Uint16(data[off:]))
		case jeq:
			if a == in.k {
				pc = uint(in.jt) - 1
			} else {
				pc = uint(in.jf) - 1
			}
		case ldAbs | sizeB:
			off := uint64(in.k)
			if off >= n {
				return false
			}
			a = uint32(data[off])
		case ldAbs | sizeW:
			off := uint64(in.k)
			if off+4 > n {
				return false
			}
			a = binary.BigEndian.Uint32(data[off:])
		case ret:
			return in.k != 0
		case ldxMSH:
			off := uint64(in.k)
			if off >= n {
				return false
			}
			x = uint32(data[off]&0x0f) * 4
		case ldInd | sizeH:
			off := uint64(x) + uint64(in.k)
			if off+2 > n {
				return false
			}
			a = uint32(binary.BigEndian.Uint16(data[off:]))
		case ldInd | sizeB:
			off := uint64(x) + uint64(in.k)
			if off >= n {
				return false
			}
			a = uint32(data[off])
		case ldInd | sizeW:
			off := uint64(x) + uint64(in.k)
			if off+4 > n {
				return false
			}
			a = binary.BigEndian.Uint32(data[off:])
		case jmp:
			pc = uint(in.jt) - 1
		case ldLen:
			a = uint32(wireLen)
		case ldImm:
			a = in.k
		case ldxImm:
			x = in.k
		case ldMem:
			a = mem[in.k%maxRegisters]
		case ldxMem:
			x = mem[in.k%maxRegisters]
		case store:
			mem[in.k%maxRegisters] = a
		case storeX:
			mem[in.k%maxRegisters] = x
		case tax:
			x = a
		case txa:
			a = x
		default:
			operand := in.k
			if in.op&srcX != 0 {
				operand = x
			}
			if in.op&classMask == classAlu {
				op := in.op &^ srcX
				if operand == 0 && (op == aluDiv || op == aluMod) {
					return false
				}
				a = alu(op, a, operand)
			} else if jumps(in.op&^srcX, a, operand) {
				pc = uint(in.jt) - 1
			} else {
				pc = uint(in.jf) - 1
			}
		}
	}
	return false
}

// alu computes a OP b; b is not 0 in a division.
func alu(op uint16, a, b uint32) uint32 {
	switch op {
	case aluAdd:
		return a + b
	case aluSub:
		return a - b
	case aluMul:
		return a * b
	case aluDiv:
		return a / b
	case aluMod:
		return a % b
	case aluAnd:
		return a & b
	case aluOr:
		return a | b
	case aluXor:
		return a ^ b
	case aluLsh:
		return a << b // 0 from 32 on
	case aluRsh:
		return a >> b
	}
	return -a // aluNeg
}

// jumps says whether a conditional jump is taken.
func jumps(op uint16, a, b uint32) bool {
	switch op {
	case jeq:
		return a == b
	case jgt:
		return a > b
	case jge:
		return a >= b
	}
	return a&b != 0 // jset
}
