package redis

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// TestAgainstOthers holds what Zeek and tshark say of a capture: three PINGs and
// three PONGs.
func TestAgainstOthers(t *testing.T) {
	path := filepath.Join(testenv.Corpus(t, "app"), "zeek_pipelining-example.pcap")
	want := slices.Concat(slices.Repeat([]string{"command PING"}, 3), slices.Repeat([]string{"reply simple"}, 3))
	var got []string
	src, err := replay.Open(replay.Options{}, path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for ev, err := range engine.Events(src, Protocol()) {
		if err != nil {
			t.Fatal(err)
		}
		switch m := ev.Msg.(type) {
		case *Command:
			got = append(got, "command "+string(m.Name))
		case *Reply:
			got = append(got, "reply "+m.Type)
			if string(m.Name) != "PING" || m.Pairing != "" {
				t.Errorf("a reply to %s %s", m.Name, m.Pairing)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-zeek +parser):\n%s", diff)
	}
}
