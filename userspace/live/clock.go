//go:build linux && (amd64 || arm64)

package live

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
)

// coarseClock says whether programs may read the time to a tick, 1 or 0.
func coarseClock() uint32 {
	if features.HaveProgramHelper(ebpf.SchedCLS, asm.FnKtimeGetCoarseNs) == nil {
		return 1
	}
	return 0
}
