package smtp

import "flowscope/sensor"

// waiting is a command that waits for its reply.
type waiting struct {
	verb      verb
	text      []byte // the argument that is shown
	mechanism string
	size      int64
	missing   int64
	last      bool
	cut       bool
	begun     bool // DATA: the server wants the message
	ended     bool // DATA, BDAT: the message, or chunk, was seen to its end
	at        sensor.Timestamp
}

// argument returns the argument that is shown, as a name or as an address.
func (w *waiting) argument() (name, address []byte) {
	switch {
	case len(w.text) == 0:
		return nil, nil
	case w.verb == ehlo || w.verb == helo || w.verb == lhlo || w.verb == etrn:
		return w.text, nil
	}
	return nil, w.text
}

// pending is the queue of commands that wait, oldest first: a ring that grows.
type pending struct {
	ring []waiting
	head int
	n    int
	kept int // bytes of text
}

func (p *pending) front() *waiting {
	if p.n == 0 {
		return nil
	}
	return &p.ring[p.head]
}

func (p *pending) last() *waiting {
	if p.n == 0 {
		return nil
	}
	return &p.ring[(p.head+p.n-1)%len(p.ring)]
}

// push returns a place for one more, or nil if there is none.
func (p *pending) push() *waiting {
	if p.n == maxPending {
		return nil
	}
	if p.n == len(p.ring) {
		bigger := make([]waiting, max(4, 2*len(p.ring)))
		k := copy(bigger, p.ring[p.head:])
		copy(bigger[k:], p.ring[:p.head])
		p.ring, p.head = bigger, 0
	}
	w := &p.ring[(p.head+p.n)%len(p.ring)]
	*w = waiting{text: w.text[:0]}
	p.n++
	return w
}

// keep gives the newest its argument, if there is room.
func (p *pending) keep(w *waiting, b []byte) {
	if len(b) > maxArgument {
		b, w.cut = b[:maxArgument], true
	}
	if p.kept+len(b) > maxKept {
		b, w.cut = nil, true
	}
	w.text = append(w.text, b...)
	p.kept += len(b)
}

func (p *pending) pop() {
	p.kept -= len(p.ring[p.head].text)
	p.head = (p.head + 1) % len(p.ring)
	p.n--
}
