package engine

import (
	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// lost notes payload that was seen and counted, but will not be handed out. For
// TCP the next segment shows where in the stream it was. What was not copied
// because no parser wanted it is no loss.
func (s *shard) lost(f *flowtab.Flow, r *sensor.Record) {
	n := r.Count.PayloadBytes
	bypassed := r.Reason == sensor.LossBypass
	switch r.Key.Proto {
	case sensor.ProtoTCP:
		s.books.tcpSeen += n
		h := s.half(f, r.From&1)
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
	ahead := uint64(fin - d.NextSeq) // modulo 2^32, as is what was skipped
	if h.skipped == 0 || !h.queue.Empty() || ahead > h.skipped {
		return
	}
	h.skipped -= ahead
	d.NextSeq = fin
	d.Stream += ahead
}
