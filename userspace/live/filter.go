//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"
	"math"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"flowscope/userspace/internal/filter"
)

const (
	filterSnaplen = 1 << 18
	filterWindow  = 256   // FS_WINDOW
	maxFilter     = 32000 // instructions: a jump has 16 bits
)

// Link types of the frames that a hook sees: LINKTYPE_ numbers.
const (
	linkEthernet = 1
	linkRaw      = 101
)

// checkFilter compiles a filter for the kinds of frames that there may be.
func checkFilter(expr string) error {
	_, err := filter.Compile(expr, linkEthernet, filterSnaplen)
	return err
}

// addFilter puts a filter in its place in a program for frames that begin with
// next, FS_L_ETHERNET or FS_L_IP.
func addFilter(spec *ebpf.CollectionSpec, name, expr string, next uint32) error {
	link := uint16(linkEthernet)
	if next == beginsIP {
		link = linkRaw
	}
	p, err := filter.Compile(expr, link, filterSnaplen)
	if err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	context := "skb"
	prog := spec.Programs[name]
	if prog.Type == ebpf.XDP {
		context = "xdp"
	}
	scratch, ok := spec.Maps["scratch"].Value.(*btf.Struct)
	if !ok {
		return errors.New("the object does not say what scratch is")
	}
	tr := translator{read: "fs_filter_read_" + context}
	for _, in := range p.Instructions() {
		tr.code = append(tr.code, classic(in))
	}
	for _, m := range scratch.Members {
		switch off := int16(m.Offset.Bytes()); m.Name {
		case "filter":
			tr.window = off
		case "filter_len":
			tr.length = off
		case "filter_loaded":
			tr.loaded = off
		case "filter_mem":
			tr.mem = off
		}
	}
	body, err := tr.translate()
	if err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if prog.Instructions, err = replaceFunction(prog.Instructions, "fs_filter_"+context, body); err != nil {
		return err
	}
	return spec.Variables["fs_filtered"].Set(uint32(1))
}

// replaceFunction gives a function of a program another body, and leaves out the
// functions that nothing calls then, which the kernel refuses.
func replaceFunction(prog asm.Instructions, name string, body asm.Instructions) (asm.Instructions, error) {
	var order []string
	functions := map[string]asm.Instructions{}
	for i := range prog {
		if btf.FuncMetadata(&prog[i]) != nil {
			order = append(order, prog[i].Symbol())
		}
		if len(order) == 0 {
			return nil, errors.New("the program does not begin with a function")
		}
		at := order[len(order)-1]
		functions[at] = append(functions[at], prog[i])
	}
	old := functions[name]
	if len(old) == 0 || old[0].Reference() != "" {
		return nil, fmt.Errorf("the program has no %s to replace", name)
	}
	first := body[0]
	body[0] = btf.WithFuncMetadata(first.WithSymbol(name).WithSource(old[0].Source()), btf.FuncMetadata(&old[0]))
	functions[name] = body

	called := map[string]bool{order[0]: true}
	for work := []string{order[0]}; len(work) > 0; work = work[1:] {
		for _, in := range functions[work[0]] {
			if to := in.Reference(); in.IsFunctionCall() && !called[to] {
				called[to] = true
				work = append(work, to)
			}
		}
	}
	var out asm.Instructions
	for _, f := range order {
		if called[f] {
			out = append(out, functions[f]...)
		}
	}
	return out, nil
}

// classic is an instruction of classic BPF.
type classic struct {
	Op     uint16
	Jt, Jf uint8
	K      uint32
}

// Opcodes of classic BPF (linux/bpf_common.h), those that filter.Program uses.
const (
	classLd, classLdx, classSt, classStx, classALU, classJump, classRet, classMisc = 0, 1, 2, 3, 4, 5, 6, 7

	modeImm, modeAbs, modeInd, modeMem, modeLen, modeMSH = 0x00, 0x20, 0x40, 0x60, 0x80, 0xa0
)

// The registers of the translation. A and X are in theirs within a block; what
// another block needs of them is in scratch. So the verifier, which follows each
// way through the filter by itself, finds the same at the end of all of them, and
// need not go on from there twice.
const (
	regContext = asm.R6
	regA       = asm.R7
	regX       = asm.R8
	regScratch = asm.R9
)

// Words of filter_mem behind those of the filter.
const (
	slotA = 16
	slotX = 17
)

const reject = "fs_filter_reject"

// translator makes eBPF of classic BPF.
type translator struct {
	read                        string // the function that reads what is not in the window
	window, length, loaded, mem int16  // offsets in scratch
	code                        []classic

	leads  []bool // a block begins here
	aLive  []bool // A is read before it is written, from here on
	xLive  []bool
	passed []uint32 // bytes that the window is known to have here
	out    asm.Instructions
}

