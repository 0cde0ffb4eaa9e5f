//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/cilium/ebpf"
)

// explain makes an error of load or attach one that says what to do.
func explain(what string, err error) error {
	remedy := ""
	switch {
	case errors.Is(err, ebpf.ErrNotSupported):
		return fmt.Errorf("%s: the kernel cannot do this; TCX needs Linux 6.6: %w: %w", what, ErrUnsupported, err)
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		remedy = "run as root, or give the program CAP_BPF and CAP_NET_ADMIN"
	case errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.E2BIG):
		remedy = "watch fewer flows, or use smaller rings"
	case errors.Is(err, syscall.ENODEV):
		remedy = "the interface is gone"
	}
	if remedy == "" {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w: %s", what, err, remedy)
}
