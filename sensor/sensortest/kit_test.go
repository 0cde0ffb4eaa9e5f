package sensortest

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"flowscope/sensor"
)

// fakeT is a testing.TB that notes the first Fatal, or the last Error.
type fakeT struct {
	testing.TB
	failure string
}

func (f *fakeT) Helper()             {}
func (f *fakeT) Logf(string, ...any) {}
func (f *fakeT) Errorf(format string, args ...any) {
	f.failure = fmt.Sprintf(format, args...)
}
func (f *fakeT) Fatalf(format string, args ...any) {
	f.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (f *fakeT) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

// failure returns what a test that is given a fake testing.TB dies of.
func failure(test func(testing.TB)) string {
	f := &fakeT{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(f)
	}()
	<-done
	return f.failure
}

func mustParse(t testing.TB, text string) *Transcript {
	t.Helper()
	tr, err := Parse(t.Name(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// record is the message of the test parsers: a length and so many bytes.
type record struct {
	Body  []byte `json:"body"`
	Short bool   `json:"short,omitempty"`
}

var errZero = errors.New("zero length")

// records is a good parser: one byte of length, then the body; a length of 255
// is the end, of 0 an error. It can go on behind a gap that ends in a body.
type records struct {
	size [2]int // of the record at the front, 0 if its length was not seen
	skip [2]int
}

func (p *records) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	if k := min(p.skip[s.Side], len(s.Data)); k > 0 {
		p.skip[s.Side] -= k
		n = k
	}
	for n < len(s.Data) {
		size := int(s.Data[n])
		switch {
		case size == 255:
			return n + 1, sensor.ErrDone
		case size == 254:
			return n + 1, sensor.HandTo("other")
		case size == 0:
			return n, errZero
		case len(s.Data)-n <= size:
			p.size[s.Side] = size + 1
			if s.EOF {
				emit(&record{Body: s.Data[n+1:], Short: true})
				n = len(s.Data)
			}
			return n, nil
		}
		emit(&record{Body: s.Data[n+1 : n+1+size]})
		n += size + 1
		p.size[s.Side] = 0
	}
	return n, nil
}

func (p *records) Resync(side sensor.Side, lost int64) bool {
	if p.skip[side] == 0 && (p.size[side] == 0 || lost > int64(p.size[side])) {
		return false
	}
	if p.skip[side] > 0 {
		if lost > int64(p.skip[side]) {
			return false
		}
		p.skip[side] -= int(lost)
		return true
	}
	p.skip[side], p.size[side] = p.size[side]-int(lost), 0
	return true
}

// again is a parser that can be used again.
type again struct{ records }

func (p *again) Reset() { p.records = records{} }

// remembers forgets nothing.
type remembers struct{ bodies }

func (p *remembers) Reset() {}

// counts says how many flows it has seen.
type counts struct {
	records
	flows byte
}

func (p *counts) Reset() { *p = counts{flows: p.flows + 1} }

func (p *counts) Parse(s sensor.Segment, emit func(sensor.Message)) (int, error) {
	return p.records.Parse(s, func(m sensor.Message) {
		r := m.(*record)
		emit(&record{Body: append(bytes.Clone(r.Body), make([]byte, p.flows)...), Short: r.Short})
	})
}

// noResync hides Resync.
type noResync struct{ p *records }

func (p noResync) Parse(s sensor.Segment, emit func(sensor.Message)) (int, error) {
	return p.p.Parse(s, emit)
}

// parseFunc is a parser that is only a function.
type parseFunc func(sensor.Segment, func(sensor.Message)) (int, error)

func (f parseFunc) Parse(s sensor.Segment, emit func(sensor.Message)) (int, error) {
	return f(s, emit)
}

func streamOf(newStream func() sensor.StreamParser) sensor.Protocol {
	return sensor.Protocol{Name: "records", Transport: sensor.ProtoTCP, NewStream: newStream}
}

func goodProtocol() sensor.Protocol {
	return streamOf(func() sensor.StreamParser { return &records{} })
}

func short(m sensor.Message) bool { return m.(*record).Short }

const conversation = `stream
> 01 "a" 03 "bcd"
= > {"body":"a"}
= > {"body":"bcd"}
< 05 "hello"
= < {"body":"hello"}
> 02 "ef" 04 "gh"
= > {"body":"ef"}
< 01 "x"
= < {"body":"x"}
> "ij"
= > {"body":"ghij"}
> eof
< eof
`

func TestGoodStreamParsers(t *testing.T) {
	transcripts := map[string]string{
		"conversation": conversation,
		"empty":        "stream\n= nothing",
		"one byte":     "stream\n> 01\n= > {\"body\":\"\",\"short\":true}",
		"gap":          "stream\n> 05 \"ab\"\n> gap 2\n> \"e\" 01 \"f\"\n= > {\"body\":\"f\"}",
		"bad gap":      "stream\n> 01 \"a\"\n> gap 2\n= > {\"body\":\"a\"}\n= retired\n> 01 \"f\"",
		"error":        "stream\n> 01 \"a\"\n= > {\"body\":\"a\"}\n> 00 \"abc\"\n= error: zero length\n< 01 \"x\"",
		"done":         "stream\n> 01 \"a\" ff 00 00\n= > {\"body\":\"a\"}\n= done",
		"hand":         "stream\n< 01\n> 01 \"a\" fe 00 00\n= > {\"body\":\"a\"}\n= hand to \"other\"",
		"long":         "stream\n> 64 \"x\" x100 \n< 64 \"y\" x100\n> 63 \"z\" x98\n> \"z\" 01 \"a\"",
	}
	for name, text := range transcripts {
		t.Run(name, func(t *testing.T) {
			Test{Protocol: goodProtocol(), Damaged: short}.Stream(t, mustParse(t, text))
			Test{Protocol: streamOf(func() sensor.StreamParser { return &again{} }), Damaged: short}.Stream(t, mustParse(t, text))
			if !strings.Contains(name, "gap") {
				retiring := streamOf(func() sensor.StreamParser { return noResync{&records{}} })
				Test{Protocol: retiring, Damaged: short}.Stream(t, mustParse(t, text))
			}
		})
	}
}

// bodies says how long records are, whose bytes it does not want to see.
type bodies struct {
	size, left [2]int64
	lost       [2]bool
}

func (p *bodies) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	size, left := &p.size[s.Side], &p.left[s.Side]
	*left -= s.Skipped
	for {
		k := int(min(*left, int64(len(s.Data)-n)))
		n += k
		if *left -= int64(k); *left > 0 {
			break
		}
		if *size > 0 {
			emit(&record{Body: fmt.Append(nil, *size), Short: p.lost[s.Side]})
			*size, p.lost[s.Side] = 0, false
		}
		if n == len(s.Data) {
			return n, nil
		}
		*size = int64(s.Data[n])
		*left = *size
		n++
	}
	if s.EOF {
		emit(&record{Body: fmt.Append(nil, *size-*left), Short: true})
		return n, nil
	}
	return n + int(*left), nil
}

func (p *bodies) Resync(side sensor.Side, lost int64) bool {
	p.lost[side] = true
	p.left[side] -= lost
	return p.left[side] >= 0 && p.size[side] > 0
}

// TestPassesOver plays a parser that is not shown everything.
func TestPassesOver(t *testing.T) {
	tr := mustParse(t, "stream\n> 05 \"abcde\" 03 \"f\"\n> \"gh\" 02\n= > {\"body\":\"5\"}\n= > {\"body\":\"3\"}\n"+
		"< 0a \"ab\"\n< eof\n= < {\"body\":\"2\",\"short\":true}\n> \"ij\"\n> eof\n= > {\"body\":\"2\"}\n")
	Test{Protocol: streamOf(func() sensor.StreamParser { return &bodies{} }), Damaged: short}.Stream(t, tr)
}

// TestBadStreamParsers has one bad parser per rule.
func TestBadStreamParsers(t *testing.T) {
	var shared [2][]byte
	tests := []struct {
		name   string
		parser func() sensor.StreamParser
		want   string
		text   string // of the transcript; the conversation if empty
	}{
		{"says something else", func() sensor.StreamParser {
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) { return len(s.Data), nil })
		}, `as written: line 1 of what came:
  got  nothing more
  want > {"body":"a"}`, ""},
		{"passes over what it should see", func() sensor.StreamParser {
			p := &records{}
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
				n, err := p.Parse(s, emit)
				return n + 1, err
			})
		}, "as written: line", ""},
		{"forgets how far it was when it is called within what it passes over", func() sensor.StreamParser {
			p := &bodies{}
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
				s.Skipped = min(s.Skipped, 1)
				return p.Parse(s, emit)
			})
		}, "line", ""},
		{"consumes less than nothing", func() sensor.StreamParser {
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) { return -1, nil })
		}, "Parse returned n = -1 for 6 bytes", ""},
		{"writes to lent bytes", func() sensor.StreamParser {
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
				if len(s.Data) > 0 {
					s.Data[0]++
				}
				return len(s.Data), nil
			})
		}, "Parse wrote to the bytes it was lent", ""},
		{"appends to lent bytes", func() sensor.StreamParser {
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
				_ = append(s.Data, 'x')
				return len(s.Data), nil
			})
		}, "Parse wrote behind the bytes it was lent", ""},
		{"keeps lent bytes", func() sensor.StreamParser {
			p, kept := &records{}, [][]byte(nil)
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
				for _, k := range kept {
					emit(&record{Body: k})
				}
				kept = nil
				return p.Parse(s, func(m sensor.Message) { kept = append(kept, m.(*record).Body) })
			})
		}, "when lent bytes are overwritten after each call (a lent slice is kept)", ""},
		{"panics", func() sensor.StreamParser {
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) { return int(s.Data[100]), nil })
		}, "panic: runtime error: index out of range [100] with length 6", ""},
		{"wants whole segments", func() sensor.StreamParser {
			p := &records{}
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
				n, err := p.Parse(s, emit)
				if n == 0 {
					n = min(1, len(s.Data)) // throws away what it does not understand
				}
				return n, err
			})
		}, "byte by byte: line 1 of what came", ""},
		{"needs the end apart", func() sensor.StreamParser {
			p := &records{}
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
				if s.EOF {
					return len(s.Data), nil
				}
				return p.Parse(s, emit)
			})
		}, "with EOF in the call that brings the last bytes: line 7", ""},
		{"shares state between flows", func() sensor.StreamParser {
			shared = [2][]byte{}
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
				b := append(shared[s.Side], s.Data...)
				var p records
				n, err := p.Parse(sensor.Segment{Side: s.Side, Data: b}, emit)
				shared[s.Side] = bytes.Clone(b[n:])
				return len(s.Data), err
			})
		}, "beside another flow, one step ahead", ""},
		{"is not as new after Reset", func() sensor.StreamParser { return &counts{} }, "to a parser that was Reset: line 1", ""},
		{"keeps what it was skipping after Reset", func() sensor.StreamParser { return &remembers{} },
			"after step 1 of it, to a parser that was Reset: line", "stream\n> 05 \"abc\"\n> \"de\""},
		{"guesses behind a gap", func() sensor.StreamParser { return &guesser{} }, "lost: this came, and is not true", "stream\n> 03 01 01 01 01 \"a\""},
		{"panics in Resync", func() sensor.StreamParser { return &panicky{} }, "lost: panic: no", ""},
		{"says what it does not know yet", func() sensor.StreamParser { return &hasty{} }, "byte by byte: line 1", "stream\n> 03 \"abc\""},
		{"panics on odd bytes", func() sensor.StreamParser {
			p := &records{}
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
				if bytes.IndexByte(s.Data, 0xff) >= 0 {
					panic("odd")
				}
				return p.Parse(s, emit)
			})
		}, "hostile change", ""},
		{"allocates out of proportion", func() sensor.StreamParser {
			return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
				sink = make([]byte, 1<<20)
				return len(s.Data), nil
			})
		}, "bytes allocated for 2 bytes of input, more than 1048608", "stream\n> 01 \"a\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.text == "" {
				tt.text = strings.ReplaceAll(conversation, "> eof\n", "> 01 \"k\"\n= > {\"body\":\"k\"}\n> eof\n")
			}
			tr := mustParse(t, tt.text)
			got := failure(func(t testing.TB) { Test{Protocol: streamOf(tt.parser), Damaged: short}.Stream(t, tr) })
			if !strings.Contains(got, tt.want) {
				t.Errorf("the kit says\n%s\nwant it to say %q", got, tt.want)
			}
		})
	}
}

