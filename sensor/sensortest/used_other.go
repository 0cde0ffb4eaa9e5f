//go:build !unix

package sensortest

import "time"

// used returns the time, for want of that which processors spent.
func used() time.Duration { return time.Since(begin) }
