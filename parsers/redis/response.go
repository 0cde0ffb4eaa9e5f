package redis

import (
	"bytes"

	"flowscope/sensor"
)

// response is what the parser knows of the server's side.
type response struct {
	offset  int64
	scanned int
	value   value
	long    bool // in the rest of a line that is longer than is looked at
	cr      bool // its last byte was CR

	depth int
	stack [maxDepth]aggregate

	top
}

// top is what is known of the value at the top.
type top struct {
	kind     byte // as on the wire; 0 before it begins
	null     bool
	elements int64
	bytes    int64
	errors   int64
	missing  int64
	queued   bool
	stamp    bool   // begins with a digit, as a line of MONITOR
	text     []byte // the error's text, or name and channel of a push
	name     int    // bytes of text that are the name
	count    int64  // the third element of a push
}

// aggregate is an array that is not complete.
type aggregate struct {
	left int64
	attr bool // an attribute: no value, but in front of one
}

// response consumes what is there of a reply.
func (p *parser) response(s sensor.Segment, b []byte, emit func(sensor.Message)) (n int, err error) {
	r := &p.server
	switch {
	case p.silent:
		return len(b), nil
	case r.value.open:
		n, done, ok := r.value.skip(b)
		switch {
		case !ok:
			return n, &Error{r.offset + int64(n), "a string that does not end with its length"}
		case done:
			err = p.complete(s, emit)
		}
		return n, err
	case r.long:
		return p.longLine(s, b, emit)
	}
	if r.depth == 0 && r.kind == 0 {
		if w := p.pending.front(); w != nil && w.known.role == replication {
			switch b[0] {
			case '\n': // sent while the snapshot is made
				return 1, nil
			case '$':
				return 0, sensor.ErrDone
			}
		}
	}
	switch b[0] {
	case '+', '-', '(', ',', ':', '_', '#':
		return p.lineValue(s, b, emit)
	case '$', '!', '=':
		return p.bulkValue(s, b, emit)
	case '*', '~', '>', '%', '|':
		return p.aggregate(s, b, emit)
	}
	return 0, &Error{r.offset, "this is no reply"}
}

// begin notes the type of a value; at the top it is that of the reply.
func (r *response) begin(kind byte) {
	if r.depth == 0 {
		r.top = top{kind: kind, text: r.text[:0], missing: r.missing}
		return
	}
	if kind == '-' || kind == '!' {
		r.errors++
	}
}

// position returns the index of the value within an array at the top, or -1.
func (r *response) position() int64 {
	if r.depth != 1 || r.kind != '*' && r.kind != '>' || r.stack[0].attr {
		return -1
	}
	return r.elements - r.stack[0].left
}

// lineValue consumes a value that is a line.
func (p *parser) lineValue(s sensor.Segment, b []byte, emit func(sensor.Message)) (n int, err error) {
	r := &p.server
	n = line(b, &r.scanned, maxLine)
	long := n == 0 && len(b) >= maxLine
	switch {
	case long && (b[0] == '+' || b[0] == '-' || b[0] == '('):
		n = maxLine
		r.scanned = 0
	case long || n > 0 && (n < 3 || b[n-2] != '\r'):
		return 0, &Error{r.offset, "a line that does not end"}
	case n == 0:
		return 0, nil
	}
	text := b[1:n]
	if !long {
		text = b[1 : n-2]
	}
	r.begin(b[0])
	r.bytes += int64(len(text))
	switch {
	case b[0] == '_':
		r.null = r.depth == 0
	case r.depth == 0:
		r.whole(b[0], text)
	case r.position() == 2 && b[0] == ':':
		r.count, _ = integer(text)
	}
	if long {
		r.long, r.cr = true, text[len(text)-1] == '\r'
		return n, nil
	}
	return n, p.complete(s, emit)
}

// whole looks at a line that is a whole reply.
func (r *response) whole(kind byte, text []byte) {
	switch kind {
	case '+':
		r.queued = string(text) == "QUEUED"
		r.stamp = len(text) > 0 && text[0] >= '0' && text[0] <= '9'
	case '-':
		r.text = append(r.text, text[:min(len(text), maxText)]...)
	}
}

