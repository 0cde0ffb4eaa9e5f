package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

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
	hinted     uint64 // protocols that have a port of the flow
	// Of a flow joined in the middle, a side's bytes may be the rest of a message:
	// what they rule out they rule out until the side's next segment.
	struck    [2]uint64
	astray    [2]int64 // bytes of a side given up so, while it is not known where a message begins
	probed    [2]probed
	first     uint8 // direction that spoke first
	initiator uint8 // as the parser knows it: a flow's roles may be corrected later

	// Bytes of each direction that were not consumed: lent during a push, owned
	// afterwards. At most one of the two has any.
	lent  [2][]byte
	buf   [2][]byte
	store [2][]byte // what buf is a part of, charged to the budget

	// Bytes of each direction that the parser wants passed over, and those that
	// were since it was called. While there are any to come, none are pending.
	skip    [2]int64
	skipped [2]int64
	unshown [2]bool // the source was told to leave them out

	eof    [2]bool
	told   [2]bool // the parser knows of the eof
	recent [2]recent
	handed int  // times the stream was handed on
	errors int  // datagrams refused
	broken bool // the parser panicked
	queue  []heldDatagram
}

// side returns the role of direction i, as the parser knows it.
func (ss *session) side(i uint8) sensor.Side { return sensor.Side((i ^ ss.initiator) & 1) }

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
		s.done(f, leftUnknown)
		return nil
	}
	s.books.sessions++
	n, ss := s.sessions.get()
	*ss = session{}
	f.Session = n
	ss.candidates = m.all | hinted
	ss.hinted = hinted
	ss.first = from
	for i := range f.Dir {
		ss.eof[i] = f.Dir[i].State&stClosed != 0 // without a word
	}
	return ss
}

// choose makes the protocol at index n of m the flow's.
func (s *shard) choose(f *flowtab.Flow, ss *session, m *menu, n int) {
	ss.number, ss.candidates, ss.told = n, 0, [2]bool{}
	ss.initiator = f.Initiator
	if m.protocols[n].NewStream != nil {
		ss.stream = s.out.spares.stream(m, n)
	} else {
		ss.datagrams = s.out.spares.datagram(m, n)
	}
	if f.App == 0 {
		f.App = uint8(m.first + n + 1)
	}
}

// left says why a session ended.
type left uint8

const (
	leftEnded   left = iota // the flow did
	leftDone                // the parser had seen all it wants
	leftUnknown             // no protocol was recognised
	leftFailed              // the parser returned an error, or panicked
	leftGap                 // the parser cannot go on behind a gap
	leftBuffer              // the parser let too much pile up
	leftWays
)

var leftNames = [leftWays]string{"ended", "done", "unknown", "failed", "gap", "buffer_limit"}

// done notes that no parser will want the flow's payload any more.
func (s *shard) done(f *flowtab.Flow, why left) {
	s.release(f, why)
	f.Flags |= flagDone
	if !s.cfg.StreamData {
		s.out.advice.bypass(&f.Key)
	}
}

// release frees the session of a flow; what it had not consumed is booked.
func (s *shard) release(f *flowtab.Flow, why left) {
	if f.Session == 0 {
		return
	}
	ss := s.sessions.at(f.Session)
	s.drop(ss, 0)
	s.drop(ss, 1)
	s.dropDatagrams(ss)
	s.out.spares.put(ss)
	ss.stream, ss.datagrams = nil, nil
	s.sessions.putUsed(f.Session)
	s.books.left[why]++
	f.Session = 0
}

