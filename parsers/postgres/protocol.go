package postgres

import (
	"bytes"
	"encoding/binary"

	"flowscope/parsers/internal/wire"
	"flowscope/sensor"
)

// Limits.
const (
	maxStartup      = 10000    // bytes of a startup packet (MAX_STARTUP_PACKET_LENGTH)
	maxMessage      = 1 << 30  // bytes of a message (PQ_LARGE_MESSAGE_LIMIT)
	maxLook         = 16 << 10 // bytes of a statement that are looked at
	maxStatement    = 1 << 10  // bytes of a statement that are kept
	maxPending      = 1024     // messages that wait for their responses
	maxPendingText  = 64 << 10 // bytes of their text
	maxPrepared     = 256      // named statements
	maxPreparedText = 64 << 10 // bytes of their text
	maxPortals      = 64       // named portals
	maxName         = 256      // bytes of a name
	maxFault        = 8 << 10  // bytes of an error that are looked at
	maxFaultText    = 512      // bytes of its message that are shown
	maxVerb         = 16       // bytes of a verb
	header          = 5        // type and length of a message
)

// Codes in place of a version (src/include/libpq/pqcomm.h).
const (
	codeCancel = 80877102
	codeSSL    = 80877103
	codeGSS    = 80877104
	major3     = 3
)

// Config says what is shown of messages. Its zero value works.
type Config struct {
	// Literals shows statements and messages of errors as they are.
	Literals bool
}

// Protocol returns PostgreSQL with the default configuration. It is recognised
// on any port.
func Protocol() sensor.Protocol { return Config{}.Protocol() }

// Protocol returns PostgreSQL with this configuration.
func (c Config) Protocol() sensor.Protocol {
	return sensor.Protocol{
		Name:      "postgres",
		Transport: sensor.ProtoTCP,
		Ports:     []uint16{5432, 6432},
		Probe:     probe,
		NewStream: func() sensor.StreamParser { return &parser{literals: c.Literals} },
		MaxBuffer: header + maxLook,
	}
}

// probe wants a startup packet or one that stands in its place, or messages that
// are hardly anything else, of a connection joined in the middle.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	if len(data) == 0 {
		return sensor.Unsure
	}
	if data[0] == 0 {
		return probeStartup(data)
	}
	for b := data; ; {
		v, size := probeMessage(b)
		if v != sensor.Unsure || size == 0 || size > len(b) {
			return v
		}
		b = b[size:]
		if len(b) == 0 {
			return sensor.Unsure
		}
	}
}

func probeStartup(b []byte) sensor.Verdict {
	if len(b) > 1 && b[1] != 0 {
		return sensor.No
	}
	if len(b) < 4 {
		return sensor.Unsure
	}
	size := int(binary.BigEndian.Uint32(b))
	if size < 8 || size > maxStartup {
		return sensor.No
	}
	for _, code := range [...]uint32{codeSSL, codeGSS, codeCancel, major3 << 16} {
		var want [4]byte
		binary.BigEndian.PutUint32(want[:], code)
		n := min(len(b)-4, 4)
		if code == major3<<16 {
			n = min(n, 3)
		}
		if !bytes.Equal(b[4:4+n], want[:n]) {
			continue
		}
		switch {
		case len(b) < 8:
			return sensor.Unsure
		case code == codeCancel && size < 16, (code == codeSSL || code == codeGSS) && size != 8:
			return sensor.No
		case code == major3<<16:
			return probeParameter(b[8:min(size, len(b))])
		}
		return sensor.MatchInitiator
	}
	return sensor.No
}

// probeParameter wants the name of a parameter in a startup packet.
func probeParameter(b []byte) sensor.Verdict {
	for i, c := range b {
		switch {
		case c == 0 && i > 0:
			return sensor.MatchInitiator
		case i == 63 || c >= 0x80 || !isLetter(c) && !isDigit(c) && c != '.' && c != '-':
			return sensor.No
		}
	}
	return sensor.Unsure
}

// verbs begin most statements.
var verbs = []string{"select", "insert", "update", "delete", "begin", "commit", "rollback", "set", "show", "with", "copy",
	"create", "alter", "drop", "fetch", "declare", "close", "deallocate", "discard", "start", "explain", "truncate", "end",
	"savepoint", "release", "listen", "unlisten", "notify", "vacuum", "analyze", "grant", "revoke", "call", "merge", "values", "lock"}

