package sensortest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"
)

// MaxTranscript is how many bytes the steps of a transcript may hold.
const MaxTranscript = 64 << 20

// Start is the time at which every transcript begins.
const Start = sensor.Timestamp(1_000_000_000 * time.Second)

// Transcript is what the two sides of one flow said, and what a parser should
// make of it.
type Transcript struct {
	Name     string // for error messages
	Datagram bool   // each step is a datagram; else a piece of a stream
	Steps    []Step
	Want     []string // what should come, as written behind =; nil if the file does not say

	text []byte // as it was parsed; for updates
}

// Step is one line of a Transcript: data, a gap or an end.
type Step struct {
	Side    sensor.Side
	Time    sensor.Timestamp
	Data    []byte
	Gap     int64 // stream: bytes lost, Data is empty
	Missing int   // datagram: bytes behind Data that were not captured
	EOF     bool  // stream: the side ends, Data is empty
	Aborted bool  // with EOF: not in order

	line int // its last line in the text, from 1
}

// Load reads a transcript from a file; it ends the test if it cannot.
func Load(t testing.TB, path string) *Transcript {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := Parse(path, text)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// Parse reads a transcript from its text. The errors begin with name and the
// number of the line.
func Parse(name string, text []byte) (*Transcript, error) {
	r := reader{tr: &Transcript{Name: name, text: text}, now: Start}
	for i, line := range strings.Split(string(text), "\n") {
		r.line = i + 1
		if err := r.read(strings.TrimSuffix(line, "\r")); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, r.line, err)
		}
	}
	if !r.begun {
		return nil, fmt.Errorf("%s: %w", name, errKind)
	}
	return r.tr, nil
}

var (
	errKind     = errors.New(`want "stream" or "datagram" first`)
	errClosed   = errors.New("this side was closed above")
	errEmpty    = errors.New("nothing is sent: only a datagram may be empty")
	errRepeat   = errors.New("xN repeats a string or bytes before it, and N is not negative")
	errTooLarge = fmt.Errorf("the transcript is larger than %d bytes", MaxTranscript)
)

// reader is what Parse knows between two lines.
type reader struct {
	tr     *Transcript
	line   int
	begun  bool // the kind is known
	now    sensor.Timestamp
	closed [2]bool
	open   bool // the line above can be continued
	size   int
}

func (r *reader) read(line string) error {
	if strings.HasPrefix(line, "=") {
		if !r.begun {
			return errKind
		}
		return r.want(strings.TrimSpace(line[1:]))
	}
	tokens, err := split(line)
	if err != nil || len(tokens) == 0 {
		return err
	}
	if !r.begun {
		if len(tokens) != 1 || tokens[0] != "stream" && tokens[0] != "datagram" {
			return errKind
		}
		r.begun, r.tr.Datagram = true, tokens[0] == "datagram"
		return nil
	}
	switch first := tokens[0]; {
	case line[0] == ' ' || line[0] == '\t':
		if !r.open {
			return errors.New("an indented line continues a line of data, and there is none above")
		}
		return r.data(&r.tr.Steps[len(r.tr.Steps)-1], tokens)
	case first == ">" || first == "<":
		return r.step(first, tokens[1:])
	case first[0] == '+' && len(tokens) == 1:
		r.open = false
		d, err := time.ParseDuration(first[1:])
		if err != nil || d < 0 {
			return fmt.Errorf("%s is no duration such as +1.5ms", first)
		}
		r.now = r.now.Add(d)
		return nil
	}
	return fmt.Errorf("a line begins with > < + = or #, not with %s", tokens[0])
}

func (r *reader) want(s string) error {
	if r.tr.Want == nil {
		r.tr.Want = []string{}
	}
	switch s {
	case "":
		return errors.New("nothing behind =")
	case "nothing":
		return nil
	}
	r.tr.Want = append(r.tr.Want, s)
	return nil
}

