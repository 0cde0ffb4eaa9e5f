package filter

import (
	"testing"

	"golang.org/x/net/bpf"
)

// TestLengths tells the length on the wire from the captured one.
func TestLengths(t *testing.T) {
	p, err := Compile("len > 100", 1, testSnaplen)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 54)
	if !p.Match(data, 1514) {
		t.Error("len > 100 rejects a frame of 1514 bytes cut to 54")
	}
	if p.Match(data, 54) {
		t.Error("len > 100 accepts a frame of 54 bytes")
	}
}

// TestCutFrame holds the promise that a load beyond the captured bytes rejects,
// whatever the expression says.
func TestCutFrame(t *testing.T) {
	frame := frames(1)[0] // TCP to port 80
	p, err := Compile("not port 443", 1, testSnaplen)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(frame) + 1 {
		want := cut >= 38 // Ethernet, IPv4, two ports
		if got := p.Match(frame[:cut], len(frame)); got != want {
			t.Errorf("not port 443 on %d of %d bytes = %v, want %v", cut, len(frame), got, want)
		}
	}
}

// TestOperations compares each instruction with the machine of x/net/bpf at the
// edges of its operands.
func TestOperations(t *testing.T) {
	edges := []uint32{0, 1, 2, 4, 5, 20, 31, 32, 33, 255, 0x7fffffff, 0x80000000, 0xfffffffb, 0xffffffff}
	frame := []byte{0x45, 0xff, 0x80, 0, 1, 2, 3, 4}
	var bodies [][]bpf.RawInstruction
	for _, op := range []uint16{aluAdd, aluSub, aluMul, aluDiv, aluMod, aluAnd, aluOr, aluXor, aluLsh, aluRsh} {
		bodies = append(bodies, []bpf.RawInstruction{{Op: op | srcX}})
	}
	for _, op := range []uint16{jeq, jgt, jge, jset} {
		bodies = append(bodies, []bpf.RawInstruction{{Op: op | srcX, Jt: 1}, {Op: ldImm, K: 7}})
	}
	for _, size := range []uint16{sizeB, sizeH, sizeW} {
		bodies = append(bodies, []bpf.RawInstruction{{Op: ldInd | size, K: 1}}, []bpf.RawInstruction{{Op: ldAbs | size, K: 5}},
			[]bpf.RawInstruction{{Op: ldAbs | size, K: 7}}, []bpf.RawInstruction{{Op: ldAbs | size, K: neverLoads}})
	}
	bodies = append(bodies, []bpf.RawInstruction{{Op: ldxMSH, K: 0}, {Op: txa}}, []bpf.RawInstruction{{Op: ldxMSH, K: 8}, {Op: txa}},
		[]bpf.RawInstruction{{Op: storeX, K: 3}, {Op: ldMem, K: 3}}, []bpf.RawInstruction{{Op: tax}, {Op: store, K: 15}, {Op: ldxMem, K: 15}, {Op: txa}})
	for _, body := range bodies {
		for _, a := range edges {
			for _, x := range edges {
				raw := append([]bpf.RawInstruction{{Op: ldImm, K: a}, {Op: ldxImm, K: x}}, body...)
				// 0 rejects, so any bit of A makes the result.
				for bit := range 32 {
					prog := append(raw[:len(raw):len(raw)], bpf.RawInstruction{Op: jset, K: 1 << bit, Jf: 1},
						bpf.RawInstruction{Op: ret, K: 1}, bpf.RawInstruction{Op: ret})
					p := Program{code: decode(prog), raw: prog}
					if got, want := p.Match(frame, len(frame)), newMachine(t, prog).match(t, frame); got != want {
						t.Fatalf("%v with A %#x, X %#x: bit %d is %v, want %v", body, a, x, bit, got, want)
					}
				}
			}
		}
	}
}

func TestMatchAllocates(t *testing.T) {
	p, err := Compile("tcp port 80 and ip[2:2] + ip[8] > 100 or vlan and udp", 1, testSnaplen)
	if err != nil {
		t.Fatal(err)
	}
	all := frames(1)
	if n := testing.AllocsPerRun(10, func() {
		for _, f := range all {
			p.Match(f, len(f))
		}
	}); n != 0 {
		t.Errorf("Match allocates %v times, want 0", n)
	}
}

func FuzzMatch(f *testing.F) {
	table := expressions(f)
	for i, frame := range frames(1) {
		f.Add(uint16(i*7), uint16(1), frame, uint16(len(frame)))
	}
	f.Fuzz(func(t *testing.T, expr, link uint16, data []byte, wireLen uint16) {
		p, err := Compile(table[int(expr)%len(table)], link, testSnaplen)
		if err != nil {
			return
		}
		got, want := p.Match(data, int(wireLen)), newMachine(t, p.raw).matchCut(t, data, int(wireLen))
		if got != want {
			t.Fatalf("%q, link type %d: Match(%x, %d) = %v, want %v", table[int(expr)%len(table)], link, data, wireLen, got, want)
		}
	})
}

var benchmarks = []struct{ name, expr string }{
	{"port", "tcp port 443"},
	{"hosts", "net 10.0.0.0/8 and not (host 10.0.0.7 or host 10.0.0.8) and (tcp or udp)"},
	{"http", "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)"},
}

func BenchmarkMatch(b *testing.B) {
	all := frames(1)
	for _, bench := range benchmarks {
		p, err := Compile(bench.expr, 1, testSnaplen)
		if err != nil {
			b.Fatal(err)
		}
		m := newMachine(b, p.raw)
		b.Run(bench.name+"/filter", func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				f := all[i%len(all)]
				p.Match(f, len(f))
				i++
			}
		})
		b.Run(bench.name+"/x-net", func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				m.match(b, all[i%len(all)])
				i++
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, bench := range benchmarks {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compile(bench.expr, 1, testSnaplen); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
