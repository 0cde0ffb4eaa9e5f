package ssh

import (
	"bytes"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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

// costly returns what both sides say, made to cost much.
func costly() map[string][2][]byte {
	hello := []byte("SSH-2.0-x\r\n")
	offers := func(n int) [2][]byte {
		var sides [2][]byte
		for i, prefix := range []string{"a", "b"} {
			var l []string
			for range languageToServer {
				l = append(l, distinct(prefix, n))
			}
			sides[i] = append(slices.Clone(hello), kexinit(l...)...)
		}
		return sides
	}
	ignored := append(slices.Clone(hello), bytes.Repeat(packet([]byte{typeIgnore}), maxPassed)...)
	lines := append([]byte(strings.Repeat("a\n", 7000)), hello...)
	return map[string][2][]byte{
		"offers of 120 names":       offers(120),
		"offers of 600 names":       offers(600),
		"commas":                    {append(slices.Clone(hello), kexinit(strings.Repeat(",", 30000))...), append(slices.Clone(hello), kexinit(strings.Repeat(",", 30000))...)},
		"packets that mean nothing": {ignored, ignored},
		"lines in front":            {lines, lines},
	}
}

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

// TestPrice holds the price of each byte against that of honest traffic.
func TestPrice(t *testing.T) {
	p := Protocol()
	emit := func(sensor.Message) {}
	price := func(sides [2][]byte, size int) float64 {
		least := time.Hour
		for range 10 {
			start := time.Now()
			_ = say(p, sides, size, emit)
			least = min(least, time.Since(start))
		}
		return float64(least) / float64(len(sides[0])+len(sides[1]))
	}
	honest := said(sensortest.Load(t, "testdata/openssh_mismatch.transcript"))
	for name, sides := range costly() {
		for _, size := range []int{1460, 1} {
			var a, b float64
			for range 3 { // other processes run too
				if a, b = price(sides, size), price(honest, size); a <= 10*b {
					break
				}
			}
			t.Logf("%s in pieces of %d: %.1f ns/B, %.1f times that of honest offers", name, size, a, a/b)
			if a > 10*b {
				t.Errorf("%s in pieces of %d: %.1f ns/B, %.1f times that of honest offers", name, size, a, a/b)
			}
		}
	}
}

func TestAllocatesByWhatArrives(t *testing.T) {
	for name, sides := range costly() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = say(Protocol(), sides, 1460, func(sensor.Message) {})
		runtime.ReadMemStats(&after)
		n, limit := after.TotalAlloc-before.TotalAlloc, uint64(4*(len(sides[0])+len(sides[1]))+64<<10)
		if n > limit {
			t.Errorf("%s: %d bytes allocated for %d", name, n, len(sides[0])+len(sides[1]))
		}
	}
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
