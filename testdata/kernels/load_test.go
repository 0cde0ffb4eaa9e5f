//go:build linux

package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"flowscope/gen"
	"flowscope/internal/testenv"
)

// TestLoad loads every program, for Ethernet and for raw IP, as root and with
// CAP_BPF and CAP_NET_ADMIN alone, and says how much the verifier looked at.
func TestLoad(t *testing.T) {
	testenv.NeedRoot(t)
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	spec, err := gen.LoadSensor()
	if err != nil {
		t.Fatal(err)
	}
	frags := features.HaveProgramHelper(ebpf.XDP, asm.FnXdpLoadBytes) == nil
	var names []string
	for name, p := range spec.Programs {
		if p.Type == ebpf.XDP && !frags {
			t.Logf("%s: this kernel has no bpf_xdp_load_bytes, which came with 5.18", name)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	compares := comparesPackets(t)
	for _, privileged := range []bool{true, false} {
		for _, name := range names {
			for _, next := range []uint32{1, 6} { // FS_L_ETHERNET, FS_L_IP
				who := "with CAP_BPF"
				if privileged {
					who = "as root"
				}
				what := fmt.Sprintf("%s, %s, frames of kind %d", name, who, next)
				t.Run(what, func(t *testing.T) {
					if !privileged && !compares {
						t.Skip("this kernel lets nobody look into packets without CAP_PERFMON")
					}
					n, err := loadOne(spec, name, next, privileged)
					if err != nil {
						t.Fatal(err)
					}
					t.Logf("%s: %d instructions verified", what, n)
					if n >= 100_000 {
						t.Errorf("%s: %d instructions verified, want less than 100000", what, n)
					}
				})
			}
		}
	}
}

// comparesPackets says whether the kernel lets someone without CAP_PERFMON compare
// a pointer with the end of a packet, as all must who look into it.
func comparesPackets(t *testing.T) bool {
	const data, dataEnd = 76, 80 // of struct __sk_buff
	err := poor(func() error {
		p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "GPL", Instructions: asm.Instructions{
			asm.LoadMem(asm.R2, asm.R1, data, asm.Word),
			asm.LoadMem(asm.R3, asm.R1, dataEnd, asm.Word),
			asm.Mov.Imm(asm.R0, 0),
			asm.JGT.Reg(asm.R2, asm.R3, "out"),
			asm.Mov.Imm(asm.R0, 0),
			asm.Return().WithSymbol("out"),
		}})
		if err == nil {
			p.Close()
		}
		return err
	})
	if err != nil && !errors.Is(err, unix.EACCES) {
		t.Fatal(err)
	}
	return err == nil
}

// poor calls f with two capabilities, in a thread that ends with it.
func poor(f func() error) (err error) {
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread()
		caps := uint64(1)<<unix.CAP_BPF | 1<<unix.CAP_NET_ADMIN
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		data := [2]unix.CapUserData{
			{Effective: uint32(caps), Permitted: uint32(caps)},
			{Effective: uint32(caps >> 32), Permitted: uint32(caps >> 32)},
		}
		if err = unix.Capset(&head, &data[0]); err == nil {
			err = f()
		}
	})
	wg.Wait()
	return err
}

// loadOne loads one program and returns how many instructions were verified, or 0
// if the kernel does not tell.
func loadOne(spec *ebpf.CollectionSpec, name string, next uint32, privileged bool) (n uint32, err error) {
	spec = spec.Copy()
	for other := range spec.Programs {
		if other != name {
			delete(spec.Programs, other)
		}
	}
	if err := spec.Variables["fs_next"].Set(next); err != nil {
		return 0, err
	}
	if features.HaveProgramHelper(ebpf.SchedCLS, asm.FnKtimeGetCoarseNs) != nil { // before 5.11
		if err := spec.Variables["fs_coarse"].Set(uint32(0)); err != nil {
			return 0, err
		}
	}
	load := func() error {
		c, err := ebpf.NewCollection(spec)
		if v := (*ebpf.VerifierError)(nil); errors.As(err, &v) {
			return fmt.Errorf("%w\n%s", err, strings.Join(v.Log[max(0, len(v.Log)-50):], "\n"))
		}
		if err != nil {
			return err
		}
		defer c.Close()
		info, err := c.Programs[name].Info()
		if err == nil {
			n, _ = info.VerifiedInstructions()
		}
		return err
	}
	if privileged {
		return n, load()
	}
	err = poor(load)
	return n, err
}
