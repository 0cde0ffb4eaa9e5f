package engine

import (
	"slices"

	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
	"flowscope/userspace/internal/stream"
)

// What the idle time-out of a flow depends on.
const (
	phaseOther = iota
	phaseUDP
	phaseOpening
	phaseOpen
	phaseClosing
	phaseClosed
	phases
)

// Flags of a flow.
const (
	flagMidstream = 1 << iota // TCP: the first packet was no SYN
	flagDone                  // no parser will want this flow's payload any more
	flagHeadline              // it has a headline
)

// shard is one part of the flow table and all that hangs on it. A flow belongs
// to one shard for life, and nothing in a shard depends on another.
type shard struct {
	cfg   *Config
	cat   *catalogue
	out   *output
	max   int // flows
	idle  [phases]int64
	tab   *flowtab.Table
	now   int64 // engine clock
	books books

	sessions slab[session]
	halves   slab[half]
	mores    slab[more]
	recents  map[*flowtab.Flow]*[2]recent // with StreamData; else sessions have them
	budget   stream.Budget                // of what waits for parsers and probes
	reorder  stream.Budget                // of what waits for bytes that precede it

	emit func(sensor.Message) // s.message, made once
	cur  struct {             // what emit is called about
		f    *flowtab.Flow
		side sensor.Side
		time sensor.Timestamp
		app  string
	}
}

// more is what not every flow needs. What each event needs comes first.
type more struct {
	headline string
	records  uint32             // reported
	encap    sensor.Encap       // if there is a tunnel
	seen     []string           // interfaces: of a Locator, or shared with events
	counters [2]sensor.Counters // by index in Key, as the last record reported them
}

// more returns the more of f, making it if there is none.
func (s *shard) more(f *flowtab.Flow) *more {
	if f.More != 0 {
		return s.mores.at(f.More)
	}
	n, m := s.mores.get()
	f.More = n
	return m
}

// maxInterfaces caps the names in Flow.Interfaces.
const maxInterfaces = 8

// seen returns the interfaces where a flow is now, and behind them those where it
// was before. It changes neither.
func seen(now, before []string) []string {
	if len(now) <= len(before) && slices.Equal(now, before[:len(now)]) {
		return before
	}
	all := now
	for _, name := range before {
		if len(all) < maxInterfaces && !slices.Contains(all, name) {
			all = append(slices.Clip(all), name)
		}
	}
	return all
}

func newShard(cfg *Config, cat *catalogue, out *output, of int) *shard {
	t := &cfg.Timeouts
	s := &shard{
		cfg: cfg, cat: cat, out: out,
		max: max(cfg.MaxFlows/of, 1),
		tab: flowtab.New(),
		// Half for each, so that holes alone cannot starve the parsers.
		budget:  stream.Budget{Max: int64(cfg.MaxBuffered / of / 2)},
		reorder: stream.Budget{Max: int64(cfg.MaxBuffered / of / 2)},
		idle: [phases]int64{
			phaseOther: int64(t.Other), phaseUDP: int64(t.UDP), phaseOpening: int64(t.TCPOpening),
			phaseOpen: int64(t.TCP), phaseClosing: int64(t.TCPClosing), phaseClosed: int64(t.TCPClosed),
		},
	}
	s.emit = s.message
	if out.spares == nil {
		out.spares = newSpares(cat)
	}
	if cfg.StreamData {
		s.recents = map[*flowtab.Flow]*[2]recent{}
	}
	return s
}

