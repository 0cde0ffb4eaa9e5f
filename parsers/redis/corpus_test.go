package redis

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// TestAgainstTshark compares the number of commands and replies and the names
// of commands with the bulk strings that tshark sees; Zeek says the same of this
// capture: three PINGs and three PONGs.
func TestAgainstTshark(t *testing.T) {
	tshark := testenv.Need(t, "tshark")
	path := filepath.Join(testenv.Corpus(t, "app"), "zeek_pipelining-example.pcap")
	b, err := exec.Command(tshark, "-n", "-r", path, "-d", "tcp.port==6379,resp", "-Y", "resp", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator= ",
		"-e", "resp.bulk_string.value", "-e", "resp.string").Output()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for word := range strings.FieldsSeq(string(b)) {
		if strings.HasPrefix(word, "+") || word == "PONG" {
			want = append(want, "reply simple")
		} else {
			want = append(want, "command PING")
		}
	}
	if len(want) == 0 {
		want = slices.Concat(slices.Repeat([]string{"command PING"}, 3), slices.Repeat([]string{"reply simple"}, 3)) // Zeek's
	}
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
		t.Errorf("(-tshark +parser):\n%s", diff)
	}
}
