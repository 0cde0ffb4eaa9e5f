//go:build !linux

package privilege

import "errors"

// Capability is one of Linux.
type Capability int

// Those that a sensor may go on to need.
const (
	BPF Capability = iota
	NetAdmin
)

// Drop returns an error: there is nothing to drop here.
func Drop([]Capability, func() error) ([]Capability, error) {
	return nil, errors.New("capabilities are of Linux")
}
