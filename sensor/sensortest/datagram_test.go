package sensortest

import (
	"errors"
	"strings"
	"testing"

	"flowscope/sensor"
)

var errShort = errors.New("no tag")

// echo is a good parser of datagrams: a tag of a byte and the rest.
type echo struct {
	seen int
	kept []byte
	last string
	odd  func(p *echo, s sensor.Segment, emit func(sensor.Message)) // what makes it a bad one
}

func (p *echo) Parse(s sensor.Segment, emit func(sensor.Message)) error {
	if p.odd != nil {
		p.odd(p, s, emit)
	}
	if s.EOF {
		if s.Side == sensor.Initiator {
			emit(&struct {
				Seen int `json:"seen"`
			}{p.seen})
		}
		return nil
	}
	if len(s.Data) == 0 {
		return errShort
	}
	p.seen++
	emit(&record{Body: s.Data[1:], Short: s.Missing > 0})
	return nil
}

func echoProtocol(odd func(*echo, sensor.Segment, func(sensor.Message))) sensor.Protocol {
	return sensor.Protocol{Name: "echo", Transport: sensor.ProtoUDP, NewDatagram: func() sensor.DatagramParser { return &echo{odd: odd} }}
}

const datagrams = `datagram
> 01 "abc"
= > {"body":"abc"}
+1ms
< 01 "abc"
= < {"body":"abc"}
>
= error: no tag
> 02 "d" missing 3
= > {"body":"d","short":true}
= > {"seen":3}
`

func TestGoodDatagramParser(t *testing.T) {
	for _, text := range []string{datagrams, "datagram", "datagram\n" + strings.Repeat(">\n", 20) + strings.Repeat("= error: no tag\n", 8)} {
		Datagram(t, echoProtocol(nil), mustParse(t, text))
	}
}

func TestBadDatagramParsers(t *testing.T) {
	tests := []struct {
		name string
		odd  func(p *echo, s sensor.Segment, emit func(sensor.Message))
		want string
	}{
		{"says too much", func(_ *echo, s sensor.Segment, emit func(sensor.Message)) { emit(&record{}) }, "as written: line 1"},
		{"writes", func(_ *echo, s sensor.Segment, _ func(sensor.Message)) {
			if !s.EOF && len(s.Data) > 0 {
				s.Data[0] = 9
			}
		}, "Parse wrote to the bytes"},
		{"panics on a short one", func(_ *echo, s sensor.Segment, _ func(sensor.Message)) {
			if len(s.Data) == 2 && s.Missing == 0 {
				panic("short")
			}
		}, "cut to 2 bytes, missing 0: panic: short"},
		{"panics on one said twice", func(p *echo, s sensor.Segment, _ func(sensor.Message)) {
			if len(s.Data) > 0 && p.last == Render(s) {
				panic("again")
			}
			p.last = Render(s)
		}, "twice: panic: again"},
		{"keeps a datagram", func(p *echo, s sensor.Segment, emit func(sensor.Message)) {
			if s.EOF && p.kept != nil {
				emit(&record{Body: p.kept})
			}
			p.kept = s.Data
		}, "a lent slice is kept"},
		{"allocates for each byte", func(_ *echo, s sensor.Segment, _ func(sensor.Message)) {
			sink = make([]byte, len(s.Data)<<18)
		}, "bytes allocated for"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := mustParse(t, datagrams)
			got := failure(func(t testing.TB) { Datagram(t, echoProtocol(tt.odd), tr) })
			if !strings.Contains(got, tt.want) {
				t.Errorf("the kit says\n%s\nwant it to say %q", got, tt.want)
			}
		})
	}
}
