package main

import (
	"os"
	"strings"
	"testing"
)

func Example() {
	_ = show(os.Stdout, "../../testdata/length_prefixed.pcap")
	// Output:
	// -> 6
	// <- 6
	// -> 6
	// <- 6
	// -> 6
	// <- 6
	// -> 6
	// <- 6
	// -> 6
	// <- 700
}

func TestErrors(t *testing.T) {
	var out strings.Builder
	if err := show(&out, "no such capture"); err == nil {
		t.Error("show of a file that is not there = nil")
	}
	if err := show(&out, "../../testdata/cut.pcap"); err == nil {
		t.Error("show of a capture that is cut = nil")
	}
}
