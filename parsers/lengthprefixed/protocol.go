package lengthprefixed

import (
	"bytes"
	"fmt"

	"flowscope/sensor"
)

// DefaultMaxBody is the length of the longest body that is accepted by default,
// in bytes.
const DefaultMaxBody = 16 << 20

// Config says what the parser does with bytes that are no record. Its zero
// value works.
type Config struct {
	OnUnknown Policy
	// MaxBody is the longest body that is accepted; a longer one is treated as
	// an unknown marker is. Default DefaultMaxBody.
	MaxBody int
}

// Policy is what happens where a record should begin, and does not.
type Policy uint8

// The policies.
const (
	// Resynchronise skips to the next marker.
	Resynchronise Policy = iota
	// Fail ends the parser with an error that says where, and what is there. So
	// does a gap behind which it is not sure of the next record's beginning.
	Fail
	// Stall lets this side pass until the flow ends, and says then how much it was.
	Stall
)

// Record is a complete record.
type Record struct {
	Marker string `json:"marker"` // "PFX2" or "PFX4"
	Length int    `json:"length"` // of the body, in bytes
	Offset int64  `json:"offset"` // of the record in its side's stream, in bytes
	// Body is lent, and valid until emit returns.
	Body []byte `json:"body"`
}

// Headline says what the record is in a few words.
func (r *Record) Headline() string { return fmt.Sprintf("%s record of %d bytes", r.Marker, r.Length) }

// Skipped is a run of bytes that is part of no complete record.
type Skipped struct {
	Offset int64  `json:"offset"`  // of the run in its side's stream
	Bytes  int64  `json:"skipped"` // its length, lost bytes included
	Reason string `json:"reason"`  // why it began: "unknown marker", "too long", "gap" or "incomplete"
}

// Headline says what was skipped in a few words.
func (s *Skipped) Headline() string { return fmt.Sprintf("%d bytes skipped: %s", s.Bytes, s.Reason) }

// Protocol returns the protocol with the default configuration.
func Protocol() sensor.Protocol { return Config{}.Protocol() }

// Protocol returns the protocol with this configuration.
func (c Config) Protocol() sensor.Protocol {
	if c.MaxBody <= 0 {
		c.MaxBody = DefaultMaxBody
	}
	return sensor.Protocol{
		Name:      "lengthprefixed",
		Transport: sensor.ProtoTCP,
		Probe:     probe,
		NewStream: func() sensor.StreamParser { return &parser{cfg: c} },
		MaxBuffer: 9 + c.MaxBody,
	}
}

// probe needs the five bytes of a marker.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	n := min(len(data), markerSize)
	switch {
	case !bytes.HasPrefix(marker2, data[:n]) && !bytes.HasPrefix(marker4, data[:n]):
		return sensor.No
	case n < markerSize:
		return sensor.Unsure
	}
	return sensor.Match
}
