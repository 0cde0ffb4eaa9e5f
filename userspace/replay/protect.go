package replay

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Protect calls f and returns its error. A fault in memory that f caused by
// touching a Payload of a file that was truncated meanwhile (or of a Source that
// was closed) becomes an error instead of the end of the program.
//
// Read needs no protection. Use it around what a goroutine does with records
// that another one read.
func Protect(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case interface {
			runtime.Error
			Addr() uintptr
		}:
			err = fmt.Errorf("%w (fault at %#x)", errTruncated, fault.Addr())
		default:
			panic(fault)
		}
	}()
	return f()
}
