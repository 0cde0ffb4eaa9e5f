package redis

import "flowscope/sensor"

// waiting is a command that waits for its reply.
type waiting struct {
	known    *known
	sub      string
	text     []byte // the name, if it is not known, and the key
	name     int    // bytes of text that are the name
	at       sensor.Timestamp
	channels int64 // replies that (UN)SUBSCRIBE waits for; 0 is as many as come
	confirms bool  // such a reply came
}

func (w *waiting) nameBytes() []byte {
	if w.name > 0 {
		return w.text[:w.name:w.name]
	}
	return w.known.name
}

func (w *waiting) key() []byte { return w.text[w.name:] }

// pending is the queue of commands that wait, oldest first: a ring that grows.
type pending struct {
	ring []waiting
	head int
	n    int
	// forgotten are the commands behind those in the ring.
	forgotten int64
}

func (p *pending) front() *waiting {
	if p.n == 0 {
		return nil
	}
	return &p.ring[p.head]
}

// push returns a place for one more, or nil if it can only be counted.
func (p *pending) push() *waiting {
	if p.n == maxPending || p.forgotten > 0 {
		p.forgotten++
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

func (p *pending) pop() {
	p.head = (p.head + 1) % len(p.ring)
	p.n--
}
