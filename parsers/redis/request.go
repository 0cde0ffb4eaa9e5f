package redis

import (
	"bytes"

	"flowscope/sensor"
)

// request is what the parser knows of the client's side.
type request struct {
	offset  int64 // of the first byte not consumed
	scanned int   // bytes of a line that have no end
	value   value

	left    int64 // arguments left, the name among them
	index   int64 // of the argument that comes next; the name is 0
	known   *known
	text    []byte // the name, if it is not known, and the key
	name    int    // bytes of text that are the name
	shows   bool   // the first argument is a key
	sub     string
	cut     bool // the key is longer
	reply   bool // CLIENT REPLY
	mode    byte // the first letter but one of its argument
	bytes   int64
	missing int64
}

// request consumes what is there of a command.
func (p *parser) request(s sensor.Segment, b []byte, emit func(sensor.Message)) (n int, err error) {
	c := &p.client
	switch {
	case c.value.open:
		n, done, ok := c.value.skip(b)
		switch {
		case !ok:
			return n, &Error{c.offset + int64(n), "an argument that does not end with its length"}
		case done:
			p.argument(s, emit)
		}
		return n, nil
	case c.left > 0:
		return p.bulk(s, b, emit)
	case b[0] != '*':
		return p.inline(s, b, emit)
	}
	count, n, ok := header(b)
	switch {
	case !ok || n > 0 && count > maxArgs:
		return 0, &Error{c.offset, "this is no command"}
	case n > 0 && count > 0:
		c.begin()
		c.left = count
	}
	return n, nil
}

// begin forgets the command before.
func (c *request) begin() {
	*c = request{offset: c.offset, text: c.text[:0]}
}

// bulk consumes the header of an argument and, if it is one that is looked at,
// what is shown of it.
func (p *parser) bulk(s sensor.Segment, b []byte, emit func(sensor.Message)) (n int, err error) {
	c := &p.client
	size, n, ok := header(b)
	switch {
	case b[0] != '$' || !ok || n > 0 && (size < 0 || size > maxBulk):
		return 0, &Error{c.offset, "this is no argument"}
	case n == 0:
		return 0, nil
	}
	if c.index == 0 || c.index == 1 && (c.shows || c.known.first == container) || c.index == 2 && c.reply {
		show := int(min(size, maxKey))
		if len(b) < n+show {
			return 0, nil
		}
		c.look(b[n:n+show], size)
	}
	c.value = value{left: size, open: true}
	if c.index > 0 {
		c.bytes += size
	}
	return n, nil
}

// look takes what is shown of the name or of the first arguments.
func (c *request) look(b []byte, size int64) {
	switch {
	case c.index == 0:
		var buf [maxName]byte
		var name []byte
		c.known, name = lookup(&buf, b)
		if int64(len(b)) < size {
			c.known, name = unknown, nil
		}
		c.text = append(c.text, name...)
		c.name = len(name)
		c.shows = c.known.first == key || isModule(name)
	case c.index == 1 && c.shows:
		c.text = append(c.text, b...)
		c.cut = int64(len(b)) < size
	case c.index == 1 && c.known.first == container:
		var buf [maxName]byte
		if name, ok := upper(buf[:], b); ok {
			c.sub = subcommands[string(name)]
		}
		c.reply = c.sub == "REPLY" && c.known.role == client
	case c.index == 2 && c.reply && len(b) > 1:
		c.mode = b[1] | 0x20 // on, off, skip
	}
}

// argument ends an argument, and the command if it was the last.
func (p *parser) argument(s sensor.Segment, emit func(sensor.Message)) {
	c := &p.client
	c.index++
	if c.left--; c.left == 0 {
		p.emitCommand(s, false, emit)
	}
}

// inline consumes a command that is a line.
func (p *parser) inline(s sensor.Segment, b []byte, emit func(sensor.Message)) (n int, err error) {
	c := &p.client
	for n < len(b) && (b[n] == '\n' || b[n] == '\r' && n+1 < len(b) && b[n+1] == '\n') {
		n++ // an empty line
	}
	if n > 0 {
		return n, nil
	}
	n = line(b, &c.scanned, maxInline)
	if n == 0 {
		if len(b) >= maxInline {
			err = &Error{c.offset, "an inline command of over 64 KiB"}
		}
		return 0, err
	}
	c.begin()
	rest := b[:n-1]
	for {
		var word []byte
		word, rest = nextWord(rest)
		if len(word) == 0 {
			break
		}
		quoted := len(word) > 1 && (word[0] == '"' || word[0] == '\'') && word[len(word)-1] == word[0]
		if quoted {
			word = word[1 : len(word)-1]
		}
		if c.index <= 2 {
			c.look(word[:min(len(word), maxKey)], int64(len(word)))
		}
		if c.index++; c.index > 1 {
			c.bytes += int64(len(word))
		}
	}
	if c.index > 0 {
		p.emitCommand(s, true, emit)
	}
	return n, nil
}

// nextWord cuts the next argument from an inline command. Quotes within are left
// as they are.
func nextWord(b []byte) (word, rest []byte) {
	b = bytes.TrimLeft(b, " \t\r\x00\v\f")
	if len(b) == 0 {
		return nil, nil
	}
	if quote := b[0]; quote == '"' || quote == '\'' {
		for i := 1; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++
			case quote:
				return b[:i+1], b[i+1:]
			}
		}
		return b, nil
	}
	end := bytes.IndexAny(b, " \t\r\x00\v\f")
	if end < 0 {
		end = len(b)
	}
	return b[:end], b[end:]
}

// emitCommand tells a command that is complete, and lets it wait for its reply.
func (p *parser) emitCommand(s sensor.Segment, inline bool, emit func(sensor.Message)) {
	c := &p.client
	m := &p.command
	name := c.known.name
	if c.name > 0 {
		name = c.text[:c.name]
	}
	if c.known.role == endMulti || c.known.role == reset {
		p.inMulti = false
	}
	*m = Command{Kind: KindCommand, Name: name, Subcommand: c.sub, Truncated: c.cut, Args: c.index - 1, Bytes: c.bytes,
		Inline: inline, InMulti: p.inMulti, Missing: c.missing}
	if c.name < len(c.text) {
		m.Key = c.text[c.name:]
	}
	if c.known.role == multi {
		p.inMulti = true
	}
	emit(m)
	p.enqueue(s)
}

// enqueue lets a command wait for its reply, if it will have one.
func (p *parser) enqueue(s sensor.Segment) {
	c := &p.client
	if p.silent {
		return
	}
	skip := p.skip
	p.skip = false
	if c.reply { // what the server makes of it is not sure
		p.assumed = true
		switch c.mode {
		case 'f':
			p.mute = true
		case 'n':
			p.mute = false
		case 'k':
			p.skip = true
			return
		}
	}
	if p.mute || skip {
		return
	}
	if c.known.role == unsubscribe && c.index == 1 {
		p.assumed = true // how many replies it has is not known
	}
	w := p.pending.push()
	if w == nil {
		if c.known.role != plain {
			p.assumed = true
		}
		return
	}
	w.known, w.sub, w.name, w.at = c.known, c.sub, c.name, s.Time
	w.text = append(w.text, c.text...)
	if r := c.known.role; r == subscribe || r == unsubscribe {
		w.channels = c.index - 1
	}
}
