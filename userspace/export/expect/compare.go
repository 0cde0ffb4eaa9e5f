package expect

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	// maxShown is how many differences are shown; all are counted.
	maxShown = 20
	// window is how many lines ahead the inputs can meet again.
	window = 64
	// maxLine is how long a line of an input can be. The sensor's have 64 KiB.
	maxLine = 1 << 20
)

// Compare reports whether got has the lines of want. If not, diff says where
// they differ: line by line with the numbers of the lines, what is missing,
// what is there in addition, and which fields changed. It shows the first 20
// differences and counts the others. diff is printable ASCII.
//
// An error is one of reading; which input it was is part of its text.
func Compare(got, want io.Reader) (diff string, equal bool, err error) {
	c := comparison{got: input{name: "output", r: bufio.NewReader(got)}, want: input{name: "golden", r: bufio.NewReader(want)}}
	for {
		if err := c.fill(1); err != nil {
			return "", false, err
		}
		switch {
		case len(c.got.lines) == 0 && len(c.want.lines) == 0:
			return c.report(), c.differences == 0, nil
		case len(c.got.lines) > 0 && len(c.want.lines) > 0 && bytes.Equal(c.got.lines[0], c.want.lines[0]):
			c.got.drop(1)
			c.want.drop(1)
			continue
		}
		if err := c.fill(window); err != nil {
			return "", false, err
		}
		c.differ()
	}
}

func (c *comparison) fill(n int) error {
	return errors.Join(c.got.fill(n), c.want.fill(n))
}

// input is one of the files, with the next lines of it.
type input struct {
	name   string
	r      *bufio.Reader
	lines  [][]byte // at most window
	number int      // of lines[0], from 1
	ended  bool
	spare  [][]byte // lines that were dropped, for their memory
}

// fill reads lines until there are n, or no more.
func (in *input) fill(n int) error {
	if in.number == 0 {
		in.number = 1
	}
	for !in.ended && len(in.lines) < n {
		line, err := in.readLine()
		if err != nil && err != io.EOF {
			return fmt.Errorf("read %s, line %d: %w", in.name, in.number+len(in.lines), err)
		}
		in.ended = err == io.EOF
		if !in.ended || len(line) > 0 {
			in.lines = append(in.lines, line)
		}
	}
	return nil
}

var errTooLong = errors.New("line is longer than 1 MiB")

// readLine returns the next line without its end.
func (in *input) readLine() (line []byte, err error) {
	if n := len(in.spare); n > 0 {
		line, in.spare = in.spare[n-1][:0], in.spare[:n-1]
	}
	for {
		part, err := in.r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return nil, errTooLong
		}
		line = append(line, part...)
		if err != bufio.ErrBufferFull {
			line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
			return line, err
		}
	}
}

// drop moves on by n lines.
func (in *input) drop(n int) {
	in.spare = append(in.spare, in.lines[:n]...)
	in.lines = append(in.lines[:0], in.lines[n:]...)
	in.number += n
}

// comparison is the state of a Compare.
type comparison struct {
	got, want   input
	differences int
	shown       int
	text        bytes.Buffer
}

// differ reports the lines up to where the inputs meet again.
func (c *comparison) differ() {
	g, w := c.meet()
	for _, p := range pairs(c.got.lines[:g], c.want.lines[:w]) {
		c.differences++
		if c.shown == maxShown {
			continue
		}
		c.shown++
		switch {
		case p.want < 0:
			c.additional(c.got.number+p.got, c.got.lines[p.got])
		case p.got < 0:
			c.missing(c.want.number+p.want, c.want.lines[p.want])
		default:
			c.changed(c.got.number+p.got, c.want.number+p.want, c.got.lines[p.got], c.want.lines[p.want])
		}
	}
	c.got.drop(g)
	c.want.drop(w)
}

// meet returns how many lines have to be passed over on each side, as few as
// possible together, until the inputs have a line in common. Where they have
// none within the window, all of it is passed over.
func (c *comparison) meet() (g, w int) {
	got, want := c.got.lines, c.want.lines
	for sum := 1; sum < len(got)+len(want); sum++ {
		for g := max(0, sum-len(want)+1); g <= min(sum, len(got)-1); g++ {
			if w := sum - g; bytes.Equal(got[g], want[w]) {
				return g, w
			}
		}
	}
	return len(got), len(want)
}

func (c *comparison) report() string {
	if more := c.differences - c.shown; more > 0 {
		fmt.Fprintf(&c.text, "... and %d more\n", more)
	}
	if c.differences > 0 {
		lines := "lines differ"
		if c.differences == 1 {
			lines = "line differs"
		}
		fmt.Fprintf(&c.text, "%d %s\n", c.differences, lines)
	}
	return c.text.String()
}
