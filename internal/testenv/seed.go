package testenv

import (
	"flag"

	_ "pgregory.net/rapid" // defines the flag first
)

// In CI, properties draw the same values each time: a gate that fails on a
// change must fail because of it. New values are for go test by hand and for
// fuzzing.
func init() {
	if !CI() {
		return
	}
	if err := flag.Set("rapid.seed", "20260101"); err != nil {
		panic(err)
	}
}
