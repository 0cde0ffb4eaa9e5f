package lengthprefixed_test

import (
	"path/filepath"
	"strings"
	"testing"

	"flowscope/internal/testenv"
	"flowscope/parsers/lengthprefixed"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// TestCapture runs the whole path over the project's captures.
func TestCapture(t *testing.T) {
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"length_prefixed.pcap": "> init-0 < resp-0 > init-1 < resp-1 > init-2 < resp-2 > init-3 < resp-3 > init-4 < " + strings.Repeat("X", 700),
		// Garbage between two records; a length of 4 GiB, behind which nothing is to be found.
		"length_prefixed_bad.pcap": "> good > good again <  > before the lie < the other side goes on",
	}
	for name, want := range tests {
		src, err := replay.Open(replay.Options{}, filepath.Join(root, "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		var got []string
		for said, err := range engine.Messages[*lengthprefixed.Record](src, lengthprefixed.Protocol()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string("><"[said.Side]), string(said.Msg.Body))
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
}
