package main

import (
	"errors"
	"fmt"
)

// The exit codes, as in docs/cli.md.
const (
	exitOK      = 0
	exitRuntime = 1 // something failed; what was seen before is flushed
	exitUsage   = 2 // wrong flags, arguments or filter; nothing was read
	exitPartial = 3 // the input was damaged or cut; what was readable is complete
	exitLoss    = 4 // more payload was lost than --fail-on-loss allows
)

// exitCodes is the table of help and docs.
const exitCodes = `Exit codes:
  0  all input was read and written, or who read standard output left first
  1  something failed, or the run was interrupted; what was seen until then is written
  2  wrong usage: flags, arguments, or a filter that cannot be compiled; nothing was read
  3  part of the input could not be read; what could is written
  4  more payload was lost than --fail-on-loss allows
`

// failure is an error with an exit code. Errors that are none come from cobra
// and are about usage.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(code int, err error) error {
	if err == nil {
		return nil
	}
	return &failure{code, err}
}

// usagef is an error about how the command was called.
func usagef(format string, args ...any) error { return fail(exitUsage, fmt.Errorf(format, args...)) }

// exitCode returns the code that the process ends with after err.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if f := (*failure)(nil); errors.As(err, &f) {
		return f.code
	}
	return exitUsage
}
