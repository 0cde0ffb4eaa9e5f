package filter

import (
	"fmt"
	"strconv"
)

// Error is the reason why an expression was not compiled.
type Error struct {
	Offset int    // of the token in Expr, in bytes; len(Expr) if the end came too early
	Expr   string // the whole expression
	Msg    string // what is wrong and what is supported
}

// Error returns one line with the position, a piece of the expression from
// there, and the message.
func (e *Error) Error() string {
	const width = 24
	rest := e.Expr[min(e.Offset, len(e.Expr)):]
	if rest == "" {
		return fmt.Sprintf("filter, at the end: %s", e.Msg)
	}
	if len(rest) > width {
		rest = rest[:width] + "..."
	}
	return fmt.Sprintf("filter, at byte %d (%s): %s", e.Offset, strconv.Quote(rest), e.Msg)
}

// fail ends the compilation. Compile recovers what it panics with; nothing else
// is recovered.
func (c *compiler) fail(off int, format string, args ...any) {
	panic(&Error{Offset: off, Expr: c.expr, Msg: fmt.Sprintf(format, args...)})
}
