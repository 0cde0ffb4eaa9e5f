package streams

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"flowscope/sensor"
	"flowscope/userspace/export/fields"
	"flowscope/userspace/export/internal/jsonenc"
)

// ErrNotEmpty is returned by New for a directory that has something in it.
var ErrNotEmpty = errors.New("directory is not empty")

// Defaults of Options.
const (
	MaxOpenFiles = 256
	MaxFiles     = 1 << 20
)

// Options are choices of the user. The zero value works.
type Options struct {
	// Holes seeks over gaps, so that offsets in a file are offsets in the stream.
	Holes bool
	// Reuse accepts a directory that is not empty.
	Reuse bool
	// MaxOpenFiles is how many files are open at a time; default 256. Each has
	// a buffer of 16 KiB.
	MaxOpenFiles int
	// MaxFiles is how many files are written before the run is stopped with an
	// error; default 1 Mi. It keeps a scan from using up the file system.
	MaxFiles int
}

// Sink writes streams to files. It belongs to one goroutine. Its memory is that
// of its open files and about 200 bytes for each live flow with payload.
type Sink struct {
	dir   string
	root  *os.Root
	opt   Options
	flows map[uint64]*flow // by Flow.ID; live ones that have sent something
	spare []*flow
	names names
	cache cache
	files int
	bytes int64 // that reached files
	err   error // the first, final
	line  []byte
}

var _ sensor.Sink = (*Sink)(nil)

var errClosed = errors.New("write streams: sink is closed")

// New returns a Sink that writes into dir.
func New(dir string, opt Options) (*Sink, error) {
	if opt.MaxOpenFiles <= 0 {
		opt.MaxOpenFiles = MaxOpenFiles
	}
	if opt.MaxFiles <= 0 {
		opt.MaxFiles = MaxFiles
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory for streams: %w", err)
	}
	if !opt.Reuse {
		if err := mustBeEmpty(dir); err != nil {
			return nil, err
		}
	}
	// Through a Root no name, and no link that someone else put there, leads
	// out of the directory.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open directory for streams: %w", err)
	}
	s := &Sink{dir: dir, root: root, opt: opt, flows: make(map[uint64]*flow)}
	s.cache.max = opt.MaxOpenFiles
	return s, nil
}

func mustBeEmpty(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open directory for streams: %w", err)
	}
	defer d.Close()
	if names, _ := d.Readdirnames(1); len(names) > 0 {
		return fmt.Errorf("write streams to %s: %w: name a new directory, or empty it", dir, ErrNotEmpty)
	}
	return nil
}

// Consume writes the payload of FlowData, lists a FlowGap, and closes the files
// of a flow at its FlowEnd. Events of flows that are not TCP are ignored. An
// error is returned by all later calls.
func (s *Sink) Consume(ev *sensor.Event) error {
	if s.err != nil {
		return s.err
	}
	if k := &ev.Flow.Key; k.Proto != sensor.ProtoTCP || k.Kind != sensor.FiveTuple {
		return nil
	}
	switch ev.Kind {
	case sensor.FlowData:
		if len(ev.Data) > 0 {
			s.err = s.data(ev)
		}
	case sensor.FlowGap:
		s.err = s.gap(ev)
	case sensor.FlowEnd:
		s.err = s.end(ev.Flow.ID)
	}
	return s.err
}

// Written returns how many files there are and how many bytes reached them.
// What is still in buffers counts after Close.
func (s *Sink) Written() (files int, bytes int64) { return s.files, s.bytes }

// Ledger writes the books to ledger.json. It is called once, after the last
// event.
func (s *Sink) Ledger(l *sensor.Ledger) error {
	if s.err != nil {
		return s.err
	}
	var e jsonenc.Encoder
	text := strconv.AppendInt([]byte(`{"type":"ledger","v":`), fields.Version, 10)
	text = append(e.AppendLedger(text, l), "}\n"...)
	name := "ledger.json"
	for i := 1; ; i++ {
		f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) && s.opt.Reuse {
			name = "ledger" + strconv.Itoa(i) + ".json" // that of an earlier run stays
			continue
		}
		if err == nil {
			_, err = f.Write(text)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			s.err = s.failure("write", name, err)
		}
		return s.err
	}
}

// Close writes what is in buffers and closes all files. It may be called twice.
func (s *Sink) Close() error {
	if errors.Is(s.err, errClosed) {
		return nil
	}
	err := s.err
	for s.cache.oldest != nil {
		closeErr := s.close(s.cache.oldest)
		if err == nil {
			err = closeErr
		}
	}
	if closeErr := s.root.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close directory for streams: %w", closeErr)
	}
	clear(s.flows)
	s.err = errClosed
	return err
}

// failure returns an error that names the file, what was written before, and
// what can be done.
func (s *Sink) failure(operation, name string, err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err // the path is said here, with its directory
	}
	remedy := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = "; free space there, name another directory, or write fewer streams with a filter"
	case errors.Is(err, syscall.EFBIG):
		remedy = "; write without holes"
	case errors.Is(err, os.ErrPermission):
		remedy = "; name a directory that you may write to"
	}
	return fmt.Errorf("%s %s: %w: %d bytes in %d files were written before%s",
		operation, filepath.Join(s.dir, name), err, s.bytes, s.files, remedy)
}
