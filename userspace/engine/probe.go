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
			switch {
			case ss.candidates&^ss.struck[i] != 0 && within:
			case f.Flags&flagMidstream != 0 && ss.handed == 0 && !ss.eof[i] && ss.probed[i].search(s.cfg):
				s.stray(ss, i)
			default:
				s.done(f, leftUnknown)
			}
			return
		}
	}
	if ss.stream == nil {
		return // EOF without a word
	}
	ss.astray[i] = 0
	for _, dir := range [2]uint8{ss.first, ss.first ^ 1} {
		if f.Session != 0 && (ss.astray[dir] == 0 || ss.eof[dir] && s.found(f, ss, dir, 0)) {
			s.parse(f, ss, dir, t, false)
		}
	}
}

// searchFor is how many times the budget of a probe is spent on the search for
// the beginning of a message in one direction of a flow joined in the middle.
const searchFor = 16

// search reports whether the budget allows to look for the beginning of a
// message in what comes next.
func (p *probed) search(cfg *Config) bool { return p.bytes < searchFor*cfg.ProbeBytes }

// stray gives up what is pending of direction i, which is taken to be the rest of
// a message: the next segment may begin one.
func (s *shard) stray(ss *session, i uint8) {
	ss.astray[i] += int64(len(ss.pending(i)))
	ss.struck[i] = 0
	s.drop(ss, i)
}

// found reports whether what is pending of direction i, n bytes of it new, begins
// a message of the flow's protocol, which the other direction told, so that the
// parser can be shown it. Where that is not to be found, the parser is told of
// the gap, and stays if it can.
func (s *shard) found(f *flowtab.Flow, ss *session, i uint8, n int) bool {
	p := &s.cat.stream.protocols[ss.number]
	data := ss.pending(i)
	within := ss.probed[i].spend(s.cfg, n)
	v := sensor.No
	if len(data) > 0 && p.Probe != nil {
		v = ask(p, ss.side(i), data)
	}
	switch {
	case v != sensor.No && v != sensor.Unsure:
		ss.astray[i] = 0
		return true
	case v == sensor.Unsure && within && !ss.eof[i]:
		return false
	case p.Probe != nil && !ss.eof[i] && ss.probed[i].search(s.cfg):
		s.stray(ss, i)
		return false
	}
	lost := ss.astray[i]
	ss.astray[i] = 0
	if !ss.resync(i, lost) {
		s.done(f, leftGap)
		return false
	}
	return true
}

// recognise asks the candidates about data and chooses the first that matches;
// those hinted at by a port are asked first.
func (s *shard) recognise(f *flowtab.Flow, ss *session, m *menu, i uint8, data []byte) bool {
	left := ss.candidates &^ ss.struck[i] & m.all
	for _, set := range [2]uint64{left & ss.hinted, left &^ ss.hinted} {
		for ; set != 0; set &= set - 1 {
			n := bits.TrailingZeros64(set)
			v := ask(&m.protocols[n], side(f, i), data)
			switch v {
			case sensor.No:
				if f.Flags&flagMidstream != 0 && ss.handed == 0 {
					ss.struck[i] |= 1 << n
				} else {
					ss.candidates &^= 1 << n
				}
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
	if byPort := ss.candidates &^ m.all; byPort != 0 && byPort == ss.candidates&^ss.struck[i] {
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
