//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// wanted are the modules that tests need; one that a kernel does not have is
// built in, or its tests skip.
var wanted = []string{"veth", "sch_ingress", "cls_bpf", "af_packet", "dummy", "tun", "8021q", "bridge", "ifb", "sch_clsact"}

// keep takes the image and the wanted modules out of unpacked packages. The
// packages have no list of dependencies: what installs them makes it. So it is
// read from the modules themselves.
func keep(tree, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	var image string
	modules := map[string]string{}
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil || d.IsDir():
		case strings.HasPrefix(name, "vmlinuz"):
			image = path
		case strings.Contains(name, ".ko"):
			name, _, _ = strings.Cut(name, ".ko")
			modules[strings.ReplaceAll(name, "-", "_")] = path
		}
		return err
	})
	if err != nil {
		return err
	}
	if image == "" {
		return errors.New("no image in the packages")
	}
	if err := os.Rename(image, filepath.Join(to, "vmlinuz")); err != nil {
		return err
	}
	var order []string
	taken := map[string]bool{}
	var take func(name string) error
	take = func(name string) error {
		path := modules[name]
		if path == "" || taken[name] {
			return nil
		}
		taken[name] = true
		b, err := readModule(path)
		if err != nil {
			return err
		}
		for _, d := range depends(b) {
			if err := take(d); err != nil {
				return err
			}
		}
		order = append(order, name+".ko")
		return os.WriteFile(filepath.Join(to, name+".ko"), b, 0o644)
	}
	for _, name := range wanted {
		if err := take(name); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(to, "order"), []byte(strings.Join(order, "\n")+"\n"), 0o644)
}

func readModule(path string) ([]byte, error) {
	var unpack string
	switch filepath.Ext(path) {
	case ".xz":
		unpack = "xz"
	case ".zst":
		unpack = "zstd"
	default:
		return os.ReadFile(path)
	}
	b, err := exec.Command(unpack, "-dc", path).Output()
	if err != nil {
		return nil, fmt.Errorf("%s -dc %s: %w", unpack, filepath.Base(path), err)
	}
	return b, nil
}

// depends returns what a module says of the modules it needs.
func depends(b []byte) []string {
	_, list, ok := bytes.Cut(b, []byte("\x00depends="))
	if !ok {
		return nil
	}
	list, _, _ = bytes.Cut(list, []byte{0})
	return strings.FieldsFunc(strings.ReplaceAll(string(list), "-", "_"), func(r rune) bool { return r == ',' })
}
