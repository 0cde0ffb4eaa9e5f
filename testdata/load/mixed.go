package load

import (
	"container/heap"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"

	"flowscope/testdata/build"
	"flowscope/testdata/captures"
)

// TCP flags.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
)

// Parts of the mix: how many conversations of a kind there are in a capture
// of reference packets, and what makes one.
const reference = 2_000_000

var parts = []struct {
	name  string
	count int
	make  func(m *mixer, c *conv)
}{
	{"dns", 45_000, (*mixer).dns},
	{"dns over tcp", 2_000, (*mixer).dnsTCP},
	{"scan", 3_000, (*mixer).scan},
	{"http", 15_000, func(m *mixer, c *conv) { m.http(c, 1, 10_000) }},
	{"http of four requests", 15_000, func(m *mixer, c *conv) { m.http(c, 4, 3_000) }},
	{"http keep-alive", 5_600, func(m *mixer, c *conv) { m.http(c, 9, 1_800) }},
	{"tls 1.2", 9_000, func(m *mixer, c *conv) { m.tls(c, "tls12") }},
	{"tls 1.3", 4_000, func(m *mixer, c *conv) { m.tls(c, "tls13_small") }},
	{"tls 1.3, post-quantum", 7_000, func(m *mixer, c *conv) { m.tls(c, "tls13_pq") }},
	{"bulk tcp", 40, (*mixer).bulk},
	{"bulk udp", 14, (*mixer).bulkUDP},
}

// Mixed writes about the given number of packets of a server's traffic.
func Mixed(w io.Writer, packets int) (Sums, error) {
	m := &mixer{r: rand.New(rand.NewPCG(1, 1)), w: newWriter(w), text: build.Text("body", 1<<20), noise: build.Bytes(3, 1<<18)}
	m.duration = int64(packets) * 30 // µs; 60 s at the reference
	for kind, p := range parts {
		for range max(1, p.count*packets/reference) {
			m.arrivals = append(m.arrivals, arrival{m.r.Int64N(m.duration * 19 / 20), kind})
		}
	}
	slices.SortFunc(m.arrivals, func(a, b arrival) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return a.kind - b.kind
	})
	m.w.Flows = uint64(len(m.arrivals))
	m.run()
	return m.w.Sums, m.w.Flush()
}

type arrival struct {
	at   int64
	kind int
}

// mixer plays conversations against each other.
type mixer struct {
	r           *rand.Rand
	w           *writer
	arrivals    []arrival
	active      queue
	free        []*conv
	text, noise []byte
	duration    int64
	n           uint32
	fixtures    map[string]*captures.Fixture
}

// conv is a conversation that is going on: a script and the place in it.
type conv struct {
	ends
	udp   bool
	at    int64 // of the next step
	steps []step
	pos   int
	isn   [2]uint32
	sent  [2]uint32
	rtt   int64
}

// step is one packet of a conversation.
type step struct {
	wait    int32 // µs after the one before it
	side    uint8
	flags   uint8
	seq     uint32
	ack     uint32
	payload []byte
}

// queue is a heap of conversations by time.
type queue []*conv

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*conv)) }
func (q *queue) Pop() any {
	c := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return c
}

func (m *mixer) run() {
	for len(m.arrivals) > 0 || len(m.active) > 0 {
		if len(m.active) == 0 || len(m.arrivals) > 0 && m.arrivals[0].at <= m.active[0].at {
			m.begin(m.arrivals[0])
			m.arrivals = m.arrivals[1:]
			continue
		}
		c := m.active[0]
		s := &c.steps[c.pos]
		if c.udp {
			m.w.udp(c.at, &c.ends, s.side, s.payload)
		} else {
			m.w.tcp(c.at, &c.ends, segment{s.side, s.flags, s.seq, s.ack, s.payload})
		}
		if c.pos++; c.pos < len(c.steps) {
			c.at += int64(c.steps[c.pos].wait)
			heap.Fix(&m.active, 0)
		} else {
			m.free = append(m.free, heap.Pop(&m.active).(*conv))
		}
	}
}

