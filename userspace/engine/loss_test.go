package engine

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"flowscope/parsers/lengthprefixed"
	"flowscope/sensor"
)

// TestRecordsUnderLoss: both sides send records in segments that are repeated,
// reordered and overlap. If none is lost, all records are told, in order. If
// some are, each record that is told is one that was sent, in its order. (A
// parser counts from where it began, so that after a gap before that, its
// offsets say less.)
func TestRecordsUnderLoss(t *testing.T) {
	const cases = 1500
	complete := 0
	for seed := range uint64(cases) {
		rng := rand.New(rand.NewPCG(seed, 2))
		lossy := seed%3 != 0
		s := newScript()
		c := s.tcp(4000, 7777)
		c.seq = [2]uint32{rng.Uint32(), -uint32(rng.IntN(500))}
		c.open()
		var streams [2]string
		var sent [2][]string
		for side := range streams {
			streams[side], sent[side] = records(rng)
		}
		type piece struct{ side, from, to int }
		var pieces []piece
		for side, stream := range streams {
			for _, seg := range cuts(rng, len(stream)) {
				pieces = append(pieces, piece{side, seg[0], seg[1]})
			}
		}
		for i := range pieces {
			j := min(i+rng.IntN(6), len(pieces)-1)
			pieces[i], pieces[j] = pieces[j], pieces[i]
		}
		for _, p := range pieces {
			if lossy && rng.IntN(8) == 0 {
				continue
			}
			c.at(p.side, p.from, sensor.ACK, streams[p.side][p.from:p.to])
			if lossy && rng.IntN(20) == 0 {
				c.wait(time.Duration(rng.IntN(15)) * time.Second)
			}
		}
		c.seq[client] += uint32(len(streams[client]))
		c.seq[server] += uint32(len(streams[server]))
		c.close()
		for side, stream := range sent {
			got := recordsTold(t, s.rewind(), sensor.Side(side))
			if !lossy && strings.Join(got, "\n") != strings.Join(stream, "\n") {
				t.Fatalf("case %d: %v sent\n%s\ntold\n%s", seed, sensor.Side(side), strings.Join(stream, "\n"), strings.Join(got, "\n"))
			}
			complete += len(got)
			at := 0
			for _, r := range got {
				for at < len(stream) && body(stream[at]) != body(r) {
					at++
				}
				if at == len(stream) {
					t.Fatalf("case %d: %v never sent %s, or not in this order", seed, sensor.Side(side), r)
				}
				at++
			}
		}
	}
	if complete < cases {
		t.Errorf("%d records told in %d cases: hardly any", complete, cases)
	}
}

func body(record string) string { return record[strings.IndexByte(record, ' ')+1:] }

// records returns a stream of records, and each as recordsTold shows it.
func records(rng *rand.Rand) (stream string, list []string) {
	for i := range rng.IntN(8) {
		body := strings.Repeat(fmt.Sprintf("%c%d.", 'a'+rng.IntN(26), i), 1+rng.IntN(12))
		list = append(list, fmt.Sprintf("%d %s", len(stream), body))
		if rng.IntN(2) == 0 {
			stream += string(binary.BigEndian.AppendUint16([]byte("PFX2,"), uint16(len(body)))) + body
		} else {
			stream += string(binary.BigEndian.AppendUint32([]byte("PFX4,"), uint32(len(body)))) + body
		}
	}
	return stream, list
}

// cuts cuts n bytes into segments, some of which overlap the one before or come
// twice.
func cuts(rng *rand.Rand, n int) (out [][2]int) {
	for at := 0; at < n; {
		to := min(at+1+rng.IntN(40), n)
		out = append(out, [2]int{max(0, at-rng.IntN(10)*rng.IntN(2)), to})
		if rng.IntN(6) == 0 {
			out = append(out, out[rng.IntN(len(out))])
		}
		at = to
	}
	return out
}

func recordsTold(t *testing.T, s *script, side sensor.Side) (list []string) {
	t.Helper()
	for ev, err := range Events(s, lengthprefixed.Protocol()) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == sensor.FlowError {
			t.Fatal(describe(ev))
		}
		if r, ok := ev.Msg.(*lengthprefixed.Record); ok && ev.Side == side {
			list = append(list, fmt.Sprintf("%d %s", r.Offset, r.Body))
		}
	}
	return list
}
