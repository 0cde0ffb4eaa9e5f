//go:build !linux

package replay

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
)

// mapping is for Linux; elsewhere files are read in blocks.
type mapping struct {
	data   []byte
	full   error
	done   *atomic.Int64
	behind int64
}

func mapFile(*os.File, int64) (*mapping, error) { return nil, errors.ErrUnsupported }

func (m *mapping) more(*window, int)         {}
func (m *mapping) fault(any) (int64, bool)   { return 0, false }
func (m *mapping) currentSize() int64        { return 0 }
func (m *mapping) unmap()                    {}
func (m *mapping) forget()                   {}
func (m *mapping) revoke(*Source)            {}
func isTerminal(*os.File) bool               { return false }
func duplicate(f *os.File) (*os.File, error) { return f, nil }

var errTruncated = errors.New("the file was truncated while it was read")

func openWaiting(in *input) (io.ReadCloser, error) {
	if in.stdin {
		return os.Stdin, nil
	}
	return os.Open(in.name)
}
