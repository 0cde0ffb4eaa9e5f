package lengthprefixed

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"flowscope/sensor"
)

const markerSize = 5

var (
	marker2 = []byte("PFX2,")
	marker4 = []byte("PFX4,")
)

var (
	_ sensor.StreamParser = (*parser)(nil)
	_ sensor.Resyncer     = (*parser)(nil)
)

// parser is the state of one flow. It keeps no byte of it: what it does not
// consume comes again.
type parser struct {
	cfg    Config
	side   [2]direction
	record Record // lent to emit, over and over
}

// direction is what the parser knows of one side.
type direction struct {
	offset  int64 // of the first byte not consumed
	pending int64 // length of the record that begins there, 0 if its header is not complete
	rest    int64 // bytes up to the end of a record that lost bytes
	stalled bool
	skipped Skipped // not yet emitted
}

// Parse implements sensor.StreamParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	d := &p.side[s.Side]
	n = d.pass(len(s.Data))
	for n < len(s.Data) {
		b := s.Data[n:]
		marker, head, body := header(b)
		if head == 0 {
			break // need more
		}
		if head < 0 || body > int64(p.cfg.MaxBody) {
			k, err := p.unknown(d, b, head, body)
			if n += k; err != nil {
				return n, err
			}
			continue
		}
		size := int64(head) + body
		if int64(len(b)) < size {
			d.pending = size
			break // need more
		}
		d.report(emit)
		p.record = Record{Marker: marker, Length: int(body), Offset: d.offset, Body: b[head:size]}
		emit(&p.record)
		n += int(size)
		d.offset += size
		d.pending = 0
	}
	if s.EOF {
		d.skip(int64(len(s.Data)-n), "incomplete")
		d.report(emit)
		n = len(s.Data)
	}
	return n, nil
}

// header returns the marker at the front of b, and the lengths of its header
// and body. head is 0 if b is too short to tell, and -1 if there is no marker.
func header(b []byte) (marker string, head int, body int64) {
	switch {
	case len(b) < markerSize:
		return "", 0, 0
	case bytes.HasPrefix(b, marker2):
		if len(b) < 7 {
			return "", 0, 0
		}
		return "PFX2", 7, int64(binary.BigEndian.Uint16(b[5:]))
	case bytes.HasPrefix(b, marker4):
		if len(b) < 9 {
			return "", 0, 0
		}
		return "PFX4", 9, int64(binary.BigEndian.Uint32(b[5:]))
	}
	return "", -1, 0
}

// unknown deals with b, which does not begin with a record, and returns how many
// bytes of it to consume.
func (p *parser) unknown(d *direction, b []byte, head int, body int64) (n int, err error) {
	reason := "unknown marker"
	if head > 0 {
		reason = "too long"
	}
	switch p.cfg.OnUnknown {
	case Fail:
		if head > 0 {
			return 0, fmt.Errorf("lengthprefixed: at offset %d: length %d is over %d", d.offset, body, p.cfg.MaxBody)
		}
		return 0, fmt.Errorf("lengthprefixed: at offset %d: unknown marker %q", d.offset, b[:markerSize])
	case Stall:
		d.stalled = true
		n = len(b)
	default:
		n = len(b)
		if next := bytes.IndexByte(b[1:], marker2[0]); next >= 0 {
			n = 1 + next
		}
	}
	d.skip(int64(n), reason)
	return n, nil
}

// Resync implements sensor.Resyncer.
func (p *parser) Resync(side sensor.Side, lost int64) bool {
	d := &p.side[side]
	left := max(d.pending, d.rest) - lost // up to the end of the record that lost bytes
	d.pending, d.rest = 0, max(left, 0)
	d.skip(lost, "gap")
	if left < 0 { // where the next record begins is not known
		d.stalled = d.stalled || p.cfg.OnUnknown == Stall
		return p.cfg.OnUnknown != Fail
	}
	return true
}

// pass consumes what is left of a record that lost bytes, and all on a stalled
// side. It returns how many of n bytes that is.
func (d *direction) pass(n int) int {
	k := min(int64(n), d.rest)
	d.rest -= k
	if d.stalled {
		k = int64(n)
	}
	d.skip(k, "gap")
	return int(k)
}

// skip notes that the next n bytes are part of no record.
func (d *direction) skip(n int64, reason string) {
	if n == 0 {
		return
	}
	if d.skipped.Bytes == 0 {
		d.skipped = Skipped{Offset: d.offset, Reason: reason}
	}
	d.skipped.Bytes += n
	d.offset += n
	d.pending = 0
}

// report emits what was skipped.
func (d *direction) report(emit func(sensor.Message)) {
	if d.skipped.Bytes > 0 {
		emit(&d.skipped)
		d.skipped = Skipped{}
	}
}
