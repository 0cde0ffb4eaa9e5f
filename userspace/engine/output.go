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
	advice  advice // for the source
	locator sensor.Locator
	spares  *spares // parsers for the flows of all shards of the worker
	names   names   // headlines that were given last
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
	ev := &o.ev
	ev.Kind, ev.Side, ev.Reason, ev.Anomaly = kind, 0, 0, 0
	ev.Time, ev.Ordinal, ev.Flow = o.time, o.ordinal, &o.flow
	ev.Msg, ev.App, ev.Err, ev.Data = nil, "", nil, nil
	ev.Lost, ev.Offset = 0, 0
	return ev
}

// report sends an event that is about the flow as a whole.
func (s *shard) report(kind sensor.EventKind, f *flowtab.Flow, end sensor.EndReason) {
	s.event(kind, f, end)
	s.out.send()
}

// view fills v with what is known of f: field by field, because it is called for
// each message, and a value that is made and then copied costs twice.
func (s *shard) view(v *sensor.Flow, f *flowtab.Flow, end sensor.EndReason) {
	a, b := &f.Dir[f.Initiator&1], &f.Dir[f.Initiator&1^1]
	v.ID, v.Key = f.ID, f.Key
	v.Initiator, v.Evidence = f.Initiator, f.Evidence
	v.State, v.End, v.Midstream = connState(f), end, f.Flags&flagMidstream != 0
	v.First, v.Last = f.First, f.Last
	v.Counters[0], v.Counters[1] = a.Counters, b.Counters
	v.Delta[0], v.Delta[1] = a.Counters, b.Counters
	v.History = f.History
	v.RecordSeq, v.Headline, v.Encap, v.Interfaces = 0, "", sensor.Encap{VLAN: f.VLAN}, nil
	if f.More != 0 {
		p := s.mores.at(f.More)
		v.RecordSeq, v.Headline = p.records, p.headline
		if p.encap.Tunnel != sensor.NoTunnel {
			v.Encap = p.encap
		}
		v.Interfaces = p.seen
		if p.records > 0 {
			v.Delta[0] = a.Counters.Sub(p.counters[f.Initiator&1])
			v.Delta[1] = b.Counters.Sub(p.counters[f.Initiator&1^1])
		}
	}
	v.RTT = time.Duration(max(f.RTT, 0))
	v.App = ""
	if f.App != 0 {
		v.App = s.cat.names[f.App-1]
	}
	s.tcpStats(&v.TCP[0], a)
	s.tcpStats(&v.TCP[1], b)
}

func (s *shard) tcpStats(v *sensor.TCPStats, d *flowtab.Dir) {
	*v = sensor.TCPStats{Flags: d.TCP} // no flags, and no half, but for TCP
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
