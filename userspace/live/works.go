//go:build linux && (amd64 || arm64)

package live

import "flowscope/gen"

// Works looks into a map, as reading does all the time. It fails with EPERM
// where the kernel does not let a process without capabilities do that (before
// Linux 5.19, and where root may not).
func (s *Source) Works() error {
	var c gen.Control
	return s.k.control.Lookup(uint32(0), &c)
}
