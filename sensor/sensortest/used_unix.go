//go:build unix

package sensortest

import (
	"syscall"
	"time"
)

// used returns the time that processors spent on this process: what others do
// meanwhile does not count.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return time.Since(begin)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
