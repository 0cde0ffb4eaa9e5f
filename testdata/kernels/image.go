//go:build linux

package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// archive writes a compressed cpio archive, of which the kernel makes its first
// file system. Several in a row are one.
type archive struct {
	file *os.File
	zip  *gzip.Writer
	dirs map[string]bool
	n    int
	err  error
}

func newArchive(path string) (*archive, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	zip, _ := gzip.NewWriterLevel(f, gzip.BestSpeed)
	return &archive{file: f, zip: zip, dirs: map[string]bool{"": true}}, nil
}

func (a *archive) close() error {
	a.entry("TRAILER!!!", 0, nil)
	return errors.Join(a.err, a.zip.Close(), a.file.Close())
}

// add adds a file, and the directories above it.
func (a *archive) add(path string, mode uint32, data []byte) {
	path = strings.TrimPrefix(path, "/")
	a.mkdir(filepath.Dir(path))
	a.entry(path, 0o100000|mode, data)
}

func (a *archive) mkdir(path string) {
	path = strings.Trim(path, "/.")
	if a.dirs[path] {
		return
	}
	a.dirs[path] = true
	a.mkdir(filepath.Dir(path))
	a.entry(path, 0o040755, nil)
}

// entry writes a header and what follows it: the format "newc" of the kernel's
// driver-api/early-userspace/buffer-format.
func (a *archive) entry(path string, mode uint32, data []byte) {
	if a.err != nil {
		return
	}
	a.n++
	head := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.n, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path)+1, 0, path)
	pad := func(n int) string { return "\x00\x00\x00"[:-n&3] }
	_, a.err = io.WriteString(a.zip, head+pad(len(head)))
	if a.err == nil {
		_, a.err = a.zip.Write(append(data, pad(len(data))...))
	}
}

// addFile adds a file of the machine.
func (a *archive) addFile(path, from string, mode uint32) {
	b, err := os.ReadFile(from)
	if err != nil {
		a.err = errors.Join(a.err, err)
		return
	}
	a.add(path, mode, b)
}

// data is what the tests read.
var data = []string{"testdata/*.pcap*", "userspace/internal/filter/testdata/*.txt"}

// writeBase writes what is the same for all kernels: this program as the first,
// the tests, the captures that they read, and the tools that they call.
func writeBase(path, root, work string, jobs []job) error {
	a, err := newArchive(path)
	if err != nil {
		return err
	}
	init := filepath.Join(work, "init")
	if err := build(root, "build", "-o", init, "./testdata/kernels"); err != nil {
		return err
	}
	a.addFile("init", init, 0o755)
	for _, j := range jobs {
		test := filepath.Join(work, "test")
		if err := build(root, "test", "-c", "-o", test, "./"+j.Package); err != nil {
			return err
		}
		a.addFile("src/"+j.Package+"/this.test", test, 0o755)
	}
	a.addFile("src/go.mod", filepath.Join(root, "go.mod"), 0o644)
	for _, pattern := range data {
		files, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, f := range files {
			a.addFile(filepath.Join("src", filepath.Dir(pattern), filepath.Base(f)), f, 0o644)
		}
	}
	a.add("etc/hostname", 0o644, []byte("kernels\n"))
	a.add("etc/passwd", 0o644, []byte("root:x:0:0:root:/tmp:/bin/false\n"))
	a.add("etc/group", 0o644, []byte("root:x:0:\n"))
	for _, name := range []string{"ip", "ls", "tc", "bridge", "ethtool", "sysctl", "tcpdump"} {
		a.addTool(name)
	}
	return a.close()
}

func build(root string, args ...string) error {
	cmd := exec.Command("go", append([]string{args[0], "-trimpath", "-ldflags=-s -w"}, args[1:]...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// addTool adds a program of the machine with its libraries. Tests skip, and say
// so, where it has none, or is of another kind than the kernels.
func (a *archive) addTool(name string) {
	path, err := exec.LookPath(name)
	if err != nil {
		fmt.Printf("%s is not here: what needs it is skipped\n", name)
		return
	}
	out, err := exec.Command("ldd", path).Output()
	if err != nil || !strings.Contains(string(out), "ld-linux-x86-64") {
		fmt.Printf("%s is not for amd64: what needs it is skipped\n", name)
		return
	}
	a.addFile("usr/bin/"+name, path, 0o755)
	for _, f := range strings.Fields(string(out)) {
		if strings.HasPrefix(f, "/") && !a.dirs[f] {
			a.dirs[f] = true
			a.addFile(f, f, 0o755)
		}
	}
}

// writeInitrd writes the archive for one kernel: base, its modules and the jobs.
func writeInitrd(path, base string, k *kernel, jobs []job) error {
	a, err := newArchive(path)
	if err != nil {
		return err
	}
	in, err := os.Open(base)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := io.Copy(a.file, in); err != nil {
		return err
	}
	for i, m := range k.modules {
		a.addFile(fmt.Sprintf("modules/%02d-%s", i, filepath.Base(m)), m, 0o644)
	}
	env := slices.DeleteFunc(os.Environ(), func(s string) bool { return !strings.HasPrefix(s, "FLOWSCOPE_") })
	plan, err := json.Marshal(plan{Jobs: jobs, Env: env})
	if err != nil {
		return err
	}
	a.add("plan.json", 0o644, plan)
	return a.close()
}

// plan is what process 1 is told.
type plan struct {
	Jobs []job
	Env  []string
}
