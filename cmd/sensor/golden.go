package main

import (
	"io"
	"os"

	"flowscope/userspace/export/expect"
	"flowscope/userspace/export/jsonl"
)

// golden is --expect: a sink of JSON lines that go nowhere but into the
// comparison with a file.
type golden struct {
	*jsonl.Sink
	pipe *io.PipeWriter
	done chan struct{} // closed when what follows is known
	diff string
	err  error
}

func newGolden(path string) (*golden, error) {
	want, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	g := &golden{Sink: jsonl.New(w, jsonl.Options{}), pipe: w, done: make(chan struct{})}
	go func() {
		defer close(g.done)
		defer want.Close()
		var equal bool
		g.diff, equal, g.err = expect.Compare(r, want)
		if equal {
			g.diff = ""
		}
		_, _ = io.Copy(io.Discard, r) // so that no write waits for ever
	}()
	return g, nil
}

// Close waits for the comparison. It may be called twice.
func (g *golden) Close() error {
	err := g.Sink.Close()
	_ = g.pipe.Close()
	<-g.done
	if err == nil {
		err = g.err
	}
	return err
}

// differs returns the difference after Close, "" if there is none.
func (g *golden) differs() string {
	if g == nil {
		return ""
	}
	return g.diff
}
