//go:build linux && (amd64 || arm64)

package live

import (
	"flowscope/gen"
	"flowscope/sensor"
)

// The parts of a flow, in the order in which they are handed out.
const (
	partFirst  = iota // when the direction that began it did
	partSecond        // when the other did
	partCount         // what each has added; the first, the second
	_
	partLost // what of each was not forwarded and not told before
	_
	parts
)

// snapshot fills r with the next part of the epoch that has ended, once all
// packets of it were handed out.
func (s *Source) snapshot(r *sensor.Record) bool {
	for s.take() {
		for ; s.flow < len(s.epoch.keys); s.flow, s.part = s.flow+1, 0 {
			for s.part < parts {
				s.part++
				if s.snapshotPart(r, s.part-1) {
					return true
				}
			}
		}
		s.epoch = nil
	}
	return false
}

// take makes the next epoch the one to be handed out, and says whether there is
// one and its packets have passed.
func (s *Source) take() bool {
	if s.epoch == nil {
		if s.ended {
			return false
		}
		select {
		case e, ok := <-s.ready:
			if !ok {
				s.ended = true
				return false
			}
			s.epoch, s.flow, s.part, s.wall = e, 0, 0, e.wall
			s.places.begin(e.number, s.k.directory.Load())
		default:
			return false
		}
	}
	for i, r := range s.rings {
		if int64(r.pos-s.epoch.marks[i]) < 0 {
			return false
		}
	}
	return true
}

func (s *Source) snapshotPart(r *sensor.Record, part int) bool {
	k, f := &s.epoch.keys[s.flow], &s.epoch.flows[s.flow]
	from := uint8(part & 1)
	if began := &f.Dir[0]; began.Packets == 0 || f.Dir[1].Packets > 0 && f.Dir[1].First < began.First {
		from ^= 1
	}
	d := &f.Dir[from]
	kind, when := sensor.Snapshot, d.Last
	var count sensor.Counters
	var why sensor.Loss
	switch {
	case part <= partSecond:
		// The time of the first packet goes out alone, for a flow of which no
		// packet did.
		if f.Known != 0 || d.Packets == 0 || d.First == d.Last {
			return false
		}
		when = d.First
	case part < partLost:
		if d.Packets == 0 {
			return false
		}
		count = sensor.Counters{Packets: d.Packets, Bytes: d.Bytes, FrameBytes: d.FrameBytes, PayloadBytes: d.PayloadBytes}
		s.books.snapshots += d.Packets
	default:
		if d.Unsent <= 0 {
			return false
		}
		kind, why = sensor.Lost, lossOf(d.Why)
		count.PayloadBytes = uint64(d.Unsent)
		s.books.told += uint64(d.Unsent)
	}
	s.begin(r, kind, k, from, when, s.epoch.wall)
	r.Encap = encapOf(f.Vlan, f.TunnelId, f.Tunnel)
	r.TCPFlags, r.Count, r.Reason = d.TcpFlags, count, why
	r.Where = s.places.number(f)
	if part >= partCount && part < partLost {
		s.memory.hear(r)
	}
	if kind == sensor.Lost {
		r.TCPFlags = 0
	}
	return true
}

// waiting returns the packets of the epoch that is being handed out that were
// not yet.
func (s *Source) waiting() (n uint64) {
	if s.epoch == nil {
		return 0
	}
	count := func(flows []gen.Flow) {
		for i := range flows {
			n += flows[i].Dir[0].Packets + flows[i].Dir[1].Packets
		}
	}
	if s.flow < len(s.epoch.flows) {
		count(s.epoch.flows[s.flow+1:])
		f := &s.epoch.flows[s.flow]
		done := uint64(0)
		for part := partCount; part < min(s.part, partLost); part++ {
			from := uint8(part & 1)
			if began := &f.Dir[0]; began.Packets == 0 || f.Dir[1].Packets > 0 && f.Dir[1].First < began.First {
				from ^= 1
			}
			done += f.Dir[from].Packets
		}
		n += f.Dir[0].Packets + f.Dir[1].Packets - done
	}
	return n
}
