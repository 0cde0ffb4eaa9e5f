package table

import (
	"fmt"
	"strings"

	"flowscope/sensor"
	"flowscope/userspace/export/internal/safetext"
)

// page is the text being made.
type page struct {
	strings.Builder
	width int
	color bool
}

// Colours, used only if asked for.
const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	red   = "\x1b[1;31m"
	green = "\x1b[32m"
	reset = "\x1b[0m"
)

// paint returns text in a colour.
func (p *page) paint(color, text string) string {
	if !p.color {
		return text
	}
	return color + text + reset
}

// line ends a line; blanks at its end are cut.
func (p *page) line(text string) {
	p.WriteString(strings.TrimRight(text, " "))
	p.WriteByte('\n')
}

func (s *Sink) render() []byte {
	p := &page{width: s.opt.Width, color: s.opt.Color}
	s.renderFlows(p)
	s.renderMessages(p)
	s.renderCounts(p)
	s.renderLedger(p)
	return []byte(p.String())
}

// Widths of the columns that have a fixed one.
const (
	sizeWidth     = 7
	durationWidth = 6
	minWhat       = 14 // where FLOW can spare it
)

func (s *Sink) renderFlows(p *page) {
	if s.ended == 0 {
		p.line(" no flows")
		return
	}
	rows := s.top.sorted()
	appWidth, endWidth := len("APP"), len("END")
	for _, r := range rows {
		appWidth, endWidth = max(appWidth, len(r.app)), max(endWidth, len(r.end))
	}
	// What the fixed columns leave is for FLOW, as much as it needs, and WHAT. A
	// flow that is too long, as with IPv6, gets a line of its own.
	fixed := 1 + 2 + appWidth + 2 + 2*(2+sizeWidth) + 2 + durationWidth + 2 + endWidth
	room := p.width - fixed
	flowWidth := len("FLOW (client -> server)")
	for _, r := range rows {
		if len(r.flow) <= room-minWhat {
			flowWidth = max(flowWidth, len(r.flow))
		}
	}
	flowWidth = max(min(flowWidth, room-minWhat), 0)
	whatWidth := room - flowWidth // at least 9: see minWidth

	format := fmt.Sprintf(" %%-%ds  %%-%ds  %%-%ds  %%%ds  %%%ds  %%%ds  %%s", flowWidth, appWidth, whatWidth, sizeWidth, sizeWidth, durationWidth)
	title := "FLOW (client -> server)"
	p.line(p.paint(bold, strings.TrimRight(fmt.Sprintf(format, title[:min(len(title), flowWidth)], "APP", "WHAT", "A->B", "B->A", "DUR", "END"), " ")))
	for _, r := range rows {
		flow := r.flow
		if len(flow) > flowWidth {
			p.line(" " + flow)
			flow = ""
		}
		p.line(fmt.Sprintf(format, flow, r.app, r.whatText(whatWidth), size(r.sent[0].Bytes), size(r.sent[1].Bytes), span(r.duration), r.end))
	}
	s.renderMore(p, s.ended-len(rows))
}

// whatText returns the headline and the number of messages in width columns.
func (r *row) whatText(width int) string {
	suffix := ""
	if r.messages > 1 {
		suffix = " (" + count(r.messages) + ")"
	}
	return safetext.Text(r.what, max(width-len(suffix), 0)) + suffix
}

func (s *Sink) renderMore(p *page, n int) {
	if n <= 0 {
		return
	}
	text := " ... " + count(n) + " more"
	if s.opt.More != "" {
		text += "  (" + safetext.Text(s.opt.More, max(p.width-len(text)-4, 0)) + " for all)"
	}
	p.line(p.paint(dim, text))
}

func (s *Sink) renderMessages(p *page) {
	if len(s.lines) == 0 {
		return
	}
	p.line("")
	p.line(p.paint(bold, fmt.Sprintf(" %-15s  %s", "TIME (UTC)", "MESSAGE")))
	for _, l := range s.lines {
		at := l.time.String()[len("2006-01-02T"):]
		text := fmt.Sprintf(" %s  %s  %s  %s", at[:len("15:04:05.000000")], l.flow, l.app, l.headline)
		p.line(safetext.Text(text, p.width))
	}
	s.renderMore(p, s.messages-len(s.lines))
}

func (s *Sink) renderCounts(p *page) {
	c := s.counts
	p.line("")
	text := " total   " + plural(s.ended, "flow", "flows") + ", " + plural(s.messages, "message", "messages")
	if c.gaps > 0 {
		text += ", " + plural(c.gaps, "gap", "gaps") + " (" + plural(c.gapBytes, "byte", "bytes") + ")"
	}
	if c.retransmissions > 0 {
		text += ", " + plural(c.retransmissions, "retransmission", "retransmissions")
	}
	if c.outOfOrder > 0 {
		text += ", " + count(c.outOfOrder) + " out of order"
	}
	if c.anomalies > 0 {
		text += ", " + plural(c.anomalies, "anomaly", "anomalies")
	}
	if c.errors > 0 {
		text += ", " + plural(c.errors, "parser error", "parser errors")
	}
	for _, l := range wrap(text, p.width, 9) {
		p.line(l)
	}
}

func (s *Sink) renderLedger(p *page) {
	if s.ledger == nil {
		return
	}
	label := " books   "
	for i := range s.ledger.Accounts {
		a := &s.ledger.Accounts[i]
		text := label + equation(a)
		lines := wrap(text, p.width, 11)
		for _, l := range lines[:len(lines)-1] {
			p.line(l)
		}
		last := lines[len(lines)-1]
		if sum := a.Sum(); sum != a.Total {
			p.line(last)
			p.line("           " + p.paint(red, "NOT BALANCED: "+count(sum)+" accounted for"))
		} else {
			// At the right edge, on a line of its own if it must.
			const verdict = "balanced"
			if len(last)+2+len(verdict) > p.width {
				p.line(last)
				last = ""
			}
			p.line(fmt.Sprintf("%-*s  %s", p.width-len(verdict)-2, last, p.paint(green, verdict)))
		}
		label = "         "
	}
}

// equation returns an account as a sum; rows in which there is nothing are left
// out.
func equation(a *sensor.Account) string {
	text := safetext.Text(a.Stage, 20) + "  " + count(a.Total) + " " + safetext.Text(a.Unit, 10) + " = "
	plus := ""
	for _, r := range a.Rows {
		if r.Count > 0 {
			text += plus + count(r.Count) + " " + safetext.Text(r.Name, 40)
			plus = " + "
		}
	}
	if plus == "" {
		text += "0"
	}
	return text
}

// wrap breaks text at blanks into lines of at most width columns, the second
// and later ones indented.
func wrap(text string, width, indent int) (lines []string) {
	blank := strings.Repeat(" ", indent)
	for len(text) > width {
		at := strings.LastIndexByte(text[:width+1], ' ')
		if at <= indent {
			at = width
		}
		lines = append(lines, text[:at])
		text = blank + strings.TrimLeft(text[at:], " ")
	}
	return append(lines, text)
}
