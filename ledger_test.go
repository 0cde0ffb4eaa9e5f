package flowscope_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flowscope/parsers"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

type discard struct{}

func (discard) Consume(*sensor.Event) error { return nil }

// TestLedgerPage: every account and row of a replay is explained in the page.
func TestLedgerPage(t *testing.T) {
	page, err := os.ReadFile("docs/ledger.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, _ := filepath.Glob("testdata/*.pcap")
	src, err := replay.Open(replay.Options{}, paths...)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	l, _ := engine.Run(context.Background(), src, engine.Config{Protocols: parsers.All}, 1, discard{}) // some captures are cut
	for _, a := range l.Accounts {
		if !strings.Contains(string(page), "`"+a.Stage+"`") {
			t.Errorf("account %s is not in docs/ledger.md", a.Stage)
		}
		for _, r := range a.Rows {
			if !strings.Contains(string(page), "`"+r.Name+"`") {
				t.Errorf("row %s of %s is not in docs/ledger.md", r.Name, a.Stage)
			}
		}
	}
}
