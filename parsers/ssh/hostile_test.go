package ssh

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// distinct returns a list of n names of which none is in another's.
func distinct(prefix string, n int) string {
	var names []string
	for i := range n {
		names = append(names, prefix+strconv.Itoa(1000+i))
	}
	return strings.Join(names, ",")
}

// costly returns what both sides say, made to cost much. There is no more of it
// than this: a flow is done behind its offers.
func costly(int) map[string][]sensortest.Step {
	say := sensortest.Say[[]byte]
	hello := []byte("SSH-2.0-x\r\n")
	offers := func(n int) []sensortest.Step {
		var sides [2][]byte
		for i, prefix := range []string{"a", "b"} {
			var l []string
			for range languageToServer {
				l = append(l, distinct(prefix, n))
			}
			sides[i] = append(slices.Clone(hello), kexinit(l...)...)
		}
		return say(sides[:]...)
	}
	ignored := append(slices.Clone(hello), bytes.Repeat(packet([]byte{typeIgnore}), maxPassed)...)
	lines := append([]byte(strings.Repeat("a\n", 7000)), hello...)
	return map[string][]sensortest.Step{
		"offers of 120 names":       offers(120),
		"offers of 600 names":       offers(600),
		"commas":                    say(append(slices.Clone(hello), kexinit(strings.Repeat(",", 30000))...), append(slices.Clone(hello), kexinit(strings.Repeat(",", 30000))...)),
		"packets that mean nothing": say(ignored, ignored),
		"lines in front":            say(lines, lines),
	}
}

// costs holds those to offers that mean well.
func costs(t *testing.T) sensortest.Costly {
	return sensortest.Costly{Protocol: Protocol(), Inputs: costly, Honest: sensortest.Load(t, "testdata/openssh_mismatch.transcript").Steps}
}

func TestPrice(t *testing.T) { costs(t).Linear(t) }

func TestAllocatesByWhatArrives(t *testing.T) { costs(t).Memory(t) }

// say gives what both sides say to a new parser, in pieces.
func say(p sensor.Protocol, sides [2][]byte, size int, emit func(sensor.Message)) (err error) {
	x := p.NewStream()
	for side, data := range sides {
		n := 0
		for end := 0; end < len(data) && err == nil; {
			end = min(end+size, len(data))
			k := 0
			k, err = x.Parse(sensor.Segment{Side: sensor.Side(side), Data: data[n:end]}, emit)
			n += k
		}
	}
	return err
}

// said returns what the sides of a transcript say.
func said(tr *sensortest.Transcript) (sides [2][]byte) {
	for _, s := range tr.Steps {
		sides[s.Side] = append(sides[s.Side], s.Data...)
	}
	return sides
}

// TestAllocations holds what a flow costs: the parser, both identification
// strings, and the first offer, which waits for the second.
func TestAllocations(t *testing.T) {
	p := Protocol()
	sides := said(sensortest.Load(t, "testdata/openssh.transcript"))
	emit := func(sensor.Message) {}
	_ = say(p, sides, 1<<20, emit)
	if got := testing.AllocsPerRun(100, func() { _ = say(p, sides, 1<<20, emit) }); got > 4 {
		t.Errorf("%v allocations per handshake, want 4", got)
	}
}

func BenchmarkHandshake(b *testing.B) {
	p := Protocol()
	sides := said(sensortest.Load(b, "testdata/openssh.transcript"))
	emit := func(sensor.Message) {}
	b.SetBytes(int64(len(sides[0]) + len(sides[1])))
	b.ReportAllocs()
	for b.Loop() {
		_ = say(p, sides, 1460, emit)
	}
}

// FuzzParse checks that any bytes give the same however they are cut.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"openssh", "openssh_mismatch", "preamble", "ssh1", "gap"} {
		sides := said(sensortest.Load(f, "testdata/"+name+".transcript"))
		f.Add(sides[0], sides[1], uint16(100))
		f.Add(sides[1], sides[0], uint16(1))
	}
	f.Fuzz(func(t *testing.T, client, server []byte, size uint16) {
		outcome := func(size int) (out []string) {
			err := say(Protocol(), [2][]byte{client, server}, size, func(m sensor.Message) { out = append(out, sensortest.Render(m)) })
			if err != nil {
				out = append(out, err.Error())
			}
			return out
		}
		whole := outcome(1 << 20)
		if got := outcome(int(size) + 1); !slices.Equal(got, whole) {
			t.Errorf("in pieces of %d bytes:\n%q\nwhole:\n%q", int(size)+1, got, whole)
		}
	})
}
