//go:build linux

package doctor

import (
	"errors"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// feature is something that the kernel can do or not.
type feature struct {
	name     string
	since    string // the first release that has it
	optional string // what is done without it; empty: nothing goes without
	err      error
}

var errNotThere = errors.New("not there")

// kernelFeatures asks the kernel, by trying.
func kernelFeatures() []feature {
	return []feature{
		{"tc programs", "4.1", "", asked(features.HaveProgramType(ebpf.SchedCLS))},
		{"xdp programs", "4.8", "--hook xdp does not work", asked(features.HaveProgramType(ebpf.XDP))},
		{"ring buffers", "5.8", "", asked(features.HaveMapType(ebpf.RingBuf))},
		{"maps of maps", "4.12", "", asked(features.HaveMapType(ebpf.ArrayOfMaps))},
		{"tcx", "6.6", "programs are attached through clsact, which needs the module sch_ingress", tcx()},
	}
}

// asked makes the answer of package features one of ours.
func asked(err error) error {
	if errors.Is(err, ebpf.ErrNotSupported) {
		return errNotThere
	}
	return err
}

// tcx asks for the programs of an interface that cannot be: a kernel that knows
// the question says that there is no such device.
func tcx() error {
	_, err := link.QueryPrograms(link.QueryOptions{Target: 1<<31 - 1, Attach: ebpf.AttachTCXIngress})
	switch {
	case err == nil, errors.Is(err, unix.ENODEV):
		return nil
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.EINVAL):
		return errNotThere
	}
	return err
}
