package table

import (
	"fmt"
	"io"
	"strings"

	"flowscope/sensor"
	"flowscope/userspace/export/internal/safetext"
)

// perFlow is how many messages of one flow are shown where not all are, so that
// the first flow does not take all the room.
const perFlow = 4

// line is one message.
type line struct {
	time     sensor.Timestamp
	flow     string
	app      string
	headline string
}

// sample keeps the first messages, and the first that are at most perFlow of
// each flow.
type sample struct {
	max    int
	first  []line
	varied []line
}

// wants reports whether the nth message of a flow, from 1, would be kept.
func (s *sample) wants(n int) bool {
	return len(s.first) < s.max || n <= perFlow && len(s.varied) < s.max
}

func (s *sample) add(n int, l line) {
	if len(s.first) < s.max {
		s.first = append(s.first, l)
	}
	if n <= perFlow && len(s.varied) < s.max {
		s.varied = append(s.varied, l)
	}
}

// lines returns those to be shown: as many as there is room for, and of as many
// flows as can be.
func (s *sample) lines() (lines []line, varied bool) {
	if len(s.varied) == 0 || len(s.varied) < s.max {
		return s.first, false
	}
	return s.varied, s.varied[len(s.varied)-1] != s.first[len(s.first)-1]
}

const (
	goodHeadline = 50 // with the name of the protocol
	minHeadline  = 26
	leastSaid    = 12 // of a headline whose flow is longer than most
)

func (s *Sink) renderMessages(p *page) {
	lines, varied := s.sample.lines()
	if len(lines) == 0 {
		return
	}
	title := "MESSAGE"
	if varied {
		title += fmt.Sprintf(" (of each flow, %d at most)", perFlow)
	}
	timeWidth, when := len("15:04:05.000000"), day(lines)
	if p.width < Width {
		timeWidth, when = len("15:04:05.000"), strings.TrimSuffix(when, " UTC")
	}
	p.line("")
	p.line(p.paint(bold, fmt.Sprintf(" %-*s  %s", timeWidth, when, title)))

	room := p.width - 1 - timeWidth - 2
	flows, tight := make([]int, len(lines)), 0
	for i, l := range lines {
		flows[i] = len(l.flow)
		if len(l.flow)+2+minHeadline > room {
			tight++
		}
	}
	two := tight > len(lines)/4 // lines for each message
	width := column(flows, room, 2+goodHeadline, 2+minHeadline, 0)
	for _, l := range lines {
		p.message(l, timeWidth, width, two)
	}
	p.more(s.messages-len(lines), s.opt.More)
}

// message writes one message, in one line or two. The flow has a column of its
// own.
func (p *page) message(l line, timeWidth, column int, two bool) {
	room := p.width - 1 - timeWidth - 2
	at := " " + clock(l.time)[:timeWidth] + "  "
	said := fmt.Sprintf("%-*s  %s", appWidth, l.app, l.headline)
	if two || len(l.flow)+2+leastSaid > room {
		for i, part := range split(l.flow, room) {
			p.line(at + strings.Repeat(" ", indent*i) + safetext.Text(part, room-indent*i))
			at = strings.Repeat(" ", len(at))
		}
		p.line(at + safetext.Text(said, room))
		return
	}
	text := at + fmt.Sprintf("%-*s  ", column, l.flow)
	p.line(text + safetext.Text(said, p.width-len(text)))
}

// liveColumn is how wide most flows are: IPv4, with ports.
const liveColumn = 44

// say writes a message when it comes.
func (s *Sink) say(l line) error {
	p := &page{width: s.opt.Width, color: s.opt.Color}
	p.message(l, len("15:04:05.000"), min(liveColumn, s.opt.Width/2), false)
	_, err := io.WriteString(s.w, p.String())
	return err
}

// clock returns the time of day, to the microsecond and beyond.
func clock(t sensor.Timestamp) string { return t.String()[len("2006-01-02T"):] }

// day returns the heading of the times: the day, if it is the same for all.
func day(lines []line) string {
	const date = len("2006-01-02")
	first := lines[0].time.String()[:date]
	for _, l := range lines {
		if l.time.String()[:date] != first {
			return "TIME (UTC)"
		}
	}
	return first + " UTC"
}
