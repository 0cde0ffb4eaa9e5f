package wire

import (
	"bytes"
	"testing"
)

func TestCursor(t *testing.T) {
	c := Cursor{B: []byte{1, 2, 3, 4, 5, 6, 7, 8, 9}}
	if a, b, d, e := c.Uint8(), c.Uint16(), c.Uint32(), c.Take(1); a != 1 || b != 0x203 || d != 0x4050607 || !bytes.Equal(e, []byte{8}) || cap(e) != 1 || c.Bad {
		t.Errorf("%d %x %x %x, capacity %d, bad %v", a, b, d, e, cap(e), c.Bad)
	}
	if got := c.Uint16(); got != 0 || !c.Bad || c.Uint8() != 0 || c.Take(0) != nil {
		t.Errorf("%d of a byte; bad is %v", got, c.Bad)
	}
	for _, n := range []int{-1, 3, 1 << 62} {
		if c := (Cursor{B: []byte{1, 2}}); c.Take(n) != nil || !c.Bad || c.B != nil {
			t.Errorf("Take(%d) of two bytes: bad is %v", n, c.Bad)
		}
	}
}
