package http

import (
	"bytes"

	"flowscope/sensor"
)

// Limits.
const (
	maxHead    = 64 << 10 // bytes of a head, or of the trailer of chunks
	maxLine    = 8 << 10  // bytes of a line that are kept
	maxFields  = 128      // header fields that are looked at
	maxPending = 128      // requests that wait for their responses
	maxKept    = 64 << 10 // bytes of their fields
	maxExtra   = 16       // fields that Config may ask for
	// maxPrefix is the longest beginning of a body that can be asked for.
	maxPrefix = 64 << 10
)

// Config says what is shown of messages. Its zero value works.
type Config struct {
	// Headers are names of header fields to show besides those that have a
	// place of their own; the first 16 count. Of those that are secret,
	// Authorization and Cookie and the like, "***" is shown.
	Headers []string
	// Prefix is how many bytes of the beginning of each body are shown, at most
	// 65536. Default none.
	Prefix int
	// Secrets shows what is redacted otherwise.
	Secrets bool
}

// Protocol returns HTTP/1.x with the default configuration. It is recognised on
// any port.
func Protocol() sensor.Protocol { return Config{}.Protocol() }

// Protocol returns HTTP/1.x with this configuration.
func (c Config) Protocol() sensor.Protocol {
	c.Headers = c.Headers[:min(len(c.Headers), maxExtra)]
	c.Prefix = min(max(c.Prefix, 0), maxPrefix)
	shared := &shared{cfg: c}
	return sensor.Protocol{
		Name:      "http",
		Transport: sensor.ProtoTCP,
		Ports:     []uint16{80, 3128, 8000, 8008, 8080, 8888},
		Probe:     probe,
		NewStream: func() sensor.StreamParser { return &parser{shared: shared} },
		MaxBuffer: maxHead + maxLine,
	}
}

// shared is what all flows of a Protocol share. It is only read.
type shared struct{ cfg Config }

// methods begin most requests. Others are taken if their line is one of HTTP.
var methods = []string{"GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "TRACE ", "PROPFIND "}

// longLine is how much of the first line is waited for, before a method that is
// known and a target that looks like one are enough.
const longLine = 1024

// probe wants the first line of a request, or the version and status of a
// response.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	b := bytes.TrimLeft(data[:min(len(data), 8)], "\r\n")
	b = data[len(data[:min(len(data), 8)])-len(b):]
	if len(b) == 0 {
		return sensor.Unsure
	}
	if n := min(len(b), len(statusStart)); string(b[:n]) == statusStart[:n] {
		return probeStatus(b)
	}
	line, _, complete := bytes.Cut(b[:min(len(b), longLine)], []byte{'\n'})
	method := 0
	for method < len(line) && isMethod(line[method]) {
		method++
	}
	switch {
	case method == 0 || method > maxMethod || !printable(line):
		return sensor.No
	case method == len(line) && !complete:
		return sensor.Unsure
	case method < len(line) && line[method] != ' ':
		return sensor.No
	case complete:
		var m Request
		if !m.line(trimCR(line)) || m.Version == "0.9" && !isKnown(b) {
			return sensor.No
		}
		return sensor.MatchInitiator
	case len(line) < longLine:
		return sensor.Unsure
	}
	target := line[method+1:]
	if isKnown(b) && (target[0] == '/' || bytes.HasPrefix(target, []byte("http"))) {
		return sensor.MatchInitiator
	}
	return sensor.No
}

// begins is the probe for what comes behind a gap: where chance may have it that
// the rest of a message looks like the beginning of one, the method must be known
// and the version there.
func begins(b []byte) sensor.Verdict {
	v := probe(0, b)
	if v != sensor.MatchInitiator {
		return v
	}
	line, _, complete := bytes.Cut(b, []byte{'\n'})
	line = trimCR(line)
	if !isKnown(b) || complete && version(line[max(0, len(line)-len("HTTP/1.1")):]) == "" {
		return sensor.No
	}
	return v
}

// isKnown reports whether b begins as a request with one of methods does, as far
// as it is there.
func isKnown(b []byte) bool {
	for _, m := range methods {
		if n := min(len(b), len(m)); string(b[:n]) == m[:n] {
			return true
		}
	}
	return false
}

// statusStart begins each response.
const statusStart = "HTTP/1."

func probeStatus(b []byte) sensor.Verdict {
	const whole = len("HTTP/1.1 200")
	for i := len(statusStart); i < min(len(b), whole); i++ {
		if c := b[i]; i == 8 && c != ' ' || i != 8 && (c < '0' || c > '9') {
			return sensor.No
		}
	}
	switch {
	case len(b) <= whole:
		return sensor.Unsure
	case b[whole] == ' ' || b[whole] == '\r' || b[whole] == '\n':
		return sensor.MatchResponder
	}
	return sensor.No
}

// maxMethod is the longest method that is taken for one.
const maxMethod = 32

// isMethod reports whether c occurs in methods. They are tokens, of which real
// ones are in upper case.
func isMethod(c byte) bool {
	return c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z'
}

// printable reports whether a first line has no control characters.
func printable(line []byte) bool {
	for i, c := range line {
		if c < ' ' && c != '\t' && (c != '\r' || i != len(line)-1) || c == 0x7f {
			return false
		}
	}
	return true
}
