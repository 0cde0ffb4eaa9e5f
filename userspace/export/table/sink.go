package table

import (
	"errors"
	"fmt"
	"io"

	"flowscope/sensor"
	"flowscope/userspace/export/internal/jsonenc"
	"flowscope/userspace/export/internal/safetext"
)

// Headliner is an optional ability of a message: what it says, in one short
// line for people, such as "GET /cart 200". An empty one is passed over when
// a headline for the flow is looked for. Of messages without it, their fields
// are shown.
type Headliner interface {
	Headline() string
}

// Defaults of Options.
const (
	Width       = 100
	MaxFlows    = 30
	MaxMessages = 20
)

const (
	minWidth = 60
	// maxHeadlines is how many live flows have a headline remembered.
	maxHeadlines = 1 << 16
	// maxHeadline is how many columns of one are remembered.
	maxHeadline = 200
)

// Options are choices of the user. The zero value works.
type Options struct {
	Width       int  // columns; default 100, at least 60
	MaxFlows    int  // default 30
	MaxMessages int  // default 20; none if negative
	Color       bool // with ANSI colours
	// Live shows each message when it comes, instead of some of them at the end.
	Live bool
	// More is the command that shows everything, named where something is left
	// out.
	More string
}

// Sink gathers what there is to show. It belongs to one goroutine.
type Sink struct {
	w    io.Writer
	opt  Options
	done bool
	enc  jsonenc.Encoder
	text []byte

	top       heap
	ended     int              // flows
	headlines map[uint64]*what // by Flow.ID, of live flows
	sample    sample           // of messages
	messages  int
	counts    counts
	ledger    *sensor.Ledger // a copy
}

// what is what the messages of a flow said.
type what struct {
	headline string
	messages int
}

var _ sensor.Sink = (*Sink)(nil)

// New returns a Sink that will write to w, which it does not close.
func New(w io.Writer, opt Options) *Sink {
	if opt.Width <= 0 {
		opt.Width = Width
	}
	opt.Width = max(opt.Width, minWidth)
	if opt.MaxFlows <= 0 {
		opt.MaxFlows = MaxFlows
	}
	if opt.MaxMessages == 0 {
		opt.MaxMessages = MaxMessages
	}
	return &Sink{w: w, opt: opt, top: heap{max: opt.MaxFlows}, sample: sample{max: opt.MaxMessages},
		headlines: make(map[uint64]*what), counts: counts{anomalies: make(map[sensor.Anomaly]int)}}
}

// Consume takes note of messages, gaps, anomalies, errors and ended flows. Unless
// Live, it writes nothing and returns an error only after Close.
func (s *Sink) Consume(ev *sensor.Event) error {
	if s.done {
		return errors.New("show table: sink is closed")
	}
	switch ev.Kind {
	case sensor.FlowMessage:
		return s.message(ev)
	case sensor.FlowGap:
		s.counts.gaps++
		s.counts.gapBytes += ev.Lost
	case sensor.FlowAnomaly:
		s.counts.anomalies[ev.Anomaly]++
	case sensor.FlowError:
		s.counts.errors++
	case sensor.FlowEnd:
		s.flow(ev.Flow)
	}
	return nil
}

func (s *Sink) message(ev *sensor.Event) error {
	s.messages++
	x := s.headlines[ev.Flow.ID]
	if x == nil {
		if len(s.headlines) < maxHeadlines {
			x = new(what)
			s.headlines[ev.Flow.ID] = x
		}
	}
	nth := s.messages // of a flow that is not remembered: not among its first
	if x != nil {
		x.messages++
		nth = x.messages
	}
	wantLine := s.opt.Live || s.sample.wants(nth)
	if !wantLine && (x == nil || x.headline != "") {
		return nil
	}
	text := s.headline(ev.Msg)
	if x != nil && x.headline == "" {
		x.headline = text
	}
	if !wantLine {
		return nil
	}
	l := line{ev.Time, flowText(ev.Flow, ev.Side), safetext.Text(ev.App, maxApp), text}
	if s.opt.Live {
		return s.say(l)
	}
	s.sample.add(nth, l)
	return nil
}

// headline returns what a message says, safe to show.
func (s *Sink) headline(m sensor.Message) string {
	if h, ok := m.(Headliner); ok {
		return safetext.Text(h.Headline(), maxHeadline)
	}
	s.enc.MaxValue, s.enc.MaxString = 1024, maxHeadline
	s.text = s.enc.Append(s.text[:0], m)
	return safetext.Text(string(s.text), maxHeadline)
}

func (s *Sink) flow(f *sensor.Flow) {
	s.ended++
	for _, t := range f.TCP {
		s.counts.retransmissions += uint64(t.Retransmissions)
		s.counts.outOfOrder += uint64(t.OutOfOrder)
	}
	x := s.headlines[f.ID]
	if x != nil {
		delete(s.headlines, f.ID)
	}
	bytes := f.Counters[0].Bytes + f.Counters[1].Bytes
	if !s.top.wants(bytes, f.ID) {
		return
	}
	r := row{
		bytes: bytes, id: f.ID,
		flow: flowText(f, sensor.Initiator), app: safetext.Text(f.App, maxApp),
		sent: f.Counters, duration: f.Last.Sub(f.First), end: f.End.String(),
	}
	if x != nil {
		r.what, r.messages = x.headline, x.messages
	}
	s.top.push(r)
}

// Ledger takes note of the books.
func (s *Sink) Ledger(l *sensor.Ledger) error {
	s.ledger = new(sensor.Ledger)
	for _, a := range l.Accounts {
		a.Rows = append([]sensor.Row(nil), a.Rows...)
		s.ledger.Add(a)
	}
	return nil
}

// Close writes the tables. It may be called twice.
func (s *Sink) Close() error {
	if s.done {
		return nil
	}
	s.done = true
	if _, err := s.w.Write(s.render()); err != nil {
		return fmt.Errorf("show table: %w", err)
	}
	return nil
}
