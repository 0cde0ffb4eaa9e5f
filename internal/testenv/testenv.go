package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// packages names the Debian package of a tool where it is not the tool's name.
var packages = map[string]string{
	"aiosmtpd":        "python3-aiosmtpd",
	"capinfos":        "wireshark-common",
	"chronyd":         "chrony",
	"dig":             "bind9-dnsutils",
	"dnsmasq":         "dnsmasq-base",
	"editcap":         "wireshark-common",
	"ip":              "iproute2",
	"mergecap":        "wireshark-common",
	"mosquitto_pub":   "mosquitto-clients",
	"mosquitto_sub":   "mosquitto-clients",
	"nginx":           "nginx-light",
	"redis-cli":       "redis-tools",
	"ssh":             "openssh-client",
	"ssh-keygen":      "openssh-client",
	"sshd":            "openssh-server",
	"systemd-analyze": "systemd",
	"taskset":         "util-linux",
}

// CI says whether a missing tool is a failure.
func CI() bool { return os.Getenv("FLOWSCOPE_CI") == "1" }

// Need returns the path of a tool. Without it the test is skipped, or fails
// where FLOWSCOPE_CI=1.
func Need(t testing.TB, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		pkg := tool
		if p := packages[tool]; p != "" {
			pkg = p
		}
		Skipf(t, "needs %s: apt-get install %s", tool, pkg)
	}
	return path
}

// NeedRoot skips the test, or fails it where FLOWSCOPE_CI=1, unless it runs as
// root.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Skipf(t, "needs root: make test-root")
	}
}

// Skipf skips the test for a reason that CI must not have: there it fails.
func Skipf(t testing.TB, format string, args ...any) {
	t.Helper()
	if CI() {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Corpus returns the path of a file or folder in the optional corpus of
// captures, ../shared/corpus as seen from the root of the module; without
// elements, that of the corpus itself. If it is absent, the test is skipped,
// in CI too.
func Corpus(t testing.TB, elem ...string) string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	corpus := filepath.Join(filepath.Dir(root), "shared", "corpus")
	path := filepath.Join(append([]string{corpus}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs the optional corpus of captures at ../shared/corpus: %v", err)
	}
	return path
}

// Root returns the folder of the module's go.mod, looking up from the working
// directory, which for a test is that of its package.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", os.ErrNotExist
		}
		dir = parent
	}
}
