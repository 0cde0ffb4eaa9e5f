package streams

import (
	"fmt"
	"strconv"

	"flowscope/sensor"
)

// flow is what is known of one live flow.
type flow struct {
	suffix uint32
	// files are the data of endpoint 0 and 1, then their lists of gaps. They go
	// by endpoint, not by side, because a side may be corrected.
	files [4]file
}

// gapsOf is added to an endpoint to get the index of its list of gaps.
const gapsOf = 2

// file is a file that may be open or not.
type file struct {
	exists bool
	end    int64 // where the next byte goes
	open   *handle
}

const gapColumns = "offset\tbytes\treason\tts\tfile_offset\n"

func (s *Sink) data(ev *sensor.Event) error {
	x, err := s.flowOf(ev.Flow)
	if err != nil {
		return err
	}
	i := ev.Flow.Initiator&1 ^ uint8(ev.Side)&1
	if f := &x.files[i]; s.opt.Holes && ev.Offset > f.end {
		if err := s.seek(f, ev.Offset); err != nil {
			return err
		}
	}
	return s.write(ev.Flow, x, i, ev.Data)
}

func (s *Sink) gap(ev *sensor.Event) error {
	x, err := s.flowOf(ev.Flow)
	if err != nil {
		return err
	}
	i := ev.Flow.Initiator&1 ^ uint8(ev.Side)&1
	b := s.line[:0]
	if !x.files[i+gapsOf].exists {
		b = append(b, gapColumns...)
	}
	at := x.files[i].end
	if s.opt.Holes {
		at = max(at, ev.Offset)
	}
	b = append(strconv.AppendInt(b, ev.Offset, 10), '\t')
	b = append(strconv.AppendInt(b, ev.Lost, 10), '\t')
	b = append(append(b, ev.Reason.String()...), '\t')
	b = append(ev.Time.Append(b), '\t')
	b = append(strconv.AppendInt(b, at, 10), '\n')
	s.line = b
	return s.write(ev.Flow, x, i+gapsOf, b)
}

// end closes the files of a flow and forgets it.
func (s *Sink) end(id uint64) error {
	x, ok := s.flows[id]
	if !ok {
		return nil
	}
	for i := range x.files {
		if h := x.files[i].open; h != nil {
			if err := s.close(h); err != nil {
				return err
			}
		}
	}
	delete(s.flows, id)
	if len(s.spare) < s.opt.MaxOpenFiles {
		s.spare = append(s.spare, x)
	}
	return nil
}

// flowOf returns what is known of a flow, and finds a name for a new one.
func (s *Sink) flowOf(f *sensor.Flow) (*flow, error) {
	if x, ok := s.flows[f.ID]; ok {
		return x, nil
	}
	suffix, err := s.names.suffix(s.root, &f.Key)
	if err != nil {
		return nil, s.failure("look for", fileName(&f.Key, 0, 0), err)
	}
	var x *flow
	if n := len(s.spare); n > 0 {
		x, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		x = new(flow)
	}
	*x = flow{suffix: suffix}
	s.flows[f.ID] = x
	return x, nil
}

// write appends b to file i of a flow.
func (s *Sink) write(f *sensor.Flow, x *flow, i uint8, b []byte) error {
	to := &x.files[i]
	if to.open == nil {
		if !to.exists && s.files >= s.opt.MaxFiles {
			return fmt.Errorf("write streams to %s: more than %d files: raise that limit, or write fewer streams with a filter", s.dir, s.opt.MaxFiles)
		}
		name := fileName(&f.Key, i&1, x.suffix)
		if i >= gapsOf {
			name += ".gaps"
		}
		if err := s.open(to, name); err != nil {
			return err
		}
	}
	s.cache.touch(to.open)
	return s.append(to.open, b)
}
