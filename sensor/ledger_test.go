package sensor

import (
	"strings"
	"testing"
)

func TestLedgerAddSumsByStageAndRow(t *testing.T) {
	first := Account{Stage: "frames", Unit: "packets", Total: 10, Rows: []Row{{"accounted", 7}, {"malformed", 3}}}
	var l Ledger
	l.Add(first)
	l.Add(Account{Stage: "frames", Unit: "packets", Total: 5, Rows: []Row{{"malformed", 1}, {"filtered", 4}}})
	l.Add(Account{Stage: "ip_bytes", Unit: "bytes", Total: 0})

	if len(l.Accounts) != 2 {
		t.Fatalf("%d accounts, want 2", len(l.Accounts))
	}
	a := l.Account("frames")
	for name, want := range map[string]uint64{"accounted": 7, "malformed": 4, "filtered": 4, "none": 0} {
		if got := a.Row(name); got != want {
			t.Errorf("row %s = %d, want %d", name, got, want)
		}
	}
	if a.Total != 15 || a.Sum() != 15 {
		t.Errorf("total %d, sum %d, want 15", a.Total, a.Sum())
	}
	if err := l.Check(); err != nil {
		t.Errorf("Check() = %v, want nil", err)
	}
	if first.Rows[1].Count != 3 {
		t.Errorf("Add wrote to the rows of the account it was given: %v", first.Rows)
	}
}

func TestLedgerOfNothing(t *testing.T) {
	var l Ledger
	if err := l.Check(); err != nil {
		t.Errorf("Check() of no books = %v", err)
	}
	if got := l.Account("frames").Row("accounted"); got != 0 {
		t.Errorf("row of a missing account = %d, want 0", got)
	}
}

func TestLedgerCheckNamesEveryStageThatIsOff(t *testing.T) {
	var l Ledger
	l.Add(Account{Stage: "frames", Unit: "packets", Total: 2, Rows: []Row{{"accounted", 1}}})
	l.Add(Account{Stage: "good", Unit: "packets", Total: 2, Rows: []Row{{"accounted", 2}}})
	l.Add(Account{Stage: "tcp_payload", Unit: "bytes", Total: 0, Rows: []Row{{"delivered", 3}}})
	err := l.Check()
	if err == nil {
		t.Fatal("Check() = nil for books that do not balance")
	}
	for _, want := range []string{"ledger frames: 2 packets in, 1 accounted for", "ledger tcp_payload: 0 bytes in, 3 accounted for"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Check() = %q, lacks %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "good") {
		t.Errorf("Check() = %q names a stage that balances", err)
	}
}
