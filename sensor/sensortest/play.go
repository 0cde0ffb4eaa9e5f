package sensortest

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"

	"flowscope/sensor"
)

// defaultBuffer is the MaxBuffer of a Protocol that does not say.
const defaultBuffer = 1 << 20

// op is one thing that happens to a parser: a Step, or a part of one.
type op struct {
	Step
	step int // index of the Step, -1 for the end that every side comes to
}

// line is one thing that came out, as a Transcript writes it behind =.
type line struct {
	text    string
	side    sensor.Side
	step    int  // of the op that caused it, negative for an end that the transcript does not say
	message bool // else an error or the parser's end
	damaged bool // the message says of itself that it is not whole
}

// play is a run of a parser over ops, and what came of it.
type play struct {
	test   *Test
	stream sensor.StreamParser
	dgram  sensor.DatagramParser

	lines    []line
	ended    string // last line of a parser that ended before its flow
	handed   bool   // it ended with HandTo
	fault    string // the rule that it broke; it is not called again
	consumed [2]int64

	buf       [2][]byte // not consumed, per side
	skips     skips
	nagging   bool   // call Parse for each piece of what is passed over
	lent      []byte // memory of the Segment, used again by the next
	scribble  bool   // overwrite lent bytes after each call
	inCall    bool
	cur       op
	refused   int  // datagrams
	again     bool // the parser was Reset
	maxBuffer int
}

func newPlay(c *Test) *play {
	p := &play{test: c, scribble: true, maxBuffer: c.Protocol.MaxBuffer}
	if p.maxBuffer <= 0 {
		p.maxBuffer = defaultBuffer
	}
	if c.Protocol.Transport == sensor.ProtoTCP {
		p.stream = c.Protocol.NewStream()
	} else {
		p.dgram = c.Protocol.NewDatagram()
	}
	return p
}

// run plays ops to a new parser.
func (c *Test) run(ops []op) *play {
	p := newPlay(c)
	p.all(ops)
	return p
}

// reset resets the parser, and reports whether it can be.
func (p *play) reset() (ok bool) {
	var parser any = p.stream
	if p.dgram != nil {
		parser = p.dgram
	}
	r, ok := parser.(sensor.Resetter)
	if ok {
		r.Reset()
	}
	return ok
}

// note says what is special about the parser of the play.
func (p *play) note() string {
	if p.again {
		return ", to a parser that was Reset"
	}
	return ""
}

func (p *play) all(ops []op) {
	for _, o := range ops {
		p.next(o)
	}
}