// longLine passes over the rest of a line.
func (p *parser) longLine(s sensor.Segment, b []byte, emit func(sensor.Message)) (n int, err error) {
	r := &p.server
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		r.cr = b[len(b)-1] == '\r'
		r.bytes += int64(len(b))
		return len(b), nil
	}
	if cr := end > 0 && b[end-1] == '\r' || end == 0 && r.cr; !cr {
		return end, &Error{r.offset + int64(end), "a line that does not end"}
	}
	r.bytes += int64(end) - 1 // without the CR
	r.long = false
	return end + 1, p.complete(s, emit)
}

// bulkValue consumes the header of a string, and what is looked at of it.
func (p *parser) bulkValue(s sensor.Segment, b []byte, emit func(sensor.Message)) (n int, err error) {
	r := &p.server
	size, n, ok := header(b)
	switch {
	case !ok || n > 0 && (size < -1 || size > maxBulk || size == -1 && b[0] != '$'):
		return 0, &Error{r.offset, "a string without a length"}
	case n == 0:
		return 0, nil
	case size < 0:
		r.begin('$')
		r.null = r.depth == 0
		return n, p.complete(s, emit)
	}
	position := r.position()
	look := 0
	switch {
	case r.depth == 0 && b[0] == '!':
		look = maxText
	case (position == 0 || position == 1) && p.unasked():
		look = maxKey
	}
	if look > 0 {
		look = int(min(int64(look), size))
		if len(b) < n+look {
			return 0, nil
		}
	}
	r.begin(b[0])
	switch text := b[n : n+look]; {
	case r.depth == 0 && b[0] == '!':
		r.text = append(r.text, text...)
	case position == 0 && look > 0 && look <= maxName:
		r.text = append(r.text, text...)
		r.name = look
	case position == 1 && look > 0:
		r.text = append(r.text, text...)
	}
	r.value = value{left: size, open: true}
	r.bytes += size
	return n, nil
}

// unasked reports whether an array may be no reply, or one of several.
func (p *parser) unasked() bool {
	if p.server.kind == '>' || p.subscribed > 0 {
		return true
	}
	w := p.pending.front()
	return w != nil && (w.known.role == subscribe || w.known.role == unsubscribe)
}

// aggregate consumes the header of an array, set, map, push or attribute.
func (p *parser) aggregate(s sensor.Segment, b []byte, emit func(sensor.Message)) (n int, err error) {
	r := &p.server
	count, n, ok := header(b)
	switch {
	case !ok || n > 0 && (count < -1 || count > maxElement || count == -1 && b[0] != '*'):
		return 0, &Error{r.offset, "an array without a length"}
	case n == 0:
		return 0, nil
	case r.depth == maxDepth:
		return 0, &Error{r.offset, "arrays nested over 32 deep"}
	case b[0] == '>' && r.depth > 0:
		return 0, &Error{r.offset, "a push within a reply"}
	}
	if b[0] == '%' || b[0] == '|' {
		count *= 2
	}
	attr := b[0] == '|'
	if !attr {
		r.begin(b[0])
		if r.depth == 0 {
			r.null, r.elements = count < 0, max(count, 0)
		}
	}
	if count <= 0 {
		if attr {
			return n, nil
		}
		return n, p.complete(s, emit)
	}
	r.stack[r.depth] = aggregate{count, attr}
	r.depth++
	return n, nil
}

// complete ends a value, and the reply if it was the last of it.
func (p *parser) complete(s sensor.Segment, emit func(sensor.Message)) error {
	r := &p.server
	for r.depth > 0 {
		a := &r.stack[r.depth-1]
		if a.left--; a.left > 0 {
			return nil
		}
		r.depth--
		if a.attr {
			return nil // the value it belongs to follows
		}
	}
	err := p.answer(s, emit)
	r.kind, r.missing = 0, 0
	return err
}
