package replay

import (
	"fmt"

	"flowscope/userspace/internal/filter"
	"flowscope/userspace/internal/frame"
)

// filters is the capture filter, compiled for each link type that comes.
type filters struct {
	expr     string
	last     frame.LinkType
	program  *filter.Program // for last; nil if there is none yet
	programs map[frame.LinkType]*filter.Program
}

// check compiles the filter for a link type that will come.
func (fs *filters) check(link frame.LinkType) error {
	if fs.expr == "" {
		return nil
	}
	_, err := fs.compile(link)
	return err
}

// checkSyntax checks what can be checked before a link type is known: that there
// is one for which the filter can be compiled.
func (fs *filters) checkSyntax() error {
	first := fs.check(frame.LinkEthernet)
	for _, link := range []frame.LinkType{frame.LinkRaw, frame.LinkSLL, frame.LinkSLL2, frame.LinkNull} {
		if first == nil || fs.check(link) == nil {
			return nil
		}
	}
	return first
}

// match reports whether the filter accepts f.
func (fs *filters) match(f *frame.Frame) (bool, error) {
	if fs.program == nil || f.Link != fs.last {
		p, err := fs.compile(f.Link)
		if err != nil {
			return false, err
		}
		fs.last, fs.program = f.Link, p
	}
	return fs.program.Match(f.Data, f.WireLen), nil
}

func (fs *filters) compile(link frame.LinkType) (*filter.Program, error) {
	if p := fs.programs[link]; p != nil {
		return p, nil
	}
	p, err := filter.Compile(fs.expr, uint16(link), MaxFrame)
	if err != nil {
		return nil, fmt.Errorf("link type %d: %w", link, err)
	}
	if fs.programs == nil {
		fs.programs = map[frame.LinkType]*filter.Program{}
	}
	fs.programs[link] = p // at most as many as there are link types that can be compiled for
	return p, nil
}
