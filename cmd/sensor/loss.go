package main

import (
	"fmt"

	"flowscope/sensor"
)

// lossRows are the rows of the ledger that hold payload which parsers should
// have got and could not: it was never captured, or was cut, or a cap was hit.
var lossRows = []struct {
	stage string
	rows  []string
}{
	{"tcp_payload", []string{"gap", "lost", "fragment"}},
	{"udp_payload", []string{"cut", "lost", "fragment"}},
}

// loss returns how many bytes of TCP and UDP payload were lost, of how many
// that were sent as far as is known.
func loss(books *sensor.Ledger) (lost, total uint64) {
	for _, l := range lossRows {
		a := books.Account(l.stage)
		if a == nil {
			continue
		}
		total += a.Total
		for _, row := range l.rows {
			lost += a.Row(row)
		}
	}
	return lost, total
}

// checkLoss is --fail-on-loss.
func (o *options) checkLoss(books *sensor.Ledger) error {
	lost, total := loss(books)
	if o.maxLoss < 0 || float64(lost) <= o.maxLoss*float64(total) {
		return nil
	}
	return fail(exitLoss, fmt.Errorf("%d of %d bytes of payload were lost (%.3g%%), more than the %.3g%% of --fail-on-loss",
		lost, total, 100*float64(lost)/float64(total), 100*o.maxLoss))
}
