package replay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
)

// begin opens the first of the inputs that are left, up to where its packets
// begin. If that fails, it notes why and ends it.
func (s *Source) begin() {
	in := &s.inputs[0]
	s.before = s.frame.Ordinal
	s.open = true
	err := s.openInput(in)
	if err == nil {
		s.partial = true
		return
	}
	var strange *formatError
	switch {
	case errors.As(err, &strange) && in.listed:
		s.skipped = append(s.skipped, in.name+": "+strange.what)
	case err == errMaxBytes:
		s.fail(0, err)
		s.inputs = s.inputs[:1]
	default:
		s.fail(s.win.offset(), err)
	}
	s.end()
}

// end closes the current input and drops it.
func (s *Source) end() {
	in := &s.inputs[0]
	if s.opt.MaxBytes > 0 {
		s.budget = max(0, s.budget-s.win.offset())
	}
	s.release()
	s.win, s.mapped, s.format = window{}, nil, noFormat
	s.open = false
	if in.regular {
		s.behind += in.size
		s.done.Store(s.behind)
	}
	s.inputs = s.inputs[1:]
}

// openInput opens an input and finds out what it is.
func (s *Source) openInput(in *input) error {
	s.win = window{}
	if in.packets != nil {
		s.format = gopacketFormat
		return nil
	}
	if s.opt.MaxBytes > 0 && s.budget == 0 {
		return errMaxBytes
	}
	if err := s.attach(in); err != nil {
		return err
	}
	if !s.win.need(4) && s.win.end != io.EOF {
		return s.win.short("magic number", 4, false)
	}
	switch s.format = formatOf(s.win.rest()); s.format {
	case pcapFormat:
		err := s.pcap.start(&s.win)
		s.frame.Link = s.pcap.link
		return err
	case pcapngFormat:
		return s.pcapng.start(&s.win)
	}
	s.win.need(describeBytes)
	b := s.win.rest()
	return &formatError{describe(b[:min(len(b), describeBytes)])}
}

// attach gives the window its feed: a mapping where that can be, else a stream.
func (s *Source) attach(in *input) error {
	r := in.reader
	switch {
	case r != nil:
		if c, ok := r.(io.Closer); ok {
			if err := s.hold(resource{closer: c}); err != nil {
				return err
			}
		}
	case in.regular:
		file, err := openRegular(in)
		if err != nil {
			return err
		}
		if s.opt.Stable && s.tryMap(in, file) {
			return s.hold(resource{mapped: s.mapped})
		}
		if err := s.hold(resource{closer: file}); err != nil {
			return err
		}
		r = file
	default:
		w, err := openWaiting(in)
		if err != nil {
			return err
		}
		if err := s.hold(resource{closer: w}); err != nil {
			return err
		}
		r = w
	}
	return s.stream(&progress{r, &s.done})
}

// openRegular opens a regular file.
func openRegular(in *input) (*os.File, error) {
	if in.stdin {
		return duplicate(os.Stdin)
	}
	return os.Open(in.name)
}

// tryMap maps a file, unless it is compressed or cannot be mapped.
func (s *Source) tryMap(in *input, file *os.File) bool {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	var magic [4]byte
	if n, _ := file.ReadAt(magic[:], 0); compressionOf(magic[:n]) != uncompressed {
		return false
	}
	m, err := mapFile(file, info.Size())
	if err != nil {
		return false // an address space or a map count too small: reading works too
	}
	if s.opt.MaxBytes > 0 && s.budget < info.Size() {
		m.data, m.full = m.data[:s.budget], errMaxBytes
	}
	m.done, m.behind = &s.done, s.behind
	s.mapped = m
	s.win.feed = m
	return true
}

// stream feeds the window from a reader, through a decompressor if need be.
func (s *Source) stream(raw io.Reader) error {
	limit := func(r io.Reader) *stream {
		if s.opt.MaxBytes > 0 {
			r = &limited{r, s.budget}
		}
		return &stream{r: r, fresh: s.opt.Stable}
	}
	s.win.feed = limit(raw)
	s.win.need(4)
	how := compressionOf(s.win.rest())
	if how == uncompressed {
		return nil
	}
	// What was read of it comes first.
	all := io.MultiReader(bytes.NewReader(s.win.rest()), raw)
	if s.win.end != nil && s.win.end != io.EOF {
		all = io.MultiReader(bytes.NewReader(s.win.rest()), failing{s.win.end})
	}
	s.win = window{}
	r, err := decompressed(all, how, s.opt.expansion())
	if err != nil {
		return err
	}
	s.win.feed = limit(r)
	return nil
}

// failing is a reader that only fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// progress adds to the progress of a Source.
type progress struct {
	r    io.Reader
	done *atomic.Int64
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.done.Add(int64(n))
	return n, err
}

// hold notes what Close has to release.
func (s *Source) hold(r resource) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = append(s.held, r)
	if !s.closed.Load() {
		return nil
	}
	r.release()
	s.held = nil
	return net.ErrClosed
}

// release gives back what the current input held, but for a mapping that
// records point into until Close.
func (s *Source) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.held) - 1
	if last < 0 || s.held[last].mapped != s.mapped {
		return // nothing held, or closed meanwhile, or what is held is of an input before
	}
	if s.mapped != nil && s.opt.Stable {
		s.mapped.forget()
		return
	}
	s.held[last].release()
	s.held = s.held[:last]
}

// release gives back what nobody uses.
func (r resource) release() {
	if r.mapped != nil {
		r.mapped.unmap()
		return
	}
	_ = r.closer.Close()
}
