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
	lines   encoder
	buf     []byte // whole lines that were not written yet
	err     error  // of the first write that failed, final
	written int64  // bytes
}

// encoder makes lines of events. It belongs to one goroutine.
type encoder struct {
	opt  Options
	enc  jsonenc.Encoder
	ids  *identities
	apps map[string][]byte // see keysOf
}

var _ sensor.Forker = (*Sink)(nil)

// errClosed is returned by a Sink that is used after Close.
var errClosed = errors.New("write json lines: sink is closed")

// New returns a Sink that writes to w, which it does not close.
func New(w io.Writer, opt Options) *Sink {
	return &Sink{w: w, lines: newEncoder(opt), buf: make([]byte, 0, bufferSize+MaxLine)}
}

func newEncoder(opt Options) encoder {
	return encoder{
		opt: opt,
		// However large the cap of one string, the line around it keeps its own.
		enc:  jsonenc.Encoder{MaxString: opt.MaxString, MaxArray: opt.MaxArray, MaxValue: MaxLine - fixedRoom},
		ids:  &identities{seed: opt.CommunityIDSeed},
		apps: make(map[string][]byte),
	}
}

// Consume writes a line for a record of a flow (FlowUpdate, FlowEnd), a
// message, a gap, an anomaly and an error, and nothing for other events. Lines
// are written in batches; an error is that of an earlier line as often as that
// of this one, and is returned by all later calls.
func (s *Sink) Consume(ev *sensor.Event) error {
	if s.err != nil {
		return s.err
	}
	n := len(s.buf)
	if s.buf = s.lines.appendLine(s.buf, ev); len(s.buf) == n {
		return nil
	}
	return s.endLine()
}

// appendLine appends the line of ev, nothing if it has none.
func (e *encoder) appendLine(b []byte, ev *sensor.Event) []byte {
	switch ev.Kind {
	case sensor.FlowUpdate, sensor.FlowEnd:
		b = e.appendFlow(b, ev)
	case sensor.FlowMessage:
		b = e.appendMessage(b, ev)
	case sensor.FlowGap:
		b = e.appendGap(b, ev)
	case sensor.FlowAnomaly:
		b = e.appendAnomaly(b, ev)
	case sensor.FlowError:
		b = e.appendError(b, ev)
	default:
		return b
	}
	return append(b, "}\n"...)
}

// Fork implements [sensor.Forker].
func (s *Sink) Fork() sensor.Encoder {
	e := newEncoder(s.lines.opt)
	return &e
}

// Encode implements [sensor.Encoder]. Its error is nil.
func (e *encoder) Encode(dst []byte, ev *sensor.Event) ([]byte, error) {
	return e.appendLine(dst, ev), nil
}

// Encoded implements [sensor.Forker].
func (s *Sink) Encoded(line []byte) error {
	if s.err != nil {
		return s.err
	}
	s.buf = append(s.buf, line...)
	return s.endLine()
}

// Ledger writes the books. It is called once, after the last event.
func (s *Sink) Ledger(l *sensor.Ledger) error {
	if s.err != nil {
		return s.err
	}
	s.buf = s.lines.enc.AppendLedger(append(s.buf, ledgerStart...), l)
	s.buf = append(s.buf, "}\n"...)
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

// endLine writes the batch if it is large enough.
func (s *Sink) endLine() error {
	if s.lines.opt.LineBuffered || len(s.buf) >= bufferSize {
		return s.Flush()
	}
	return nil
}
