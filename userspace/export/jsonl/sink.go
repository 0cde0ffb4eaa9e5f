package jsonl

import (
	"errors"
	"fmt"
	"io"

	"flowscope/sensor"
	"flowscope/userspace/export/internal/jsonenc"
)

// MaxLine is how long a line can be, its line feed included.
const MaxLine = 64 * 1024

const (
	bufferSize = 64 * 1024
	// fixedRoom is more than a line needs beside a message or error text.
	fixedRoom = 2 * 1024
)

// Options are choices of the user. The zero value works.
type Options struct {
	// CommunityIDSeed is the seed of all Community IDs.
	CommunityIDSeed uint16
	// MaxString is how many bytes of a string are written; default 1024.
	MaxString int
	// MaxArray is how many elements of a list are written; default 256.
	MaxArray int
	// LineBuffered writes each line at once, for output that is watched.
	LineBuffered bool
}

// Sink writes events to an io.Writer as JSON lines. It belongs to one
// goroutine.
type Sink struct {
	w       io.Writer
	opt     Options
	enc     jsonenc.Encoder
	buf     []byte // whole lines that were not written yet, then the line at hand
	err     error  // of the first write that failed, final
	written int64  // bytes
	id      communityID
	apps    map[string][]byte // see keysOf
}

var _ sensor.Sink = (*Sink)(nil)

// errClosed is returned by a Sink that is used after Close.
var errClosed = errors.New("write json lines: sink is closed")

// New returns a Sink that writes to w, which it does not close.
func New(w io.Writer, opt Options) *Sink {
	s := &Sink{
		w: w, opt: opt,
		buf:  make([]byte, 0, bufferSize+MaxLine),
		id:   communityID{seed: opt.CommunityIDSeed},
		apps: make(map[string][]byte),
	}
	s.enc = jsonenc.Encoder{MaxString: opt.MaxString, MaxArray: opt.MaxArray}
	// However large the cap of one string, the line around it keeps its own.
	s.enc.MaxValue = MaxLine - fixedRoom
	return s
}

// Consume writes a line for a record of a flow (FlowUpdate, FlowEnd), a
// message, a gap, an anomaly and an error, and nothing for other events. Lines
// are written in batches; an error is that of an earlier line as often as that
// of this one, and is returned by all later calls.
func (s *Sink) Consume(ev *sensor.Event) error {
	if s.err != nil {
		return s.err
	}
	switch ev.Kind {
	case sensor.FlowUpdate, sensor.FlowEnd:
		s.buf = s.appendFlow(s.buf, ev)
	case sensor.FlowMessage:
		s.buf = s.appendMessage(s.buf, ev)
	case sensor.FlowGap:
		s.buf = s.appendGap(s.buf, ev)
	case sensor.FlowAnomaly:
		s.buf = s.appendAnomaly(s.buf, ev)
	case sensor.FlowError:
		s.buf = s.appendError(s.buf, ev)
	default:
		return nil
	}
	return s.endLine()
}

// Ledger writes the books. It is called once, after the last event.
func (s *Sink) Ledger(l *sensor.Ledger) error {
	if s.err != nil {
		return s.err
	}
	s.buf = s.enc.AppendLedger(append(s.buf, ledgerStart...), l)
	return s.endLine()
}

// Flush writes the lines that are still in memory.
func (s *Sink) Flush() error {
	if s.err != nil || len(s.buf) == 0 {
		return s.err
	}
	n, err := s.w.Write(s.buf)
	s.written += int64(n)
	if err == nil && n < len(s.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		s.err = fmt.Errorf("write json lines: %w after %d bytes", err, s.written)
	}
	s.buf = s.buf[:0]
	return s.err
}

// Close flushes. It may be called twice.
func (s *Sink) Close() error {
	err := s.Flush()
	if errors.Is(err, errClosed) {
		return nil
	}
	if s.err == nil {
		s.err = errClosed
	}
	return err
}

// endLine ends the object at hand and writes the batch if it is large enough.
func (s *Sink) endLine() error {
	s.buf = append(s.buf, "}\n"...)
	if s.opt.LineBuffered || len(s.buf) >= bufferSize {
		return s.Flush()
	}
	return nil
}
