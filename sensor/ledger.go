package sensor

import (
	"errors"
	"fmt"
)

// Ledger is the sensor's books: for each stage that packets or bytes pass,
// what came in and where each of it went. Rows have stable names.
type Ledger struct {
	Accounts []Account
}

// Account is one equation of the ledger: Total = sum of the Rows.
type Account struct {
	Stage string // what passes judgement: "frames", "ip_bytes", "tcp_payload", …
	Unit  string // "packets" or "bytes"
	Total uint64 // what came in
	Rows  []Row  // where it went
}

// Row is one line of an Account.
type Row struct {
	Name  string
	Count uint64
}

// Add adds an account. Accounts of the same stage are summed, row by row, so
// that the books of several workers become one.
func (l *Ledger) Add(a Account) {
	for i := range l.Accounts {
		if l.Accounts[i].Stage == a.Stage {
			l.Accounts[i].merge(a)
			return
		}
	}
	a.Rows = append([]Row(nil), a.Rows...)
	l.Accounts = append(l.Accounts, a)
}

func (a *Account) merge(b Account) {
	a.Total += b.Total
next:
	for _, r := range b.Rows {
		for i := range a.Rows {
			if a.Rows[i].Name == r.Name {
				a.Rows[i].Count += r.Count
				continue next
			}
		}
		a.Rows = append(a.Rows, r)
	}
}

// Account returns the account of a stage, or nil.
func (l *Ledger) Account(stage string) *Account {
	for i := range l.Accounts {
		if l.Accounts[i].Stage == stage {
			return &l.Accounts[i]
		}
	}
	return nil
}

// Row returns the count of the row of that name, 0 if there is none.
func (a *Account) Row(name string) uint64 {
	if a == nil {
		return 0
	}
	for _, r := range a.Rows {
		if r.Name == name {
			return r.Count
		}
	}
	return 0
}

// Sum returns the sum of the rows.
func (a *Account) Sum() uint64 {
	var n uint64
	for _, r := range a.Rows {
		n += r.Count
	}
	return n
}

// Check returns nil if every account balances, else an error that names those
// that do not.
func (l *Ledger) Check() error {
	var errs []error
	for i := range l.Accounts {
		a := &l.Accounts[i]
		if sum := a.Sum(); sum != a.Total {
			errs = append(errs, fmt.Errorf("ledger %s: %d %s in, %d accounted for", a.Stage, a.Total, a.Unit, sum))
		}
	}
	return errors.Join(errs...)
}
