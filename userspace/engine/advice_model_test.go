package engine

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"flowscope/sensor"
)

// stingy hands out the records of a script as the kernel half would: no pure
// ACKs, payload under a budget, and what it is told only some records later.
type stingy struct {
	recs   []sensor.Record
	budget int64
	delay  int
	next   int
	then   *sensor.Record // a Lost was handed out before it
	flows  map[sensor.Key]*[2]spending
	told   []func() // advice that is not heard yet
	when   []int    // after so many records
}

// spending is what stingy knows of a direction of a flow.
type spending struct {
	used   int64
	bypass bool
	skips  bool
	until  uint32
	unsent uint64
	why    sensor.Loss
}

func (s *stingy) of(k sensor.Key) *[2]spending {
	if s.flows[k] == nil {
		s.flows[k] = &[2]spending{}
	}
	return s.flows[k]
}

func (s *stingy) later(f func()) error {
	s.told, s.when = append(s.told, f), append(s.when, s.next+s.delay)
	return nil
}

func (s *stingy) Budget() int64 { return s.budget }

func (s *stingy) Bypass(k sensor.Key) error {
	return s.later(func() { f := s.of(k); f[0].bypass, f[1].bypass = true, true })
}

func (s *stingy) More(k sensor.Key, from uint8, n uint32) error {
	return s.later(func() { d := &s.of(k)[from]; d.used -= int64(n); d.skips = false })
}

func (s *stingy) Skip(k sensor.Key, from uint8, until uint32) error {
	return s.later(func() { d := &s.of(k)[from]; d.skips, d.until = true, until })
}

func (s *stingy) Close() error { return nil }

func (s *stingy) Read(r *sensor.Record) error {
	if s.then != nil {
		*r, s.then = *s.then, nil
		return nil
	}
	rest := &script{}
	for s.next < len(s.recs) {
		for len(s.when) > 0 && s.when[0] <= s.next {
			s.told[0]()
			s.told, s.when = s.told[1:], s.when[1:]
		}
		*r = s.recs[s.next]
		s.next++
		if s.crosses(r) {
			return nil
		}
	}
	return rest.Read(r) // io.EOF
}

// crosses decides about a packet, as bpf/forward.h does, and makes r what crosses.
func (s *stingy) crosses(r *sensor.Record) bool {
	r.Count = sensor.Counters{}
	mark := r.TCPFlags&(sensor.SYN|sensor.FIN|sensor.RST) != 0
	if r.WireLen == 0 && !mark {
		return false
	}
	d := &s.of(r.Key)[r.From]
	n := r.WireLen
	why := sensor.Loss(0)
	switch {
	case d.bypass, d.skips && int32(r.Seq+uint32(n)-d.until) <= 0:
		why = sensor.LossBypass
	case d.used >= s.budget:
		why = sensor.LossBudget
	default:
		d.used += int64(n)
	}
	if why != 0 {
		d.unsent += uint64(n)
		if n > 0 {
			d.why = why
		}
		if !mark {
			return false
		}
		r.Seq, r.Payload, r.WireLen = r.Seq+uint32(n), nil, 0
	}
	if d.unsent > 0 {
		packet := *r
		s.then = &packet
		*r = sensor.Record{Kind: sensor.Lost, Time: r.Time, Ordinal: r.Ordinal, Key: r.Key, From: r.From, Reason: d.why,
			Count: sensor.Counters{PayloadBytes: d.unsent}}
		d.unsent = 0
	}
	return true
}

// TestAdviceModel runs conversations of parcels through a source that copies under
// a budget. One that hears at once loses nothing, however small the budget; from
// one that hears late, what is said is right, and the books balance.
func TestAdviceModel(t *testing.T) {
	whole, lossy := 0, 0
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := newScript()
		c := s.tcp(4000, 8)
		c.seq[client], c.seq[server] = rng.Uint32(), -uint32(rng.IntN(5000))
		c.open()
		const longest = 100
		var waiting [2]string
		for range 1 + rng.IntN(200) {
			side := rng.IntN(2)
			if len(waiting[side]) < longest {
				size := byte('1') + byte(rng.IntN(12))
				if rng.IntN(8) == 0 {
					size = 'z' // 740 bytes
				}
				waiting[side] += string(size) + strings.Repeat("x", 10*int(size-'0'))
			}
			for range 1 + rng.IntN(4) {
				n := min(1+rng.IntN(longest), len(waiting[side]))
				if n > 0 {
					c.say(side, waiting[side][:n])
				}
				if n > 1 && rng.IntN(10) == 0 {
					c.at(side, -n, sensor.ACK, waiting[side][:n]) // again
				}
				waiting[side] = waiting[side][n:]
				if rng.IntN(6) == 0 {
					c.send(1-side, sensor.ACK, "")
				}
			}
		}
		for side, rest := range waiting {
			for ; rest != ""; rest = rest[min(longest, len(rest)):] {
				c.say(side, rest[:min(longest, len(rest))])
			}
		}
		c.close()
		cfg := Config{Protocols: []sensor.Protocol{parcelsOnPort8}}
		all := play(t, s.rewind(), cfg, sensor.FlowMessage)
		src := &stingy{recs: s.recs, budget: 4 * longest * int64(1+rng.IntN(3)), flows: map[sensor.Key]*[2]spending{}}
		if seed%2 == 1 {
			src.delay = rng.IntN(100)
		}
		got := play(t, src, cfg, sensor.FlowMessage, sensor.FlowGap, sensor.FlowError, sensor.FlowAnomaly)
		if slices.Equal(sorted(got), sorted(all)) {
			whole++
			continue
		}
		lossy++
		more := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return slices.Contains(all, s) })
		wrong := slices.ContainsFunc(more, func(s string) bool { return !strings.HasPrefix(s, "gap ") && !strings.Contains(s, " of ") })
		if src.delay == 0 || wrong || len(more) == 0 {
			t.Fatalf("case %d, heard after %d: %q\nof %q\nwant %q", seed, src.delay, more, got, all)
		}
	}
	t.Logf("%d cases without loss, %d with", whole, lossy)
}

// sorted: when a side's message ends may be known later, after one of the other side.
func sorted(lines []string) []string { return slices.Sorted(slices.Values(lines)) }