// begin writes the script of a new conversation.
func (m *mixer) begin(a arrival) {
	c := &conv{}
	if n := len(m.free); n > 0 {
		old := m.free[n-1]
		m.free = m.free[:n-1]
		*c = conv{steps: old.steps[:0]}
	}
	c.at = a.at
	c.rtt = 200 + m.r.Int64N(8000)
	c.isn = [2]uint32{m.r.Uint32(), m.r.Uint32()}
	m.n++
	c.v6 = m.r.IntN(5) == 0
	host := byte(1 + m.r.IntN(200))
	if c.v6 {
		c.ip[0] = netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, 0, 1, 14: byte(m.n >> 14), 15: host})
		c.ip[1] = netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, 0, 2, 15: 1 + host&15})
	} else {
		c.ip[0] = netip.AddrFrom4([4]byte{10, 9, byte(m.n >> 14), host})
		c.ip[1] = netip.AddrFrom4([4]byte{192, 0, 2, 1 + host&15})
	}
	c.port[0] = uint16(32768 + m.n%28000)
	parts[a.kind].make(m, c)
	m.disturb(c)
	heap.Push(&m.active, c)
}

// add appends a packet at the sender's next sequence number.
func (c *conv) add(wait int64, side, flags uint8, payload []byte) {
	s := step{wait: int32(wait), side: side, flags: flags, payload: payload}
	if !c.udp {
		s.seq = c.isn[side] + c.sent[side]
		if flags&flagACK != 0 {
			s.ack = c.isn[1-side] + c.sent[1-side]
		}
		c.sent[side] += uint32(len(payload))
		if flags&(flagSYN|flagFIN) != 0 {
			c.sent[side]++
		}
	}
	c.steps = append(c.steps, s)
}

func (c *conv) open() {
	c.add(0, 0, flagSYN, nil)
	c.add(c.rtt, 1, flagSYN|flagACK, nil)
	c.add(c.rtt/2, 0, flagACK, nil)
}

func (c *conv) close(side uint8) {
	c.add(c.rtt/2, side, flagFIN|flagACK, nil)
	c.add(c.rtt/2, 1-side, flagFIN|flagACK, nil)
	c.add(c.rtt/2, side, flagACK, nil)
}

// mss is the payload of a full segment; with IPv6, of one of 1500 bytes too.
func (c *conv) mss() int {
	if c.v6 {
		return 1440
	}
	return 1460
}

// send sends parts as one write. Every other segment is acknowledged; what is
// left is acknowledged by what the peer says next.
func (c *conv) send(side uint8, parts ...[]byte) {
	wait := c.rtt / 2
	n := 0
	for i, p := range parts {
		for len(p) > 0 {
			size := min(c.mss(), len(p))
			flags := uint8(flagACK)
			if size == len(p) && i == len(parts)-1 {
				flags |= flagPSH
			}
			c.add(wait, side, flags, p[:size])
			p = p[size:]
			wait = 12
			if n++; n%2 == 0 {
				c.add(20, 1-side, flagACK, nil)
			}
		}
	}
}

// disturb loses and reorders segments with payload: of 10,000, four are lost
// (three of them sent again a little later) and ten change places with the
// next one.
func (m *mixer) disturb(c *conv) {
	if c.udp {
		return
	}
	for i := 3; i < len(c.steps); i++ {
		if len(c.steps[i].payload) == 0 {
			continue
		}
		switch n := m.r.IntN(10_000); {
		case n == 0:
			m.w.Lost++
			c.steps = slices.Delete(c.steps, i, i+1)
		case n < 4:
			m.w.Lost++
			late := c.steps[i]
			late.wait = int32(c.rtt)
			at := min(i+6, len(c.steps))
			c.steps = slices.Insert(c.steps, at, late)
			c.steps = slices.Delete(c.steps, i, i+1)
		case n < 14 && i+1 < len(c.steps):
			c.steps[i], c.steps[i+1] = c.steps[i+1], c.steps[i]
			i++
		}
	}
}
