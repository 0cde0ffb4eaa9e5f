package sensortest_test

import (
	"bytes"
	"fmt"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// lines is a parser of lines of text.
type lines struct{}

type line struct {
	Text []byte `json:"text"`
}

func (lines) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	for {
		i := bytes.IndexByte(s.Data[n:], '\n')
		if i < 0 {
			return n, nil // need more
		}
		emit(&line{Text: s.Data[n : n+i]})
		n += i + 1
	}
}

func linesProtocol() sensor.Protocol {
	return sensor.Protocol{
		Name: "lines", Transport: sensor.ProtoTCP,
		NewStream: func() sensor.StreamParser { return lines{} },
	}
}

// TestLines is a parser's whole test; with a file for each transcript, it is
// one call of Files.
func TestLines(t *testing.T) {
	tr, err := sensortest.Parse("lines", []byte(`stream
> "one\ntwo\n"
= > {"text":"one"}
= > {"text":"two"}
< "thr"
> "four\n"
= > {"text":"four"}
< "ee\n"
= < {"text":"three"}
`))
	if err != nil {
		t.Fatal(err)
	}
	sensortest.Stream(t, linesProtocol(), tr)
}

// TestLinesAllocateOnce shows how to assert allocations: this parser makes a
// new message for each line, and so is at 1.
func TestLinesAllocateOnce(t *testing.T) {
	tr, err := sensortest.Parse("lines", []byte("stream\n> \"one\\ntwo\\n\"\n< \"three\\n\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := sensortest.AllocsPerMessage(t, linesProtocol(), tr); got != 1 {
		t.Errorf("%v allocations per message, want 1", got)
	}
}

func BenchmarkLines(b *testing.B) {
	tr, err := sensortest.Parse("lines", []byte("stream\n> \"one\\ntwo\\n\"\n"))
	if err != nil {
		b.Fatal(err)
	}
	sensortest.Benchmark(b, linesProtocol(), tr)
}

func ExampleRender() {
	fmt.Println(sensortest.Render(&line{Text: []byte("caf\u00e9 \x1b[2J")}))
	// Output: {"text":"café \x1b[2J"}
}
