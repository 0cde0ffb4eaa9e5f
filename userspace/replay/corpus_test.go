package replay

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/internal/frame"
)

// TestCorpus compares packets and bytes of each capture of the optional corpus
// with what capinfos says of it.
func TestCorpus(t *testing.T) {
	manifest := testenv.Corpus(t, "MANIFEST.tsv")
	b, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	var head []string
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "\t")
		if head == nil {
			head = cells
			continue
		}
		row := map[string]string{}
		for i, name := range head {
			row[name] = cells[i]
		}
		t.Run(row["path"], func(t *testing.T) { checkCapture(t, row) })
	}
}

func checkCapture(t *testing.T, row map[string]string) {
	b, err := os.ReadFile(testenv.Corpus(t, row["path"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range ways {
		s, err := way.open(t, Options{}, b)
		if err != nil {
			t.Fatalf("%s: %v", way.name, err)
		}
		packets, wire, captured, err := sum(s)
		if strings.Contains(row["path"], "bug-1450-04") {
			// The seventh packet is said to have more than 256 KiB.
			var fe *FileError
			if !errors.As(err, &fe) || !errors.Is(err, ErrPartial) || fe.Frame != 6 {
				t.Errorf("%s: error %v, want a FileError after 6 packets", way.name, err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", way.name, err)
		}
		for _, c := range []struct {
			column string
			got    uint64
		}{{"packets", packets}, {"wire_bytes", wire}, {"cap_bytes", captured}} {
			if want, _ := strconv.ParseUint(row[c.column], 10, 64); c.got != want {
				t.Errorf("%s: %s = %d, want %d", way.name, c.column, c.got, want)
			}
		}
	}
}

// sum walks over the frames of s without classifying them.
func sum(s *Source) (packets, wire, captured uint64, err error) {
	defer s.Close()
	var f frame.Frame
	for {
		for !s.open {
			if len(s.inputs) == 0 {
				if err = s.damage.final(s.partial); err == io.EOF {
					err = nil
				}
				return packets, wire, captured, err
			}
			s.begin()
		}
		if s.mapped != nil {
			s.win.prefetch()
		}
		switch s.format {
		case pcapFormat:
			err = s.pcap.next(&s.win, &f)
		case pcapngFormat:
			err = s.pcapng.next(&s.win, &f)
		}
		if err != nil {
			_ = s.advance(err)
			continue
		}
		s.frame.Ordinal++
		packets++
		wire += uint64(f.WireLen)
		captured += uint64(len(f.Data))
	}
}

// TestCorpusBooks reads each capture of the corpus to its end and checks the
// books.
func TestCorpusBooks(t *testing.T) {
	root := testenv.Corpus(t)
	for _, area := range []string{"app", "dns", "encap", "evasion", "flow", "frag", "http", "link", "quic", "synth", "tcp", "tls"} {
		s, err := Open(Options{Classify: sensor.Classify{Tunnels: sensor.Both}}, root+"/"+area)
		if err != nil {
			t.Fatal(err)
		}
		records, err := drain(t, s)
		if err != nil && !strings.Contains(err.Error(), "bug-1450-04") {
			t.Error(err)
		}
		if len(records) == 0 {
			t.Errorf("%s: no records", area)
		}
		for _, skipped := range s.Skipped() {
			if strings.HasSuffix(strings.SplitN(skipped, ":", 2)[0], ".pcap") {
				t.Errorf("skipped %s", skipped)
			}
		}
	}
}