func (r *reader) step(side string, tokens []string) error {
	s := Step{Time: r.now, line: r.line}
	if side == "<" {
		s.Side = sensor.Responder
	}
	if r.closed[s.Side] {
		return errClosed
	}
	r.open = false
	if len(tokens) == 0 {
		if !r.tr.Datagram {
			return errEmpty
		}
		r.open = true
		r.tr.Steps = append(r.tr.Steps, s)
		return nil
	}
	switch word := tokens[0]; {
	case word == "gap" || word == "eof" || word == "abort":
		if r.tr.Datagram {
			return fmt.Errorf("%s is for streams", word)
		}
		if err := s.end(word, tokens[1:]); err != nil {
			return err
		}
		r.closed[s.Side] = s.EOF
		r.tr.Steps = append(r.tr.Steps, s)
		return nil
	}
	r.open = true
	r.tr.Steps = append(r.tr.Steps, s)
	last := &r.tr.Steps[len(r.tr.Steps)-1]
	if err := r.data(last, tokens); err != nil {
		return err
	}
	if len(last.Data) == 0 && !r.tr.Datagram {
		return errEmpty
	}
	return nil
}

func (s *Step) end(word string, args []string) error {
	if word == "gap" {
		if len(args) == 1 {
			n, err := strconv.ParseInt(args[0], 10, 64)
			if err == nil && n > 0 && n <= 1<<40 {
				s.Gap = n
				return nil
			}
		}
		return errors.New(`want "gap" and a number of bytes`)
	}
	if len(args) > 0 {
		return fmt.Errorf("%s stands alone", word)
	}
	s.EOF, s.Aborted = true, word == "abort"
	return nil
}

// data adds to s.Data what the tokens say.
func (r *reader) data(s *Step, tokens []string) error {
	s.line = r.line
	for i, piece := 0, []byte(nil); i < len(tokens); i++ {
		token := tokens[i]
		switch {
		case token == "missing":
			if !r.tr.Datagram || i+2 != len(tokens) {
				return errors.New("missing N stands at the end of a datagram")
			}
			n, err := strconv.Atoi(tokens[i+1])
			if err != nil || n <= 0 || n > 1<<16 {
				return errors.New("missing how many bytes?")
			}
			s.Missing, r.open = n, false
			return nil
		case token[0] == 'x':
			n, err := strconv.Atoi(token[1:])
			if err != nil || n < 0 || piece == nil {
				return errRepeat
			}
			if n > 0 && len(piece) > (MaxTranscript-r.size)/n {
				return errTooLarge
			}
			s.Data = s.Data[:len(s.Data)-len(piece)]
			for range n {
				s.Data = append(s.Data, piece...)
			}
			r.size += n * len(piece)
			piece = nil
			continue
		case token[0] == '"' || token[0] == '`':
			text, err := strconv.Unquote(token)
			if err != nil {
				return fmt.Errorf("%s is no string in Go's syntax", token)
			}
			piece = []byte(text)
		default:
			b, err := hex.DecodeString(token)
			if err != nil {
				return fmt.Errorf("%s is neither a string in quotes nor pairs of hexadecimal digits", token)
			}
			piece = b
		}
		if r.size += len(piece); r.size > MaxTranscript {
			return errTooLarge
		}
		s.Data = append(s.Data, piece...)
	}
	return nil
}

// split cuts a line at blanks outside of quotes, and ends it at a comment.
func split(line string) ([]string, error) {
	var tokens []string
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' {
			return tokens, nil
		}
		n := strings.IndexAny(line, " \t")
		if line[0] == '"' || line[0] == '`' {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, errors.New("a string has no closing quote, or is not in Go's syntax")
			}
			n = len(quoted)
			if n < len(line) && line[n] != ' ' && line[n] != '\t' {
				return nil, fmt.Errorf("a blank must follow %s", quoted)
			}
		}
		if n < 0 {
			n = len(line)
		}
		tokens, line = append(tokens, line[:n]), line[n:]
	}
}
