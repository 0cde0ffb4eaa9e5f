package engine

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"flowscope/sensor"
)

// model is a reassembler that is too simple to be wrong: every byte that came
// first stays.
type model struct {
	bytes    map[int]byte
	upTo     int  // everything before is in order
	conflict bool // bytes came with two values
	held     bool // one of them while the first was not yet in order
}

func (m *model) take(off int, data string) {
	for i := range len(data) {
		at := off + i
		if have, ok := m.bytes[at]; !ok {
			m.bytes[at] = data[i]
		} else if have != data[i] {
			m.conflict = true
			m.held = m.held || at >= m.upTo
		}
	}
	for _, ok := m.bytes[m.upTo]; ok; _, ok = m.bytes[m.upTo] {
		m.upTo++
	}
}

// told returns what must be told of a stream of n bytes: data as it is, a '-'
// for each byte that is missing.
func (m *model) told(n int) string {
	var b strings.Builder
	for i := range n {
		if c, ok := m.bytes[i]; ok {
			b.WriteByte(c)
		} else {
			b.WriteByte('-')
		}
	}
	return b.String()
}

// TestOrderModel holds streams, gaps and the anomaly of inconsistent overlaps
// against the model: segments of any size in any order, repeated, overlapping
// with the same bytes and with others, with bytes that never come, anywhere in
// the sequence space, most often across its end.
func TestOrderModel(t *testing.T) {
	const cases = 2000
	for seed := range uint64(cases) {
		rng := rand.New(rand.NewPCG(seed, 1))
		total := 1 + rng.IntN(300)
		s := newScript()
		c := s.tcp(4000, 4001)
		c.seq[client] = -uint32(rng.IntN(2 * total))
		if rng.IntN(4) == 0 {
			c.seq[client] = rng.Uint32()
		}
		c.open()
		m := &model{bytes: map[int]byte{}}
		for range rng.IntN(60) {
			off := rng.IntN(total)
			n := 1 + rng.IntN(min(total-off, 1+rng.IntN(80)))
			data := []byte(strings.Repeat(story, 9)[off : off+n])
			if rng.IntN(6) == 0 {
				data[rng.IntN(n)] = '#'
			}
			if off < m.upTo && off+n > m.upTo && rng.IntN(2) == 0 {
				off, data = m.upTo, data[m.upTo-off:] // in order
			}
			c.at(client, off, sensor.ACK, string(data))
			m.take(off, string(data))
		}
		c.seq[client] += uint32(total)
		c.close()

		got, conflict := toldOf(t, s)
		if want := m.told(total); got != want {
			t.Fatalf("case %d:\n got %s\nwant %s", seed, got, want)
		}
		if conflict && !m.conflict || m.held && !conflict {
			t.Fatalf("case %d: inconsistent overlap told: %v; there was one: %v, of data that was held: %v", seed, conflict, m.conflict, m.held)
		}
	}
}

// toldOf returns what is told of the client's stream, with a '-' for each byte
// of a gap, and whether an inconsistent overlap was told.
func toldOf(t *testing.T, s *script) (told string, conflict bool) {
	t.Helper()
	var b strings.Builder
	for ev, err := range EventsWith(s, Config{StreamData: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Side != sensor.Initiator {
			continue
		}
		switch ev.Kind {
		case sensor.FlowData:
			if int(ev.Offset) != b.Len() {
				t.Fatal(describe(ev), "behind", b.Len(), "bytes")
			}
			b.Write(ev.Data)
		case sensor.FlowGap:
			fmt.Fprint(&b, strings.Repeat("-", int(ev.Lost)))
		case sensor.FlowAnomaly:
			conflict = conflict || ev.Anomaly == sensor.InconsistentOverlap
		}
	}
	return b.String(), conflict
}
