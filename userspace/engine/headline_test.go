package engine

import (
	"strings"
	"testing"

	"flowscope/sensor"
)

// named is a message that has a subject, if its text begins with "=".
type named struct{ text }

func (n *named) About() string {
	about, _ := strings.CutPrefix(n.String(), "=")
	if len(about) == len(n.Text) {
		return ""
	}
	return about
}

type namer struct{ lines }

func (p *namer) Parse(s sensor.Segment, emit func(sensor.Message)) (int, error) {
	return p.lines.Parse(s, func(m sensor.Message) { emit(&named{*m.(*text)}) })
}

// TestHeadline: the first message that has a subject names the flow, from its
// own event on.
func TestHeadline(t *testing.T) {
	names := sensor.Protocol{Name: "names", Transport: sensor.ProtoTCP, Ports: []uint16{9}, NewStream: func() sensor.StreamParser { return &namer{} }}
	long := strings.Repeat("x", 300)
	for _, workers := range []int{1, 2} {
		s := newScript()
		c := s.tcp(4000, 9).open()
		c.say(client, "one.=two.")
		c.say(server, "=three.")
		c.close()
		s.tcp(4001, 9).open().say(client, "="+long+".")
		s.tcp(4002, 9).open().say(client, "one.")
		var got []string
		_, err := Run(t.Context(), s, Config{Protocols: []sensor.Protocol{names}}, workers, sinkFunc(func(ev *sensor.Event) error {
			if ev.Kind == sensor.FlowMessage || ev.Kind == sensor.FlowEnd {
				if _, port := ev.Flow.Endpoint(sensor.Initiator); port != 4000 && ev.Kind == sensor.FlowMessage {
					return nil
				}
				got = append(got, ev.Flow.Headline)
			}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		want(t, got, "", "two", "two", "two", "two", "two", long[:sensor.MaxHeadline], "")
	}
}
