package engine

import (
	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// segment puts the payload of one packet where it belongs in its stream. seq is
// the sequence number of its first byte.
func (s *shard) segment(ref flowtab.Ref, f *flowtab.Flow, i uint8, seq uint32, r *sensor.Record) {
	d := &f.Dir[i]
	n, data := r.WireLen, r.Payload
	ahead := int32(seq - d.NextSeq)

	if d.State&stFIN != 0 || d.State&stClosed != 0 {
		n, data = s.untilFIN(f, i, seq, n, data)
	}
	switch {
	case n == 0:
		return
	case ahead == 0 && (d.Half == 0 || s.halves.at(d.Half).idle()):
		s.next(f, i, data, n, r.Time)
		return
	case ahead > 0:
		if d.Stream == 0 && ahead == 1 && f.Flags&flagMidstream != 0 && d.Half == 0 {
			d.NextSeq = seq // the first packet seen was a keep-alive
			s.deliver(f, i, data, n, r.Time)
			return
		}
		if !s.plausible(f, i, seq) {
			s.books.tcpOutOfWindow += uint64(n)
			return
		}
		if h := s.half(f, i); uint64(ahead) > h.lost+h.skipped { // else the source said why
			h.outOfOrder++
		}
	case ahead+int32(n) <= 0:
		s.books.tcpDuplicate += uint64(n)
		if n > 1 || ahead != -1 { // a keep-alive is one byte before the next (RFC 9293, 3.8.4)
			h := s.half(f, i)
			h.retransmissions++
			again(f, i, h.retransmissions, 'T')
			s.compare(f, i, seq, data)
		}
		return
	}
	s.merge(ref, f, i, seq, n, data, r.Time)
}

// next takes a segment that is next in order, while nothing is missing or held.
func (s *shard) next(f *flowtab.Flow, i uint8, data []byte, n int, t sensor.Timestamp) {
	if half := f.Dir[i].Half; half != 0 {
		h := s.halves.at(half)
		h.lost, h.skipped, h.over = 0, 0, 0 // were of bytes that came again
	}
	s.deliver(f, i, data, n, t)
}

// untilFIN trims a segment to what lies before the FIN, or before the point at
// which the stream was closed, and books the rest.
func (s *shard) untilFIN(f *flowtab.Flow, i uint8, seq uint32, n int, data []byte) (int, []byte) {
	d := &f.Dir[i]
	end := d.NextSeq
	if d.State&stFIN != 0 {
		end = d.FinSeq
	}
	keep := min(max(int(int32(end-seq)), 0), n)
	if keep < n {
		s.books.afterClose += uint64(n - keep)
		s.anomaly(f, i, sensor.DataAfterClose)
	}
	return keep, data[:min(keep, len(data))]
}

// plausible reports whether a segment beyond the next byte can be of this
// stream, going by what the receiver has acknowledged.
func (s *shard) plausible(f *flowtab.Flow, i uint8, seq uint32) bool {
	o := &f.Dir[i^1]
	return o.State&stAcked == 0 || int32(seq-o.Ack) <= maxWindow
}

// merge handles a segment that is out of order, overlaps something, or comes
// while others are held.
func (s *shard) merge(ref flowtab.Ref, f *flowtab.Flow, i uint8, seq uint32, n int, data []byte, t sensor.Timestamp) {
	d, h := &f.Dir[i], s.half(f, i)
	for n > 0 {
		ahead := int(int32(seq - d.NextSeq))
		take := n
		switch {
		case ahead < 0:
			take = min(-ahead, n)
			s.books.tcpDuplicate += uint64(take)
			s.compare(f, i, seq, data[:min(take, len(data))])
		case ahead == 0:
			if !h.queue.Empty() {
				if h.queue.Differs(seq, data) {
					s.conflict(f, i)
				}
				take = min(n, int(h.queue.Head()-seq))
			}
			s.deliver(f, i, data[:min(take, len(data))], take, t)
			s.drain(ref, f, i)
		case h.lost+h.skipped > 0 && h.queue.Empty():
			s.gap(f, i, int64(ahead), h.lostWhy, true) // no use waiting for it
			continue
		default:
			res := h.queue.Insert(seq, n, data, t, s.cfg.MaxReorder, &s.reorder)
			s.books.tcpHeld += uint64(res.Held)
			s.books.tcpDuplicate += uint64(res.Dup)
			if res.Conflict {
				s.conflict(f, i)
			}
			take = res.Held + res.Dup
			if res.Full {
				s.makeRoom(ref, f, i, ahead+take)
			}
		}
		seq, n, data = seq+uint32(take), n-take, data[min(take, len(data)):]
	}
	s.holeSince(ref, f, i)
}

// makeRoom gives up the hole at the next byte of a direction that can hold no
// more. If nothing is held, the hole is n bytes.
func (s *shard) makeRoom(ref flowtab.Ref, f *flowtab.Flow, i uint8, n int) {
	d, h := &f.Dir[i], s.half(f, i)
	if !h.queue.Empty() {
		n = int(int32(h.queue.Head() - d.NextSeq))
	}
	why := sensor.LossBuffer
	if h.acked && int32(h.ackedTo-d.NextSeq) >= int32(n) {
		why = sensor.LossMissing // it would not have come anyway
	} else {
		s.anomaly(f, i, sensor.ReorderLimit)
	}
	s.gap(f, i, int64(n), why, true)
	s.drain(ref, f, i)
}

// conflict notes that bytes of the stream came twice with different values.
func (s *shard) conflict(f *flowtab.Flow, i uint8) {
	h := s.half(f, i)
	h.conflicts++
	again(f, i, h.conflicts, 'I')
	s.anomaly(f, i, sensor.InconsistentOverlap)
}

// compare holds a segment that was delivered against what comes in its place
// again.
func (s *shard) compare(f *flowtab.Flow, i uint8, seq uint32, data []byte) {
	if r := s.recent(f, i); r != nil && r.differs(seq, data) {
		s.conflict(f, i)
	}
}

// drain delivers what is held and is now in order, and the FIN behind it.
func (s *shard) drain(ref flowtab.Ref, f *flowtab.Flow, i uint8) {
	d := &f.Dir[i]
	if d.Half == 0 {
		s.finish(ref, f, i)
		return
	}
	h := s.halves.at(d.Half)
	s.ready(f, i, h)
	h.giveUp = 0 // there was progress: a hole that is left waits anew
	if h.acked && int32(h.ackedTo-d.NextSeq) <= 0 {
		h.acked = false
	}
	s.finish(ref, f, i)
}

// ready delivers what is held and is not behind a hole.
func (s *shard) ready(f *flowtab.Flow, i uint8, h *half) {
	d := &f.Dir[i]
	for !h.queue.Empty() && int32(h.queue.Head()-d.NextSeq) <= 0 {
		run := h.queue.Pop(&s.reorder)
		s.books.tcpHeld -= uint64(run.Len)
		old := min(int(int32(d.NextSeq-run.Seq)), run.Len) // dealt with otherwise meanwhile
		s.books.tcpDuplicate += uint64(old)
		if n := run.Len - old; n > 0 {
			s.deliver(f, i, run.Data[min(old, len(run.Data)):], n, run.Time)
		}
	}
}

// begin makes seq the first number of a direction's stream. What is held of
// another numbering is not of this stream.
func (s *shard) begin(f *flowtab.Flow, i uint8, seq uint32) {
	d := &f.Dir[i]
	d.State |= stInit
	if d.NextSeq == seq {
		return
	}
	d.NextSeq = seq
	if d.Half == 0 {
		return
	}
	h := s.halves.at(d.Half)
	for !h.queue.Empty() {
		n := uint64(h.queue.Pop(&s.reorder).Len)
		s.books.tcpHeld -= n
		s.books.tcpOutOfWindow += n
	}
	h.acked, h.giveUp = false, 0
}

// holeSince starts the wait for a hole at the next byte, if there is one and no
// wait has begun.
func (s *shard) holeSince(ref flowtab.Ref, f *flowtab.Flow, i uint8) {
	d := &f.Dir[i]
	waiting := d.State&(stFIN|stClosed) == stFIN
	if d.Half == 0 && !waiting || d.State&stClosed != 0 {
		return
	}
	h := s.half(f, i)
	if h.giveUp != 0 || h.queue.Empty() && !waiting && (!h.acked || h.maybeFIN(d)) {
		return
	}
	wait := s.cfg.Timeouts.Hole
	if h.acked {
		wait = s.cfg.Timeouts.AckedHole
	}
	h.giveUp = s.now + int64(wait)
	s.schedule(ref, f)
}

// ackedUnseen notes that the receiver has acknowledged bytes of direction i that
// were not seen: they were lost to the capture, or the two directions were
// captured out of order.
func (s *shard) ackedUnseen(ref flowtab.Ref, f *flowtab.Flow, i uint8, ack uint32) {
	h := s.half(f, i)
	if f.Dir[i].State&stFIN != 0 && ack == f.Dir[i].FinSeq+1 {
		ack-- // of the FIN
	}
	if n := int64(ack - f.Dir[i].NextSeq); n > 0 && h.queue.Empty() && uint64(n) <= h.lost+h.skipped {
		s.gap(f, i, n, h.lostWhy, true) // the source has said so
		s.drain(ref, f, i)
		return
	} else if n > 0 && h.queue.Empty() && s.leftOut(f, i, n) {
		s.drain(ref, f, i)
		return
	}
	if !h.acked || int32(ack-h.ackedTo) > 0 {
		h.ackedTo = ack
	}
	if !h.acked {
		h.acked = true
		h.giveUp = 0
	}
	s.holeSince(ref, f, i)
}

// giveUp ends the wait for a hole whose time is up: it becomes a gap, and the
// stream goes on behind it.
func (s *shard) giveUp(ref flowtab.Ref, f *flowtab.Flow, i uint8) {
	d := &f.Dir[i]
	if d.Half == 0 {
		return
	}
	h := s.halves.at(d.Half)
	if h.giveUp == 0 || s.now < h.giveUp {
		return
	}
	h.giveUp = 0
	why := sensor.LossTimeout
	if h.acked {
		why = sensor.LossMissing
		if int64(h.lost+h.skipped) < int64(int32(h.ackedTo-d.NextSeq)) {
			s.anomaly(f, i, sensor.AckedUnseen)
		}
	}
	if !s.skip(f, i, why) {
		return
	}
	s.drain(ref, f, i)
	s.holeSince(ref, f, i)
}

// skip makes a gap of the hole at the next byte, up to the next byte that is
// held, acknowledged or a FIN, whichever comes first.
func (s *shard) skip(f *flowtab.Flow, i uint8, why sensor.Loss) bool {
	d, h := &f.Dir[i], s.half(f, i)
	to, found := uint32(0), false
	consider := func(seq uint32) {
		if ahead := int32(seq - d.NextSeq); ahead > 0 && (!found || int32(seq-to) < 0) {
			to, found = seq, true
		}
	}
	if !h.queue.Empty() {
		consider(h.queue.Head())
	}
	if h.acked {
		consider(h.ackedTo)
	}
	if d.State&(stFIN|stClosed) == stFIN {
		consider(d.FinSeq)
	}
	if found {
		s.gap(f, i, int64(to-d.NextSeq), why, true)
	}
	if h.acked && int32(h.ackedTo-d.NextSeq) <= 0 {
		h.acked = false
	}
	return found
}

// closeStream delivers what is held of a direction, with its holes as gaps, and
// tells the parser that no more will come.
func (s *shard) closeStream(f *flowtab.Flow, i uint8, why sensor.Loss) {
	d := &f.Dir[i&1]
	if d.State&stClosed != 0 {
		return
	}
	if d.Half != 0 {
		h := s.halves.at(d.Half)
		if h.maybeFIN(d) && d.State&stFIN == 0 {
			h.acked = false
		}
		s.ready(f, i, h)
		for !h.queue.Empty() || h.acked || d.State&stFIN != 0 && d.FinSeq != d.NextSeq {
			if !s.skip(f, i, why) {
				break
			}
			s.ready(f, i, h)
		}
		h.giveUp, h.acked = 0, false
	}
	d.State |= stClosed
	if d.State&stInit != 0 {
		if d.Half != 0 && d.State&stFIN == 0 { // it may have gone on in what the source lost
			lost := s.halves.at(d.Half).lost
			d.Stream += lost
			s.sessionGap(f, i, int64(lost))
		}
		s.eof(f, i, d.State&stFIN == 0)
	}
}

// deliver moves a direction forward by n bytes that are next in order, of which
// data was captured.
func (s *shard) deliver(f *flowtab.Flow, i uint8, data []byte, n int, t sensor.Timestamp) {
	d := &f.Dir[i]
	offset := d.Stream
	d.NextSeq += uint32(len(data))
	d.Stream += uint64(len(data))
	wanted := s.wants(f)
	switch {
	case len(data) == 0:
	case wanted:
		s.feed(f, i, data, offset, t)
	default:
		s.books.tcpBypassed += uint64(len(data))
	}
	switch cut := n - len(data); {
	case cut == 0:
	case wanted:
		s.gap(f, i, int64(cut), sensor.LossCut, false)
	default:
		d.NextSeq += uint32(cut)
		d.Stream += uint64(cut)
		s.books.tcpBypassed += uint64(cut)
	}
}

// gap moves a direction forward by n bytes that will never be delivered. Bytes
// that are missing were never seen; others were seen and counted, but not
// captured.
func (s *shard) gap(f *flowtab.Flow, i uint8, n int64, why sensor.Loss, missing bool) {
	d, h := &f.Dir[i], s.half(f, i)
	if missing {
		if n -= s.passOver(f, i, n); n == 0 {
			return
		}
		known := min(h.lost, uint64(n))
		if known > 0 {
			why = h.lostWhy
		}
		h.lost -= known
		s.books.tcpLost -= known
		if skipped := min(h.skipped, uint64(n)-known); skipped > 0 {
			h.skipped -= skipped // in the books already
			n -= int64(skipped)
			d.NextSeq += uint32(skipped)
			d.Stream += skipped
			if n == 0 {
				return
			}
		}
		s.books.tcpMissing += uint64(n) - known
		h.gaps++
		h.gapBytes += uint64(n)
		again(f, i, h.gaps, 'G')
	}
	s.books.tcpGap += uint64(n)
	offset := d.Stream
	d.NextSeq += uint32(n)
	d.Stream += uint64(n)
	ev := s.event(sensor.FlowGap, f, sensor.NotEnded)
	ev.Side, ev.Lost, ev.Offset, ev.Reason = side(f, i), n, int64(offset), why
	s.out.send()
	s.sessionGap(f, i, n)
}
