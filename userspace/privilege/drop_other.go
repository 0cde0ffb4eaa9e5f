//go:build !linux

package privilege

import "errors"

// Capability is one of Linux.
type Capability int

// Those that a sensor may go on to need.
const (
	BPF Capability = iota
	NetAdmin
	DACOverride
)

func (Capability) String() string { return "" }

// Drop returns an error: there is nothing to drop here.
func Drop(...Capability) ([]Capability, error) {
	return nil, errors.New("capabilities are of Linux")
}

// Without calls f.
func Without(f func() error) error { return f() }
