package table

import "slices"

// column is how wide a column of texts is of which some may be much longer than
// most: three quarters of the texts fit, and all of them where there is room.
// The others run over into the next column of their own line.
//
// room is what the column and the next one have together, good how much of it
// the next one likes to have, and least how much it must.
func column(texts []int, room, good, least, title int) int {
	slices.Sort(texts)
	width := title
	for i, n := range texts {
		if n <= room-good || i < (len(texts)*3+3)/4 {
			width = max(width, n)
		}
	}
	return max(min(width, room-least), 0)
}

// Widths of the flows' columns. A row is FLOW, APP and WHAT, and the rest.
const (
	sizeWidth     = 7
	durationWidth = 6
	appWidth      = 4  // most names are as short, so that WHAT is a column
	goodWhat      = 34 // of APP and WHAT together
	minWhat       = 14
	indent        = 2 // of the second line
)

// layout is how rows are arranged: on one line, or on two where most would not
// fit on one.
type layout struct {
	flow int // columns of FLOW
	what int // of APP and WHAT
	end  int // of END
	two  bool
}

const titleFlow = "FLOW (client -> server)"

// newLayout finds the arrangement of rows for a page.
func newLayout(rows []row, width int) layout {
	l := layout{end: len("END")}
	for _, r := range rows {
		l.end = max(l.end, len(r.end))
	}
	room := width - 1 - l.numbers()
	flows, tight := make([]int, len(rows)), 0
	for i, r := range rows {
		flows[i] = len(r.flow)
		if len(r.flow)+r.least() > room {
			tight++
		}
	}
	if l.two = tight > len(rows)/4; l.two {
		l.what = room - indent
		return l
	}
	l.flow = column(flows, room, 2+goodWhat, 2+minWhat, len(titleFlow))
	l.what = room - 2 - l.flow
	return l
}

// numbers is the width of what stands right of WHAT.
func (l *layout) numbers() int { return 2*(2+sizeWidth) + 2 + durationWidth + 2 + l.end }

// least is what a row needs right of FLOW, the blanks between included.
func (r *row) least() int {
	if r.app == "" && r.what == "" {
		return 0
	}
	return 2 + min(minWhat, len(r.whatText(maxHeadline)))
}

// split breaks a flow that is wider than the page, as two long IPv6 addresses
// are, behind its arrow.
func split(flow string, width int) []string {
	if len(flow) <= width {
		return []string{flow}
	}
	const arrow = " -> "
	for i := 0; i+len(arrow) <= len(flow); i++ {
		if flow[i:i+len(arrow)] == arrow {
			return []string{flow[:i+len(arrow)-1], flow[i+len(arrow):]}
		}
	}
	return []string{flow[:width]}
}
