//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"unsafe"
)

// What process 1 says to the one that reads the tests' line.
const (
	saysExit = "kernels: exit "
	saysDone = "kernels: done"
)

// first is process 1: it makes the machine usable, runs the jobs, and ends it.
func first() {
	out := io.Writer(os.Stderr)
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintln(os.Stderr, "init:", p)
		}
		syscall.Sync()
		_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART)
	}()
	for _, m := range []struct{ kind, at string }{
		{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", "/tmp"}, {"tmpfs", "/run"},
		{"bpf", "/sys/fs/bpf"}, {"tracefs", "/sys/kernel/tracing"}, {"cgroup2", "/sys/fs/cgroup"},
	} {
		_ = os.MkdirAll(m.at, 0o755)
		if err := syscall.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			fmt.Fprintf(os.Stderr, "init: mount %s: %v\n", m.at, err)
		}
	}
	if line, err := os.OpenFile("/dev/ttyS1", os.O_WRONLY|syscall.O_NOCTTY, 0); err == nil {
		out = line
		defer line.Close()
	}
	insert()
	var p plan
	b, err := os.ReadFile("/plan.json")
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		panic(err)
	}
	os.Clearenv()
	_ = os.Setenv("PATH", "/usr/bin")
	_ = exec.Command("ip", "link", "set", "lo", "up").Run()
	for _, j := range p.Jobs {
		dir := filepath.Join("/src", j.Package)
		cmd := exec.Command("./this.test", j.Args...)
		cmd.Dir = dir
		// Go's own signals end a run of a program in the kernel, which is then
		// done again, and counts more than the test asked for.
		cmd.Env = append(p.Env, "PATH=/usr/bin", "HOME=/tmp", "TMPDIR=/tmp", "GODEBUG=asyncpreemptoff=1")
		cmd.Stdout, cmd.Stderr = out, out
		fmt.Fprintf(out, "kernels: %s\n", j.Package)
		err := cmd.Run()
		fmt.Fprintf(out, "%s%v\n", saysExit, err)
	}
	fmt.Fprintln(out, saysDone)
}

// insert puts the modules into the kernel.
func insert() {
	modules, _ := filepath.Glob("/modules/*.ko")
	for _, m := range modules {
		b, err := os.ReadFile(m)
		if err != nil || len(b) == 0 {
			continue
		}
		none := [1]byte{}
		_, _, errno := syscall.Syscall(syscall.SYS_INIT_MODULE, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(unsafe.Pointer(&none[0])))
		if errno != 0 && errno != syscall.EEXIST {
			fmt.Fprintf(os.Stderr, "init: %s: %v\n", m, errno)
		}
	}
}
