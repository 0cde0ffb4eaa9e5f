package sensortest

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"
)

// spender is a parser that spends time and memory on what it is told: D is dear,
// S the dearer the more of them came, and M is worth twenty bytes.
type spender struct {
	sum, times int
	kept       [][]byte
}

func (p *spender) Parse(s sensor.Segment, _ func(sensor.Message)) (int, error) {
	for _, c := range s.Data {
		switch c {
		case 'D':
			p.spend(100)
		case 'S':
			p.times++
			p.spend(p.times / 1000)
		case 'M':
			p.kept = append(p.kept, make([]byte, 20))
		}
	}
	return len(s.Data), nil
}

func (p *spender) spend(n int) {
	for i := range n {
		p.sum += i
	}
}

func TestCostly(t *testing.T) {
	c := Costly{
		Protocol: sensor.Protocol{Name: "spender", Transport: sensor.ProtoTCP, NewStream: func() sensor.StreamParser { return &spender{} }},
		Honest:   Say(strings.Repeat("a", 100_000), strings.Repeat("a", 100_000)),
		anew:     time.Millisecond,
	}
	linear := func(t testing.TB) { c.Linear(t) }
	memory := func(t testing.TB) { c.Memory(t) }
	for _, tt := range []struct {
		name, text string
		test       func(testing.TB)
		want       string // "" if nothing is wrong
	}{
		{"dear bytes", "D", linear, "pieces of 1"},
		{"bytes that get dearer", "S", linear, "times one of 64 KiB (at most 2.5)"},
		{"bytes that cost nothing", "a", memory, ""},
		{"much memory", "M", memory, "bytes allocated for 262144, more than"},
	} {
		c.Inputs = func(n int) map[string][]Step {
			return map[string][]Step{"it": Say("", strings.Repeat(tt.text, n))}
		}
		if got := failure(tt.test); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// passer looks at one byte and passes over the 100 behind it.
type passer struct{ shown, due int }

func (p *passer) Parse(s sensor.Segment, _ func(sensor.Message)) (int, error) {
	n := p.due - int(s.Skipped)
	for n < len(s.Data) {
		p.shown++
		n += 101
	}
	p.due = max(0, n-len(s.Data))
	return n, nil
}

func TestSayToOneThatPassesOver(t *testing.T) {
	for _, size := range []int{1, 7, 100, 101, 1460} {
		p := &passer{}
		if err := join(Say("", string(bytes.Repeat([]byte("a"), 1010)))).to(p, size); err != nil || p.shown != 10 || p.due != 0 {
			t.Errorf("in pieces of %d: %d bytes shown, %d to be passed over, %v", size, p.shown, p.due, err)
		}
	}
}
