package replay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"flowscope/sensor"
	"flowscope/userspace/internal/frame"
)

// Source is a sensor.Source that reads captures.
type Source struct {
	opt     Options
	classes *frame.Classifier
	filter  filters

	inputs  []input // still to be read, the current one first
	open    bool    // the current one is open
	win     window
	format  format
	pcap    pcapReader
	pcapng  pcapngReader
	packets packetReader
	mapped  *mapping // the current input, if it is mapped

	frame   frame.Frame
	pending bool   // the classifier may have more records of frame
	before  uint64 // Ordinal of the last frame of the previous input
	passed  uint64 // packets that passed the filter
	budget  int64  // what is left of Options.MaxBytes
	behind  int64  // bytes on disk of the inputs before

	partial bool // an input was found to be a capture
	damage  damage
	skipped []string
	final   error // what Read returns for ever

	done, total atomic.Int64

	// Close may be called while another goroutine is in Read.
	closed atomic.Bool
	mu     sync.Mutex
	held   []resource // what Close has to release
}

var (
	_ sensor.Source      = (*Source)(nil)
	_ sensor.Accountant  = (*Source)(nil)
	_ sensor.BatchReader = (*Source)(nil)
)

// resource is something a Source holds: a mapping, a descriptor, a reader.
type resource struct {
	mapped *mapping
	closer io.Closer
}

func newSource(opt Options, all []input) (*Source, error) {
	s := &Source{opt: opt, classes: frame.New(opt.Classify), inputs: all, budget: opt.MaxBytes}
	s.total.Store(total(all))
	s.filter.expr = opt.Filter
	return s, s.filter.checkSyntax()
}

