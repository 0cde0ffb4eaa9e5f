package replay

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrPartial is what errors.Is finds in an error of Read if some of the input
// was read, but not all of it.
var ErrPartial = errors.New("input is partial")

// FileError says where an input could not be read further, and why.
type FileError struct {
	Path   string // as given to Open, or found in a directory
	Offset int64  // of the first byte not used, after decompression
	Frame  uint64 // packets of this input read before that
	Err    error  // what was expected, and what was found
}

// Error returns path, offset, packets before it, and what is wrong.
func (e *FileError) Error() string {
	return fmt.Sprintf("%s: at offset %d, after %d packets: %v", e.Path, e.Offset, e.Frame, e.Err)
}

// Unwrap returns what is wrong.
func (e *FileError) Unwrap() error { return e.Err }

// formatError says that an input is no capture.
type formatError struct{ what string }

func (e *formatError) Error() string { return "not a capture file: " + e.what }

// cut says that an input ended where more was needed.
type cut struct {
	what       string
	need, have int
	cause      error
}

func (e *cut) Error() string {
	s := fmt.Sprintf("%s: expected %d bytes, found %d", e.what, e.need, e.have)
	if e.cause != io.ErrUnexpectedEOF {
		s += ": " + e.cause.Error()
	}
	return s
}

func (e *cut) Unwrap() error { return e.cause }

// maxErrors is how many damaged inputs are told one by one.
const maxErrors = 100

// damage collects the errors of all inputs.
type damage struct {
	errs []error
	more int // beyond maxErrors
}

func (d *damage) add(err error) {
	if len(d.errs) < maxErrors {
		d.errs = append(d.errs, err)
	} else {
		d.more++
	}
}

// final returns what Read says after the last record: io.EOF if there was no
// damage. partial says that some input was readable.
func (d *damage) final(partial bool) error {
	if len(d.errs) == 0 {
		return io.EOF
	}
	errs := d.errs
	if d.more > 0 {
		errs = append(errs[:len(errs):len(errs)], fmt.Errorf("and %d more", d.more))
	}
	if len(errs) == 1 && !partial {
		return errs[0]
	}
	return &inputError{errs, partial}
}

// inputError is the error of one or more inputs.
type inputError struct {
	errs    []error
	partial bool
}

func (e *inputError) Error() string {
	var b strings.Builder
	for i, err := range e.errs {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(err.Error())
	}
	return b.String()
}

func (e *inputError) Unwrap() []error { return e.errs }

func (e *inputError) Is(target error) bool { return target == ErrPartial && e.partial }
