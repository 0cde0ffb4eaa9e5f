package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"flowscope/userspace/export/pcapng"
	"flowscope/userspace/replay"
)

// packets is -w.
type packets struct {
	out    *pcapng.Writer
	file   io.Closer // nil for standard output
	name   string
	n      uint64
	err    error
	closed bool
}

func newPackets(p *program, path string, inputs []string) (*packets, error) {
	if path == "-" {
		return &packets{out: pcapng.NewWriter(p.stdout), name: path}, nil
	}
	f, err := create(path, inputs)
	if err != nil {
		return nil, err
	}
	return &packets{out: pcapng.NewWriter(f), file: f, name: path}, nil
}

// tee writes a packet as it is read. An error ends the run.
func (o *outputs) tee(f *replay.Frame) {
	p := o.packets
	if p == nil || p.err != nil {
		return
	}
	if err := p.out.Packet(f.Time, uint16(f.Link), f.WireLen, f.Data); err != nil {
		p.fail(err)
		o.stop(p.err)
		return
	}
	p.n++
}

func (p *packets) fail(err error) {
	if p.err != nil {
		return
	}
	if p.err = fmt.Errorf("write %s: %w", p.name, err); p.file == nil && errors.Is(err, syscall.EPIPE) {
		p.err = errReaderLeft
	}
}

// close completes the file. The error is that of the first packet that could
// not be written, or of the end of the file.
func (p *packets) close() error {
	if p == nil || p.closed {
		return nil
	}
	p.closed = true
	if err := p.out.Flush(); err != nil {
		p.fail(err)
	}
	if p.file != nil {
		if err := p.file.Close(); err != nil {
			p.fail(err)
		}
	}
	return p.err
}
