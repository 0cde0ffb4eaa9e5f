package engine

import (
	"bytes"
	"errors"

	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// heldDatagram is a datagram that the probes could not yet tell, kept for the
// parser that turns out to be the right one.
type heldDatagram struct {
	from    uint8
	time    sensor.Timestamp
	data    []byte
	missing int
}

// heldCost is charged for a held datagram beside its bytes: the struct, its
// share of the queue, and what the allocator rounds up.
const heldCost = 128

// datagram gives one UDP datagram, already counted, to the flow's parser.
func (s *shard) datagram(f *flowtab.Flow, r *sensor.Record) {
	from := r.From & 1
	once(f, from, markData, 'D')
	if r.Flags != 0 && !s.wholeDatagram(f, r) {
		return
	}
	n := uint64(r.WireLen)
	s.books.udpSeen += n
	if n == 0 {
		return
	}
	ss := s.session(f, &s.cat.datagrams, from)
	if ss == nil {
		s.books.udpBypassed += n
		return
	}
	s.books.udpCut += n - uint64(len(r.Payload))
	d := heldDatagram{from: from, time: r.Time, data: r.Payload, missing: r.WireLen - len(r.Payload)}
	if ss.datagrams == nil && !s.probeDatagram(f, ss, &d) {
		return
	}
	s.parseDatagram(f, ss, &d)
}

// wholeDatagram deals with a record whose Flags are set, and reports whether its
// payload is one datagram.
func (s *shard) wholeDatagram(f *flowtab.Flow, r *sensor.Record) bool {
	if r.Flags&sensor.FragmentConflict != 0 {
		s.anomaly(f, r.From&1, sensor.InconsistentFragment)
	}
	if r.Flags&sensor.Fragment != 0 {
		rest := r.Count.PayloadBytes - uint64(r.WireLen)
		s.books.udpSeen += rest
		s.books.udpFragment += rest
		if r.WireLen == 0 {
			return false
		}
	}
	if r.Flags&sensor.BadChecksum != 0 {
		s.books.udpSeen += uint64(r.WireLen)
		s.books.udpChecksum += uint64(r.WireLen)
		h := s.half(f, r.From&1)
		h.checksums++
		again(f, r.From&1, h.checksums, 'C')
		s.anomaly(f, r.From&1, sensor.BadTransportChecksum)
		return false
	}
	return true
}

// probeDatagram shows a datagram to the probes, and reports whether the parser
// is known and d is still to be given to it.
func (s *shard) probeDatagram(f *flowtab.Flow, ss *session, d *heldDatagram) bool {
	m := &s.cat.datagrams
	within := ss.probed[d.from].spend(s.cfg, len(d.data))
	if s.recognise(f, ss, m, d.from, d.data) {
		held := ss.queue
		ss.queue = nil
		for i := range held {
			s.budget.Give(heldCost + cap(held[i].data))
			s.books.udpHeld -= uint64(len(held[i].data))
			if f.Session != 0 {
				s.parseDatagram(f, ss, &held[i])
			} else {
				s.books.udpBypassed += uint64(len(held[i].data))
			}
		}
		if f.Session == 0 {
			s.books.udpBypassed += uint64(len(d.data))
		}
		return f.Session != 0
	}
	if ss.candidates == 0 || !within || !s.budget.Take(heldCost+len(d.data)) {
		s.books.udpBypassed += uint64(len(d.data))
		s.done(f, leftUnknown)
		return false
	}
	h := *d
	h.data = bytes.Clone(d.data)
	h.data = h.data[:len(h.data):len(h.data)]
	s.books.udpHeld += uint64(len(h.data))
	ss.queue = append(ss.queue, h)
	return false
}

func (s *shard) dropDatagrams(ss *session) {
	for _, d := range ss.queue {
		s.budget.Give(heldCost + cap(d.data))
		s.books.udpHeld -= uint64(len(d.data))
		s.books.udpBypassed += uint64(len(d.data))
	}
	ss.queue = nil
}

func (s *shard) parseDatagram(f *flowtab.Flow, ss *session, d *heldDatagram) {
	s.books.udpDelivered += uint64(len(d.data))
	_, err := s.call(f, ss, d.from, &sensor.Segment{Time: d.time, Data: d.data, Missing: d.missing})
	switch {
	case err == nil:
	case errors.Is(err, sensor.ErrDone):
		s.done(f, leftDone)
	default:
		s.fail(f, ss, d.from, err)
		if ss.errors++; ss.errors >= sensor.MaxDatagramErrors {
			s.done(f, leftFailed)
		}
	}
}

// endDatagrams tells the parser that the flow is over.
func (s *shard) endDatagrams(f *flowtab.Flow) {
	ss := s.sessions.at(f.Session)
	if ss.datagrams == nil {
		return
	}
	for _, i := range [2]uint8{f.Initiator & 1, f.Initiator&1 ^ 1} {
		if _, err := s.call(f, ss, i, &sensor.Segment{Time: s.out.time, EOF: true}); err != nil {
			return
		}
	}
}
