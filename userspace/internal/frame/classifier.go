package frame

import "flowscope/sensor"

// Classifier makes records of frames. It is used by one goroutine.
type Classifier struct {
	cfg     sensor.Classify
	plain   bool // the fast path gives what cfg asks for
	tunnels *Tunnels
	outer   Tunnels // looks into nothing
	parsed  Parsed
	frags   table
	books   books

	r     *sensor.Record // the record to be filled, until it is
	queue []sensor.Record
	head  int // of queue
}

// New returns a Classifier.
func New(cfg sensor.Classify) *Classifier {
	c := &Classifier{cfg: cfg, tunnels: newTunnels(&cfg)}
	c.plain = cfg.Key == sensor.FiveTuple && !cfg.VerifyChecksums
	c.frags.init(&cfg)
	return c
}

// Classify fills r and returns true if the frame gives a record. More records
// may have to be fetched with Next before the next call; whether it returns
// true does not tell. Fragments that were held come before the one that tied
// them.
//
// r.Payload aliases f.Data, or memory that nobody writes to any more if it was
// put together of fragments.
func (c *Classifier) Classify(f *Frame, r *sensor.Record) bool {
	if c.frags.size() != 0 {
		c.frags.advance(f.Time, &c.books)
	}
	if c.plain && f.Link == LinkEthernet && c.fast(f, r) {
		return true
	}
	c.queue, c.head = c.queue[:0], 0
	why := Parse(&c.parsed, c.tunnels, f.Link, f.Data, f.wireLen())
	o := origin{time: f.Time, ordinal: f.Ordinal, wireLen: max(f.WireLen, 0), ipBytes: c.parsed.IPBytes}
	c.books.enter(o.wireLen, o.ipBytes)
	if why != Accounted {
		c.books.leave(why, o.wireLen, o.ipBytes)
		return false
	}
	c.r = r
	c.place(&c.parsed, f.Data, &o)
	if c.r == nil {
		return true
	}
	c.r = nil
	return c.Next(r)
}

// Next fills r and returns true if the last frame gives another record: of
// fragments held back that are tied now, or the inner flow at [sensor.Both].
func (c *Classifier) Next(r *sensor.Record) bool {
	if c.head >= len(c.queue) {
		return false
	}
	*r = c.queue[c.head]
	c.queue[c.head].Payload = nil
	c.head++
	if c.head == len(c.queue) && cap(c.queue) > 64 {
		c.queue, c.head = nil, 0
	}
	return true
}

// More reports whether Next will fill a record.
func (c *Classifier) More() bool { return c.head < len(c.queue) }

// Filtered books a frame that the capture filter rejected.
func (c *Classifier) Filtered(f *Frame) {
	ps := &c.parsed
	Parse(ps, &c.outer, f.Link, f.Data, f.wireLen())
	c.books.enter(max(f.WireLen, 0), ps.IPBytes)
	c.books.leave(Filtered, max(f.WireLen, 0), ps.IPBytes)
}

// Finish says that no more frames come: what is held ends under its reason.
func (c *Classifier) Finish() { c.frags.flush(&c.books) }

// record returns the record to fill next.
func (c *Classifier) record() *sensor.Record {
	if r := c.r; r != nil {
		c.r = nil
		return r
	}
	c.queue = append(c.queue, sensor.Record{})
	return &c.queue[len(c.queue)-1]
}

// place makes records of the packets found in b.
func (c *Classifier) place(ps *Parsed, b []byte, o *origin) {
	if ps.N > 1 && c.cfg.Tunnels == sensor.Both && ps.Outer().Depth == 0 {
		r := c.record()
		c.fill(r, ps.Outer(), b, o)
		withoutPayload(r)
		c.account(o, ps.Outer().Len())
	}
	p := ps.Inner()
	if p.Frag {
		c.fragment(p, b, o)
		return
	}
	c.fill(c.record(), p, b, o)
	c.account(o, p.Len())
}

// account books the frame as accounted by a packet of n bytes, unless it is
// already.
func (c *Classifier) account(o *origin, n int) {
	if !o.accounted {
		o.accounted = true
		c.books.account(o.wireLen, o.ipBytes, n)
	}
}
