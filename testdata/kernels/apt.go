//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// apt is a package manager of its own beside that of the machine: it knows other
// suites, and installs nothing.
type apt struct {
	dir   string
	names []string // of packages with kernels
}

// Debian's public mirrors, for a machine that has none in its own sources.
const (
	publicMirror   = "http://deb.debian.org/debian"
	publicSecurity = "http://security.debian.org/debian-security"
	keyring        = "/usr/share/keyrings/debian-archive-keyring.gpg"
)

var (
	suites   = []string{"bullseye", "bookworm", "bookworm-backports", "trixie", "trixie-backports"}
	security = []string{"bullseye-security", "bookworm-security", "trixie-security"}
)

// openApt prepares the directory and brings the lists up to date, once a day. A
// mirror that cannot be reached is no error: what is there may be enough.
func openApt(dir string) (*apt, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	a := &apt{dir: dir}
	for _, d := range []string{"apt/state/lists/partial", "apt/cache/archives/partial", "kernels"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	if err := a.configure(); err != nil {
		return nil, err
	}
	stamp := filepath.Join(dir, "apt/updated")
	if info, err := os.Stat(stamp); err != nil || time.Since(info.ModTime()) > 24*time.Hour {
		if out, err := a.command("apt-get", "-q", "update").CombinedOutput(); err != nil {
			fmt.Printf("apt-get update: %v: %s\n", err, lastLines(out, 3))
		} else if err := os.WriteFile(stamp, nil, 0o644); err != nil {
			return nil, err
		}
	}
	out, err := a.command("apt-cache", "pkgnames", "linux-").Output()
	if err != nil {
		fmt.Println("apt-cache pkgnames:", err)
	}
	a.names = strings.Fields(string(out))
	return a, nil
}

// configure writes the configuration and the sources: the machine's mirrors, but
// all suites.
func (a *apt) configure() error {
	mirror, sec := publicMirror, publicSecurity
	out, _ := exec.Command("apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(CODENAME)", "Created-By: Packages").Output()
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		switch {
		case len(f) != 3 || f[1] != "Debian":
		case strings.HasSuffix(f[2], "-security"):
			sec = f[0]
		case !strings.Contains(f[2], "-"):
			mirror = f[0]
		}
	}
	var list strings.Builder
	for _, s := range suites {
		fmt.Fprintf(&list, "deb [arch=amd64 signed-by=%s] %s %s main\n", keyring, mirror, s)
	}
	for _, s := range security {
		fmt.Fprintf(&list, "deb [arch=amd64 signed-by=%s] %s %s main\n", keyring, sec, s)
	}
	at := func(name string) string { return filepath.Join(a.dir, "apt", name) }
	var conf strings.Builder
	for _, kv := range [][2]string{
		{"Dir::State", at("state")}, {"Dir::State::status", at("status")}, {"Dir::Cache", at("cache")},
		{"Dir::Etc::sourcelist", at("sources.list")}, {"Dir::Etc::sourceparts", "-"},
		{"APT::Architecture", "amd64"}, {"APT::Architectures", "amd64"}, {"Acquire::Languages", "none"},
		{"Acquire::IndexTargets::deb::DEP-11::DefaultEnabled", "false"},
		{"Acquire::Retries", "5"}, {"APT::Sandbox::User", ""},
	} {
		fmt.Fprintf(&conf, "%s %q;\n", kv[0], kv[1])
	}
	return errors.Join(os.WriteFile(at("status"), nil, 0o644), os.WriteFile(at("sources.list"), []byte(list.String()), 0o644),
		os.WriteFile(at("apt.conf"), []byte(conf.String()), 0o644))
}

func (a *apt) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(a.dir, "apt/apt.conf"), "LC_ALL=C")
	return cmd
}

// kernel is an image and the modules that tests need.
type kernel struct {
	release string
	image   string
	modules []string // in the order in which they go in
}

// kernel returns the newest kernel of a series, such as "6.1" or "7", which it
// fetches unless it is there.
func (a *apt) kernel(series string) (*kernel, error) {
	pattern := regexp.MustCompile(`^linux-image-(` + regexp.QuoteMeta(series) + `\.[0-9][^-]*(-[0-9]+)?-cloud-amd64)$`)
	var releases []string
	for _, n := range a.names {
		if m := pattern.FindStringSubmatch(n); m != nil {
			releases = append(releases, m[1])
		}
	}
	slices.SortFunc(releases, func(x, y string) int { return natural(y, x) })
	err := errors.New("no package of the mirror has it")
	for _, release := range releases[:min(len(releases), 3)] {
		var k *kernel
		if k, err = a.unpacked(release); err == nil {
			return k, nil
		}
		if err = a.fetch(release); err == nil {
			return a.unpacked(release)
		}
	}
	// What an earlier run has fetched is better than nothing.
	old, _ := filepath.Glob(filepath.Join(a.dir, "kernels", series+".*", "order"))
	slices.SortFunc(old, func(x, y string) int { return natural(y, x) })
	if len(old) > 0 {
		return a.unpacked(filepath.Base(filepath.Dir(old[0])))
	}
	return nil, err
}

// unpacked returns a kernel that an earlier call has fetched.
func (a *apt) unpacked(release string) (*kernel, error) {
	dir := filepath.Join(a.dir, "kernels", release)
	order, err := os.ReadFile(filepath.Join(dir, "order"))
	if err != nil {
		return nil, err
	}
	k := &kernel{release: release, image: filepath.Join(dir, "vmlinuz")}
	for _, m := range strings.Fields(string(order)) {
		k.modules = append(k.modules, filepath.Join(dir, m))
	}
	return k, nil
}

// fetch downloads a kernel and keeps of it what unpacked returns.
func (a *apt) fetch(release string) error {
	tmp, err := os.MkdirTemp(a.dir, "fetch")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	get := []string{"-q", "download"}
	for _, part := range []string{"image", "binary", "modules"} { // one package until 6.18
		if name := "linux-" + part + "-" + release; slices.Contains(a.names, name) {
			get = append(get, name)
		}
	}
	cmd := a.command("apt-get", get...)
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w: %s", strings.Join(get, " "), err, lastLines(out, 3))
	}
	debs, _ := filepath.Glob(filepath.Join(tmp, "*.deb"))
	tree := filepath.Join(tmp, "tree")
	for _, deb := range debs {
		if out, err := exec.Command("dpkg-deb", "-x", deb, tree).CombinedOutput(); err != nil {
			return fmt.Errorf("dpkg-deb -x %s: %w: %s", filepath.Base(deb), err, lastLines(out, 3))
		}
	}
	kept := filepath.Join(tmp, "kept")
	if err := keep(tree, kept); err != nil {
		return err
	}
	return os.Rename(kept, filepath.Join(a.dir, "kernels", release))
}

// natural compares names by the numbers in them.
func natural(x, y string) int {
	parts := regexp.MustCompile(`[0-9]+|[^0-9]+`)
	a, b := parts.FindAllString(x, -1), parts.FindAllString(y, -1)
	for i := range min(len(a), len(b)) {
		n, errN := strconv.Atoi(a[i])
		m, errM := strconv.Atoi(b[i])
		if errN == nil && errM == nil && n != m {
			return n - m
		}
		if c := strings.Compare(a[i], b[i]); c != 0 && (errN != nil || errM != nil) {
			return c
		}
	}
	return len(a) - len(b)
}

func lastLines(b []byte, n int) string {
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}
