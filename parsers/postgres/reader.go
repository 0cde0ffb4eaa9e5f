package postgres

import (
	"bytes"

	"flowscope/parsers/internal/wire"
)

// reader is a cursor over a message.
type reader struct{ wire.Cursor }

// text returns what stands before the next NUL.
func (r *reader) text() []byte {
	i := bytes.IndexByte(r.B, 0)
	if i < 0 {
		r.Fail()
		return nil
	}
	b := r.B[:i]
	r.B = r.B[i+1:]
	return b
}

// rest returns what is left, without the NUL at its end.
func (r *reader) rest() []byte {
	b := r.B
	r.B = nil
	if n := len(b); n > 0 && b[n-1] == 0 {
		b = b[:n-1]
	}
	return b
}
