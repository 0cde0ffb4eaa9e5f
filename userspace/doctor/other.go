//go:build !linux

package doctor

import "runtime"

// Options says what to look at.
type Options struct {
	Interfaces []string
	Memory     uint64
	Load       func() error
}

// Run says that there is nothing to look at.
func Run(Options) []Check {
	return []Check{{
		Name: "system", Status: Fail, Found: runtime.GOOS,
		Remedy: "sensor run needs Linux; sensor replay works here",
	}}
}
