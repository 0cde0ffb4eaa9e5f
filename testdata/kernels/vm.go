//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// The verifier of 6.16 to 6.19 warns of a fault of its own, once, when it follows
// a program of someone without CAP_PERFMON: the copy of a pointer to which a
// variable was added, on a path that a processor might speculate into.
var (
	faulty       = regexp.MustCompile(`^6\.1[6-9]\.`)
	knownWarning = regexp.MustCompile(`WARNING: .* at kernel/bpf/verifier.c:\d+ reg_bounds_sanity_check\+`)
)

// boot starts a kernel, waits until it has ended, and fills r.
func boot(o *options, k *kernel, base, work string, jobs []job, r *result) error {
	initrd := filepath.Join(work, "initrd")
	if err := writeInitrd(initrd, base, k, jobs); err != nil {
		return err
	}
	console, tests := filepath.Join(work, "console"), filepath.Join(work, "tests")
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	// No console is a terminal, so nothing reads our standard input. What the
	// kernel prints and what tests print go to lines of their own.
	panics := "1"
	if faulty.MatchString(k.release) {
		panics = "0" // then warned looks for others
	}
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64",
		"-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", strconv.Itoa(o.memory),
		"-nodefaults", "-display", "none", "-no-reboot",
		"-serial", "file:"+console, "-serial", "file:"+tests,
		"-kernel", k.image, "-initrd", initrd,
		// A warning of the kernel ends the run.
		"-append", "console=ttyS0 panic=-1 panic_on_warn="+panics+" oops=panic quiet loglevel=5 tsc=reliable random.trust_cpu=on")
	out, err := cmd.CombinedOutput()
	r.console, _ = os.ReadFile(console)
	r.output, _ = os.ReadFile(tests)
	r.read()
	r.warned()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("not done after %v", o.timeout)
	case err != nil:
		return fmt.Errorf("qemu: %w: %s", err, lastLines(out, 3))
	case !r.done:
		return errors.New("the kernel ended before the tests did")
	}
	return nil
}