var sink []byte

// guesser believes that a record begins behind every gap.
type guesser struct{ records }

func (g *guesser) Resync(side sensor.Side, lost int64) bool { g.records = records{}; return true }

type panicky struct{ records }

func (g *panicky) Resync(sensor.Side, int64) bool { panic("no") }

// hasty emits a body as soon as it knows its length, and what it has of it.
type hasty struct{ left [2]int }

func (h *hasty) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	for n < len(s.Data) {
		if h.left[s.Side] == 0 {
			h.left[s.Side] = int(s.Data[n])
			n++
		}
		k := min(h.left[s.Side], len(s.Data)-n)
		if k > 0 {
			emit(&record{Body: s.Data[n : n+k]})
		}
		h.left[s.Side] -= k
		n += k
	}
	return n, nil
}

func TestEmitLater(t *testing.T) {
	late := make(chan func(sensor.Message), 1)
	c := Test{Protocol: streamOf(func() sensor.StreamParser {
		return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
			select {
			case late <- emit:
			default:
			}
			return len(s.Data), nil
		})
	})}
	p := c.run(opsOf(mustParse(t, conversation)))
	(<-late)(&record{})
	if p.fault != "emit was called when Parse was not running" {
		t.Errorf("the fault is %q", p.fault)
	}
}

