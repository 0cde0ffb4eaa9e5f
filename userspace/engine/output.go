package engine

import (
	"time"

	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// output carries events from the shards of one worker to a sink. The event and
// the flow in it are reused.
type output struct {
	sink    sensor.Sink
	err     error // the sink's, sticky
	ev      sensor.Event
	flow    sensor.Flow
	time    sensor.Timestamp // of the record at work
	ordinal uint64
	bypass  func(sensor.Key) // tells the source to stop copying, if it can
	spares  *spares          // parsers for the flows of all shards of the worker
}

func (o *output) send() {
	if o.err == nil {
		o.err = o.sink.Consume(&o.ev)
	}
}

// event fills in what all events have in common. The caller sets the rest and
// calls s.out.send.
func (s *shard) event(kind sensor.EventKind, f *flowtab.Flow, end sensor.EndReason) *sensor.Event {
	o := s.out
	s.view(&o.flow, f, end)
	o.ev = sensor.Event{Kind: kind, Time: o.time, Ordinal: o.ordinal, Flow: &o.flow}
	return &o.ev
}

// report sends an event that is about the flow as a whole.
func (s *shard) report(kind sensor.EventKind, f *flowtab.Flow, end sensor.EndReason) {
	s.event(kind, f, end)
	s.out.send()
}

// view fills v with what is known of f.
func (s *shard) view(v *sensor.Flow, f *flowtab.Flow, end sensor.EndReason) {
	a, b := &f.Dir[f.Initiator&1], &f.Dir[f.Initiator&1^1]
	*v = sensor.Flow{
		ID: f.ID, Key: f.Key, Initiator: f.Initiator, Evidence: f.Evidence,
		State: connState(f), End: end, Midstream: f.Flags&flagMidstream != 0,
		First: f.First, Last: f.Last,
		Counters: [2]sensor.Counters{a.Counters, b.Counters},
		History:  f.History,
		Encap:    sensor.Encap{VLAN: f.VLAN},
	}
	v.Delta = v.Counters
	if f.More != 0 {
		p := s.mores.at(f.More)
		v.RecordSeq, v.Headline = p.records, p.headline
		if p.encap.Tunnel != sensor.NoTunnel {
			v.Encap = p.encap
		}
		v.Delta[0] = a.Counters.Sub(p.counters[f.Initiator&1])
		v.Delta[1] = b.Counters.Sub(p.counters[f.Initiator&1^1])
	}
	if f.RTT > 0 {
		v.RTT = time.Duration(f.RTT)
	}
	if f.App != 0 {
		v.App = s.cat.names[f.App-1]
	}
	if f.Key.Proto == sensor.ProtoTCP {
		s.tcpStats(&v.TCP[0], a)
		s.tcpStats(&v.TCP[1], b)
	}
}

func (s *shard) tcpStats(v *sensor.TCPStats, d *flowtab.Dir) {
	v.Flags = d.TCP
	if d.Half != 0 {
		h := s.halves.at(d.Half)
		v.Retransmissions, v.OutOfOrder = h.retransmissions, h.outOfOrder
		v.Gaps, v.GapBytes = h.gaps, h.gapBytes
	}
}

// anomaly reports something odd, once per flow and direction.
func (s *shard) anomaly(f *flowtab.Flow, i uint8, a sensor.Anomaly) {
	mark := uint16(markAnomaly) << (a - 1)
	if d := &f.Dir[i]; d.Marks&mark == 0 {
		d.Marks |= mark
		ev := s.event(sensor.FlowAnomaly, f, sensor.NotEnded)
		ev.Side, ev.Anomaly = side(f, i), a
		s.out.send()
	}
}
