package testenv

import (
	"bytes"
	"encoding/csv"
	"os/exec"
	"testing"
)

// Tshark returns what tshark says of the packets of a capture that its display
// filter lets through: a row for each, with those fields; of a field that a
// packet has several times, all values with commas between them. Further options
// of tshark may follow. Without tshark the test is skipped, as by [Need].
func Tshark(t testing.TB, path, filter string, fields []string, options ...string) [][]string {
	t.Helper()
	args := []string{"-n", "-r", path, "-Y", filter, "-T", "fields", "-E", "separator=,", "-E", "quote=d"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	cmd := exec.Command(Need(t, "tshark"), append(args, options...)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	return rows
}
