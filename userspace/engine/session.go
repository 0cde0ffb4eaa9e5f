package engine

import (
	"errors"
	"fmt"
	"hash/maphash"
	"runtime/debug"

	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// session is what the parsers hold of one flow. A flow has one from its first
// payload until its parser is done, or it is known that there is none for it.
type session struct {
	stream    sensor.StreamParser   // one of
	datagrams sensor.DatagramParser // these, once the protocol is known
	number    int                   // of the protocol in its menu

	candidates uint64 // protocols not yet ruled out, while it is not known
	probed     [2]probed
	first      uint8 // direction that spoke first

	// Bytes of each direction that were not consumed: lent during a push, owned
	// afterwards. At most one of the two has any.
	lent  [2][]byte
	buf   [2][]byte
	store [2][]byte // what buf is a part of, charged to the budget

	eof    [2]bool
	recent [2]recent
	handed int // times the stream was handed on
	errors int // datagrams refused
	queue  []heldDatagram
}

// pending returns the bytes of direction i that were not consumed.
func (ss *session) pending(i uint8) []byte {
	if len(ss.buf[i]) > 0 {
		return ss.buf[i]
	}
	return ss.lent[i]
}

// reads reports whether the engine looks at the payload of TCP at all.
func (s *shard) reads() bool { return s.cfg.StreamData || len(s.cat.stream.protocols) > 0 }

// wants reports whether anyone wants the payload of the flow.
func (s *shard) wants(f *flowtab.Flow) bool {
	return s.cfg.StreamData || f.Flags&flagDone == 0 && len(s.cat.stream.protocols) > 0
}

// session returns the session of a flow that is not done, making it if there is
// none yet. It returns nil if no protocol is in question.
func (s *shard) session(f *flowtab.Flow, m *menu, from uint8) *session {
	if f.Session != 0 {
		return s.sessions.at(f.Session)
	}
	if f.Flags&flagDone != 0 || f.Key.Kind != sensor.FiveTuple {
		return nil
	}
	hinted := m.hinted(&f.Key)
	if m.all|hinted == 0 {
		s.done(f)
		return nil
	}
	n, ss := s.sessions.get()
	f.Session = n
	ss.candidates = m.all | hinted
	ss.first = from
	return ss
}

// choose makes the protocol at index n of m the flow's.
func (s *shard) choose(f *flowtab.Flow, ss *session, m *menu, n int) {
	ss.number, ss.candidates = n, 0
	p := &m.protocols[n]
	if p.NewStream != nil {
		ss.stream = p.NewStream()
	} else {
		ss.datagrams = p.NewDatagram()
	}
	if f.App == 0 {
		f.App = uint8(m.first + n + 1)
	}
	s.books.recognised++
}

// done notes that no parser will want the flow's payload any more.
func (s *shard) done(f *flowtab.Flow) {
	s.release(f)
	f.Flags |= flagDone
	if s.out.bypass != nil && !s.cfg.StreamData {
		s.out.bypass(f.Key)
	}
}

// release frees the session of a flow; what it had not consumed is booked.
func (s *shard) release(f *flowtab.Flow) {
	if f.Session == 0 {
		return
	}
	ss := s.sessions.at(f.Session)
	s.drop(ss, 0)
	s.drop(ss, 1)
	s.dropDatagrams(ss)
	s.sessions.put(f.Session)
	f.Session = 0
}

// drop forgets the bytes of a direction that were not consumed.
func (s *shard) drop(ss *session, i uint8) {
	n := uint64(len(ss.pending(i)))
	s.books.tcpBuffered -= n
	s.books.tcpUnparsed += n
	ss.lent[i] = nil
	s.free(ss, i)
}

func (s *shard) free(ss *session, i uint8) {
	s.budget.Give(len(ss.store[i]))
	ss.buf[i], ss.store[i] = nil, nil
}

// smallBuffer is the size up to which an empty buffer is kept for the next
// message that is cut in two.
const smallBuffer = 2048

// consume moves direction i forward by n bytes that the parser has dealt with.
func (s *shard) consume(ss *session, i uint8, n int) {
	s.books.tcpBuffered -= uint64(n)
	s.books.tcpDelivered += uint64(n)
	if len(ss.buf[i]) == 0 {
		ss.lent[i] = ss.lent[i][n:]
		return
	}
	ss.buf[i] = ss.buf[i][n:]
	if len(ss.buf[i]) == 0 && len(ss.store[i]) > smallBuffer {
		s.free(ss, i)
	}
}

// keep moves data behind the bytes of direction i that are owned, and reports
// whether the caps allow it. If not, the parser is retired.
func (s *shard) keep(f *flowtab.Flow, ss *session, i uint8, data []byte) bool {
	need := len(ss.buf[i]) + len(data)
	if need > s.maxUnconsumed(ss) {
		s.overflow(f, i, data)
		return false
	}
	if len(ss.buf[i]) == 0 {
		ss.buf[i] = ss.store[i][:0]
	}
	if need > cap(ss.buf[i]) {
		size := max(need+need/2, 64)
		if !s.budget.Take(size - len(ss.store[i])) {
			s.overflow(f, i, data)
			return false
		}
		store := make([]byte, size)
		ss.buf[i] = store[:copy(store, ss.buf[i])]
		ss.store[i] = store
	}
	ss.buf[i] = append(ss.buf[i], data...)
	return true
}

// overflow retires the parser of a flow that let too much pile up; data is what
// did not fit.
func (s *shard) overflow(f *flowtab.Flow, i uint8, data []byte) {
	s.sessions.at(f.Session).lent[i] = nil
	s.books.tcpBuffered -= uint64(len(data))
	s.books.tcpUnparsed += uint64(len(data))
	s.anomaly(f, i, sensor.BufferLimit)
	s.done(f)
}

func (s *shard) maxUnconsumed(ss *session) int {
	if ss.stream != nil {
		if n := s.cat.stream.protocols[ss.number].MaxBuffer; n > 0 {
			return n
		}
	}
	return s.cfg.MaxUnconsumed
}

// feed gives bytes that are next in order, and already behind the direction's
// NextSeq, to whoever wants them.
func (s *shard) feed(f *flowtab.Flow, i uint8, data []byte, offset uint64, t sensor.Timestamp) {
	if s.cfg.StreamData {
		ev := s.event(sensor.FlowData, f, sensor.NotEnded)
		ev.Side, ev.Offset, ev.Data = side(f, i), int64(offset), data
		s.out.send()
	}
	ss := s.session(f, &s.cat.stream, i)
	if ss == nil {
		if s.cfg.StreamData {
			s.books.tcpDelivered += uint64(len(data))
		} else {
			s.books.tcpBypassed += uint64(len(data))
		}
		return
	}
	ss.recent[i].add(f.Dir[i].NextSeq-uint32(len(data)), data)
	s.push(f, ss, i, data, t, false)
}

// eof tells the parser that no more comes from direction i.
func (s *shard) eof(f *flowtab.Flow, i uint8, aborted bool) {
	if f.Session == 0 {
		return
	}
	ss := s.sessions.at(f.Session)
	ss.eof[i] = true
	s.push(f, ss, i, nil, s.out.time, aborted)
	if f.Session != 0 && ss.stream != nil {
		s.drop(ss, i)
	}
}

// push shows new bytes of a direction, behind those that were not consumed, to
// the parser, or to the probes while there is none.
func (s *shard) push(f *flowtab.Flow, ss *session, i uint8, data []byte, t sensor.Timestamp, aborted bool) {
	s.books.tcpBuffered += uint64(len(data))
	if len(ss.buf[i]) == 0 {
		ss.lent[i] = data
	} else if !s.keep(f, ss, i, data) {
		return
	}
	if ss.stream == nil {
		s.probe(f, ss, i, len(data), t)
	} else {
		s.parse(f, ss, i, t, aborted)
	}
	if f.Session == 0 {
		return
	}
	if rest := ss.lent[i]; len(rest) > 0 {
		ss.lent[i] = nil
		s.keep(f, ss, i, rest)
	}
}

// parse shows what is pending of a direction to the parser.
func (s *shard) parse(f *flowtab.Flow, ss *session, i uint8, t sensor.Timestamp, aborted bool) {
	data := ss.pending(i)
	if len(data) == 0 && !ss.eof[i] {
		return
	}
	n, err := s.call(f, ss, sensor.Segment{Side: side(f, i), Time: t, Data: data, EOF: ss.eof[i], Aborted: aborted})
	if n < 0 || n > len(data) {
		n, err = 0, fmt.Errorf("parser consumed %d of %d bytes", n, len(data))
	}
	s.consume(ss, i, n)
	if err != nil {
		s.retire(f, ss, i, t, err)
	}
}

// call calls the parser; a panic in it becomes an error.
func (s *shard) call(f *flowtab.Flow, ss *session, seg sensor.Segment) (n int, err error) {
	s.cur.f, s.cur.side, s.cur.time = f, seg.Side, seg.Time
	s.cur.app = s.cat.names[s.number(ss)]
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	if ss.stream != nil {
		return ss.stream.Parse(seg, s.emit)
	}
	return 0, ss.datagrams.Parse(seg, s.emit)
}

// number returns the number of the session's protocol in the catalogue.
func (s *shard) number(ss *session) int {
	if ss.stream != nil {
		return ss.number
	}
	return s.cat.datagrams.first + ss.number
}

// message reports what a parser emits; parsers get it as emit.
func (s *shard) message(m sensor.Message) {
	s.books.messages++
	ev := s.event(sensor.FlowMessage, s.cur.f, sensor.NotEnded)
	ev.Side, ev.Time, ev.App, ev.Msg = s.cur.side, s.cur.time, s.cur.app, m
	s.out.send()
}

// retire ends the parser of a flow that returned an error, or hands its stream
// to another.
func (s *shard) retire(f *flowtab.Flow, ss *session, i uint8, t sensor.Timestamp, err error) {
	if errors.Is(err, sensor.ErrDone) {
		s.done(f)
		return
	}
	if name, ok := sensor.HandedTo(err); ok {
		s.handTo(f, ss, i, t, name)
		return
	}
	s.fail(f, ss, i, err)
	s.done(f)
}

// fail reports the error of a parser.
func (s *shard) fail(f *flowtab.Flow, ss *session, i uint8, err error) {
	s.books.parserErrors++
	ev := s.event(sensor.FlowError, f, sensor.NotEnded)
	ev.Side, ev.App, ev.Err = side(f, i), s.cat.names[s.number(ss)], err
	if ss.stream != nil {
		ev.Offset = int64(f.Dir[i].Stream) - int64(len(ss.pending(i)))
	}
	s.out.send()
}

// maxHanded is how often a stream may be handed on, so that two parsers cannot
// throw it to and fro.
const maxHanded = 4

// handTo gives the rest of the stream to the protocol of that name, or to
// whichever is recognised if the name is empty.
func (s *shard) handTo(f *flowtab.Flow, ss *session, i uint8, t sensor.Timestamp, name string) {
	m := &s.cat.stream
	from := ss.number
	ss.stream, ss.candidates = nil, 0
	ss.probed[0], ss.probed[1] = probed{}, probed{}
	ss.handed++
	n := m.named(name)
	switch {
	case ss.handed > maxHanded, name != "" && n < 0, name == "" && m.all&^(1<<from) == 0:
		s.done(f)
		return
	case name != "":
		s.choose(f, ss, m, n)
	default:
		ss.candidates = m.all &^ (1 << from)
	}
	for _, dir := range [2]uint8{i, i ^ 1} {
		switch {
		case f.Session == 0:
			return
		case ss.stream != nil:
			s.parse(f, ss, dir, t, false)
		case len(ss.pending(dir)) > 0:
			s.probe(f, ss, dir, len(ss.pending(dir)), t)
		}
	}
}

// sessionGap tells the parser that n bytes of direction i are lost.
func (s *shard) sessionGap(f *flowtab.Flow, i uint8, n int64) {
	if f.Session == 0 {
		return
	}
	ss := s.sessions.at(f.Session)
	lost := int64(len(ss.pending(i))) + n
	s.drop(ss, i)
	if ss.stream == nil {
		return // the probes go on behind the gap
	}
	if r, ok := ss.stream.(sensor.Resyncer); !ok || !s.resync(r, side(f, i), lost) {
		s.books.retiredAtGap++
		s.done(f)
	}
}

func (s *shard) resync(r sensor.Resyncer, side sensor.Side, lost int64) (ok bool) {
	defer func() {
		if recover() != nil {
			s.books.parserErrors++
			ok = false
		}
	}()
	return r.Resync(side, lost)
}

// PanicError is the error of a parser that panicked.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // as debug.Stack gives it
}

func (e *PanicError) Error() string { return fmt.Sprintf("parser panicked: %v", e.Value) }

// recent remembers the last few segments of a direction by their digests, to
// tell a retransmission from a segment that puts other bytes in its place. Only
// the first and last 64 bytes are looked at, so that bulk data costs nothing.
type recent struct {
	next uint8
	seg  [4]struct {
		seq, n uint32
		sum    uint64
	}
}

var recentSeed = maphash.MakeSeed()

func digest(data []byte) uint64 {
	const edge = 64
	if len(data) <= 2*edge {
		return maphash.Bytes(recentSeed, data)
	}
	return maphash.Bytes(recentSeed, data[:edge]) ^ 3*maphash.Bytes(recentSeed, data[len(data)-edge:])
}

func (r *recent) add(seq uint32, data []byte) {
	e := &r.seg[r.next%uint8(len(r.seg))]
	e.seq, e.n, e.sum = seq, uint32(len(data)), digest(data)
	r.next++
}

func (r *recent) differs(seq uint32, data []byte) bool {
	for i := range r.seg {
		if e := &r.seg[i]; e.n > 0 && e.seq == seq && e.n == uint32(len(data)) {
			return e.sum != digest(data)
		}
	}
	return false
}
