package build

import (
	"math/rand/v2"
	"strings"
)

// Bytes returns n bytes that look random and depend on nothing but seed.
func Bytes(seed uint64, n int) []byte {
	r := rand.NewPCG(seed, 0x666c6f7773636f70)
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint64() >> 56)
	}
	return b
}

// Text returns n bytes of readable text that says at each point where it is.
func Text(name string, n int) []byte {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(name)
		b.WriteString(" line ")
		for d := 1000; d > 0; d /= 10 {
			b.WriteByte('0' + byte(i/d%10))
		}
		b.WriteByte('\n')
	}
	return []byte(b.String()[:n])
}
