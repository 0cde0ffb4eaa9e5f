package http2

import (
	"strings"

	"flowscope/sensor"
)

// Limits.
const (
	maxBlock   = 64 << 10  // bytes of a header block, with the frames that carry it
	maxList    = 256 << 10 // bytes of header fields, decoded, that are looked at (RFC 9113, 6.5.2)
	maxValue   = 1 << 10   // bytes of a value that are kept
	maxTable   = 64 << 10  // bytes of a dynamic table, as RFC 7541, 4.1 counts them
	maxStreams = 512       // streams of a connection that are open or wait for their response
	maxKept    = 256 << 10 // bytes of their fields
	maxDebug   = 256       // bytes of the debug data of GOAWAY
	maxExtra   = 16        // fields that Config may ask for
	maxShown   = 16        // of them in one message
	maxLikely  = 16 << 10  // bytes of a frame, where frames have to be recognised (RFC 9113, 4.2)
	maxSpare   = 4 << 10   // bytes of memory that is kept for the next stream
)

// Config says what is shown of messages. Its zero value works.
type Config struct {
	// Headers are names of header fields to show besides those that have a
	// place of their own, in any case; the first 16 count. Of those that are
	// secret, as cookie, "***" is shown.
	Headers []string
	// Secrets shows what is redacted otherwise.
	Secrets bool
}

// Protocol returns HTTP/2 with the default configuration. It is recognised on any
// port.
func Protocol() sensor.Protocol { return Config{}.Protocol() }

// Protocol returns HTTP/2 with this configuration.
func (c Config) Protocol() sensor.Protocol {
	cfg := newShared(c)
	return sensor.Protocol{
		Name:      "http2",
		Transport: sensor.ProtoTCP,
		Ports:     []uint16{80, 8080, 50051},
		Probe:     probe,
		NewStream: func() sensor.StreamParser { return newParser(cfg) },
		MaxBuffer: frameHeader + maxBlock,
	}
}

// shared is what all flows of a Protocol share. It is only read.
type shared struct {
	headers []string // in lower case
	secrets bool
	static  [len(staticFields)]fieldID
}

func newShared(c Config) *shared {
	cfg := &shared{secrets: c.Secrets}
	for _, h := range c.Headers[:min(len(c.Headers), maxExtra)] {
		cfg.headers = append(cfg.headers, strings.ToLower(h))
	}
	for i, f := range staticFields[1:] {
		cfg.static[i+1] = cfg.identify([]byte(f.name))
	}
	return cfg
}

// preface is what a client says first (RFC 9113, 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// probe wants the preface of a client, the settings of a server, or in a connection
// whose beginning was not seen, frames.
func probe(_ sensor.Side, b []byte) sensor.Verdict {
	if n := min(len(b), len(preface)); string(b[:n]) == preface[:n] {
		if n < len(preface) {
			return sensor.Unsure
		}
		return sensor.MatchInitiator
	}
	if len(b) < frameHeader {
		if b[0] != 0 || len(b) > 3 && kind(b[3]) > continuation {
			return sensor.No
		}
		return sensor.Unsure
	}
	f := frameAt(b)
	if !f.likely() || f.kind > continuation {
		return sensor.No
	}
	if f.kind == headers && len(b) > frameHeader && f.flags&(padded|hasPriority) == 0 {
		switch c := b[frameHeader]; { // fields of the static table
		case c == 0x82 || c == 0x83: // :method
			return sensor.MatchInitiator
		case c >= 0x88 && c <= 0x8e, c == 0x48: // :status
			return sensor.MatchResponder
		}
	}
	next := frameHeader + int(f.size)
	if f.kind == settings && f.size > 0 && len(b) >= next {
		for i := frameHeader; i < next; i += 6 {
			if b[i] != 0 || b[i+1] > 16 { // the registry ends at 9
				return sensor.No
			}
		}
		return sensor.Match
	}
	if len(b) < next+frameHeader {
		return sensor.Unsure
	}
	if f = frameAt(b[next:]); !f.likely() {
		return sensor.No
	}
	return sensor.Match
}
