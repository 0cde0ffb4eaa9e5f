package engine

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// ErrFault is the error of a run whose payload went away while it was read: a
// mapped capture was truncated, or its Source closed too early.
var ErrFault = errors.New("memory of a payload is gone: was the capture truncated while it was read?")

// guard calls f and returns its error. A fault in memory becomes ErrFault
// instead of the end of the program.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case interface {
			runtime.Error
			Addr() uintptr
		}:
			err = fmt.Errorf("%w (at %#x)", ErrFault, fault.Addr())
		default:
			panic(fault)
		}
	}()
	return f()
}