func TestMaxBuffer(t *testing.T) {
	protocol := goodProtocol()
	protocol.MaxBuffer = 10
	tr := mustParse(t, "stream\n> 14 \"x\" x15")
	got := failure(func(t testing.TB) { Stream(t, protocol, tr) })
	if want := "16 bytes were not consumed, more than Protocol.MaxBuffer allows (10)"; !strings.Contains(got, want) {
		t.Errorf("the kit says %q, want %q", got, want)
	}
}

func TestHandOverPoint(t *testing.T) {
	// This parser hands over with all it was given consumed, so that the other
	// protocol gets a part that depends on the segments.
	protocol := streamOf(func() sensor.StreamParser {
		return parseFunc(func(s sensor.Segment, emit func(sensor.Message)) (int, error) {
			if bytes.IndexByte(s.Data, '!') >= 0 {
				return len(s.Data), sensor.HandTo("other")
			}
			return 0, nil
		})
	})
	tr := mustParse(t, "stream\n> \"ab!cd\"")
	got := failure(func(t testing.TB) { Stream(t, protocol, tr) })
	if want := "handed over after [3 0] bytes consumed, want [5 0]"; !strings.Contains(got, want) {
		t.Errorf("the kit says %q, want %q", got, want)
	}
}

func TestProbe(t *testing.T) {
	tests := []struct {
		name  string
		probe func(sensor.Side, []byte) sensor.Verdict
		want  string
	}{
		{"good", func(_ sensor.Side, b []byte) sensor.Verdict {
			if len(b) < 3 {
				return sensor.Unsure
			}
			return sensor.Match
		}, ""},
		{"never sure", func(sensor.Side, []byte) sensor.Verdict { return sensor.Unsure }, ""},
		{"refuses what is short", func(_ sensor.Side, b []byte) sensor.Verdict {
			if len(b) < 3 {
				return sensor.No
			}
			return sensor.Match
		}, "Probe recognises the first 14 bytes of the initiator, but refuses the first 0 of them"},
		{"changes its mind", func(_ sensor.Side, b []byte) sensor.Verdict {
			if len(b) == 5 {
				return sensor.MatchResponder
			}
			return sensor.Match
		}, "Probe of the initiator changes its mind after it recognised the first 0 bytes"},
		{"writes", func(_ sensor.Side, b []byte) sensor.Verdict {
			if len(b) > 0 {
				b[0] = 0
			}
			return sensor.No
		}, "Probe wrote to the bytes it was lent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			protocol := goodProtocol()
			protocol.Probe = tt.probe
			tr := mustParse(t, conversation)
			got := failure(func(t testing.TB) { Test{Protocol: protocol, Damaged: short}.Stream(t, tr) })
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("the kit says %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMisuse(t *testing.T) {
	stream, datagram := mustParse(t, "stream\n= nothing"), mustParse(t, "datagram\n= nothing")
	tests := map[string]func(testing.TB){
		"datagrams, for a test of streams": func(t testing.TB) { Stream(t, goodProtocol(), datagram) },
		"a stream, for a test of datagram": func(t testing.TB) { Datagram(t, echoProtocol(nil), stream) },
		"has no NewStream":                 func(t testing.TB) { Stream(t, sensor.Protocol{}, stream) },
		"has no NewDatagram":               func(t testing.TB) { Datagram(t, sensor.Protocol{}, datagram) },
		"no such file":                     func(t testing.TB) { Load(t, "testdata/none") },
	}
	for want, test := range tests {
		if got := failure(test); !strings.Contains(got, want) {
			t.Errorf("the kit says %q, want %q", got, want)
		}
	}
}

func TestWithout(t *testing.T) {
	ops := opsOf(mustParse(t, "stream\n> \"abcd\"\n< \"x\"\n> \"efgh\"\n> eof"))
	got := ""
	for _, o := range without(ops, sensor.Initiator, 2, 4) {
		got += fmt.Sprintf("%s%d", o.Data, o.Gap)
	}
	if want := "ab0" + "4" + "x0" + "gh0" + "0" + "0"; got != want {
		t.Errorf("without bytes 2 to 6: %s, want %s", got, want)
	}
}

func TestCut(t *testing.T) {
	ops := opsOf(mustParse(t, "stream\n> \"abcd\"\n< \"xy\"\n> \"efgh\""))
	got := ""
	for _, o := range cut(ops, []int{1, 2, 4, 5, 9}) {
		if len(o.Data) > 0 {
			got += string(o.Data) + "|"
		}
	}
	if want := "a|b|cd|x|y|efg|h|"; got != want {
		t.Errorf("cut = %s, want %s", got, want)
	}
}
