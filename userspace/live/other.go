//go:build !linux || !(amd64 || arm64)

package live

import (
	"fmt"
	"runtime"

	"flowscope/sensor"
	"flowscope/userspace/internal/frame"
)

// Source hands out what the kernel counts and forwards. This build has none.
type Source struct{}

var (
	_ sensor.Source     = (*Source)(nil)
	_ sensor.Bypasser   = (*Source)(nil)
	_ sensor.Accountant = (*Source)(nil)
)

var errPlatform = fmt.Errorf("live capture on %s/%s: %w", runtime.GOOS, runtime.GOARCH, ErrUnsupported)

// Open returns an error.
func Open(o Options) (*Source, error) {
	if _, err := o.withDefaults(); err != nil {
		return nil, err
	}
	return nil, errPlatform
}

// Read returns an error.
func (*Source) Read(*sensor.Record) error { return errPlatform }

// Stop does nothing.
func (*Source) Stop() {}

// Close does nothing.
func (*Source) Close() error { return nil }

// Bypass does nothing.
func (*Source) Bypass(sensor.Key) error { return nil }

// Budget returns 0.
func (*Source) Budget() int64 { return 0 }

// More does nothing.
func (*Source) More(sensor.Key, uint8, uint32) error { return nil }

// Skip does nothing.
func (*Source) Skip(sensor.Key, uint8, uint32) error { return nil }

// Locate returns nothing.
func (*Source) Locate(uint16) []string { return nil }

// Account adds nothing.
func (*Source) Account(*sensor.Ledger) {}

// Hooks returns none.
func (*Source) Hooks() []Hook { return nil }

// Interfaces returns none.
func (*Source) Interfaces() []Interface { return nil }

// Works returns an error.
func (*Source) Works() error { return errPlatform }

// Needs returns nothing.
func (*Source) Needs() (bpf, netAdmin bool) { return false, false }

// Through makes records of the frames of a capture by sending them through the
// kernel half. This build has none.
type Through struct{}

// OpenThrough returns an error.
func OpenThrough(Options) (*Through, error) { return nil, errPlatform }

// Check returns an error.
func (*Through) Check(frame.LinkType) error { return errPlatform }

// Take returns an error.
func (*Through) Take(*frame.Frame) (bool, error) { return false, errPlatform }

// Next returns false.
func (*Through) Next(*sensor.Record) bool { return false }

// Finish does nothing.
func (*Through) Finish() error { return nil }

// Account adds nothing.
func (*Through) Account(*sensor.Ledger) {}

// Frames returns none.
func (*Through) Frames() (kernel, other uint64) { return 0, 0 }

// Close does nothing.
func (*Through) Close() error { return nil }

// VerifierLog returns nothing.
func VerifierLog(error) string { return "" }

// TryLoad returns an error.
func TryLoad() error { return ErrUnsupported }
