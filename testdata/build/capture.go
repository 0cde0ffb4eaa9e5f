package build

import (
	"net/netip"
	"sort"
	"time"
)

// Start is the time of the first frame of every Capture.
var Start = time.Date(2024, time.March, 1, 12, 0, 0, 0, time.UTC)

// Side is the role of a sender in its conversation.
type Side uint8

// Fwd is what the initiator sends, Rev what the responder sends.
const (
	Fwd Side = 0
	Rev Side = 1
)

// Other returns the opposite side.
func (s Side) Other() Side { return 1 - s }

// Frame is one frame of a Capture.
type Frame struct {
	Time      int64  // nanoseconds since the Unix epoch
	Data      []byte // what was captured
	Wire      int    // the frame's length on the wire
	Interface int    // index in Format.Interfaces
}

// Capture is a list of frames in the order in which they are written, and the
// truth about them. The zero value is not ready for use; see New.
type Capture struct {
	// Step is how far the clock moves with each frame.
	Step time.Duration
	// Snaplen cuts the frames added from now on, if it is not 0.
	Snaplen int
	// Interface is the interface of the frames added from now on.
	Interface int
	// Link is the link layer of the conversations begun from now on.
	// Nil is Ethernet.
	Link Link
	// Hidden, while it is set, lets conversations go on without being captured.
	Hidden bool

	now     int64
	frames  []Frame
	flows   []*Flow
	outer   []*Flow
	tcp     []*TCP
	dropped map[string]int
	ident   uint16
	torn    bool
}

// New returns an empty Capture whose clock is at Start.
func New() *Capture {
	return &Capture{Step: 50 * time.Microsecond, now: Start.UnixNano(), dropped: map[string]int{}}
}

// After moves the clock by d, which may be negative.
func (c *Capture) After(d time.Duration) { c.now += int64(d) }

// At sets the clock to d after Start.
func (c *Capture) At(d time.Duration) { c.now = Start.UnixNano() + int64(d) }

// Now returns the clock as the time since Start.
func (c *Capture) Now() time.Duration { return time.Duration(c.now - Start.UnixNano()) }

// Frames returns the frames added so far.
func (c *Capture) Frames() []Frame { return c.frames }

// Flows returns the truth of the flows added so far, in order of their first
// frame.
func (c *Capture) Flows() []*Flow { return c.flows }

// Dropped adds a frame that belongs to no flow, for the named reason, which is
// a row of the sensor's ledger. If wire is not 0, it is the frame's length on
// the wire.
func (c *Capture) Dropped(reason string, frame []byte, wire int) {
	c.add(frame, max(wire, len(frame)))
	c.dropped[reason]++
}

// Torn adds a last frame that Format.Cut tears, so that it cannot be read.
func (c *Capture) Torn(frame []byte) {
	c.add(frame, len(frame))
	c.torn = true
}

// Merge appends the frames and flows of others and puts all frames in order of
// time. Frames of the same time stay in the order given.
func (c *Capture) Merge(others ...*Capture) {
	for _, o := range others {
		c.frames = append(c.frames, o.frames...)
		c.flows = append(c.flows, o.flows...)
		c.outer = append(c.outer, o.outer...)
		c.tcp = append(c.tcp, o.tcp...)
		for reason, n := range o.dropped {
			c.dropped[reason] += n
		}
	}
	sort.SliceStable(c.frames, func(i, j int) bool { return c.frames[i].Time < c.frames[j].Time })
	sort.SliceStable(c.flows, func(i, j int) bool { return c.flows[i].first < c.flows[j].first })
}

// add writes one frame, which was wire bytes long, and returns how many of
// its bytes were captured.
func (c *Capture) add(frame []byte, wire int) int {
	if c.Snaplen > 0 && len(frame) > c.Snaplen {
		frame = frame[:c.Snaplen]
	}
	c.frames = append(c.frames, Frame{Time: c.now, Data: frame, Wire: wire, Interface: c.Interface})
	c.now += int64(c.Step)
	return len(frame)
}

// wire is what all conversations share: two endpoints and the way between them.
type wire struct {
	c     *Capture
	flow  *Flow
	outer [2]*Flow // by side that sends; one flow twice where both directions use the same ports
	link  Link
	end   [2]netip.AddrPort
	mac   [2]MAC
	wraps []wrap
	ip    header
}

// Option changes how a conversation's packets travel.
type Option func(*wire)

func (c *Capture) wire(proto string, a, b string, options []Option) *wire {
	w := &wire{c: c, end: [2]netip.AddrPort{netip.MustParseAddrPort(a), netip.MustParseAddrPort(b)}, link: c.Link}
	if w.link == nil {
		w.link = Ethernet
	}
	for s, e := range w.end {
		w.mac[s] = macOf(e.Addr())
	}
	w.flow = &Flow{Proto: proto, Initiator: a, Responder: b, EndReason: "shutdown"}
	for _, o := range options {
		o(w)
	}
	return w
}

// packet sends one IP packet from side s whose IP header is behind the given
// bytes of transport header and payload, and returns how many of the payload's
// bytes were captured.
func (w *wire) packet(s Side, ip []byte, payload int) int {
	if w.c.Hidden {
		return 0
	}
	p := packet{kind: etherIPv4, data: ip}
	if ip[0]>>4 == 6 {
		p.kind = etherIPv6
	}
	var outerIP int
	for i := len(w.wraps) - 1; i >= 0; i-- {
		p = w.wraps[i](p, s)
		if p.kind == etherIPv4 || p.kind == etherIPv6 {
			outerIP = len(p.data)
		}
	}
	frame := w.link(p, w.mac[s], w.mac[s.Other()])
	w.c.register(&w.c.flows, w.flow)
	w.flow.count(s, w.c.now, Counters{1, uint64(len(ip)), uint64(len(frame)), uint64(payload)})
	if o := w.outer[s]; o != nil {
		side := s
		if w.outer[0] != w.outer[1] {
			side = Fwd
		}
		w.c.register(&w.c.outer, o)
		o.count(side, w.c.now, Counters{1, uint64(outerIP), uint64(len(frame)), 0})
	}
	captured := w.c.add(frame, len(frame))
	return max(0, payload-(len(frame)-captured))
}

func (c *Capture) register(to *[]*Flow, f *Flow) {
	if f.Forward.Packets+f.Reverse.Packets == 0 {
		*to = append(*to, f)
	}
}