// Open returns a Source of the captures at the given paths, one after the other
// in that order. A directory stands for the regular files in it, in lexical
// order, without those whose name begins with a dot; files in it that are no
// captures are skipped (see [Source.Skipped]). "-" is standard input.
//
// A path that cannot be read is an error, and so are a filter that cannot be
// compiled and a single file that is no capture. Of several files, those that are damaged or no captures are reported
// by Read after the last record.
func Open(opt Options, paths ...string) (*Source, error) {
	all, err := inputs(paths)
	if err != nil {
		return nil, err
	}
	s, err := newSource(opt, all)
	if err != nil {
		return nil, err
	}
	if !all[0].regular {
		return s, nil
	}
	// There is nothing to wait for: say now what is wrong.
	s.begin()
	if len(all) == 1 && len(s.damage.errs) > 0 {
		err = s.damage.errs[0]
	} else if link, ok := s.firstLink(); ok {
		err = s.filter.check(link)
		if c := s.opt.Classifier; c != nil && err == nil {
			err = c.Check(link)
		}
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// firstLink returns the link type of the current input, or of its first
// interface, if that can be told without reading on.
func (s *Source) firstLink() (link frame.LinkType, ok bool) {
	switch s.format {
	case pcapFormat:
		return s.pcap.link, true
	case pcapngFormat:
		return s.pcapng.firstLink(&s.win)
	}
	return 0, false
}

// NewReader returns a Source of the capture that r delivers, called name in
// errors. If r is an io.Closer, Close closes it, which should end a Read in
// progress; if it is not, a Read of the Source ends when that of r does.
func NewReader(opt Options, name string, r io.Reader) (*Source, error) {
	return newSource(opt, []input{{name: name, reader: r}})
}

// Read fills r with the next record.
//
// After the last one it returns io.EOF, or, if an input was damaged, an error in
// which errors.As finds a [FileError] for each of them.
//
// While a mapped file is read, faults in the calling goroutine are turned into
// panics (debug.SetPanicOnFault), and stay so.
func (s *Source) Read(r *sensor.Record) error {
	if s.mapped == nil {
		return s.read(r)
	}
	for {
		err := s.readMapped(r)
		if err != errFault {
			return err
		}
	}
}

// errFault says that a part of the mapped file vanished, and that the window ends
// before it now.
var errFault = errors.New("fault in a mapped file")

// readMapped is read, but for a file of which the memory may fault at any time.
func (s *Source) readMapped(r *sensor.Record) (err error) {
	defer s.recoverFault(&err)
	debug.SetPanicOnFault(true)
	return s.read(r)
}

// pageSize is the least that a fault says is gone.
const pageSize = 4 << 10

// recoverFault turns a fault in the mapping into the end of its window.
func (s *Source) recoverFault(err *error) {
	if s.mapped == nil {
		return
	}
	fault := recover()
	if fault == nil {
		return
	}
	offset, ok := s.mapped.fault(fault)
	if !ok {
		panic(fault)
	}
	if s.closed.Load() {
		*err = net.ErrClosed
		return
	}
	// What is left before the fault is still to be read. A record of the frame
	// that faulted is not.
	for s.pending = false; s.another(new(sensor.Record)); {
	}
	s.win.cutAt(min(offset&^(pageSize-1), s.mapped.currentSize()), errTruncated)
	*err = errFault
}

func (s *Source) read(r *sensor.Record) error {
	if s.closed.Load() {
		return net.ErrClosed
	}
	if s.pending {
		if s.another(r) {
			return nil
		}
		s.pending = false
	}
	f := &s.frame
	for {
		if s.mapped != nil {
			s.win.prefetch()
		}
		var err error
		switch {
		case s.opt.MaxPackets != 0 && s.passed >= s.opt.MaxPackets:
			s.stop()
			err = errNoInput
		case s.format == pcapFormat:
			err = s.pcap.next(&s.win, f)
		case s.format == pcapngFormat:
			err = s.pcapng.next(&s.win, f)
		case s.format == gopacketFormat:
			err = s.packets.next(f)
		default:
			err = errNoInput
		}
		if err != nil {
			if err = s.advance(err); err != nil {
				return err
			}
			continue
		}
		if s.accept(f, r) {
			return nil
		}
	}
}

// accept takes a frame, which filter and classifier may refuse, and reports
// whether it filled r with a record.
func (s *Source) accept(f *frame.Frame, r *sensor.Record) bool {
	f.Ordinal++
	if s.opt.Classifier != nil {
		return s.take(f, r)
	}
	if s.filter.expr != "" {
		ok, err := s.filter.match(f)
		if err != nil {
			f.Ordinal--
			s.fail(s.win.offset(), err)
			s.end()
			return false
		}
		if !ok {
			s.classes.Filtered(f)
			return false
		}
	}
	s.passed++
	if s.opt.Tee != nil {
		s.opt.Tee(f)
	}
	ok := s.classes.Classify(f, r) || s.classes.Next(r)
	s.pending = s.classes.More()
	return ok
}

// ReadBatch implements [sensor.BatchReader]. A batch ends where the next packet
// is not wholly in view, so that what was lent stays in place.
func (s *Source) ReadBatch(recs []sensor.Record) (int, error) {
	if len(recs) == 0 {
		return 0, nil
	}
	if err := s.Read(&recs[0]); err != nil {
		return 0, err
	}
	n := 1
	s.readMore(recs, &n)
	return n, nil
}

// readMore adds records of a file to recs, of which *n are filled. What
// stops it is for the next Read to find.
func (s *Source) readMore(recs []sensor.Record, n *int) {
	var fault error
	if s.mapped != nil {
		defer s.recoverFault(&fault)
	}
	for *n < len(recs) && !s.closed.Load() {
		r := &recs[*n]
		if s.pending {
			if s.another(r) {
				*n++
				continue
			}
			s.pending = false
		}
		if s.opt.MaxPackets != 0 && s.passed >= s.opt.MaxPackets {
			return
		}
		if s.mapped != nil {
			s.win.prefetch()
		}
		if !s.inView() {
			return
		}
		if s.accept(&s.frame, r) {
			*n++
		}
	}
}

// inView takes the next frame if it is wholly in view.
func (s *Source) inView() bool {
	switch s.format {
	case pcapFormat:
		return s.pcap.inView(&s.win, &s.frame)
	case pcapngFormat:
		return s.pcapng.inView(&s.win, &s.frame)
	}
	return false
}

// errNoInput says that no input is open.
var errNoInput = errors.New("no input")

// advance goes on after err: to the next input, or to the end. The error it
// returns is that of Read.
func (s *Source) advance(err error) error {
	switch {
	case s.closed.Load():
		return net.ErrClosed
	case s.final != nil:
		return s.final
	case err != errNoInput:
		if err != io.EOF {
			s.fail(s.win.offset(), err)
		}
		s.end()
	}
	if len(s.inputs) > 0 {
		s.begin()
		return nil
	}
	s.finish()
	if !s.partial && len(s.skipped) > 0 {
		s.damage.add(fmt.Errorf("no capture in the directory: %s", strings.Join(s.skipped[:min(3, len(s.skipped))], "; ")))
	}
	s.final = s.damage.final(s.partial)
	return s.final
}

// stop forgets all inputs, because enough was read.
func (s *Source) stop() {
	if s.open {
		s.end()
	}
	s.inputs = nil
}

// fail notes that the current input could not be read further.
func (s *Source) fail(offset int64, err error) {
	s.damage.add(&FileError{Path: s.inputs[0].name, Offset: offset, Frame: s.frame.Ordinal - s.before, Err: err})
}

// Account adds the accounts of the frames read to l.
func (s *Source) Account(l *sensor.Ledger) {
	if s.opt.Classifier != nil {
		s.opt.Classifier.Account(l)
		return
	}
	s.classes.Account(l)
}

// Stable reports whether payloads stay valid until Close, as Options.Stable
// asked.
func (s *Source) Stable() bool { return s.opt.Stable }

// Skipped returns what was found in directories and is no capture, each with
// what it looks like. It is complete when Read has returned an error.
func (s *Source) Skipped() []string { return s.skipped }

// Progress returns how many bytes of all inputs were read, as they are on disk,
// and how many there are, 0 if that is unknown. It may be called from any
// goroutine.
func (s *Source) Progress() (done, total int64) { return s.done.Load(), s.total.Load() }

// Close releases the Source's memory; no Payload it lent may be touched any
// more. It ends a Read in another goroutine (but see [NewReader]), which then
// returns net.ErrClosed, and may be called twice.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Swap(true) {
		return nil
	}
	var errs []error
	for _, r := range s.held {
		if r.mapped != nil {
			r.mapped.revoke(s)
			continue
		}
		errs = append(errs, r.closer.Close())
	}
	s.held = nil
	return errors.Join(errs...)
}
