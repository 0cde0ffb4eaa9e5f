package replay

import (
	"errors"

	"flowscope/userspace/internal/frame"
)

// filters compiles the capture filter once for each link type that comes.
type filters struct{ expr string }

func (fs *filters) check() error {
	if fs.expr != "" {
		return errors.New("capture filters are not there yet")
	}
	return nil
}

func (fs *filters) match(f *frame.Frame) (bool, error) { return true, nil }
