package frame

import (
	"time"

	"flowscope/sensor"
)

// Defaults of the caps in [sensor.Classify].
const (
	defaultDatagrams     = 4096
	defaultFragmentBytes = 16 << 20
	defaultTimeout       = 30 * time.Second
)

const (
	pieceCost    = 64  // bytes charged for a piece beside what it holds
	heldCost     = 96  // bytes charged for a fragment held
	datagramCost = 512 // bytes charged for a datagram

	// repeatWindow is how long duplicates of the fragments of a datagram are
	// recognised after it became complete.
	repeatWindow = time.Second

	// clockSteps is how many frames it takes at least until a datagram is given
	// up for its age, so that no single timestamp gives up all of them.
	clockSteps = 1024
)

// table holds the datagrams whose fragments did not all come yet, and for a
// moment those that did. Its caps are kept by giving up the oldest; each step
// of that takes constant time.
//
// Its clock is the packets'. It stands while the table is empty, then runs with
// the highest timestamp seen, but by no more than 1/1024 of the timeout with
// each frame; if that many frames in a row are older than the timeout, it was
// set by a timestamp that was wrong, and it goes back to theirs.
type table struct {
	maxDatagrams int
	maxBytes     int
	timeout      time.Duration

	byID  map[identity]*datagram
	open  list // not complete, oldest first
	done  list // complete, in the order they became it
	bytes int

	now    sensor.Timestamp
	behind int // frames in a row that were older than the timeout
}

func (t *table) init(cfg *sensor.Classify) {
	t.maxDatagrams = cfg.MaxDatagrams
	if t.maxDatagrams <= 0 {
		t.maxDatagrams = defaultDatagrams
	}
	t.maxBytes = cfg.MaxFragmentBytes
	if t.maxBytes <= 0 {
		t.maxBytes = defaultFragmentBytes
	}
	t.timeout = cfg.FragmentTimeout
	if t.timeout <= 0 {
		t.timeout = defaultTimeout
	}
	t.byID = make(map[identity]*datagram)
}

// size returns how many datagrams there are.
func (t *table) size() int { return t.open.n + t.done.n }

// advance tells the time of a frame and gives up what is too old.
func (t *table) advance(ts sensor.Timestamp, b *books) {
	switch d := ts.Sub(t.now); {
	case d > 0:
		t.now = t.now.Add(min(d, max(t.timeout/clockSteps, 1)))
		t.behind = 0
	case d < -t.timeout:
		if t.behind++; t.behind >= clockSteps {
			t.rewind(ts)
		}
	default:
		t.behind = 0
	}
	for d := t.done.first; d != nil && t.now.Sub(d.since) > repeatWindow; d = t.done.first {
		t.remove(d)
	}
	for d := t.open.first; d != nil && t.now.Sub(d.since) > t.timeout; d = t.open.first {
		t.giveUp(d, d.missing(), b)
	}
}

// rewind sets the clock back; what there is counts as new.
func (t *table) rewind(ts sensor.Timestamp) {
	t.now, t.behind = ts, 0
	for _, l := range []*list{&t.open, &t.done} {
		for d := l.first; d != nil; d = d.next {
			d.since = ts
		}
	}
}

// datagram returns the datagram that p is a fragment of, a new one if there is
// none.
func (t *table) datagram(p *Packet, ts sensor.Timestamp, b *books) *datagram {
	id := identify(p)
	if d := t.byID[id]; d != nil {
		return d
	}
	if t.size() == 0 {
		t.now, t.behind = ts, 0
	}
	d := &datagram{id: id, total: -1, since: t.now}
	for t.size() >= t.maxDatagrams {
		t.evict(nil, b)
	}
	t.byID[id] = d
	t.open.push(d)
	t.charge(d, datagramCost)
	d.template(p)
	return d
}

