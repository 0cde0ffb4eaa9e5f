package sensortest

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"
)

func TestParse(t *testing.T) {
	tr, err := Parse("t", []byte(`# a comment
stream   # another

> "GET # no comment\r\n" 0d0A 00ff
  `+"`raw\\n`"+` # continued
< "ab" x3 ff x2
+1.5s
> gap 12
= > {"text":"# one"}
+500ms
> eof
< abort
= error: bad
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Step{
		{Data: []byte("GET # no comment\r\n\r\n\x00\xffraw\\n"), Time: Start, line: 5},
		{Side: sensor.Responder, Data: []byte("ababab\xff\xff"), Time: Start, line: 6},
		{Gap: 12, Time: Start.Add(1500 * time.Millisecond), line: 8},
		{EOF: true, Time: Start.Add(2 * time.Second), line: 11},
		{Side: sensor.Responder, EOF: true, Aborted: true, Time: Start.Add(2 * time.Second), line: 12},
	}
	equal := func(a, b Step) bool {
		data := bytes.Equal(a.Data, b.Data)
		a.Data, b.Data = nil, nil
		return data && Render(a) == Render(b) && a.line == b.line
	}
	if !slices.EqualFunc(tr.Steps, want, equal) {
		t.Errorf("steps are\n%+v, want\n%+v", tr.Steps, want)
	}
	if want := []string{`> {"text":"# one"}`, "error: bad"}; !slices.Equal(tr.Want, want) {
		t.Errorf("Want = %q, want %q", tr.Want, want)
	}

	tr, err = Parse("t", []byte("datagram\n>\n< 01 missing 3\n= nothing"))
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.Steps) != 2 || len(tr.Steps[0].Data) != 0 || tr.Steps[1].Missing != 3 || !tr.Datagram {
		t.Errorf("datagrams are %+v", tr.Steps)
	}
	if tr.Want == nil || len(tr.Want) != 0 {
		t.Errorf("Want = %v, want none, but not nil", tr.Want)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", `t: want "stream" or "datagram" first`},
		{"data first", "> 00", `t:1: want "stream" or "datagram" first`},
		{"want first", "= done", `t:1: want "stream" or "datagram" first`},
		{"unknown line", "stream\n\nhello", "t:3: a line begins with > < + = or #, not with hello"},
		{"open quote", "stream\n> \"abc", "t:2: a string has no closing quote, or is not in Go's syntax"},
		{"bad escape", `stream` + "\n" + `> "\q"`, "t:2: a string has no closing quote, or is not in Go's syntax"},
		{"no blank behind a string", "stream\n> \"a\"00", `t:2: a blank must follow "a"`},
		{"odd hexadecimal", "stream\n> 012", "t:2: 012 is neither a string in quotes nor pairs of hexadecimal digits"},
		{"repeat nothing", "stream\n> x3", "t:2: xN repeats a string or bytes before it, and N is not negative"},
		{"repeat twice", "stream\n> 00 x3 x3", "t:2: xN repeats"},
		{"repeat too often", "stream\n> 00 x99999999999", "t:2: the transcript is larger than 67108864 bytes"},
		{"repeats add up", "stream\n> 00 x67108864 00", "t:2: the transcript is larger"},
		{"empty segment", "stream\n>", "t:2: nothing is sent"},
		{"segment of an empty string", "stream\n> \"\"", "t:2: nothing is sent"},
		{"repeated no times", "stream\n> 00 x0", "t:2: nothing is sent"},
		{"gap of what", "stream\n> gap", `t:2: want "gap" and a number of bytes`},
		{"negative gap", "stream\n> gap -1", `t:2: want "gap" and a number of bytes`},
		{"eof and more", "stream\n> eof 00", "t:2: eof stands alone"},
		{"data behind the end", "stream\n> eof\n> 00", "t:3: this side was closed above"},
		{"gap in datagrams", "datagram\n> gap 1", "t:2: gap is for streams"},
		{"missing in a stream", "stream\n> 00 missing 1", "t:2: missing N stands at the end of a datagram"},
		{"missing in the middle", "datagram\n> 00 missing 1 00", "t:2: missing N stands at the end of a datagram"},
		{"nothing to continue", "stream\n 00", "t:2: an indented line continues a line of data, and there is none above"},
		{"continued end", "stream\n> eof\n 00", "t:3: an indented line continues"},
		{"time goes back", "stream\n+-1s", "t:2: +-1s is no duration such as +1.5ms"},
		{"wants nothing said", "stream\n=", "t:2: nothing behind ="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("t", []byte(tt.text))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("Parse(%q) = %v, want %s", tt.text, err, tt.want)
			}
		})
	}
}

func TestStringIsParsedAgain(t *testing.T) {
	tr := &Transcript{
		Steps: []Step{
			{Time: Start, Data: []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")},
			{Time: Start.Add(time.Millisecond), Side: sensor.Responder, Data: bytes.Repeat([]byte{0, 1, 255}, 50)},
			{Time: Start.Add(time.Millisecond), Gap: 5},
			{Time: Start.Add(time.Second), EOF: true},
			{Time: Start.Add(time.Second), Side: sensor.Responder, EOF: true, Aborted: true},
		},
		Want: []string{},
	}
	again, err := Parse("again", []byte(tr.String()))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.String(), tr.String(); got != want || !bytes.Equal(again.Steps[1].Data, tr.Steps[1].Data) {
		t.Errorf("read and written again:\n%s\nwas\n%s", got, want)
	}
}

func TestUpdate(t *testing.T) {
	tr, err := Parse("t", []byte("# why\nstream\n= old\n> \"a\"\n  \"b\" # more\n< \"c\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := tr.updated([]line{{text: "> 1", step: 0}, {text: "> 2", step: 0}, {text: "< 3", step: 1}, {text: "> end", step: -1}})
	if want := "# why\nstream\n> \"a\"\n  \"b\" # more\n= > 1\n= > 2\n< \"c\"\n= < 3\n= > end\n"; string(got) != want {
		t.Errorf("updated:\n%s\nwant\n%s", got, want)
	}
	if got, want := tr.updated(nil), "# why\nstream\n> \"a\"\n  \"b\" # more\n< \"c\"\n= nothing\n"; string(got) != want {
		t.Errorf("updated:\n%s\nwant\n%s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("stream\n> \"a\" 00 x3 # c\n  ff\n< gap 3\n+1ms\n> eof\n= done"))
	f.Add([]byte("datagram\n>\n< `x` missing 3\n= nothing"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tr, err := Parse("t", text)
		if err != nil || len(tr.String()) > 1<<16 {
			return
		}
		again, err := Parse("again", []byte(tr.String()))
		if err != nil {
			t.Fatalf("%v in\n%s", err, tr)
		}
		if again.String() != tr.String() {
			t.Fatalf("read and written again:\n%s\nwas\n%s", again, tr)
		}
	})
}
