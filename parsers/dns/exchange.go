package dns

import (
	"bytes"
	"time"

	"flowscope/sensor"
)

const (
	// MaxPending is how many queries of one flow are remembered, with up to 8
	// KiB of names.
	MaxPending      = 128
	maxPendingBytes = 8 << 10
	// QueryTimeout is how long a query waits for its response.
	QueryTimeout = 30 * time.Second
)

// exchange pairs the queries and responses of one flow.
type exchange struct {
	queries []query  // oldest first
	first   [1]query // what queries is at first
	bytes   int      // of their names
	lossy   bool     // messages may have been lost: what is not here proves nothing
}

// query is a query that was seen.
type query struct {
	sent     sensor.Timestamp
	short    [40]byte // a copy of the name, if it fits
	long     []byte   // if it does not
	size     int      // of the name
	id       uint16
	qtype    Type
	class    Class
	opcode   Opcode
	side     sensor.Side
	answered bool
	rd, cd   bool
}

// name returns the name. It is valid until the query is moved.
func (q *query) name() []byte {
	if q.size <= len(q.short) {
		return q.short[:q.size]
	}
	return q.long
}

// pair notes a query, or gives a response what is known of its query. Queries
// whose time is over are emitted first.
func (x *exchange) pair(m *Message, side sensor.Side, t sensor.Timestamp, emit func(sensor.Message)) {
	x.expire(t, emit)
	if m.Kind == KindQuery {
		switch i := x.find(m, side); {
		case i < 0:
			x.add(m, side, t, emit)
		case x.queries[i].answered: // asked anew, with the same id
			x.remove(i)
			x.add(m, side, t, emit)
		default:
			m.Repeated = true
		}
		return
	}
	switch i := x.find(m, side.Other()); {
	case i < 0:
		m.Unsolicited = !x.lossy
	case x.queries[i].answered:
		m.Repeated = true
	default:
		x.queries[i].answered = true
		m.RTT = max(t.Sub(x.queries[i].sent), 0)
	}
}

// find returns the index of the query with the id and question of m that side
// sent, or -1. A response without a question is matched by its id alone.
func (x *exchange) find(m *Message, side sensor.Side) int {
	for i := range x.queries {
		q := &x.queries[i]
		if q.id != m.ID || q.side != side {
			continue
		}
		if m.Kind == KindResponse && len(m.Name) == 0 {
			return i
		}
		if q.qtype == m.Type && q.class == m.Class && sameName(q.name(), m.Name) {
			return i
		}
	}
	return -1
}

// sameName compares names as text: both are ASCII.
func sameName(a, b []byte) bool {
	return len(a) == len(b) && (bytes.Equal(a, b) || bytes.EqualFold(a, b))
}

func (x *exchange) add(m *Message, side sensor.Side, t sensor.Timestamp, emit func(sensor.Message)) {
	for len(x.queries) > 0 && (len(x.queries) == MaxPending || x.bytes+len(m.Name) > maxPendingBytes) {
		x.evict(t, emit)
	}
	if x.queries == nil {
		x.queries = x.first[:0]
	}
	n := len(x.queries)
	if n < cap(x.queries) {
		x.queries = x.queries[:n+1] // with the name's memory of a query before
	} else {
		x.queries = append(x.queries, query{})
	}
	q := &x.queries[n]
	if q.size = len(m.Name); q.size <= len(q.short) {
		copy(q.short[:], m.Name)
	} else {
		q.long = append(q.long[:0], m.Name...)
	}
	x.bytes += q.size
	q.sent, q.id, q.qtype, q.class, q.opcode = t, m.ID, m.Type, m.Class, m.Opcode
	q.side, q.answered, q.rd, q.cd = side, false, m.RecursionDesired, m.CheckingDisabled
}

// evict makes room: the oldest query that was answered leaves, or the oldest.
func (x *exchange) evict(t sensor.Timestamp, emit func(sensor.Message)) {
	for i := range x.queries {
		if x.queries[i].answered {
			x.remove(i)
			return
		}
	}
	x.unanswered(&x.queries[0], true, emit)
	x.remove(0)
}

// expire lets those leave that wait for too long.
func (x *exchange) expire(t sensor.Timestamp, emit func(sensor.Message)) {
	n := 0
	for n < len(x.queries) && t.Sub(x.queries[n].sent) > QueryTimeout {
		n++
	}
	for range n {
		x.unanswered(&x.queries[0], false, emit)
		x.remove(0)
	}
}

// end emits all that were not answered.
func (x *exchange) end(emit func(sensor.Message)) {
	for i := range x.queries {
		x.unanswered(&x.queries[i], false, emit)
	}
	x.queries, x.bytes = x.queries[:0], 0
}

// reset forgets everything but a little memory.
func (x *exchange) reset() {
	const most = 8 // queries
	if cap(x.queries) > most {
		x.queries = nil
	}
	all := x.queries[:cap(x.queries)]
	for i := range all {
		if cap(all[i].long) > maxSpareName {
			all[i].long = nil
		}
	}
	*x = exchange{queries: x.queries[:0]}
}

// maxSpareName is the largest memory of a name that is kept for another.
const maxSpareName = 64

// remove takes a query out, and keeps its memory behind the last.
func (x *exchange) remove(i int) {
	q := x.queries[i]
	x.bytes -= q.size
	n := copy(x.queries[i:], x.queries[i+1:]) + i
	if cap(q.long) > maxSpareName {
		q.long = nil
	}
	x.queries[n] = q
	x.queries = x.queries[:n]
}

func (x *exchange) unanswered(q *query, overflow bool, emit func(sensor.Message)) {
	if q.answered || x.lossy {
		return
	}
	emit(&Message{
		Kind: KindUnanswered, ID: q.id, Opcode: q.opcode, Name: q.name(), Type: q.qtype, Class: q.class,
		RecursionDesired: q.rd, CheckingDisabled: q.cd, Sent: q.sent, Overflow: overflow,
	})
}
