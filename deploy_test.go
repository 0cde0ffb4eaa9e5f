package flowscope_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"flowscope/internal/testenv"
)

// TestUnit has systemd read the unit, and rate what it may still do.
func TestUnit(t *testing.T) {
	analyze := testenv.Need(t, "systemd-analyze")
	b, err := os.ReadFile("deploy/flowscope.service")
	if err != nil {
		t.Fatal(err)
	}
	// verify wants the program to be there.
	text := strings.Replace(string(b), "/usr/bin/sensor", "/bin/true", 1)
	unit := filepath.Join(t.TempDir(), "flowscope.service")
	if err := os.WriteFile(unit, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", unit).CombinedOutput()
	m := regexp.MustCompile(`exposure level for flowscope.service: ([\d.]+)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("security: %v\n%s", err, out)
	}
	if level, err := strconv.ParseFloat(string(m[1]), 64); err != nil || level > 3.0 {
		t.Errorf("exposure %s, want 3.0 or less", m[1])
	}
}
