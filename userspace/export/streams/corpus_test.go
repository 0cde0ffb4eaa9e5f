package streams_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"flowscope/internal/testenv"
	"flowscope/userspace/engine"
	"flowscope/userspace/export/streams"
	"flowscope/userspace/replay"
)

// direction is one side of a TCP stream as tshark's follow,tcp,raw shows it.
type direction struct {
	file   string // the name that this package gives to it, without suffix
	sha256 string // its beginning
	length int64
	gap    int64
}

// resetText lists the directions that end in a RST with data. tshark shows that
// data as part of the stream; it is the text of an error for the peer's TCP
// (RFC 9293, 3.5.3), and no application gets it.
var resetText = map[string]string{
	"suri_bug-6244-tcp-rst-with-data_tcp-rst-with-data.pcap": "001.001.001.001.12345-002.002.002.002.08080",
	"rst_data_unacked.pcap":                                  "192.000.002.164.08080-010.098.046.214.32558",
}

// TestStreamsAreThoseOfTshark writes the streams of each capture of the corpus
// and compares those in which nothing is missing with what tshark follows.
func TestStreamsAreThoseOfTshark(t *testing.T) {
	corpus := testenv.Corpus(t)
	lists, err := filepath.Glob(filepath.Join(corpus, "*", "*.tshark.streams.tsv"))
	if err != nil || len(lists) == 0 {
		t.Fatalf("no lists of streams in %s: %v", corpus, err)
	}
	same, all := 0, 0
	for _, list := range lists {
		capture := strings.TrimSuffix(list, ".tshark.streams.tsv")
		name, _ := filepath.Rel(corpus, capture)
		t.Run(name, func(t *testing.T) {
			want := readList(t, list)
			dir := filepath.Join(t.TempDir(), "out")
			writeStreams(t, capture, dir)
			got := hashes(t, dir)
			for _, d := range want {
				if d.length == 0 || d.gap != 0 {
					continue
				}
				all++
				// tshark and the engine may cut a reused five-tuple differently; the
				// content has to be in one of the files of that name.
				if slices.ContainsFunc(got[d.file], func(sum string) bool { return strings.HasPrefix(sum, d.sha256) }) {
					same++
					continue
				}
				if resetText[filepath.Base(capture)] != d.file {
					t.Errorf("%s: no file has the %d bytes that tshark shows", d.file, d.length)
				}
			}
		})
	}
	t.Logf("%d of %d directions are byte for byte those of tshark", same, all)
}

func readList(t *testing.T, path string) (list []direction) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		c := strings.Split(lines.Text(), "\t")
		if strings.HasPrefix(c[0], "#") || len(c) < 9 || c[1] == ":0" {
			continue // a comment, or a stream of which tshark knows nothing
		}
		a, b := endpoint(t, c[1]), endpoint(t, c[2])
		list = append(list, parse(t, a+"-"+b, c[3:6]), parse(t, b+"-"+a, c[6:9]))
	}
	return list
}

func parse(t *testing.T, name string, c []string) direction {
	length, err := strconv.ParseInt(c[0], 10, 64)
	gap, gapErr := strconv.ParseInt(c[2], 10, 64)
	if err := errors.Join(err, gapErr); err != nil {
		t.Fatal(err)
	}
	return direction{file: name, sha256: c[1], length: length, gap: gap}
}

// endpoint spells tshark's address:port as a file name does.
func endpoint(t *testing.T, s string) string {
	i := strings.LastIndexByte(s, ':')
	addr, err := netip.ParseAddr(strings.Trim(s[:i], "[]"))
	if err != nil {
		t.Fatal(err)
	}
	port := s[i+1:]
	text := strings.ReplaceAll(addr.StringExpanded(), ":", "_")
	if addr.Is4() {
		parts := strings.Split(addr.String(), ".")
		for i := range parts {
			parts[i] = strings.Repeat("0", 3-len(parts[i])) + parts[i]
		}
		text = strings.Join(parts, ".")
	}
	return text + "." + strings.Repeat("0", 5-len(port)) + port
}

func writeStreams(t *testing.T, capture, dir string) {
	src, err := replay.Open(replay.Options{}, capture)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	sink, err := streams.New(dir, streams.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// tshark knows no idle time-out: only a SYN begins a new stream.
	cfg := engine.Config{StreamData: true, Timeouts: engine.Timeouts{TCP: 1e6 * time.Hour}}
	if _, err := engine.Run(context.Background(), src, cfg, 1, sink); err != nil && !errors.Is(err, replay.ErrPartial) {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
}

// hashes returns the SHA-256 of the files in dir by their name without suffix.
func hashes(t *testing.T, dir string) map[string][]string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string][]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		name := e.Name()
		if i := strings.LastIndexByte(name, 'c'); i > strings.LastIndexByte(name, '.') {
			name = name[:i] // the suffix; before the last dot, c is a hexadecimal digit
		}
		sum := sha256.Sum256(b)
		sums[name] = append(sums[name], hex.EncodeToString(sum[:]))
	}
	return sums
}
