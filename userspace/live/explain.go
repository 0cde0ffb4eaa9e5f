//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/cilium/ebpf"
)

const (
	errInvalid  = syscall.EINVAL
	errNotThere = syscall.EOPNOTSUPP
)

// explain makes an error of load or attach one that says what to do.
func explain(what string, err error) error {
	remedy := ""
	var rejected *ebpf.VerifierError
	switch {
	case errors.Is(err, ebpf.ErrNotSupported):
		return fmt.Errorf("%s: the kernel cannot do this; TCX needs Linux 6.6: use --hook auto: %w: %w", what, ErrUnsupported, err)
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES) && !errors.As(err, &rejected):
		remedy = "run as root, or give the program CAP_BPF and CAP_NET_ADMIN"
	case errors.As(err, &rejected) && strings.Contains(err.Error(), "pointer comparison prohibited"):
		remedy = "before Linux 6.1 a program that looks into packets needs CAP_PERFMON, too"
	case errors.As(err, &rejected):
		remedy = "the kernel's verifier refuses the program, which is a bug: please report it with what -v says"
	case errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.E2BIG):
		remedy = "watch fewer flows (--kernel-flows), or use smaller rings"
	case errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO):
		remedy = "the interface is gone"
	case errors.Is(err, syscall.ERANGE), errors.Is(err, syscall.ENOSPC):
		remedy = "there are as many programs at the hook as the kernel allows: detach one (bpftool net)"
	}
	if remedy == "" {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w: %s", what, err, remedy)
}

// explainXDP is explain for XDP, of which there is one on an interface.
func explainXDP(name string, mode XDPMode, err error) error {
	what, remedy := fmt.Sprintf("attach xdp (%s) to %s", XDPModes[mode], name), ""
	switch {
	case errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.EEXIST):
		remedy = "another XDP program is there, and stays: use --hook auto, or detach it (ip link set " + name + " xdp off)"
	case errors.Is(err, errNotThere):
		remedy = "its driver has no XDP of its own: use --xdp-mode generic"
	case errors.Is(err, errInvalid), errors.Is(err, syscall.ERANGE):
		remedy = "its driver refuses XDP as the interface is set up (MTU, LRO, number of queues): use --xdp-mode generic or --hook auto"
	default:
		return explain(what, err)
	}
	return fmt.Errorf("%s: %w: %s", what, err, remedy)
}

// VerifierLog returns what the kernel's verifier said in full, if err is that it
// refused a program.
func VerifierLog(err error) string {
	var rejected *ebpf.VerifierError
	if !errors.As(err, &rejected) {
		return ""
	}
	return strings.Join(rejected.Log, "\n")
}
