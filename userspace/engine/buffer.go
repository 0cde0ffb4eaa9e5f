package engine

import (
	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// pending returns the bytes of direction i that were not consumed.
func (ss *session) pending(i uint8) []byte {
	if len(ss.buf[i]) > 0 {
		return ss.buf[i]
	}
	return ss.lent[i]
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
	s.done(f, leftBuffer)
}

func (s *shard) maxUnconsumed(ss *session) int {
	if ss.stream != nil {
		if n := s.cat.stream.protocols[ss.number].MaxBuffer; n > 0 {
			return n
		}
	}
	return s.cfg.MaxUnconsumed
}
