package http

import (
	"bytes"

	"flowscope/sensor"
)

// chunkLine consumes a line that frames chunks (RFC 9112, 7.1).
func (p *parser) chunkLine(s *sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	i := bytes.IndexByte(b[d.scan.looked:], '\n')
	if i < 0 {
		d.scan.looked = len(b)
		if len(b) > maxLine || d.state == inChunkEnd && !startsEnd(b) {
			p.badChunk(s, d, emit)
		}
		return 0, nil
	}
	n = d.scan.looked + i + 1
	d.scan = scan{}
	line := trimCR(b[:n-1])
	size, ok := int64(0), n <= maxLine
	switch d.state {
	case inChunkEnd:
		ok = ok && len(line) == 0
	case inChunkSize:
		var number bool
		size, number = chunkSize(line)
		ok = ok && number
	case inTrailer:
		d.trailer += n
		ok = ok && d.trailer <= maxHead
	}
	if !ok {
		p.badChunk(s, d, emit)
		return n, nil
	}
	if len(line) == n-1 {
		p.message(d, s.Side).Anomalies |= BareLF
	}
	switch {
	case d.state == inChunkEnd:
		d.state = inChunkSize
	case d.state == inTrailer && len(line) == 0:
		p.end(s, d, emit)
	case d.state == inTrailer:
	case size == 0:
		d.state, d.trailer = inTrailer, 0
	default:
		d.state, d.left = inChunk, size
	}
	return n, nil
}

// startsEnd reports whether b can be the beginning of an end of line.
func startsEnd(b []byte) bool { return len(b) == 0 || len(b) == 1 && b[0] == '\r' }

// chunkSize reads the size of a chunk, with extensions behind it.
func chunkSize(line []byte) (size int64, ok bool) {
	n := 0
	for ; n < len(line); n++ {
		c := line[n]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			rest := bytes.TrimLeft(line[n:], " \t")
			return size, n > 0 && (len(rest) == 0 || rest[0] == ';')
		}
		if n == 16 || size>>59 != 0 {
			return 0, false
		}
		size = size<<4 | int64(c)
	}
	return size, n > 0
}

// badChunk tells a message whose chunks make no sense, and gives up the side.
func (p *parser) badChunk(s *sensor.Segment, d *direction, emit func(sensor.Message)) {
	m := p.message(d, s.Side)
	m.Ambiguous = true
	m.Anomalies |= BadChunk
	p.end(s, d, emit)
	p.pass(s.Side)
}
