package engine

import (
	"math/bits"

	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// probed is how much of a direction the probes were shown.
type probed struct {
	bytes, segments int
}

// spend notes that the probes are shown n more bytes, and reports whether the
// budget allows it.
func (p *probed) spend(cfg *Config, n int) bool {
	p.bytes += n
	p.segments++
	return p.bytes-n < cfg.ProbeBytes && p.segments <= cfg.ProbeSegments
}

// probe shows what is pending of direction i, n bytes of it new, to the probes.
// Once one recognises it, that protocol's parser gets all that is pending, in
// the order in which the sides spoke. When none can any more, the flow is
// unknown.
func (s *shard) probe(f *flowtab.Flow, ss *session, i uint8, n int, t sensor.Timestamp) {
	m := &s.cat.stream
	if len(ss.pending(i)) > 0 {
		within := ss.probed[i].spend(s.cfg, n)
		if !s.recognise(f, ss, m, i, ss.pending(i)) {
			if ss.candidates == 0 || !within {
				s.done(f, leftUnknown)
			}
			return
		}
	}
	if ss.stream == nil {
		return // EOF without a word
	}
	for _, dir := range [2]uint8{ss.first, ss.first ^ 1} {
		if f.Session != 0 {
			s.parse(f, ss, dir, t, false)
		}
	}
}

// recognise asks the candidates about data and chooses the first that matches;
// those hinted at by a port are asked first.
func (s *shard) recognise(f *flowtab.Flow, ss *session, m *menu, i uint8, data []byte) bool {
	hinted := m.hinted(&f.Key)
	for _, set := range [2]uint64{ss.candidates & hinted & m.all, ss.candidates &^ hinted & m.all} {
		for ; set != 0; set &= set - 1 {
			n := bits.TrailingZeros64(set)
			v := ask(&m.protocols[n], side(f, i), data)
			switch v {
			case sensor.No:
				ss.candidates &^= 1 << n
				continue
			case sensor.Unsure:
				continue
			case sensor.MatchInitiator:
				s.correct(f, i, sensor.ByPayload)
			case sensor.MatchResponder:
				s.correct(f, i^1, sensor.ByPayload)
			}
			s.choose(f, ss, m, n)
			return true
		}
	}
	// Those that cannot be probed are there because of a port. One of them it
	// is, once all others are out.
	if byPort := ss.candidates &^ m.all; byPort != 0 && byPort == ss.candidates {
		s.choose(f, ss, m, bits.TrailingZeros64(byPort))
		return true
	}
	return false
}

// ask calls a probe; one that panics does not recognise anything.
func ask(p *sensor.Protocol, side sensor.Side, data []byte) (v sensor.Verdict) {
	defer func() {
		if recover() != nil {
			v = sensor.No
		}
	}()
	return p.Probe(side, data)
}
