package table

import (
	"fmt"
	"slices"
	"strings"

	"flowscope/userspace/export/internal/safetext"
)

func (s *Sink) renderFlows(p *page) {
	if s.ended == 0 {
		p.line(" no flows")
		return
	}
	rows := s.top.sorted()
	l := newLayout(rows, p.width)
	title := row{flow: titleFlow, app: "APP", what: "WHAT (messages)", end: "END"}
	for _, line := range l.lines(&title, " A->B", " B->A", "DUR") {
		p.line(p.paint(bold, line))
	}
	for i := range rows {
		r := &rows[i]
		for _, line := range l.lines(r, size(r.sent[0].Bytes), size(r.sent[1].Bytes), span(r.duration)) {
			p.line(line)
		}
	}
	p.more(s.ended-len(rows), s.opt.More)
	if slices.ContainsFunc(rows, func(r row) bool { return strings.HasSuffix(r.flow, guess) }) {
		p.line(p.paint(dim, guess+"  a guess: its beginning was not captured"))
	}
}

// lines returns a row as lines of the page.
func (l *layout) lines(r *row, out, in, duration string) []string {
	numbers := fmt.Sprintf("  %*s  %*s  %*s  %s", sizeWidth, out, sizeWidth, in, durationWidth, duration, r.end)
	room := l.flow + 2 + l.what
	flow := r.flow
	if l.two {
		room = indent + l.what
	}
	var lines []string
	if len(flow)+r.least() > room || l.two && r.least() > 0 {
		for i, part := range split(flow, room+l.numbers()) {
			lines = append(lines, strings.Repeat(" ", 1+indent*i)+safetext.Text(part, room+l.numbers()-indent*i))
		}
		flow = ""
	}
	text := fmt.Sprintf(" %-*s", room, flow)
	if r.least() > 0 {
		at := max(l.flow, len(flow)) + 2
		if l.two {
			at = indent
		}
		text = fmt.Sprintf(" %-*s%-*s", at, flow, room-at, r.whatText(room-at))
	}
	return append(lines, strings.TrimRight(text+numbers, " "))
}

// whatText returns protocol, headline and number of messages in width columns.
func (r *row) whatText(width int) string {
	suffix := ""
	if r.messages > 1 {
		suffix = " (" + count(r.messages) + ")"
	}
	text := r.app
	if r.what != "" {
		text = fmt.Sprintf("%-*s  ", appWidth, r.app)
		if left := width - len(text) - len(suffix); left > len("...") {
			return text + safetext.Text(r.what, left) + suffix
		}
	}
	return safetext.Text(strings.TrimRight(text, " "), max(width-len(suffix), 0)) + suffix
}

// more says how many rows are not shown, and by which command they would be.
func (p *page) more(n int, command string) {
	if n <= 0 {
		return
	}
	text := " ... " + count(n) + " more"
	if command != "" {
		text += "  (" + safetext.Text(command, max(p.width-len(text)-len("  ( for all)"), 0)) + " for all)"
	}
	p.line(p.paint(dim, text))
}
