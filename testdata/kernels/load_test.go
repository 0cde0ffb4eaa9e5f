//go:build linux

package main

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/rlimit"

	"flowscope/gen"
	"flowscope/internal/testenv"
)

// TestLoad loads every program as root and says how long the verifier took.
func TestLoad(t *testing.T) {
	testenv.NeedRoot(t)
	spec, err := gen.LoadSensor()
	if err != nil {
		t.Fatal(err)
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	for name, p := range spec.Programs {
		if p.Type == ebpf.XDP && features.HaveProgramHelper(ebpf.XDP, asm.FnXdpLoadBytes) != nil {
			t.Logf("%s: this kernel has no bpf_xdp_load_bytes, which came with 5.18", name)
			continue
		}
		one := spec.Copy()
		for n := range one.Programs {
			if n != name {
				delete(one.Programs, n)
			}
		}
		c, err := ebpf.NewCollection(one)
		if err != nil {
			t.Errorf("%s: %+v", name, err)
			continue
		}
		if info, err := c.Programs[name].Info(); err == nil {
			n, _ := info.VerifiedInstructions()
			t.Logf("%s, as root: %d instructions verified", name, n)
		}
		c.Close()
	}
}
