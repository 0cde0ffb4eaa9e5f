package dns

import (
	"encoding/binary"
	"fmt"
	"sync"

	"flowscope/sensor"
)

// maxMessage is the longest message, in bytes.
const maxMessage = 1<<16 - 1

var (
	_ sensor.StreamParser = (*streamParser)(nil)
	_ sensor.Resyncer     = (*streamParser)(nil)
	_ sensor.Resetter     = (*streamParser)(nil)
)

// streamParser is the state of one TCP flow: messages with two bytes of length
// before each (RFC 1035, 4.2.2).
type streamParser struct {
	pool     *sync.Pool
	exchange exchange
	closed   [2]bool
	side     [2]struct {
		offset  int64 // of the first byte not consumed
		pending int64 // length of what begins there, 0 if it is not known
		rest    int64 // of a message that lost bytes
	}
}

// Reset implements sensor.Resetter.
func (p *streamParser) Reset() {
	p.exchange.reset()
	*p = streamParser{pool: p.pool, exchange: p.exchange}
}

// Parse implements sensor.StreamParser.
func (p *streamParser) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	d := &p.side[s.Side]
	n = int(min(d.rest, int64(len(s.Data))))
	d.rest -= int64(n)
	d.offset += int64(n)
	for len(s.Data)-n >= 2 {
		b := s.Data[n:]
		size := 2 + int(binary.BigEndian.Uint16(b))
		if len(b) < size {
			d.pending = int64(size)
			break // need more
		}
		if err := p.message(s, b[2:size], emit); err != nil {
			return n, fmt.Errorf("message at offset %d: %w", d.offset, err)
		}
		n += size
		d.offset += int64(size)
		d.pending = 0
	}
	if s.EOF {
		if p.closed[s.Side] = true; p.closed[s.Side.Other()] {
			p.exchange.end(emit)
		}
	}
	return n, nil
}

func (p *streamParser) message(s sensor.Segment, b []byte, emit func(sensor.Message)) error {
	d := p.pool.Get().(*decoder)
	defer p.pool.Put(d)
	if err := d.decode(b, 0); err != nil {
		return err
	}
	p.exchange.pair(&d.msg, s.Side, s.Time, emit)
	emit(&d.msg)
	return nil
}

// Resync implements sensor.Resyncer. Only within a message of known length is
// it known where the next begins.
func (p *streamParser) Resync(side sensor.Side, lost int64) bool {
	d := &p.side[side]
	left := max(d.pending, d.rest) - lost
	if left < 0 {
		return false
	}
	d.pending, d.rest = 0, left
	d.offset += lost
	p.exchange.lossy = true
	return true
}