// handle takes one record, which is a Packet, Snapshot or Lost of this shard, at
// engine time now.
func (s *shard) handle(r *sensor.Record, at place, now int64) {
	s.now = now
	ref, f := s.tab.Find(&r.Key, at.hash, at.guess)
	if f != nil {
		if !s.cfg.stepwise && s.steady(f, r, now) {
			return
		}
		if s.silent(f, r.Time) && !s.continues(f, r) {
			s.end(ref, f, sensor.EndIdle)
			f = nil
		} else if r.Key.Proto == sensor.ProtoTCP && r.TCPFlags&sensor.SYN != 0 && r.Kind == sensor.Packet {
			ref, f = s.reuse(ref, f, r)
		}
	}
	if f == nil {
		ref, f = s.start(r, at.hash)
	} else if now >= f.ActiveAt {
		s.update(f)
	}
	f.Seen = now
	f.First = min(f.First, r.Time)
	f.Last = max(f.Last, r.Time)
	d := &f.Dir[r.From&1]

	switch r.Kind {
	case sensor.Packet:
		d.Counters.Add(r.Count)
		s.books.packets += r.Count.Packets
		switch r.Key.Proto {
		case sensor.ProtoTCP:
			s.tcp(ref, f, r)
		case sensor.ProtoUDP:
			s.datagram(f, r)
		}
		s.read(f, r.From&1, len(r.Payload))
	case sensor.Snapshot:
		d.Counters.Add(r.Count)
		d.TCP |= r.TCPFlags
		s.books.packets += r.Count.Packets
		if r.Where != 0 && s.out.locator != nil {
			m := s.more(f)
			m.seen = seen(s.out.locator.Locate(r.Where), m.seen)
		}
	case sensor.Lost:
		s.lost(f, r)
	}
}

// silent reports whether the flow's time was up at packet time t. The packets'
// own times decide where they go forward; where they went back, the clock does.
// It believes a long silence only after several packets, and a flow that is
// among these was not silent.
func (s *shard) silent(f *flowtab.Flow, t sensor.Timestamp) bool {
	idle := s.idle[f.Phase]
	if since := int64(t.Sub(f.Last)); since >= 0 {
		return since > idle
	}
	return s.now-f.Seen > idle
}

// continues reports whether a packet that comes too late, going by its own time
// but not by the clock, carries on a TCP stream all the same: then it is the
// time that is wrong.
func (s *shard) continues(f *flowtab.Flow, r *sensor.Record) bool {
	d := &f.Dir[r.From&1]
	if f.Phase != phaseOpen || d.State&stInit == 0 || s.now-f.Seen > s.idle[f.Phase] {
		return false
	}
	ahead := int32(r.Seq - d.NextSeq)
	return ahead >= -65535 && ahead <= 65535
}

// start begins a flow, making room for it if the table is full.
func (s *shard) start(r *sensor.Record, h uint32) (flowtab.Ref, *flowtab.Flow) {
	for s.tab.Len() >= s.max {
		s.evict()
	}
	ref, f := s.tab.Insert(&r.Key, h)
	f.ID = r.Ordinal
	f.First, f.Last = r.Time, r.Time
	f.Seen = s.now
	f.ActiveAt = s.now + int64(s.cfg.Timeouts.Active)
	f.VLAN = r.Encap.VLAN
	if r.Encap.Tunnel != sensor.NoTunnel {
		s.more(f).encap = r.Encap
	}
	f.Initiator, f.Evidence = direction(r)
	if f.Initiator != r.From {
		f.History.Append('^')
	}
	switch {
	case r.Key.Kind != sensor.FiveTuple:
		f.Phase = phaseOther
	case r.Key.Proto == sensor.ProtoTCP:
		f.Phase = phaseOpening
		if r.TCPFlags&sensor.SYN == 0 {
			f.Phase = phaseOpen
			f.Flags |= flagMidstream
		}
	case r.Key.Proto == sensor.ProtoUDP:
		f.Phase = phaseUDP
	}
	s.schedule(ref, f)
	s.books.created++
	s.report(sensor.FlowStart, f, sensor.NotEnded)
	return ref, f
}

// dueAt returns when the flow must be looked at next.
func (s *shard) dueAt(f *flowtab.Flow) int64 {
	due := min(f.Seen+s.idle[f.Phase], f.ActiveAt)
	for i := range f.Dir {
		if h := f.Dir[i].Half; h != 0 {
			if at := s.halves.at(h).giveUp; at != 0 {
				due = min(due, at)
			}
		}
	}
	return due
}

