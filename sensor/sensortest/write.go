package sensortest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"flowscope/sensor"
)

// String returns the transcript in the form that Parse reads, with what is
// wanted at the end and without the comments it was read with.
func (tr *Transcript) String() string {
	var b strings.Builder
	b.WriteString("stream\n")
	if tr.Datagram {
		b.Reset()
		b.WriteString("datagram\n")
	}
	now := Start
	for _, s := range tr.Steps {
		if s.Time > now {
			fmt.Fprintf(&b, "+%v\n", s.Time.Sub(now))
			now = s.Time
		}
		b.WriteByte(marker(s.Side))
		switch {
		case s.Gap > 0:
			fmt.Fprintf(&b, " gap %d", s.Gap)
		case s.Aborted:
			b.WriteString(" abort")
		case s.EOF:
			b.WriteString(" eof")
		}
		writeData(&b, s.Data)
		if s.Missing > 0 {
			fmt.Fprintf(&b, " missing %d", s.Missing)
		}
		b.WriteByte('\n')
	}
	if tr.Want != nil && len(tr.Want) == 0 {
		b.WriteString("= nothing\n")
	}
	for _, w := range tr.Want {
		b.WriteString("= " + w + "\n")
	}
	return b.String()
}

// writeData writes text line by line where it is text, else in hexadecimal.
func writeData(b *strings.Builder, data []byte) {
	text := len(data) > 0
	for _, c := range data {
		text = text && (c >= ' ' && c < 0x7f || c == '\r' || c == '\n' || c == '\t')
	}
	for i := 0; i < len(data); {
		if i > 0 {
			b.WriteString("\n ")
		}
		n := min(32, len(data)-i)
		if text {
			n = min(100, len(data)-i)
			if end := bytes.IndexByte(data[i:i+n], '\n'); end >= 0 {
				n = end + 1
			}
			b.WriteString(" " + strconv.Quote(string(data[i:i+n])))
		} else {
			b.WriteString(" " + hex.EncodeToString(data[i:i+n]))
		}
		i += n
	}
}

// updated returns the text that tr was read from with other lines of what is
// wanted, each behind the step that caused it.
func (tr *Transcript) updated(got []line) []byte {
	after := map[int][]string{} // line number of the text → wanted lines
	for _, l := range got {
		n := 0
		if l.step >= 0 && l.step < len(tr.Steps) {
			n = tr.Steps[l.step].line
		}
		after[n] = append(after[n], "= "+l.text)
	}
	var out []string
	for i, text := range strings.Split(strings.TrimRight(string(tr.text), "\n"), "\n") {
		if !strings.HasPrefix(text, "=") {
			out = append(out, text)
		}
		out = append(out, after[i+1]...)
	}
	out = append(out, after[0]...) // what the end of the transcript caused
	if len(got) == 0 {
		out = append(out, "= nothing")
	}
	return []byte(strings.Join(out, "\n") + "\n")
}

func marker(s sensor.Side) byte {
	if s == sensor.Initiator {
		return '>'
	}
	return '<'
}