// probeMessage judges the message at the front of b. With Unsure, size is how
// long it is, if the next may tell.
func probeMessage(b []byte) (v sensor.Verdict, size int) {
	front, back := &frontend[b[0]], &backend[b[0]]
	if !front.known && !back.known {
		return sensor.No, 0
	}
	if len(b) < header {
		if len(b) > 1 && b[1] > maxMessage>>24 {
			return sensor.No, 0
		}
		return sensor.Unsure, 0
	}
	n := int64(binary.BigEndian.Uint32(b[1:]))
	if !front.fits(n) && !back.fits(n) {
		return sensor.No, 0
	}
	size = int(n) + 1
	body := b[header:min(size, len(b))]
	whole := len(b) >= size
	switch b[0] {
	case 'Q':
		return probeText(body), 0
	case 'P':
		if i := bytes.IndexByte(body, 0); i >= 0 && i <= maxName {
			return probeText(body[i+1:]), 0
		}
		if len(body) <= maxName && !whole {
			return sensor.Unsure, 0
		}
	case 'B':
		return probeShape(isBind, body, whole, sensor.MatchInitiator), 0
	case 'T':
		return probeShape(isRowDescription, body, whole, sensor.MatchResponder), 0
	case 'E', 'N':
		return probeFault(body, whole), 0
	case 'C':
		return probeTag(body, whole), 0
	case 'D':
		if whole && !isDataRow(body) {
			return sensor.No, 0
		}
		return sensor.Unsure, size // a row does not prove much; what is behind it may
	case '1', '2', '3', 't', 'n', 'Z', 'R', 'S', 'K':
		return sensor.Unsure, size
	}
	return sensor.No, 0
}

// probeText wants a statement that begins with a word of SQL.
func probeText(body []byte) sensor.Verdict {
	for _, verb := range verbs {
		n := min(len(body), len(verb))
		if !bytes.EqualFold(body[:n], []byte(verb[:n])) {
			continue
		}
		if n == len(body) {
			return sensor.Unsure
		}
		if c := body[n]; c == ' ' || c == ';' || c == 0 || c == '\n' || c == '\r' || c == '\t' {
			return sensor.MatchInitiator
		}
	}
	return sensor.No
}

// probeShape wants a body of which all lengths add up.
func probeShape(is func([]byte) bool, body []byte, whole bool, match sensor.Verdict) sensor.Verdict {
	switch {
	case !whole:
		return sensor.Unsure
	case is(body):
		return match
	}
	return sensor.No
}

// isBind reports whether a body is that of a Bind with at least a statement's
// name, a parameter or a format: one of zeros only may be anything.
func isBind(b []byte) bool {
	r := reader{wire.Cursor{B: b}}
	names := len(r.text()) + len(r.text())
	formats := int(r.Uint16())
	r.Take(2 * formats)
	count := int(r.Uint16())
	for i := 0; i < count && !r.Bad; i++ {
		if n := r.Uint32(); n != 1<<32-1 {
			r.Take(int(n))
		}
	}
	results := int(r.Uint16())
	r.Take(2 * results)
	return !r.Bad && len(r.B) == 0 && names+formats+count+results > 0
}

func isRowDescription(b []byte) bool {
	r := reader{wire.Cursor{B: b}}
	count := int(r.Uint16())
	for i := 0; i < count && !r.Bad; i++ {
		r.text()
		r.Take(18)
	}
	return !r.Bad && len(r.B) == 0 && count > 0
}

func isDataRow(b []byte) bool {
	r := reader{wire.Cursor{B: b}}
	count := int(r.Uint16())
	for i := 0; i < count && !r.Bad; i++ {
		if n := r.Uint32(); n != 1<<32-1 {
			r.Take(int(n))
		}
	}
	return !r.Bad && len(r.B) == 0
}

// probeFault wants the severity that an error or a notice begins with.
func probeFault(body []byte, whole bool) sensor.Verdict {
	for _, severity := range [...]string{"SERROR\x00", "SFATAL\x00", "SPANIC\x00", "SWARNING\x00", "SNOTICE\x00", "SINFO\x00", "SLOG\x00", "SDEBUG\x00"} {
		n := min(len(body), len(severity))
		switch {
		case string(body[:n]) != severity[:n]:
		case n == len(severity):
			return sensor.MatchResponder
		case !whole:
			return sensor.Unsure
		}
	}
	return sensor.No
}

// probeTag wants a command tag: words in capitals, and numbers.
func probeTag(body []byte, whole bool) sensor.Verdict {
	letters := 0
	for i, c := range body {
		switch {
		case c >= 'A' && c <= 'Z':
			letters++
		case c == 0 && i == len(body)-1 && whole && letters >= 3:
			return sensor.MatchResponder
		case c != ' ' && !isDigit(c) || letters < 3:
			return sensor.No
		}
	}
	if whole {
		return sensor.No
	}
	return sensor.Unsure
}
