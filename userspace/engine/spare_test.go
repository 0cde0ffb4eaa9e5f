package engine

import (
	"fmt"
	"slices"
	"testing"

	"flowscope/sensor"
)

// numbered counts its flows; it panics at "!" and fails at "?".
type numbered struct {
	*numbers
	parser, flow int
}

// numbers is what was made and reset of a protocol.
type numbers struct{ made, reset int }

func (p *numbered) Reset() { p.reset++; p.flow++ }

func (p *numbered) Parse(s sensor.Segment, emit func(sensor.Message)) (int, error) {
	switch string(s.Data) {
	case "":
		return 0, nil
	case "!":
		panic("ouch")
	case "?":
		return 0, fmt.Errorf("what?")
	case "done":
		return 4, sensor.ErrDone
	case "@":
		return 1, sensor.HandTo("words")
	}
	emit(&text{fmt.Appendf(nil, "%s: flow %d of parser %d", s.Data, p.flow, p.parser)})
	return len(s.Data), nil
}

func (n *numbers) protocol() sensor.Protocol {
	return sensor.Protocol{Name: "numbered", Transport: sensor.ProtoTCP, Ports: []uint16{9},
		NewStream: func() sensor.StreamParser {
			n.made++
			return &numbered{numbers: n, parser: n.made}
		}}
}

// TestSpareParsers: a parser is used again once its flow has no more need of it,
// however that came about, but for a panic.
func TestSpareParsers(t *testing.T) {
	for _, tt := range []struct{ last, want string }{
		{"done", "b: flow 1 of parser 1"},
		{"?", "b: flow 1 of parser 1"},
		{"@", "b: flow 1 of parser 1"},
		{"!", "b: flow 0 of parser 2"},
		{"more", "b: flow 0 of parser 2"}, // it still goes on
	} {
		t.Run(tt.last, func(t *testing.T) {
			n := &numbers{}
			s := newScript()
			c := s.tcp(4000, 9).open()
			c.say(client, "a")
			c.say(client, tt.last)
			s.tcp(4001, 9).open().say(client, "b")
			got := play(t, s, Config{Protocols: []sensor.Protocol{n.protocol(), wordsOnPort7}}, sensor.FlowMessage)
			if !slices.Contains(got, "initiator numbered "+tt.want) {
				t.Errorf("got %q, want %q among it", got, tt.want)
			}
		})
	}
}

// TestSpareParsersAreFew: a crowd of flows that end at once leaves no more
// parsers than the cap.
func TestSpareParsersAreFew(t *testing.T) {
	n := &numbers{}
	s := newScript()
	for port := range uint16(3 * maxSpare) {
		s.tcp(4000+port, 9).open().say(client, "a")
	}
	play(t, s, Config{Protocols: []sensor.Protocol{n.protocol()}}, sensor.FlowMessage)
	if n.made != 3*maxSpare || n.reset != maxSpare {
		t.Errorf("%d parsers made and %d kept, want %d and %d", n.made, n.reset, 3*maxSpare, maxSpare)
	}
}