// feed gives bytes that are next in order, and already behind the direction's
// NextSeq, to whoever wants them.
func (s *shard) feed(f *flowtab.Flow, i uint8, data []byte, offset uint64, t sensor.Timestamp) {
	if s.cfg.StreamData {
		ev := s.event(sensor.FlowData, f, sensor.NotEnded)
		ev.Side, ev.Offset, ev.Data = side(f, i), int64(offset), data
		s.out.send()
		if s.recents[f] == nil {
			s.recents[f] = new([2]recent)
		}
	}
	ss := s.session(f, &s.cat.stream, i)
	if r := s.recent(f, i); r != nil {
		r.add(f.Dir[i].NextSeq-uint32(len(data)), data)
	}
	if ss == nil {
		if s.cfg.StreamData {
			s.books.tcpDelivered += uint64(len(data))
		} else {
			s.books.tcpBypassed += uint64(len(data))
		}
		return
	}
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
	if ss.skip[i] > 0 {
		if data = s.pass(ss, i, data); ss.skip[i] > 0 && !ss.eof[i] {
			return
		}
	}
	s.books.tcpBuffered += uint64(len(data))
	if len(ss.buf[i]) == 0 {
		ss.lent[i] = data
	} else if !s.keep(f, ss, i, data) {
		return
	}
	switch {
	case ss.stream == nil:
		s.probe(f, ss, i, len(data), t)
	case ss.astray[i] == 0 || s.found(f, ss, i, len(data)):
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

// pass passes over bytes that the parser does not want to see, and returns what
// is behind them.
func (s *shard) pass(ss *session, i uint8, data []byte) []byte {
	n := min(ss.skip[i], int64(len(data)))
	ss.skip[i] -= n
	ss.skipped[i] += n
	s.books.tcpDelivered += uint64(n)
	return data[n:]
}

// parse shows what is pending of a direction to the parser.
func (s *shard) parse(f *flowtab.Flow, ss *session, i uint8, t sensor.Timestamp, aborted bool) {
	data := ss.pending(i)
	if ss.told[i] || len(data) == 0 && ss.skipped[i] == 0 && !ss.eof[i] {
		return
	}
	ss.told[i] = ss.eof[i]
	seg := sensor.Segment{
		Time: t, Data: data, Offset: int64(f.Dir[i].Stream) - int64(len(data)), Skipped: ss.skipped[i],
		EOF: ss.eof[i], Aborted: aborted,
	}
	ss.skip[i], ss.skipped[i] = 0, 0
	n, err := s.call(f, ss, i, &seg)
	switch {
	case n < 0:
		n, err = 0, fmt.Errorf("parser consumed %d of %d bytes", n, len(data))
	case n > len(data):
		if err == nil {
			ss.skip[i] = min(int64(n-len(data)), maxSkip)
			if s.out.advice.source != nil && ss.skip[i] >= s.out.advice.quantum {
				s.ask(f, s.recent(f, i), i)
			}
		}
		n = len(data)
	}
	s.consume(ss, i, n)
	if err != nil {
		s.retire(f, ss, i, t, err)
	}
}

// call calls the parser; a panic in it becomes an error.
func (s *shard) call(f *flowtab.Flow, ss *session, i uint8, seg *sensor.Segment) (n int, err error) {
	seg.Side = ss.side(i)
	s.cur.f, s.cur.side, s.cur.time = f, side(f, i), seg.Time
	s.cur.app = s.cat.names[s.number(ss)]
	defer func() {
		if p := recover(); p != nil {
			ss.broken = true
			n, err = 0, &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	if ss.stream != nil {
		return ss.stream.Parse(*seg, s.emit)
	}
	return 0, ss.datagrams.Parse(*seg, s.emit)
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
	if s.cur.f.Flags&flagHeadline == 0 {
		s.headline(s.cur.f, m)
	}
	ev := s.event(sensor.FlowMessage, s.cur.f, sensor.NotEnded)
	ev.Side, ev.Time, ev.App, ev.Msg = s.cur.side, s.cur.time, s.cur.app, m
	s.out.send()
}

// headline makes what a message is about the headline of its flow.
func (s *shard) headline(f *flowtab.Flow, m sensor.Message) {
	about := ""
	switch m := m.(type) {
	case sensor.SubjectBytes:
		if b := m.AboutBytes(); len(b) > 0 {
			about = s.out.names.of(b)
		}
	case sensor.Subject:
		if about = m.About(); len(about) > sensor.MaxHeadline {
			about = strings.Clone(about[:sensor.MaxHeadline])
		}
	}
	if about != "" {
		f.Flags |= flagHeadline
		s.more(f).headline = about
	}
}

// retire ends the parser of a flow that returned an error, or hands its stream
// to another.
func (s *shard) retire(f *flowtab.Flow, ss *session, i uint8, t sensor.Timestamp, err error) {
	if errors.Is(err, sensor.ErrDone) {
		s.done(f, leftDone)
		return
	}
	if name, ok := sensor.HandedTo(err); ok {
		s.handTo(f, ss, i, t, name, err)
		return
	}
	s.fail(f, ss, i, err)
	s.done(f, leftFailed)
}

// fail reports the error of a parser.
func (s *shard) fail(f *flowtab.Flow, ss *session, i uint8, err error) {
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
// whichever is recognised if the name is empty; err is what says so.
func (s *shard) handTo(f *flowtab.Flow, ss *session, i uint8, t sensor.Timestamp, name string, err error) {
	m := &s.cat.stream
	s.out.spares.put(ss)
	ss.stream, ss.candidates = nil, 0
	ss.skip, ss.skipped = [2]int64{}, [2]int64{} // what has not come is not consumed
	ss.probed[0], ss.probed[1] = probed{}, probed{}
	ss.struck = [2]uint64{}
	ss.handed++
	n := m.named(name)
	switch {
	case ss.handed > maxHanded, name != "" && n < 0, name == "" && m.all == 0:
		s.done(f, leftUnknown)
		return
	case name != "":
		s.choose(f, ss, m, n)
		sensor.Inherit(ss.stream, err)
	default:
		ss.candidates = m.all // the same protocol, too: HTTP in a tunnel of HTTP
	}
	for _, dir := range [2]uint8{i, i ^ 1} {
		switch {
		case f.Session == 0:
			return
		case ss.stream != nil && ss.astray[dir] == 0:
			s.parse(f, ss, dir, t, false)
		case ss.stream != nil:
		case len(ss.pending(dir)) > 0:
			s.probe(f, ss, dir, len(ss.pending(dir)), t)
		}
	}
}

// sessionGap tells the parser that n bytes of direction i are lost.
func (s *shard) sessionGap(f *flowtab.Flow, i uint8, n int64) {
	if f.Session == 0 || n == 0 {
		return
	}
	ss := s.sessions.at(f.Session)
	if ss.skipped[i] > 0 {
		d := &f.Dir[i]
		d.Stream -= uint64(n) // where the parser is
		s.parse(f, ss, i, s.out.time, false)
		d.Stream += uint64(n)
		if f.Session == 0 {
			return
		}
	}
	lost := int64(len(ss.pending(i))) + n
	s.drop(ss, i)
	if ss.astray[i] > 0 {
		ss.astray[i] += lost
		return
	}
	ss.skip[i] = max(ss.skip[i]-lost, 0)
	if ss.stream == nil {
		return // the probes go on behind the gap
	}
	if !ss.resync(i, lost) {
		s.done(f, leftGap)
	}
}

// resync tells the parser that bytes of direction i are lost, and reports whether
// it can go on.
func (ss *session) resync(i uint8, lost int64) (ok bool) {
	r, ok := ss.stream.(sensor.Resyncer)
	if !ok {
		return false
	}
	defer func() {
		if recover() != nil {
			ok, ss.broken = false, true
		}
	}()
	return r.Resync(ss.side(i), lost)
}

// PanicError is the error of a parser that panicked.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // as debug.Stack gives it
}

func (e *PanicError) Error() string { return fmt.Sprintf("parser panicked: %v", e.Value) }
