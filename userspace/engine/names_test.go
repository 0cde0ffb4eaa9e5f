package engine

import (
	"strings"
	"testing"
	"unsafe"
)

func TestNames(t *testing.T) {
	var n names
	long := strings.Repeat("x", 300)
	for range 2 {
		for _, s := range []string{"", "a", "example.org", "www.example.org", "1234567", "12345678", long} {
			if got, want := n.of([]byte(s)), s[:min(len(s), 255)]; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
	b := []byte("example.org")
	first := n.of(b)
	b[0] = 'X'
	if first != "example.org" {
		t.Errorf("the name became %q", first)
	}
	b[0] = 'e'
	if again := n.of(b); unsafe.StringData(again) != unsafe.StringData(first) {
		t.Error("the same name is another string")
	}
	if got := testing.AllocsPerRun(100, func() { n.of(b) }); got != 0 {
		t.Errorf("%v allocations for a name that was there, want 0", got)
	}
}

func TestDigest(t *testing.T) {
	seen := map[uint64]int{}
	for n := range 300 {
		b := make([]byte, n)
		for i := range b {
			if i >= 64 && i < n-64 {
				continue // is not looked at
			}
			b[i] = 1
			seen[digest(b)]++
			b[i] = 0x80
			seen[digest(b)]++
			b[i] = 0
		}
		for sum, times := range seen {
			if times > 1 {
				t.Fatalf("%d segments of %d bytes have the digest %x", times, n, sum)
			}
		}
		clear(seen)
	}
}