// next lets one thing happen, unless the parser has ended.
func (p *play) next(o op) {
	if p.ended != "" || p.fault != "" {
		return
	}
	p.cur = o
	defer func() {
		if v := recover(); v != nil {
			p.fault = fmt.Sprintf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	switch {
	case p.dgram != nil:
		p.datagram(o)
	case o.Gap > 0:
		p.gap(o)
	default:
		p.segment(o)
	}
}

// segment calls Parse as the engine does: once for what has come, with all that
// was not consumed before.
func (p *play) segment(o op) {
	come := o.Data
	o.Data = p.skips.pass(o.Side, o.Data)
	p.consumed[o.Side] += int64(len(come) - len(o.Data))
	if p.skips.left[o.Side] > 0 && !o.EOF && !p.nagging {
		return
	}
	p.parse(o, append(p.buf[o.Side], o.Data...))
}

// parse calls Parse with the bytes of a side that it has not consumed.
func (p *play) parse(o op, buf []byte) {
	data := p.lend(buf)
	seg := sensor.Segment{Side: o.Side, Time: o.Time, Data: data, Offset: p.consumed[o.Side], EOF: o.EOF, Aborted: o.Aborted}
	seg.Skipped = p.skips.told(o.Side)
	n, err := p.callStream(seg)
	p.takeBack(buf)
	switch {
	case p.fault != "":
		return
	case n < 0:
		p.fault = fmt.Sprintf("Parse returned n = %d for %d bytes", n, len(buf))
		return
	}
	n = p.skips.ask(o.Side, n, len(buf), err)
	p.consumed[o.Side] += int64(n)
	p.buf[o.Side] = buf[n:]
	switch {
	case err != nil:
		p.end(err)
	case len(buf)-n > p.maxBuffer:
		p.fault = fmt.Sprintf("%d bytes were not consumed, more than Protocol.MaxBuffer allows (%d)", len(buf)-n, p.maxBuffer)
	}
}

func (p *play) callStream(s sensor.Segment) (n int, err error) {
	p.inCall = true
	defer func() { p.inCall = false }()
	return p.stream.Parse(s, p.emit)
}

func (p *play) datagram(o op) {
	data := p.lend(o.Data)
	s := sensor.Segment{Side: o.Side, Time: o.Time, Data: data, Missing: o.Missing, EOF: o.EOF, Aborted: o.Aborted}
	if o.EOF {
		s.Data = nil
	}
	p.inCall = true
	err := p.dgram.Parse(s, p.emit)
	p.inCall = false
	p.takeBack(o.Data)
	switch {
	case err == nil || p.fault != "":
	case errors.Is(err, sensor.ErrDone):
		p.end(err)
	default:
		p.say("error: " + err.Error())
		if p.refused++; p.refused == sensor.MaxDatagramErrors {
			p.ended = "error"
		}
	}
}

func (p *play) gap(o op) {
	if p.skips.passed[o.Side] > 0 {
		p.parse(op{Step: Step{Side: o.Side, Time: o.Time}, step: o.step}, nil)
		if p.ended != "" || p.fault != "" {
			return
		}
	}
	lost := int64(len(p.buf[o.Side])) + o.Gap
	p.buf[o.Side] = nil
	p.skips.lose(o.Side, lost)
	r, ok := p.stream.(sensor.Resyncer)
	if !ok || !r.Resync(o.Side, lost) {
		p.ended = "retired"
		p.say(p.ended)
		return
	}
	p.consumed[o.Side] += lost
}

// end notes how the parser ends itself.
func (p *play) end(err error) {
	p.ended = "error: " + err.Error()
	if errors.Is(err, sensor.ErrDone) {
		p.ended = "done"
	} else if name, ok := sensor.HandedTo(err); ok {
		p.ended, p.handed = fmt.Sprintf("hand to %q", name), true
	}
	p.say(p.ended)
}

func (p *play) say(text string) {
	p.lines = append(p.lines, line{text: text, side: p.cur.Side, step: p.cur.step})
}

func (p *play) emit(m sensor.Message) {
	if !p.inCall {
		p.fault = "emit was called when Parse was not running"
		return
	}
	p.lines = append(p.lines, line{
		text:    string(marker(p.cur.Side)) + " " + p.test.render(m),
		side:    p.cur.Side,
		step:    p.cur.step,
		message: true,
		damaged: p.test.Damaged != nil && p.test.Damaged(m),
	})
}

// guard is how many bytes behind a lent slice, within its capacity, a parser
// must not touch.
const guard = 16

// lend returns a copy of data that has room behind it, as the engine's buffers
// have.
func (p *play) lend(data []byte) []byte {
	if need := len(data) + guard; !p.scribble || cap(p.lent) < need {
		p.lent = make([]byte, need, need+256)
	}
	p.lent = p.lent[:cap(p.lent)]
	copy(p.lent, data)
	for i := range guard {
		p.lent[len(data)+i] = 0xa5
	}
	return p.lent[:len(data)]
}

// takeBack checks that what was lent is what it was, and overwrites it.
func (p *play) takeBack(was []byte) {
	if p.fault != "" {
		return
	}
	if !bytes.Equal(p.lent[:len(was)], was) {
		p.fault = "Parse wrote to the bytes it was lent"
		return
	}
	for _, c := range p.lent[len(was) : len(was)+guard] {
		if c != 0xa5 {
			p.fault = "Parse wrote behind the bytes it was lent (append to a lent slice)"
			return
		}
	}
	if p.scribble {
		for i := range was {
			p.lent[i] = 0xdb
		}
	}
}

// texts returns what came out, as a Transcript wants it.
func (p *play) texts() []string {
	out := make([]string, len(p.lines))
	for i, l := range p.lines {
		out[i] = l.text
	}
	return out
}
