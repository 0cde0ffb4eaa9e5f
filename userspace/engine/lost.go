package engine

import (
	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// lost notes payload that was seen and counted, but will not be handed out. For
// TCP the next segment shows where in the stream it was. What no parser wanted,
// or wants by now, is no loss, for whatever reason it was not copied.
func (s *shard) lost(f *flowtab.Flow, r *sensor.Record) {
	n := r.Count.PayloadBytes
	bypassed := r.Reason == sensor.LossBypass || f.Flags&flagDone != 0 && !s.cfg.StreamData
	switch r.Key.Proto {
	case sensor.ProtoTCP:
		s.books.tcpSeen += n
		h := s.half(f, r.From&1)
		over := min(h.over, n)
		h.over -= over
		n -= over
		s.books.tcpBypassed += over
		if bypassed {
			s.books.tcpBypassed += n
			h.skipped += n
			return
		}
		s.books.tcpLost += n
		h.lost += n
		h.lostWhy = r.Reason
	case sensor.ProtoUDP:
		s.books.udpSeen += n
		if bypassed {
			s.books.udpBypassed += n
			return
		}
		s.books.udpLost += n
		ev := s.event(sensor.FlowGap, f, sensor.NotEnded)
		ev.Side, ev.Lost, ev.Reason = side(f, r.From&1), int64(n), r.Reason
		s.out.send()
	}
}

// catchUp moves a direction to the sequence number of its FIN where the source
// said that it did not copy what is before: that may be more than could be
// believed of a hole.
func (s *shard) catchUp(f *flowtab.Flow, i uint8, fin uint32) {
	d := &f.Dir[i]
	h := s.halves.at(d.Half)
	ahead := uint64(fin - d.NextSeq) // modulo 2^32, as is what was not copied
	if ahead > 0 && h.queue.Empty() && ahead <= h.lost+h.skipped {
		s.gap(f, i, int64(ahead), h.lostWhy, true)
	}
}

// passOver goes over a hole of n bytes that the source saw but did not copy, as
// far as the parser does not want them, and returns how many those are.
func (s *shard) passOver(f *flowtab.Flow, i uint8, n int64) int64 {
	h := s.halves.at(f.Dir[i].Half)
	if f.Session == 0 || s.cfg.StreamData || uint64(n) > h.lost+h.skipped {
		return 0
	}
	ss := s.sessions.at(f.Session)
	n = min(n, ss.skip[i])
	if n == 0 {
		return 0
	}
	bypassed := min(h.skipped, uint64(n)) // in the books already
	lost := uint64(n) - bypassed
	h.skipped -= bypassed
	h.lost -= lost
	s.books.tcpLost -= lost
	s.books.tcpBypassed += lost
	s.over(f, ss, i, n)
	return n
}

// over moves a direction over n bytes that its parser does not want and that were
// not copied. What the receiver has acknowledged meanwhile is not known.
func (s *shard) over(f *flowtab.Flow, ss *session, i uint8, n int64) {
	d := &f.Dir[i]
	d.NextSeq += uint32(n)
	d.Stream += uint64(n)
	f.Dir[i^1].State &^= stAcked
	ss.skip[i] -= n
	ss.skipped[i] += n
	if ss.skip[i] == 0 {
		s.push(f, ss, i, nil, s.out.time, false)
	}
}
