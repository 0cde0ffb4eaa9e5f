package table

import "strings"

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
	if s.opt.Live && s.messages > 0 {
		p.line("")
	}
	s.renderFlows(p)
	s.renderMessages(p)
	s.renderCounts(p)
	s.renderLedger(p)
	return []byte(p.String())
}