func (t *translator) translate() (asm.Instructions, error) {
	t.analyse()
	t.emit(
		asm.Mov.Reg(regContext, asm.R1),
		asm.StoreImm(asm.R10, -4, 0, asm.Word),
		asm.Mov.Reg(asm.R2, asm.R10),
		asm.Add.Imm(asm.R2, -4),
		asm.LoadMapPtr(asm.R1, 0).WithReference("scratch"),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, reject),
		asm.Mov.Reg(regScratch, asm.R0),
	)
	for i := range t.code {
		start := len(t.out)
		if t.leads[i] {
			if t.aLive[i] {
				t.emit(asm.LoadMem(regA, regScratch, t.word(slotA), asm.Word))
			}
			if t.xLive[i] {
				t.emit(asm.LoadMem(regX, regScratch, t.word(slotX), asm.Word))
			}
		}
		t.instruction(i)
		if t.code[i].Op&7 != classJump && t.code[i].Op&7 != classRet && i+1 < len(t.code) && t.leads[i+1] {
			t.leave(i + 1)
		}
		if t.leads[i] && start < len(t.out) {
			t.out[start] = t.out[start].WithSymbol(label(i))
		}
	}
	t.emit(asm.Mov.Imm(asm.R0, 0).WithSymbol(reject), asm.Return())
	if n := len(t.out); n > maxFilter {
		return nil, fmt.Errorf("the program has %d instructions in the kernel; at most %d are allowed: %w", n, maxFilter, ErrUnsupported)
	}
	return t.out, nil
}

func label(i int) string { return fmt.Sprintf("fs_filter_%d", i) }

func (t *translator) emit(in ...asm.Instruction) { t.out = append(t.out, in...) }

func (t *translator) word(i uint32) int16 { return t.mem + int16(i)*4 }

// targets returns where instruction i goes, up to two places.
func (t *translator) targets(i int) (to []int) {
	in := t.code[i]
	switch {
	case in.Op&7 == classRet:
		return nil
	case in.Op&7 == classJump && in.Op&0xf0 == 0:
		return []int{i + 1 + int(in.K)}
	case in.Op&7 == classJump:
		return []int{i + 1 + int(in.Jt), i + 1 + int(in.Jf)}
	}
	return []int{i + 1}
}

// analyse finds blocks, what lives between them, and how much of the frame is
// known to be there. Jumps go forwards only.
func (t *translator) analyse() {
	n := len(t.code)
	t.leads, t.aLive, t.xLive = make([]bool, n+1), make([]bool, n+1), make([]bool, n+1)
	t.passed = make([]uint32, n+1)
	for i := range t.passed {
		t.passed[i] = math.MaxUint32
	}
	t.passed[0] = 0
	for i, in := range t.code {
		known := t.passed[i]
		if end, ok := t.inWindow(in); ok {
			known = max(known, end)
		}
		for _, to := range t.targets(i) {
			t.passed[to] = min(t.passed[to], known)
			if in.Op&7 == classJump {
				t.leads[to] = true
			}
		}
	}
	for i := n - 1; i >= 0; i-- {
		a, x := false, false
		for _, to := range t.targets(i) {
			a, x = a || t.aLive[to], x || t.xLive[to]
		}
		readsA, readsX, writesA, writesX := uses(t.code[i])
		t.aLive[i] = readsA || a && !writesA
		t.xLive[i] = readsX || x && !writesX
	}
}

// uses says what an instruction reads and writes.
func uses(in classic) (readsA, readsX, writesA, writesX bool) {
	operandX := in.Op&0x08 != 0
	switch in.Op & 7 {
	case classLd:
		return false, in.Op&0xe0 == modeInd, true, false
	case classLdx:
		return false, false, false, true
	case classSt:
		return true, false, false, false
	case classStx:
		return false, true, false, false
	case classALU:
		return true, operandX && in.Op&0xf0 != 0x80, true, false
	case classJump:
		return in.Op&0xf0 != 0, operandX, false, false
	case classMisc:
		if in.Op == 0x07 { // tax
			return true, false, false, true
		}
		return false, true, true, false
	}
	return false, false, false, false
}

// inWindow returns where a load at a fixed place ends, if the window has that.
func (t *translator) inWindow(in classic) (end uint32, ok bool) {
	mode := in.Op & 0xe0
	if !(in.Op&7 == classLd && mode == modeAbs) && !(in.Op&7 == classLdx && mode == modeMSH) {
		return 0, false
	}
	size := uint32(sizeOf(in.Op).Sizeof())
	return in.K + size, in.K <= filterWindow-size
}

func sizeOf(op uint16) asm.Size {
	switch op & 0x18 {
	case 0x08:
		return asm.Half
	case 0x10:
		return asm.Byte
	}
	return asm.Word
}

// leave stores what the block at to, or what follows it, reads.
func (t *translator) leave(to ...int) {
	a, x := false, false
	for _, i := range to {
		a, x = a || t.aLive[i], x || t.xLive[i]
	}
	if a {
		t.emit(asm.StoreMem(regScratch, t.word(slotA), regA, asm.Word))
	}
	if x {
		t.emit(asm.StoreMem(regScratch, t.word(slotX), regX, asm.Word))
	}
}

