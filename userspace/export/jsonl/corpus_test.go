package jsonl

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"flowscope/internal/testenv"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// TestCorpus holds every line that the corpus gives against the documentation,
// and demands the same bytes of a second run.
func TestCorpus(t *testing.T) {
	corpus := testenv.Corpus(t)
	captures, err := filepath.Glob(filepath.Join(corpus, "*", "*.pcap*"))
	if err != nil {
		t.Fatal(err)
	}
	lines, read := 0, 0
	for _, capture := range captures {
		if strings.Contains(capture, ".expected.") || strings.HasSuffix(capture, ".tsv") {
			continue
		}
		read++
		first, second := export(t, capture), export(t, capture)
		if !bytes.Equal(first, second) {
			t.Errorf("%s: two runs differ", capture)
		}
		for line := range bytes.Lines(first) {
			checkLine(t, line)
			lines++
		}
	}
	t.Logf("%d lines of %d captures", lines, read)
}

func export(t *testing.T, capture string) []byte {
	src, err := replay.Open(replay.Options{}, capture)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var out bytes.Buffer
	s := New(&out, Options{})
	ledger, err := engine.Run(context.Background(), src, engine.Config{}, 1, s)
	if err != nil && !errors.Is(err, replay.ErrPartial) {
		t.Fatal(err)
	}
	if err := errors.Join(s.Ledger(&ledger), s.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
