package redis

import (
	"bytes"

	"flowscope/sensor"
)

// Limits.
const (
	maxPending = 512      // commands that wait with name and key
	maxKey     = 128      // bytes of a key or channel that are shown
	maxText    = 256      // bytes of an error's text
	maxDepth   = 32       // arrays in one another
	maxInline  = 64 << 10 // bytes of an inline command (PROTO_INLINE_MAX_SIZE)
	maxArgs    = 1 << 20  // arguments of a command
	maxElement = 1<<31 - 1
	maxBulk    = 1 << 40 // bytes of a bulk string
	maxHeader  = 32      // bytes of a line that has a length
	maxLine    = 512     // bytes of another line that are looked at
)

// Protocol returns Redis. It is recognised on any port.
func Protocol() sensor.Protocol {
	return sensor.Protocol{
		Name:      "redis",
		Transport: sensor.ProtoTCP,
		Ports:     []uint16{6379, 6380, 26379},
		Probe:     probe,
		NewStream: func() sensor.StreamParser { return &parser{} },
		MaxBuffer: maxInline,
	}
}

// probe wants an array of bulk strings that begins with a command it knows, or a
// reply that nothing else sends. What both sides of other protocols could say too
// (inline commands, +OK) is left open.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	if len(data) == 0 {
		return sensor.Unsure
	}
	switch c := data[0]; {
	case c == '*':
		return probeArray(data)
	case bytes.IndexByte([]byte("+-:$_#,(!=%~>|"), c) >= 0:
		return probeReply(data)
	case c == '\r' || c == '\n' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
		return probeInline(data)
	}
	return sensor.No
}

// header reads a line of a type and a number. size is 0 if more bytes would tell.
func header(b []byte) (number int64, size int, ok bool) {
	end := bytes.IndexByte(b[:min(len(b), maxHeader)], '\n')
	if end < 0 {
		digits := bytes.TrimRight(b[min(1, len(b)):], "\r")
		if _, ok := integer(digits); !ok && len(digits) > 0 && string(digits) != "-" {
			return 0, 0, false
		}
		return 0, 0, len(b) < maxHeader
	}
	if end < 2 || b[end-1] != '\r' {
		return 0, 0, false
	}
	number, ok = integer(b[1 : end-1])
	return number, end + 1, ok
}

// integer reads a number of at most 18 digits.
func integer(b []byte) (n int64, ok bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

func probeArray(b []byte) sensor.Verdict {
	n, size, ok := header(b)
	switch {
	case !ok || size > 0 && (n < -1 || n > maxElement):
		return sensor.No
	case size == 0 || n < 1 || len(b) == size:
		return sensor.Unsure
	case b[size] != '$':
		return probeReply(b)
	}
	n, next, ok := header(b[size:])
	switch {
	case !ok:
		return sensor.No
	case next == 0 || n < 1 || n > maxName:
		return sensor.Unsure
	}
	b = b[size+next:]
	if int64(len(b)) < n+2 {
		return sensor.Unsure
	}
	if b[n] != '\r' || b[n+1] != '\n' {
		return sensor.No
	}
	switch string(b[:n]) {
	case "message", "pmessage", "smessage":
		return sensor.MatchResponder
	}
	var buf [maxName]byte
	if k, name := lookup(&buf, b[:n]); k != unknown || name != nil {
		return sensor.MatchInitiator
	}
	return sensor.Unsure // a reply, or a command of a module
}

// signs begin replies that nothing else sends.
var signs = []string{"+PONG\r\n", "-NOAUTH ", "-WRONGTYPE ", "-WRONGPASS ", "-DENIED Redis", "-MOVED ", "-ERR unknown command", "-ERR wrong number of arguments for",
	">3\r\n$7\r\nmessage\r\n", ">2\r\n$10\r\ninvalidate\r\n", "%7\r\n$6\r\nserver\r\n"}

func probeReply(b []byte) sensor.Verdict {
	for _, s := range signs {
		if len(b) >= len(s) && string(b[:len(s)]) == s {
			return sensor.MatchResponder
		}
	}
	switch c := b[0]; c {
	case '+', '-':
		line, _, _ := bytes.Cut(b[:min(len(b), maxLine)], []byte("\r"))
		for _, c := range line {
			if c < ' ' {
				return sensor.No
			}
		}
	case ':', '$', '*', '%', '~', '>', '|', '!', '=':
		_, size, ok := header(b)
		switch {
		case !ok:
			return sensor.No
		case size > 0 && c == '$' && bytes.HasPrefix(b[size:], []byte("# Server\r\n")):
			return sensor.MatchResponder // INFO, which scanners send inline
		}
	}
	return sensor.Unsure
}

func probeInline(b []byte) sensor.Verdict {
	b = bytes.TrimLeft(b, "\r\n")
	line, _, complete := bytes.Cut(b[:min(len(b), maxLine)], []byte{'\n'})
	word := 0
	for word < len(line) && line[word] > ' ' {
		word++
	}
	var buf [maxName]byte
	switch {
	case word > maxName:
		return sensor.No
	case word == len(line) && !complete:
		return sensor.Unsure
	case word == 0 && complete:
		return sensor.Unsure
	}
	if k, _ := lookup(&buf, line[:word]); k == unknown {
		return sensor.No
	}
	return sensor.Unsure
}
