// Package wire reads numbers and runs of bytes, in network order, from what a
// parser was lent. It is not for a parser that must tell why a field is not there,
// nor for one that waits for more: what is not there makes the Cursor bad.
package wire

import "encoding/binary"

// Cursor is a place in lent bytes. Once something is not there it is bad and
// returns nothing more, so that one look at Bad behind several fields is enough.
type Cursor struct {
	B   []byte // what is left
	Bad bool
}

// Fail makes the cursor bad.
func (c *Cursor) Fail() { c.Bad, c.B = true, nil }

// Take returns the next n bytes, which are lent as those of the cursor are; nil if
// there are not so many.
func (c *Cursor) Take(n int) []byte {
	if n < 0 || n > len(c.B) {
		c.Fail()
		return nil
	}
	b := c.B[:n:n]
	c.B = c.B[n:]
	return b
}

// Uint8 returns the next byte.
func (c *Cursor) Uint8() uint8 {
	if b := c.Take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint16 returns the number in the next two bytes.
func (c *Cursor) Uint16() uint16 {
	if b := c.Take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// Uint32 returns the number in the next four bytes.
func (c *Cursor) Uint32() uint32 {
	if b := c.Take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}
