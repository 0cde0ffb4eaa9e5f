package sensortest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"flowscope/sensor"
)

// Files is [Test.Files] with nothing but a protocol.
func Files(t *testing.T, pattern string, p sensor.Protocol) {
	t.Helper()
	Test{Protocol: p}.Files(t, pattern)
}

// Files runs a subtest for each transcript whose path matches pattern (see
// [filepath.Match]): Stream or Datagram, by the Protocol's Transport. There must
// be one at least, and each must say what it wants. With SENSORTEST_UPDATE=1 in
// the environment, each is first written anew with what came.
func (c Test) Files(t *testing.T, pattern string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts match %s (%v)", pattern, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if os.Getenv("SENSORTEST_UPDATE") == "1" {
				c.update(t, path)
			}
			tr := Load(t, path)
			if tr.Want == nil {
				t.Fatalf("%s wants nothing: add lines with =, or run with SENSORTEST_UPDATE=1", path)
			}
			if c.Protocol.Transport == sensor.ProtoTCP {
				c.Stream(t, tr)
			} else {
				c.Datagram(t, tr)
			}
		})
	}
}

func (c Test) update(t *testing.T, path string) {
	t.Helper()
	tr := Load(t, path)
	p := c.run(opsOf(tr))
	if p.fault != "" {
		t.Fatalf("%s: %s", path, p.fault)
	}
	text := tr.updated(p.lines)
	if bytes.Equal(text, tr.text) {
		return
	}
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
}
