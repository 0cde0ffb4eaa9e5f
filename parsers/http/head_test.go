package http

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestFieldsTheShortWay: the fields of a head are the same whether the usual ones
// are read the short way or none is, and whatever is known of where lines end.
func TestFieldsTheShortWay(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a: b\r\n", "Host: x\r\n", "x:\r\n", ":y\r\n", "z\r\n", "n : v\r\n", "\r: v\r\n", "b: \t c \r\n", "u: v\n",
		" fold\r\n", "\tfold\n", " \r\n", "c: d\re\r\n", "\n", "\r\n", "n:\x00\r\n", "q: \r\r\n", "w"}
	walk := func(head []byte, ends *lines, next func(f *fields, x *field) bool) (out []string) {
		line, f := startLine(head, ends)
		out = append(out, string(line))
		for x := (field{}); next(&f, &x); {
			out = append(out, fmt.Sprintf("%q %q %v %v", x.name, x.value, x.blank, x.folded))
		}
		return append(out, f.found.String(), fmt.Sprint(f.cr, len(f.rest)))
	}
	for range 20_000 {
		head := []byte("GET / HTTP/1.1\r\n")
		for range r.IntN(8) {
			head = append(head, pieces[r.IntN(len(pieces))]...)
		}
		head = append(head, "\r\n\r\n"...)
		var s scan
		var ends lines
		head = head[:s.end(head, &ends, func([]byte) bool { return false })]
		want := walk(head, &lines{}, func(f *fields, x *field) bool { return f.odd(x) })
		for n := ends.n; n >= 0; n-- {
			known := ends
			known.n = n
			if got := walk(head, &known, func(f *fields, x *field) bool { return f.next(&known, x) }); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%q with %d ends:\n got %q\nwant %q", head, n, got, want)
			}
		}
	}
}

// TestManyLines: a head of more lines than are noted, and one of more than 64 KiB
// behind another.
func TestManyLines(t *testing.T) {
	head := append([]byte("GET / HTTP/1.1\r\n"), bytes.Repeat([]byte("a: b\r\n"), 100)...)
	head = append(head, "\r\n"...)
	for _, behind := range []int{0, 1 << 16} {
		var s scan
		var ends lines
		b := append(head[:len(head):len(head)], make([]byte, behind)...)
		if n := s.end(b, &ends, func([]byte) bool { return false }); n != len(head) {
			t.Fatalf("the head is %d bytes, want %d", n, len(head))
		}
		_, f := startLine(head, &ends)
		n := 0
		for x := (field{}); f.next(&ends, &x); n++ {
			if string(x.name) != "a" || string(x.value) != "b" {
				t.Fatalf("field %d is %q %q", n, x.name, x.value)
			}
		}
		if n != 100 {
			t.Errorf("%d fields, want 100", n)
		}
	}
}

func TestIsName(t *testing.T) {
	for _, name := range []string{"host", "server", "location", "user-agent", "content-type", "x-forwarded-for", "transfer-encoding"} {
		for i := range name {
			for c := range 256 {
				b := []byte(name)
				b[i] = byte(c)
				if got, want := isName(b, name), equalFold(b, name); got != want {
					t.Errorf("isName(%q, %q) = %v", b, name, got)
				}
			}
		}
		if isName([]byte(name[1:]), name) || isName([]byte(name+"x"), name) || !isName(bytes.ToUpper([]byte(name)), name) {
			t.Error(name)
		}
	}
}
