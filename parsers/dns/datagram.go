package dns

import (
	"sync"

	"flowscope/sensor"
)

var (
	_ sensor.DatagramParser = (*datagramParser)(nil)
	_ sensor.Resetter       = (*datagramParser)(nil)
)

// datagramParser is the state of one flow of datagrams.
type datagramParser struct {
	pool     *sync.Pool
	alone    bool // do not pair
	exchange exchange
}

// Reset implements sensor.Resetter.
func (p *datagramParser) Reset() { p.exchange.reset() }

// Parse implements sensor.DatagramParser.
func (p *datagramParser) Parse(s sensor.Segment, emit func(sensor.Message)) error {
	if s.EOF {
		p.exchange.end(emit)
		return nil
	}
	if s.Missing > 0 && len(s.Data) < headerSize {
		return nil
	}
	d := p.pool.Get().(*decoder)
	defer p.pool.Put(d)
	if err := d.decode(s.Data, s.Missing); err != nil {
		return err
	}
	if whole := s.Missing == 0 || len(d.msg.Name) > 0; whole && !p.alone {
		p.exchange.pair(&d.msg, s.Side, s.Time, emit)
	}
	emit(&d.msg)
	return nil
}