func (s *shard) schedule(ref flowtab.Ref, f *flowtab.Flow) { s.tab.Schedule(ref, s.dueAt(f)) }

// nothingDue reports whether a flow whose slot on the wheel has come has nothing
// to do yet.
func (s *shard) nothingDue(f *flowtab.Flow, now int64) bool {
	return now-f.Seen <= s.idle[f.Phase] && now < f.ActiveAt && f.Dir[0].Half|f.Dir[1].Half == 0
}

// due does what a flow whose slot on the wheel has come has to do.
func (s *shard) due(ref flowtab.Ref, now int64) {
	s.now = now
	f := s.tab.At(ref)
	if now-f.Seen > s.idle[f.Phase] {
		if s.silent(f, s.out.time) {
			s.end(ref, f, sensor.EndIdle)
			return
		}
		f.Seen = now
	}
	if now >= f.ActiveAt {
		s.update(f)
	}
	for i := range f.Dir {
		s.giveUp(ref, f, uint8(i))
	}
	s.schedule(ref, f)
}

// evict ends the flow whose time-out is nearest. A flow that was active since it
// was put on the wheel is put where it belongs now instead; each such step is
// paid for by that activity, and there are at most evictTries of them.
func (s *shard) evict() {
	const evictTries = 16
	for try := 1; ; try++ {
		ref := s.tab.Nearest()
		f := s.tab.At(ref)
		if try < evictTries {
			if due := s.dueAt(f); s.tab.Later(due) {
				s.tab.Schedule(ref, due)
				continue
			}
		}
		s.end(ref, f, sensor.EndEvicted)
		return
	}
}

// update reports an interim record of a flow that goes on.
func (s *shard) update(f *flowtab.Flow) {
	for active := int64(s.cfg.Timeouts.Active); f.ActiveAt <= s.now; {
		f.ActiveAt += (s.now-f.ActiveAt)/active*active + active
	}
	m, now := s.more(f), [2]sensor.Counters{f.Dir[0].Counters, f.Dir[1].Counters}
	if m.records > 0 && m.counters == now {
		return // nothing new to say
	}
	s.report(sensor.FlowUpdate, f, sensor.EndActive)
	m.counters = now
	m.records++
}

// end reports the last record of a flow and forgets it.
func (s *shard) end(ref flowtab.Ref, f *flowtab.Flow, why sensor.EndReason) {
	if f.End != sensor.NotEnded {
		why = f.End // it closed before
	}
	if f.Key.Proto == sensor.ProtoTCP {
		first := f.Initiator // what is delivered now may correct it
		s.closeStream(f, first, sensor.LossMissing)
		s.closeStream(f, first^1, sensor.LossMissing)
		if f.Dir[0].State&f.Dir[1].State&stFIN != 0 && f.End == sensor.NotEnded {
			why = sensor.EndFIN // both closed; bytes before a FIN were still waited for
		}
	} else if f.Session != 0 {
		s.endDatagrams(f)
	}
	s.release(f, leftEnded)
	s.books.ended[why]++
	s.books.packetsEnded += f.Dir[0].Packets + f.Dir[1].Packets
	s.report(sensor.FlowEnd, f, why)
	for i := range f.Dir {
		if h := f.Dir[i].Half; h != 0 {
			s.halves.put(h)
		}
	}
	if f.More != 0 {
		s.mores.put(f.More)
	}
	delete(s.recents, f)
	s.tab.Delete(ref)
}

// correct makes side's role known by better evidence than there was.
func (s *shard) correct(f *flowtab.Flow, initiator uint8, by sensor.Evidence) {
	if by <= f.Evidence {
		return
	}
	f.Evidence = by
	if f.Initiator != initiator {
		f.Initiator = initiator
		f.History.Flip()
	}
}

// side returns the role of the endpoint at index i of the key.
func side(f *flowtab.Flow, i uint8) sensor.Side { return sensor.Side((i ^ f.Initiator) & 1) }
