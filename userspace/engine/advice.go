package engine

import (
	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// advice is what a source that copies payload under a budget is told: nothing
// more of a flow, more of a direction, or what of it to leave out. The zero value
// is for a source that hands out all there is.
type advice struct {
	source  sensor.Bypasser
	quantum int64 // bytes that are read before more is asked for, or left out
}

// advise returns the advice for src.
func advise(src sensor.Source) advice {
	b, ok := src.(sensor.Bypasser)
	if !ok {
		return advice{}
	}
	// Half of a budget is left for what comes until the source has heard: a quarter
	// that is read, and one that may be left out without a word.
	return advice{b, max(b.Budget()/4, 1)}
}

// maxSkip is the longest stretch that is passed over before the parser is asked
// again: sequence numbers are compared over half of their space.
const maxSkip = 1 << 29

// bypass says that nothing more of a flow is wanted. The errors of these three
// come from the source's Read as well.
func (a *advice) bypass(k *sensor.Key) {
	if a.source != nil {
		_ = a.source.Bypass(*k)
	}
}

// read notes that a source has handed out n bytes of direction i, whatever became
// of them, and asks for as many to follow while someone reads the flow.
func (s *shard) read(f *flowtab.Flow, i uint8, n int) {
	if s.out.advice.source == nil || n == 0 {
		return
	}
	r := s.recent(f, i)
	if r == nil {
		return
	}
	r.read += int64(n)
	if r.read >= s.out.advice.quantum && (s.cfg.StreamData || s.sessions.at(f.Session).candidates == 0) {
		s.ask(f, r, i)
	}
}

// ask asks the source for as much of direction i as was read; and, where the
// parser passes over what comes next, only for what is behind that.
func (s *shard) ask(f *flowtab.Flow, r *recent, i uint8) {
	a := &s.out.advice
	if r.read > 0 {
		_ = a.source.More(f.Key, i, uint32(min(r.read, maxSkip)))
		r.read = 0
	}
	if f.Session == 0 || s.cfg.StreamData {
		return
	}
	ss := s.sessions.at(f.Session)
	if ss.unshown[i] = ss.skip[i] >= a.quantum; ss.unshown[i] {
		_ = a.source.Skip(f.Key, i, f.Dir[i].NextSeq+uint32(ss.skip[i]))
	}
}

// leftOut goes over n bytes of direction i that the receiver has acknowledged, if
// the source was told to leave them out, and reports whether it was. The source
// says later that it saw them.
func (s *shard) leftOut(f *flowtab.Flow, i uint8, n int64) bool {
	if f.Session == 0 {
		return false
	}
	ss := s.sessions.at(f.Session)
	if !ss.unshown[i] || n > ss.skip[i] {
		return false
	}
	s.half(f, i).over += uint64(n)
	s.over(f, ss, i, n)
	return true
}
