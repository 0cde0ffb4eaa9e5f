package privilege

import (
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// Capability is one of capabilities(7).
type Capability = cap.Value

// Those that a sensor may go on to need.
const (
	BPF         = cap.BPF
	NetAdmin    = cap.NET_ADMIN
	DACOverride = cap.DAC_OVERRIDE
)

// Drop gives up every capability of the process but those to keep, for good, and
// sets no_new_privs. It returns the capabilities that the process still has.
func Drop(keep ...Capability) (kept []Capability, err error) {
	had, left := cap.GetProc(), cap.NewSet()
	for _, c := range keep {
		if has, err := had.GetFlag(cap.Permitted, c); err == nil && has && !slices.Contains(kept, c) {
			kept = append(kept, c)
		}
	}
	for _, flag := range []cap.Flag{cap.Permitted, cap.Effective} {
		if err := left.SetFlag(flag, true, kept...); err != nil {
			return nil, err
		}
	}
	// The bounding set can be narrowed by CAP_SETPCAP only, which a process with
	// ambient capabilities does not have. With no_new_privs it does not matter.
	if may, err := had.GetFlag(cap.Effective, cap.SETPCAP); err == nil && may {
		for c := cap.Value(0); c < cap.MaxBits(); c++ {
			if err := cap.DropBound(c); err != nil {
				return nil, fmt.Errorf("narrow the bounding set: %w", err)
			}
		}
	}
	if err := cap.ResetAmbient(); err != nil {
		return nil, fmt.Errorf("drop ambient capabilities: %w", err)
	}
	if err := left.SetProc(); err != nil {
		return nil, fmt.Errorf("drop capabilities: %w", err)
	}
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return nil, fmt.Errorf("set no_new_privs: %w", err)
	}
	return kept, nil
}

// Without calls f on a thread whose capabilities have no effect meanwhile, to
// see what still works without them.
func Without(f func() error) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had, none [2]unix.CapUserData
	if err := unix.Capget(&header, &had[0]); err != nil {
		return fmt.Errorf("read the capabilities of a thread: %w", err)
	}
	none = had
	none[0].Effective, none[1].Effective = 0, 0
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("drop the capabilities of a thread: %w", err)
	}
	err = f()
	if back := unix.Capset(&header, &had[0]); back != nil {
		return fmt.Errorf("take the capabilities of a thread back: %w", back)
	}
	return err
}
