package table

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"flowscope/sensor"
	"flowscope/userspace/export/internal/safetext"
)

// counts is what is told of the events that have no row.
type counts struct {
	gaps, errors    int
	gapBytes        int64
	anomalies       map[sensor.Anomaly]int
	retransmissions uint64
	outOfOrder      uint64
}

func (s *Sink) renderCounts(p *page) {
	c := s.counts
	p.line("")
	text := " TOTAL  " + plural(s.ended, "flow", "flows") + ", " + plural(s.messages, "message", "messages")
	if c.gaps > 0 {
		text += ", " + plural(c.gaps, "gap", "gaps") + " (" + plural(c.gapBytes, "byte", "bytes") + ")"
	}
	if c.retransmissions > 0 {
		text += ", " + plural(c.retransmissions, "retransmission", "retransmissions")
	}
	if c.outOfOrder > 0 {
		text += ", " + count(c.outOfOrder) + " out of order"
	}
	if len(c.anomalies) > 0 {
		text += ", " + anomalies(c.anomalies)
	}
	if c.errors > 0 {
		text += ", " + plural(c.errors, "parser error", "parser errors")
	}
	for _, l := range wrap(text, p.width, 8, ", ", 2) {
		p.line(strings.Replace(l, " TOTAL ", " "+p.paint(bold, "TOTAL")+" ", 1))
	}
}

// anomalies returns how many there are of each kind.
func anomalies(of map[sensor.Anomaly]int) string {
	kinds, sum := make([]sensor.Anomaly, 0, len(of)), 0
	for a, n := range of {
		kinds, sum = append(kinds, a), sum+n
	}
	slices.Sort(kinds)
	var names []string
	for _, a := range kinds {
		name := a.String()
		if len(kinds) > 1 {
			name = count(of[a]) + " " + name
		}
		names = append(names, name)
	}
	return plural(sum, "anomaly", "anomalies") + " (" + strings.Join(names, ", ") + ")"
}

// Books writes the accounts of a ledger alone, as they are at the end of what a
// Sink writes.
func Books(w io.Writer, l *sensor.Ledger, opt Options) error {
	s := New(w, opt)
	p := &page{width: s.opt.Width, color: s.opt.Color}
	s.ledger = l
	s.renderLedger(p)
	_, err := io.WriteString(w, p.String())
	return err
}

// renderLedger shows the accounts as equations. Those in which there is nothing
// are left out.
func (s *Sink) renderLedger(p *page) {
	if s.ledger == nil {
		return
	}
	var accounts []*sensor.Account
	balanced, stageWidth, totalWidth, unitWidth := true, 0, 0, 0
	for i := range s.ledger.Accounts {
		a := &s.ledger.Accounts[i]
		balanced = balanced && a.Sum() == a.Total
		if a.Total == 0 && a.Sum() == 0 {
			continue
		}
		accounts = append(accounts, a)
		stageWidth = max(stageWidth, len(stage(a)))
		totalWidth = max(totalWidth, len(count(a.Total)))
		unitWidth = max(unitWidth, len(unit(a)))
	}
	verdict := p.paint(green, "balanced")
	if !balanced {
		verdict = p.paint(red, "NOT BALANCED")
	}
	p.line("")
	p.line(" " + p.paint(bold, "BOOKS") + "  " + verdict)
	if len(accounts) == 0 {
		p.line(" nothing came in")
	}
	for _, a := range accounts {
		total := fmt.Sprintf(" %-*s  %*s %-*s = ", stageWidth, stage(a), totalWidth, count(a.Total), unitWidth, unit(a))
		under := len(total)
		if under > p.width/2 {
			under = 3
		}
		for _, l := range wrap(total+rows(a), p.width, under, " + ", 1) {
			p.line(l)
		}
		if sum := a.Sum(); sum != a.Total {
			p.line("   " + p.paint(red, "NOT BALANCED: "+count(sum)+" accounted for"))
		}
	}
}

func stage(a *sensor.Account) string { return safetext.Text(a.Stage, 20) }
func unit(a *sensor.Account) string  { return safetext.Text(a.Unit, 10) }

// rows returns the rows of an account as a sum, without those that are empty.
func rows(a *sensor.Account) string {
	var terms []string
	for _, r := range a.Rows {
		if r.Count > 0 {
			terms = append(terms, count(r.Count)+" "+safetext.Text(r.Name, 40))
		}
	}
	return strings.Join(terms, " + ")
}

// wrap breaks text into lines of at most width columns, the second and later
// ones indented: before the last separator that fits, of which keep bytes stay
// on the line, or else at the last blank.
func wrap(text string, width, indent int, separator string, keep int) (lines []string) {
	blank := strings.Repeat(" ", indent)
	for len(text) > width {
		at := strings.LastIndex(text[:width+1], separator) + keep
		if at <= indent+keep {
			at = strings.LastIndexByte(text[:width+1], ' ')
		}
		if at <= indent {
			at = width
		}
		lines = append(lines, strings.TrimRight(text[:at], " "))
		text = blank + strings.TrimLeft(text[at:], " ")
	}
	return append(lines, text)
}