// add takes the bytes of a fragment. It returns false if the datagram will not
// be put together because a cap was reached.
func (t *table) add(d *datagram, f *part, data []byte, last bool, b *books) bool {
	if d.broken {
		return false
	}
	if !t.room(d, len(data)+pieceCost, b) {
		t.shatter(d)
		return false
	}
	before := len(d.pieces)
	kept, ok := d.insert(f, data, last)
	t.charge(d, kept+(len(d.pieces)-before)*pieceCost)
	if !ok {
		t.shatter(d)
	}
	return ok
}

// shatter gives up putting d together.
func (t *table) shatter(d *datagram) {
	d.broken, d.pieces = true, nil
	t.charge(d, datagramCost+len(d.held)*heldCost-d.cost)
}

// hold keeps a fragment until the flow of its datagram is known. It returns
// false if a cap was reached.
func (t *table) hold(d *datagram, f *part, b *books) bool {
	if len(d.held) >= maxHeld || !t.room(d, heldCost, b) {
		return false
	}
	t.charge(d, heldCost)
	d.held = append(d.held, *f)
	if o := &f.origin; !o.accounted {
		b.leave(FragmentsHeld, o.wireLen, o.ipBytes)
	}
	return true
}

// unhold returns the fragments held of d, which are in no row of the books
// then.
func (t *table) unhold(d *datagram, b *books) []part {
	held := d.held
	d.held = nil
	t.charge(d, -len(held)*heldCost)
	for i := range held {
		if o := &held[i].origin; !o.accounted {
			b.out[FragmentsHeld].sub(o.wireLen, o.ipBytes)
		}
	}
	return held
}

// complete puts together a datagram that has no holes, and keeps it for a
// moment to know duplicates of its fragments.
func (t *table) complete(d *datagram) {
	d.assemble()
	t.charge(d, datagramCost+cap(d.data)+len(d.held)*heldCost-d.cost)
	t.open.remove(d)
	d.since = t.now
	t.done.push(d)
}

// room makes room for n bytes more, at the cost of any but d, and says whether
// it could.
func (t *table) room(d *datagram, n int, b *books) bool {
	for t.bytes+n > t.maxBytes {
		if !t.evict(d, b) {
			return false
		}
	}
	return true
}

// evict gives up the oldest datagram that is not keep, complete ones first.
func (t *table) evict(keep *datagram, b *books) bool {
	for _, l := range []*list{&t.done, &t.open} {
		d := l.first
		if d != nil && d == keep {
			d = d.next
		}
		if d != nil {
			t.giveUp(d, FragmentLimit, b)
			return true
		}
	}
	return false
}

// giveUp removes d; the frames held for it end for the reason.
func (t *table) giveUp(d *datagram, why Reason, b *books) {
	for _, f := range t.unhold(d, b) {
		if o := &f.origin; !o.accounted {
			b.leave(why, o.wireLen, o.ipBytes)
		}
	}
	t.remove(d)
}

// remove forgets d, of which nothing is held.
func (t *table) remove(d *datagram) {
	t.charge(d, -d.cost)
	delete(t.byID, d.id)
	d.in.remove(d)
}

// flush gives up all datagrams.
func (t *table) flush(b *books) {
	for d := t.open.first; d != nil; d = t.open.first {
		t.giveUp(d, d.missing(), b)
	}
	for d := t.done.first; d != nil; d = t.done.first {
		t.remove(d)
	}
}

func (t *table) charge(d *datagram, n int) {
	d.cost += n
	t.bytes += n
}

// list is a list of datagrams, linked through them.
type list struct {
	first, last *datagram
	n           int
}

func (l *list) push(d *datagram) {
	d.in, d.prev, d.next = l, l.last, nil
	if l.last != nil {
		l.last.next = d
	} else {
		l.first = d
	}
	l.last = d
	l.n++
}

func (l *list) remove(d *datagram) {
	if d.prev != nil {
		d.prev.next = d.next
	} else {
		l.first = d.next
	}
	if d.next != nil {
		d.next.prev = d.prev
	} else {
		l.last = d.prev
	}
	d.in, d.prev, d.next = nil, nil, nil
	l.n--
}
