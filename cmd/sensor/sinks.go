package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"flowscope/sensor"
)

const sinkHelp = `Sinks (-o):
  table:        flows, messages and the ledger for people, on standard output
  jsonl:FILE    one JSON object per line; - is standard output
  streams:DIR   each direction of each TCP flow to a file of its own
`

// sink is what every package under export provides.
type sink interface {
	sensor.Sink
	Ledger(*sensor.Ledger) error
	Close() error
}

// output is a sink that was asked for.
type output struct {
	kind   string
	name   string
	stdout bool
	sink   sink
	file   io.Closer // behind it, or nil
	err    error     // it is done with
}

// spec is a -o, taken apart.
type spec struct{ kind, target string }

func (s spec) stdout() bool { return s.kind == "table" || s.target == "-" && s.kind != "streams" }

// parseSpecs takes the words of -o apart.
func parseSpecs(words []string) ([]spec, error) {
	var specs []spec
	stdout := ""
	for _, word := range words {
		kind, target, _ := strings.Cut(word, ":")
		switch {
		case kind == "table":
			if target != "" && target != "-" {
				return nil, usagef("-o %s: a table goes to standard output: want table:", word)
			}
		case kind == "jsonl":
			if target == "" {
				target = "-"
			}
		case kind == "streams":
			if target == "" || target == "-" {
				return nil, usagef("-o %s: want a directory: streams:DIR", word)
			}
		default:
			return nil, usagef("-o %s is no sink: want table:, jsonl:FILE or streams:DIR", word)
		}
		s := spec{kind, target}
		if s.stdout() {
			if stdout != "" {
				return nil, usagef("-o %s and -o %s both write to standard output: send one to a file", stdout, word)
			}
			stdout = word
		}
		specs = append(specs, s)
	}
	return specs, nil
}

// outputs fans events out to all sinks of a run.
type outputs struct {
	list    []*output
	gone    bool // who read standard output has left
	golden  *golden
	packets *packets
	stop    context.CancelCauseFunc // ends the run
}

var _ sensor.Forker = (*outputs)(nil)

// Consume gives the event to every sink that is left. A reader of standard
// output that leaves ends only its own sink; the run ends with the last one.
func (o *outputs) Consume(ev *sensor.Event) error {
	return o.each(func(out *output) error { return out.sink.Consume(ev) })
}

// Fork implements [sensor.Forker], if there is one sink and it does.
func (o *outputs) Fork() sensor.Encoder {
	if len(o.list) != 1 {
		return nil
	}
	if f, ok := o.list[0].sink.(sensor.Forker); ok {
		return f.Fork()
	}
	return nil
}

// Encoded implements [sensor.Forker].
func (o *outputs) Encoded(b []byte) error {
	return o.each(func(out *output) error { return out.sink.(sensor.Forker).Encoded(b) })
}

func (o *outputs) each(give func(*output) error) error {
	left := len(o.list) == 0
	for _, out := range o.list {
		if out.err != nil {
			continue
		}
		if out.err = give(out); out.err == nil {
			left = true
		} else if err := o.failed(out); err != nil {
			return err
		}
	}
	if !left {
		return errReaderLeft
	}
	return nil
}

// errReaderLeft ends a run that nobody reads any more.
var errReaderLeft = errors.New("the reader of the output has left")

// failed returns the error that out ends the run with, if it does.
func (o *outputs) failed(out *output) error {
	if out.stdout && errors.Is(out.err, syscall.EPIPE) {
		o.gone = true
		return nil
	}
	return fmt.Errorf("write %s: %w", out.name, out.err)
}

// finish gives the books to every sink that is left, and closes all.
func (o *outputs) finish(books *sensor.Ledger) error {
	errs := []error{o.packets.close()}
	for _, out := range o.list {
		usable := out.err == nil
		if usable {
			out.err = out.sink.Ledger(books)
		}
		if err := out.sink.Close(); out.err == nil {
			out.err = err
		}
		if out.file != nil {
			if err := out.file.Close(); out.err == nil {
				out.err = err
			}
		}
		if out.err != nil && usable {
			if err := o.failed(out); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// abandon closes what was opened for a run that will not be.
func (o *outputs) abandon() error {
	errs := []error{o.packets.close()}
	for _, out := range o.list {
		if out.kind == "table" { // would write an empty table
			continue
		}
		errs = append(errs, out.sink.Close())
		if out.file != nil {
			errs = append(errs, out.file.Close())
		}
	}
	return errors.Join(errs...)
}

// add opens a sink on a file, or on standard output.
func (o *outputs) add(p *program, s spec, inputs []string, open func(io.Writer) sink) error {
	out := &output{kind: s.kind, name: s.kind + ":" + s.target, stdout: s.stdout()}
	w := p.stdout
	if !out.stdout {
		f, err := create(s.target, inputs)
		if err != nil {
			return err
		}
		w, out.file = f, f
	}
	out.sink = open(w)
	o.list = append(o.list, out)
	return nil
}

// create creates or empties a file, unless it is one that is to be read.
func create(path string, inputs []string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil {
		for _, in := range inputs {
			if other, err := os.Stat(in); in != "-" && err == nil && os.SameFile(info, other) && !info.IsDir() {
				return nil, fmt.Errorf("%s is read and would be overwritten: choose another name", path)
			}
		}
	}
	return os.Create(path)
}
