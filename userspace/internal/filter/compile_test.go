package filter

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestErrors(t *testing.T) {
	deep := strings.Repeat("(", maxNesting+1) + "tcp" + strings.Repeat(")", maxNesting+1)
	long := "ip" + strings.Repeat(" or ip", maxExpression/6+1)
	many := "port 1" + strings.Repeat(" or 2", 300)
	tests := []struct {
		expr   string
		link   uint16
		offset int
		msg    string // part of it
	}{
		{"tcp port", 1, 8, "the expression ends where a port should follow"},
		{"host", 1, 4, "an address"},
		{"tcp and", 1, 7, "where a primitive should follow"},
		{"tcp port http or foo", 1, 17, "use the number"},
		{"tcp port 80 or host example.org", 1, 20, "not looked up"},
		{"net backbone", 1, 4, "not looked up"},
		{"ether host printer", 1, 11, "use the Ethernet address"},
		{"udp port http", 1, 9, "not a port of udp"},
		{"net 10/8", 1, 6, "net 10.0/8"},
		{"net 10.1.2.3/8", 1, 4, "bits set behind the mask"},
		{"ip proto tcp", 1, 9, "needs a backslash here: proto \\tcp"},
		{"tcp[0:3] = 1", 1, 6, "1, 2 or 4"},
		{"tcp[0] ~ 1", 1, 7, "no meaning"},
		{"(tcp", 1, 0, "not closed"},
		{"tcp) or udp", 1, 3, "never opened"},
		{"inbound", 1, 0, "inbound is not supported"},
		{"tcp and outbound", 113, 8, "ether[0:2] = 4"},
		{"ip protochain 6", 1, 3, "needs a loop"},
		{"gateway 10.0.0.1", 1, 0, "gateway is not supported"},
		{"on eth0", 1, 0, "pf"},
		{"type mgt", 1, 0, "not supported"},
		{"wlan host 02:00:00:00:00:01", 1, 0, "wlan is not supported"},
		{"ether host 02:00:00:00:00:01", 101, 11, "not supported on this link type, raw IP"},
		{"tcp and vlan 5", 113, 8, "not supported on this link type, Linux cooked v1"},
		{"mpls", 0, 0, "not supported on this link type, BSD loopback"},
		{"broadcast", 276, 0, "not supported on this link type, Linux cooked v2"},
		{"mpls and vlan", 1, 9, "behind mpls"},
		{"ip and arp", 1, 0, "can match no frame"},
		{"len = 1/0", 1, 7, "division by zero"},
		{"tcp", 147, 0, "not supported for link type 147"},
		{deep, 1, 100, "nested deeper than 100"},
		{long, 1, maxExpression, "at most 8192"},
		{many, 1, 0, "too large"},
	}
	for _, test := range tests {
		_, err := Compile(test.expr, test.link, testSnaplen)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Compile(%.40q, %d): error %v, want an *Error", test.expr, test.link, err)
			continue
		}
		if test.expr != many && e.Offset != test.offset || !strings.Contains(e.Msg, test.msg) || e.Expr != test.expr {
			t.Errorf("Compile(%.40q, %d): offset %d, %q; want %d, %q", test.expr, test.link, e.Offset, e.Msg, test.offset, test.msg)
		}
	}
}

func TestSnaplen(t *testing.T) {
	for _, snaplen := range []int{0, -1, 1 << 31} {
		if _, err := Compile("tcp", 1, snaplen); err == nil {
			t.Errorf("Compile with snaplen %d is accepted", snaplen)
		}
	}
	p, err := Compile("", 1, 96)
	if err != nil {
		t.Fatal(err)
	}
	code := p.Instructions()
	if len(code) != 1 || code[0].Op != ret || code[0].K != 96 {
		t.Errorf("the empty filter is %v, want ret #96", code)
	}
	if !p.Match(nil, 0) {
		t.Error("the empty filter rejects the empty frame")
	}
}

// TestPrograms says what a kernel demands of a program, and a translator may rely
// on.
func TestPrograms(t *testing.T) {
	for link := range linkLayers {
		for _, expr := range expressions(t) {
			p, err := Compile(expr, link, testSnaplen)
			if err != nil {
				continue
			}
			if err := sound(p); err != nil {
				t.Errorf("%q, link type %d: %v\n%s", expr, link, err, listing(p.raw))
			}
		}
	}
}

// sound checks a program as the kernel does (bpf_check_classic in
// net/core/filter.c), and what doc.go promises.
func sound(p *Program) error {
	code := p.Instructions()
	written := make([]uint32, len(code)+1) // scratch words on every way here
	for i := range written {
		written[i] = ^uint32(0)
	}
	written[0] = 0
	for i, in := range code {
		now := written[i]
		next := []int{i + 1}
		switch in.Op & classMask {
		case classRet:
			next = nil
		case classJmp:
			next = []int{i + 1 + int(in.Jt), i + 1 + int(in.Jf)}
			if in.Op == jmp {
				next = []int{i + 1 + int(in.K)}
			}
		case classSt, classStx:
			if in.K >= maxRegisters {
				return fmt.Errorf("%d: scratch word %d", i, in.K)
			}
			now |= 1 << in.K
		case classAlu:
			if op := in.Op & opMask; in.Op&srcX == 0 && (in.K == 0 && (op == aluDiv&opMask || op == aluMod&opMask) ||
				in.K > 31 && (op == aluLsh&opMask || op == aluRsh&opMask)) {
				return fmt.Errorf("%d: operand %d", i, in.K)
			}
		case classLd, classLdx:
			mode := in.Op & modeMask
			if mode == ldMem && now&(1<<in.K) == 0 {
				return fmt.Errorf("%d: scratch word %d is read and was not written", i, in.K)
			}
			if (mode == ldAbs || mode == ldInd) && in.K > neverLoads {
				return fmt.Errorf("%d: offset %#x", i, in.K)
			}
		}
		for _, to := range next {
			if to <= i || to >= len(code) {
				return fmt.Errorf("%d: jump to %d", i, to)
			}
			written[to] &= now
		}
	}
	return nil
}

func FuzzCompile(f *testing.F) {
	for _, expr := range expressions(f) {
		f.Add(expr, uint16(1))
	}
	f.Add("\\", uint16(101))
	f.Add("host ::::1 or 1:2:3:", uint16(276))
	f.Fuzz(func(t *testing.T, expr string, link uint16) {
		if len(expr) > 1<<10 {
			return // long ones are slow, not different
		}
		p, err := Compile(expr, link, testSnaplen)
		if err == nil {
			err = sound(p)
			if err != nil {
				t.Fatalf("%q: %v\n%s", expr, err, listing(p.raw))
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(expr) || e.Msg == "" || e.Expr != expr || e.Error() == "" {
			t.Fatalf("%q: error %#v", expr, err)
		}
	})
}
