package engine

import (
	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// State bits of a direction.
const (
	stInit   = 1 << iota // NextSeq is known
	stSYN                // sent a SYN
	stSYNACK             // sent a SYN-ACK
	stISNs               // sent SYN-ACKs with different sequence numbers; the peer's ACK decides
	stAcked              // Ack is known
	stFIN                // sent a FIN; FinSeq is known
	stClosed             // everything up to the FIN was delivered, or the direction was given up
	stRST                // sent a RST that counts
)

const (
	// believable is how far beyond what was seen an ACK or a FIN may lie and
	// still be taken as proof of data that was not captured.
	believable = 16 << 20
	// maxWindow is the largest window there is (RFC 7323, 2.3): a segment
	// further beyond what the receiver has acknowledged is not of this stream.
	maxWindow = 1 << 30
)

// tcp follows the life of a connection through one packet that is already
// counted.
func (s *shard) tcp(ref flowtab.Ref, f *flowtab.Flow, r *sensor.Record) {
	from := r.From & 1
	d, o := &f.Dir[from], &f.Dir[from^1]
	if r.Flags != 0 && !s.intact(f, r) {
		return
	}
	s.books.tcpSeen += uint64(r.WireLen)
	flags := r.TCPFlags
	if flags == 0 && r.WireLen == 0 {
		return // a header that was cut off: counted, no more to say
	}
	d.TCP |= flags

	seq := r.Seq
	if flags&sensor.SYN != 0 {
		if !s.syn(f, r) {
			s.books.afterClose += uint64(r.WireLen)
			return
		}
		seq++ // data, if any, begins behind the SYN (RFC 9293, 3.4)
	} else if d.State&stInit == 0 && flags&sensor.RST == 0 {
		d.State |= stInit
		d.NextSeq = seq
	}
	if flags&sensor.RST != 0 {
		s.rst(ref, f, r)
		s.books.afterClose += uint64(r.WireLen) // text in a RST is for people (RFC 9293, 3.5.2)
		return
	}
	if r.Window == 0 && flags&sensor.SYN == 0 {
		h := s.half(f, from)
		h.zeroWindows++
		again(f, from, h.zeroWindows, 'W')
	}
	if flags&sensor.URG != 0 {
		s.anomaly(f, from, sensor.UrgentData)
	}
	if flags&sensor.ACK != 0 {
		s.ack(ref, f, r, d, o)
	}
	if r.WireLen > 0 {
		once(f, from, markData, 'D')
	}
	fin := flags&sensor.FIN != 0 && s.fin(ref, f, from, seq+uint32(r.WireLen))
	if r.WireLen > 0 {
		s.segment(ref, f, from, seq, r)
	} else if int32(seq-d.NextSeq) == 1 && d.Stream == 0 && f.Flags&flagMidstream != 0 {
		d.NextSeq = seq // the first packet seen was a keep-alive
		s.drain(ref, f, from)
	}
	if fin && !s.finish(ref, f, from) {
		s.holeSince(ref, f, from)
	}
}

// steady takes a packet of an open connection that says nothing new but that all of
// it has arrived, with the next bytes or none: most packets are such. It reports
// whether it did; what it does is what handle and tcp would do step by step.
func (s *shard) steady(f *flowtab.Flow, r *sensor.Record, now int64) bool {
	const (
		usual   = sensor.PSH | sensor.ECE | sensor.CWR
		talking = stInit | stAcked
	)
	from := r.From & 1
	d, o := &f.Dir[from], &f.Dir[from^1]
	switch {
	case f.Phase != phaseOpen || r.Kind != sensor.Packet,
		r.TCPFlags&^usual != sensor.ACK || r.Flags != 0 || r.Window == 0,
		d.State&talking != talking || o.State&stISNs != 0,
		r.WireLen > 0 && d.Half != 0 && !s.halves.at(d.Half).idle(),
		r.Seq != d.NextSeq || int32(r.Ack-o.NextSeq) > 0,
		now >= f.ActiveAt || r.Time < f.Last || uint64(r.Time-f.Last) > uint64(s.idle[phaseOpen]):
		return false
	}
	f.Seen, f.Last = now, r.Time
	d.Counters.Add(r.Count)
	s.books.packets += r.Count.Packets
	d.TCP |= r.TCPFlags
	if int32(r.Ack-d.Ack) > 0 {
		d.Ack = r.Ack
	}
	if r.WireLen == 0 {
		once(f, from, markACK, 'A')
		return true
	}
	once(f, from, markData, 'D')
	s.books.tcpSeen += uint64(r.WireLen)
	s.next(f, from, r.Payload, r.WireLen, r.Time)
	s.read(f, from, len(r.Payload))
	return true
}

// intact deals with a packet whose Flags are set, and reports whether its TCP
// header means anything.
func (s *shard) intact(f *flowtab.Flow, r *sensor.Record) bool {
	if r.Flags&sensor.FragmentConflict != 0 {
		s.anomaly(f, r.From&1, sensor.InconsistentFragment)
	}
	if r.Flags&sensor.Fragment != 0 {
		// Fragments are offered as the one datagram they become.
		rest := r.Count.PayloadBytes - uint64(r.WireLen)
		s.books.tcpSeen += rest
		s.books.tcpFragment += rest
		if r.TCPFlags == 0 && r.WireLen == 0 {
			return false
		}
	}
	if r.Flags&sensor.BadChecksum != 0 {
		s.books.tcpSeen += uint64(r.WireLen)
		s.books.tcpChecksum += uint64(r.WireLen)
		h := s.half(f, r.From&1)
		h.checksums++
		again(f, r.From&1, h.checksums, 'C')
		s.anomaly(f, r.From&1, sensor.BadTransportChecksum)
		return false
	}
	return true
}

// isn returns the initial sequence number that direction d is known to have
// used, or would have used if the first packet seen was its first.
func isn(d *flowtab.Dir) uint32 {
	n := d.NextSeq - 1 - uint32(d.Stream)
	if d.State&stFIN != 0 && d.State&stClosed != 0 {
		n-- // the FIN took one
	}
	return n
}

// reuse decides whether a SYN belongs to the flow that is there or to a new
// connection on the same addresses and ports, which then takes its place. It
// returns the flow that the packet belongs to, or nil if that must be started.
func (s *shard) reuse(ref flowtab.Ref, f *flowtab.Flow, r *sensor.Record) (flowtab.Ref, *flowtab.Flow) {
	d, o := &f.Dir[r.From&1], &f.Dir[r.From&1^1]
	if r.TCPFlags&sensor.ACK != 0 {
		if o.Half != 0 {
			if h := s.halves.at(o.Half); h.syn != nil && r.Ack == h.syn.Seq+1 {
				return s.confirmed(ref, f, h.syn)
			}
		}
		if f.Phase == phaseClosed && d.State&stInit != 0 && isn(d) != r.Seq {
			s.end(ref, f, sensor.EndReused)
			return 0, nil
		}
		return ref, f
	}
	switch {
	case d.State&stInit != 0 && isn(d) == r.Seq:
		return ref, f // the same SYN again
	case d.State&stInit == 0 && f.Phase == phaseOpening:
		return ref, f // simultaneous open (RFC 9293, 3.5)
	case f.Phase == phaseOpen && d.State&stInit != 0:
		// On an open connection the receiver would not believe it either (RFC
		// 5961, 4). It is taken for a new connection once it is answered.
		syn := *r
		syn.Payload = nil
		h := s.half(f, r.From&1)
		h.syn, h.last = &syn, f.Last
		return ref, f
	}
	s.end(ref, f, sensor.EndReused)
	return 0, nil
}

// confirmed ends f and begins the connection whose SYN was seen before on f.
func (s *shard) confirmed(ref flowtab.Ref, f *flowtab.Flow, syn *sensor.Record) (flowtab.Ref, *flowtab.Flow) {
	from := syn.From & 1
	d, moved := &f.Dir[from], syn.Count
	if f.More != 0 && s.mores.at(f.More).counters[from].Packets > d.Packets-moved.Packets {
		moved = sensor.Counters{} // it was reported with f meanwhile
	}
	d.Counters = d.Counters.Sub(moved)
	if f.Last == syn.Time {
		f.Last = s.halves.at(d.Half).last
	}
	s.end(ref, f, sensor.EndReused)
	ref, f = s.start(syn, s.tab.Hash(&syn.Key))
	f.Dir[from].Counters.Add(moved)
	s.books.tcpSeen -= uint64(syn.WireLen) // was seen, and booked as after_close, when it came
	s.books.afterClose -= uint64(syn.WireLen)
	s.tcp(ref, f, syn)
	return ref, f
}

// syn notes a SYN or SYN-ACK, and reports whether it is one of this connection.
func (s *shard) syn(f *flowtab.Flow, r *sensor.Record) bool {
	from := r.From & 1
	d := &f.Dir[from]
	if d.Half != 0 && s.halves.at(d.Half).syn != nil && isn(d) != r.Seq {
		return false // waits to be answered
	}
	if r.TCPFlags&sensor.ACK != 0 {
		once(f, from, markSYNACK, 'H')
		s.correct(f, from^1, sensor.BySYNACK)
		if d.State&stSYNACK != 0 && d.Stream == 0 && isn(d) != r.Seq {
			d.State |= stISNs
		}
		d.State |= stSYNACK
	} else {
		once(f, from, markSYN, 'S')
		s.correct(f, from, sensor.BySYN)
		d.State |= stSYN
		if f.RTT <= 0 && side(f, from) == sensor.Initiator {
			f.RTT = -int64(r.Time)
		}
	}
	if d.State&stInit == 0 || d.Stream == 0 && d.State&(stFIN|stClosed) == 0 {
		s.begin(f, from, r.Seq+1)
	}
	return true
}

// ack notes an acknowledgement sent by d, which says what o must have sent.
func (s *shard) ack(ref flowtab.Ref, f *flowtab.Flow, r *sensor.Record, d, o *flowtab.Dir) {
	from := r.From & 1
	if r.TCPFlags&(sensor.SYN|sensor.FIN) == 0 && r.WireLen == 0 {
		once(f, from, markACK, 'A')
	}
	if d.State&stAcked == 0 || int32(r.Ack-d.Ack) > 0 {
		d.State |= stAcked
		d.Ack = r.Ack
	}
	if o.State&stISNs != 0 && o.Stream == 0 && r.TCPFlags&sensor.SYN == 0 {
		o.State &^= stISNs
		s.begin(f, from^1, r.Ack)
	}
	if f.Phase == phaseOpening && r.TCPFlags&sensor.SYN == 0 && (d.State&(stSYN|stSYNACK) != 0 || o.State&stSYNACK != 0) {
		f.Phase = phaseOpen // whoever goes on after the handshake has seen the end of it, even if we did not
		s.schedule(ref, f)  // now, so that a flood of attempts does not evict it for one of them
		if d.State&stSYN != 0 && o.State&stSYNACK != 0 && r.Ack == o.NextSeq {
			if f.RTT < 0 {
				f.RTT = max(int64(r.Time)+f.RTT, 0)
			}
			s.report(sensor.FlowEstablished, f, sensor.NotEnded)
		}
	}
	if o.State&stInit != 0 && o.State&stClosed == 0 {
		if ahead := int32(r.Ack - o.NextSeq); ahead > 0 && ahead <= believable {
			s.ackedUnseen(ref, f, from^1, r.Ack)
		}
	}
}

// fin notes a FIN whose sequence number is seq, and reports whether it is new
// and of this stream. What lies behind it is not, even if it came before.
func (s *shard) fin(ref flowtab.Ref, f *flowtab.Flow, from uint8, seq uint32) bool {
	d := &f.Dir[from]
	once(f, from, markFIN, 'F')
	if d.State&(stFIN|stClosed) != 0 {
		return false // again
	}
	if d.Half != 0 {
		s.catchUp(f, from, seq)
	}
	if ahead := int32(seq - d.NextSeq); ahead < 0 || ahead > believable {
		return false // not of this stream
	}
	d.State |= stFIN
	d.FinSeq = seq
	if d.Half != 0 {
		if n := s.halves.at(d.Half).queue.Cut(seq, &s.reorder); n > 0 {
			s.books.tcpHeld -= uint64(n)
			s.books.afterClose += uint64(n)
			s.anomaly(f, from, sensor.DataAfterClose)
		}
	}
	if f.Phase < phaseClosing {
		f.Phase = phaseClosing
		if s.tab.Sooner(ref, s.dueAt(f)) {
			s.schedule(ref, f)
		}
	}
	return true
}

// finish ends a direction whose FIN is next in order, and reports whether it is.
func (s *shard) finish(ref flowtab.Ref, f *flowtab.Flow, from uint8) bool {
	d := &f.Dir[from]
	if d.State&(stFIN|stClosed) != stFIN || d.FinSeq != d.NextSeq {
		return false
	}
	d.NextSeq++
	d.State |= stClosed
	if d.Half != 0 {
		h := s.halves.at(d.Half)
		h.acked, h.giveUp = false, 0 // whatever was acknowledged behind the FIN
	}
	s.eof(f, from, false)
	if o := &f.Dir[from^1]; o.State&stClosed != 0 {
		s.closed(ref, f, sensor.EndFIN)
	}
	return true
}

// rst notes a RST and, if it is in the window, ends the connection.
func (s *shard) rst(ref flowtab.Ref, f *flowtab.Flow, r *sensor.Record) {
	from := r.From & 1
	if f.Phase == phaseClosed {
		once(f, from, markRST, 'R')
		return
	}
	if !inWindow(f, r) {
		s.anomaly(f, from, sensor.OutOfWindowRST)
		return
	}
	once(f, from, markRST, 'R')
	f.Dir[from].State |= stRST
	first := f.Initiator // what is delivered now may correct it
	s.closeStream(f, first, sensor.LossMissing)
	s.closeStream(f, first^1, sensor.LossMissing)
	s.closed(ref, f, sensor.EndRST)
}

// inWindow reports whether the peer of a RST's sender would act on it (RFC 9293,
// 3.10.7; RFC 5961, 3), as far as that can be seen from outside: window scales
// are not known, so the window is taken to be 64 KiB.
func inWindow(f *flowtab.Flow, r *sensor.Record) bool {
	d, o := &f.Dir[r.From&1], &f.Dir[r.From&1^1]
	if d.State&stInit == 0 {
		// It answers a packet of the peer: with an ACK of what that brought, or
		// at the sequence number that the peer acknowledged (RFC 9293, 3.5.2).
		switch {
		case r.TCPFlags&sensor.ACK != 0 && o.State&stInit != 0:
			behind := int32(o.NextSeq - r.Ack)
			return behind >= -1 && behind <= 65535
		case o.State&stAcked != 0:
			ahead := int32(r.Seq - o.Ack)
			return ahead >= -1 && ahead <= 65535
		}
		return true
	}
	low := d.NextSeq
	if o.State&stAcked != 0 && int32(o.Ack-low) < 0 {
		low = o.Ack
	}
	high := d.NextSeq
	if o.State&stAcked != 0 && int32(o.Ack-high) > 0 {
		high = o.Ack
	}
	return int32(r.Seq-low) >= -1 && int32(r.Seq-high) <= 65535
}

// closed lets a finished connection linger, for segments that come late.
func (s *shard) closed(ref flowtab.Ref, f *flowtab.Flow, why sensor.EndReason) {
	f.End = why
	f.Phase = phaseClosed
	s.release(f, leftEnded)
	f.Flags |= flagDone
	s.schedule(ref, f)
}