func (t *translator) instruction(i int) {
	in := t.code[i]
	switch in.Op & 7 {
	case classLd, classLdx:
		t.load(i, in)
	case classSt:
		t.emit(asm.StoreMem(regScratch, t.word(in.K%16), regA, asm.Word))
	case classStx:
		t.emit(asm.StoreMem(regScratch, t.word(in.K%16), regX, asm.Word))
	case classALU:
		t.alu(in)
	case classJump:
		t.jump(i, in)
	case classRet:
		accept := int32(0)
		if in.K != 0 {
			accept = 1
		}
		t.emit(asm.Mov.Imm(asm.R0, accept), asm.Return())
	case classMisc:
		if in.Op == 0x07 {
			t.emit(asm.Mov.Reg32(regX, regA))
		} else {
			t.emit(asm.Mov.Reg32(regA, regX))
		}
	}
}

func (t *translator) load(i int, in classic) {
	to := regA
	if in.Op&7 == classLdx {
		to = regX
	}
	switch in.Op & 0xe0 {
	case modeImm:
		t.emit(asm.Mov.Imm32(to, int32(in.K)))
	case modeMem:
		t.emit(asm.LoadMem(to, regScratch, t.word(in.K%16), asm.Word))
	case modeLen:
		t.emit(asm.LoadMem(to, regScratch, t.length, asm.Word))
	case modeAbs:
		t.bytes(i, to, in)
	case modeInd:
		t.emit(asm.Mov.Reg32(asm.R2, regX), asm.Add.Imm(asm.R2, int32(in.K)))
		t.call(to, sizeOf(in.Op))
	case modeMSH:
		t.bytes(i, to, in)
		t.emit(asm.And.Imm32(to, 0x0f), asm.LSh.Imm32(to, 2))
	}
}

// bytes loads from a fixed place.
func (t *translator) bytes(i int, to asm.Register, in classic) {
	size := sizeOf(in.Op)
	end, ok := t.inWindow(in)
	if !ok {
		t.emit(asm.Mov.Imm32(asm.R2, int32(in.K)))
		t.call(to, size)
		return
	}
	if end > t.passed[i] {
		t.emit(asm.LoadMem(asm.R1, regScratch, t.loaded, asm.Word), asm.JLT.Imm32(asm.R1, int32(end), reject))
	}
	t.emit(asm.LoadMem(to, regScratch, t.window+int16(in.K), size))
	if size != asm.Byte {
		t.emit(asm.HostTo(asm.BE, to, size))
	}
}

// call loads size bytes from what is in R2.
func (t *translator) call(to asm.Register, size asm.Size) {
	t.emit(
		asm.Mov.Reg(asm.R1, regContext),
		asm.Mov.Imm(asm.R3, int32(size.Sizeof())),
		asm.Call.Label(t.read),
		asm.JSLT.Imm(asm.R0, 0, reject),
		asm.Mov.Reg32(to, asm.R0),
	)
}

func (t *translator) alu(in classic) {
	op := [...]asm.ALUOp{asm.Add, asm.Sub, asm.Mul, asm.Div, asm.Or, asm.And, asm.LSh, asm.RSh, asm.Neg, asm.Mod, asm.Xor}[in.Op>>4]
	x := in.Op&0x08 != 0
	shift := op == asm.LSh || op == asm.RSh
	divide := op == asm.Div || op == asm.Mod
	switch {
	case op == asm.Neg:
		t.emit(asm.Neg.Imm32(regA, 0))
	case x && divide:
		t.emit(asm.JEq.Imm32(regX, 0, reject), op.Reg32(regA, regX))
	case x && shift: // by 32 and more: 0
		t.emit(
			over(asm.JLT.Imm32(regX, 32, ""), 2),
			asm.Mov.Imm32(regA, 0),
			over(asm.Ja.Label(""), 1),
			op.Reg32(regA, regX),
		)
	case x:
		t.emit(op.Reg32(regA, regX))
	case divide && in.K == 0:
		t.emit(asm.Ja.Label(reject))
	case shift && in.K > 31:
		t.emit(asm.Mov.Imm32(regA, 0))
	default:
		t.emit(op.Imm32(regA, int32(in.K)))
	}
}

// over makes a jump one over the next n instructions.
func over(in asm.Instruction, n int16) asm.Instruction {
	in.Offset = n
	return in.WithReference("")
}

func (t *translator) jump(i int, in classic) {
	to := t.targets(i)
	t.leave(to...)
	if len(to) == 1 {
		if to[0] != i+1 {
			t.emit(asm.Ja.Label(label(to[0])))
		}
		return
	}
	op := [...]asm.JumpOp{1: asm.JEq, 2: asm.JGT, 3: asm.JGE, 4: asm.JSet}[in.Op>>4&0xf]
	if in.Op&0x08 != 0 {
		t.emit(op.Reg32(regA, regX, label(to[0])))
	} else {
		t.emit(op.Imm32(regA, int32(in.K), label(to[0])))
	}
	if to[1] != i+1 {
		t.emit(asm.Ja.Label(label(to[1])))
	}
}
