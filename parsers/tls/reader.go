package tls

import "encoding/binary"

// reader is a cursor over lent bytes. Once something is not there, it is bad
// and returns nothing more.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) uint8() uint8 {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint24() int {
	if b := r.bytes(3); b != nil {
		return uint24(b)
	}
	return 0
}

func uint24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

// vector8 returns what follows a length of one byte.
func (r *reader) vector8() []byte { return r.bytes(int(r.uint8())) }

// vector16 returns what follows a length of two bytes.
func (r *reader) vector16() []byte { return r.bytes(int(r.uint16())) }
