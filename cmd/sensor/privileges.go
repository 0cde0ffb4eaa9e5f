package main

import (
	"errors"
	"log/slog"
	"os"

	"flowscope/userspace/live"
	"flowscope/userspace/privilege"
)

// dropPrivileges gives up what the sensor may do beyond reading what it has
// opened. It asks the kernel what works without: reading the maps, and making
// files for streams. A sensor that cannot drop goes on, and says so.
func dropPrivileges(log *slog.Logger, src *live.Source, specs []spec) {
	var keep []privilege.Capability
	bpf, netAdmin := src.Needs()
	if bpf || errors.Is(privilege.Without(src.Works), os.ErrPermission) {
		keep = append(keep, privilege.BPF)
	}
	if netAdmin {
		keep = append(keep, privilege.NetAdmin)
	}
	for _, s := range specs {
		if s.kind == "streams" && errors.Is(privilege.Without(func() error { return writable(s.target) }), os.ErrPermission) {
			keep = append(keep, privilege.DACOverride)
		}
	}
	kept, err := privilege.Drop(keep...)
	if err != nil {
		log.Warn("the capabilities of this process could not be dropped", "error", err)
		return
	}
	names := []string{}
	for _, c := range kept {
		names = append(names, c.String())
	}
	log.Debug("capabilities dropped", "kept", names)
}

// writable reports whether files can be made in dir.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
