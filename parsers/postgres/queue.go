package postgres

import "flowscope/sensor"

// request is a message of the client that the server will answer: its type, and
// what the answer will be about.
type request struct {
	buf       []byte // a text behind a name behind a name
	at        sensor.Timestamp
	missing   int64
	first     uint16 // length of the first name: of a statement; Execute: of a portal
	second    uint16 // length of the second: Bind's portal
	kind      byte
	target    byte // Describe, Close: 'S' or 'P'
	truncated bool // the text is cut, or was not kept
	lost      bool // what it says was not captured
}

func (r *request) name() []byte   { return r.buf[:r.first] }
func (r *request) portal() []byte { return r.buf[r.first : r.first+r.second] }
func (r *request) text() []byte   { return r.buf[r.first+r.second:] }

// queue holds the requests that wait for their responses, oldest first, in a
// ring.
type queue struct {
	ring  []request
	head  int
	count int
	text  int // bytes in use by them
}

func (q *queue) at(i int) *request { return &q.ring[(q.head+i)&(len(q.ring)-1)] }

// front returns the oldest, or nil.
func (q *queue) front() *request {
	if q.count == 0 {
		return nil
	}
	return q.at(0)
}

// last returns the newest, or nil.
func (q *queue) last() *request {
	if q.count == 0 {
		return nil
	}
	return q.at(q.count - 1)
}

// push returns a place behind the newest, or nil if there are too many.
func (q *queue) push(kind byte) *request {
	if q.count == len(q.ring) {
		if q.count >= maxPending {
			return nil
		}
		ring := make([]request, max(8, 2*len(q.ring)))
		for i := range q.count {
			ring[i] = *q.at(i)
		}
		q.ring, q.head = ring, 0
	}
	r := q.at(q.count)
	q.count++
	*r = request{kind: kind, buf: r.buf[:0]}
	return r
}

// keptPlaces is how many places keep memory for their text when they are free.
const keptPlaces = 16

// pop forgets the oldest.
func (q *queue) pop() {
	r := q.at(0)
	q.text -= len(r.buf)
	r.buf = r.buf[:0]
	if q.head >= keptPlaces && cap(r.buf) > 64 {
		r.buf = nil
	}
	q.head = (q.head + 1) & (len(q.ring) - 1)
	if q.count--; q.count == 0 {
		q.head = 0
	}
}

// dropBehind forgets the n requests behind the oldest.
func (q *queue) dropBehind(n int) {
	oldest, last := q.at(0), q.at(n)
	*oldest, *last = *last, *oldest
	for range n {
		q.pop()
	}
}

// prepared is a prepared statement, or a portal made of one.
type prepared struct {
	name      []byte // of the statement
	text      []byte
	truncated bool
	known     bool
}

// set makes s a copy.
func (s *prepared) set(name, text []byte, truncated bool) {
	s.name = append(s.name[:0], name...)
	s.text = append(s.text[:0], text...)
	s.truncated, s.known = truncated, true
}

// store holds what the server has confirmed of prepared statements and portals.
type store struct {
	unnamed    prepared // statement
	portal     prepared // the unnamed one
	statements map[string]*prepared
	portals    map[string]*prepared
	text       int // bytes of the text of named ones
}

// define notes that a Parse succeeded.
func (s *store) define(r *request) {
	switch {
	case r.lost: // whose name is not known
		s.clear()
		return
	case r.first == 0:
		s.unnamed.set(nil, r.text(), r.truncated)
		return
	}
	if p := s.statements[string(r.name())]; p != nil {
		s.text += len(r.text()) - len(p.text)
		p.set(r.name(), r.text(), r.truncated)
		return
	}
	if len(s.statements) >= maxPrepared || s.text+len(r.buf) > maxPreparedText {
		return
	}
	if s.statements == nil {
		s.statements = map[string]*prepared{}
	}
	p := &prepared{}
	p.set(r.name(), r.text(), r.truncated)
	s.statements[string(r.name())] = p
	s.text += len(r.buf)
}

// forget removes a named statement.
func (s *store) forget(name []byte) {
	if p := s.statements[string(name)]; p != nil {
		s.text -= len(p.name) + len(p.text)
		delete(s.statements, string(name))
	}
}

// bind notes that a Bind succeeded.
func (s *store) bind(r *request) {
	switch {
	case r.lost:
		s.clearPortals()
	case r.second == 0:
		p := s.lookup(r.name())
		s.portal.set(r.name(), p.text, p.truncated)
		s.portal.known = p.known
	default:
		s.forgetPortal(r.portal())
		p := s.lookup(r.name())
		if len(s.portals) >= maxPortals || s.text+len(r.buf)+len(p.text) > maxPreparedText {
			return
		}
		if s.portals == nil {
			s.portals = map[string]*prepared{}
		}
		portal := &prepared{}
		portal.set(r.name(), p.text, p.truncated)
		portal.known = p.known
		s.portals[string(r.portal())] = portal
		s.text += len(portal.name) + len(portal.text)
	}
}

// unknown is what was not seen defined. It is only read.
var unknown prepared

// lookup returns the prepared statement of a name, for reading.
func (s *store) lookup(name []byte) *prepared {
	if len(name) == 0 {
		return &s.unnamed
	}
	if p := s.statements[string(name)]; p != nil {
		return p
	}
	return &unknown
}

// lookupPortal returns the portal of a name, for reading.
func (s *store) lookupPortal(name []byte) *prepared {
	if len(name) == 0 {
		return &s.portal
	}
	if p := s.portals[string(name)]; p != nil {
		return p
	}
	return &unknown
}

func (s *store) forgetPortal(name []byte) {
	if p := s.portals[string(name)]; p != nil {
		s.text -= len(p.name) + len(p.text)
		delete(s.portals, string(name))
	}
}

// close notes that a Close succeeded.
func (s *store) close(r *request) {
	switch {
	case r.lost:
	case r.target == 'S' && r.first == 0:
		s.unnamed.forget()
	case r.target == 'S':
		s.forget(r.name())
	case r.first == 0:
		s.portal.forget()
	default:
		s.forgetPortal(r.name())
	}
}

func (s *prepared) forget() {
	s.name, s.text, s.truncated, s.known = s.name[:0], s.text[:0], false, false
}

func (s *store) clearPortals() {
	if len(s.portals) > 0 {
		for _, p := range s.portals {
			s.text -= len(p.name) + len(p.text)
		}
		clear(s.portals)
	}
	s.portal.forget()
}

// clear forgets everything.
func (s *store) clear() {
	clear(s.statements)
	clear(s.portals)
	s.unnamed.forget()
	s.portal.forget()
	s.text = 0
}
