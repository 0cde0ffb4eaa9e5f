package redis

import (
	"strconv"
	"time"

	"flowscope/sensor"
)

// The kinds of message.
const (
	KindCommand = "command"
	KindReply   = "reply"
	KindPush    = "push"
	// KindUnanswered is a command, said again because its flow ended without a
	// reply.
	KindUnanswered = "unanswered"
)

// What is known of the command that a reply belongs to, if in doubt.
const (
	PairingNone      = "none"      // it was not seen
	PairingAssumed   = "assumed"   // it is the next in order, but one may be missing
	PairingForgotten = "forgotten" // too many commands were waiting
)

// The types of a reply. Booleans, numbers and the like of RESP3 have their own.
const (
	TypeSimple    = "simple"
	TypeError     = "error"
	TypeInteger   = "integer"
	TypeBulk      = "bulk"
	TypeArray     = "array"
	TypeNull      = "null"
	TypeBool      = "bool"
	TypeDouble    = "double"
	TypeBigNumber = "big_number"
	TypeVerbatim  = "verbatim"
	TypeMap       = "map"
	TypeSet       = "set"
	TypePush      = "push" // RESP3: the reply to SUBSCRIBE and its kin
)

// Command is a command of a client. It is lent, with all that it points to, and
// valid until emit returns; so are the other messages.
type Command struct {
	Kind       string `json:"type"`
	Name       []byte `json:"command"`              // in capitals; "other" if it is not known
	Subcommand string `json:"subcommand,omitempty"` // of CONFIG, CLIENT and the like, in capitals
	Key        []byte `json:"key,omitempty"`        // its first 128 bytes
	Truncated  bool   `json:"truncated,omitempty"`
	Args       int64  `json:"args"`               // number of arguments, without the name
	Bytes      int64  `json:"bytes"`              // of all arguments
	Inline     bool   `json:"inline,omitempty"`   // sent as a line
	InMulti    bool   `json:"in_multi,omitempty"` // sent between MULTI and EXEC
	Missing    int64  `json:"missing,omitempty"`  // bytes of arguments that were not captured
}

// Headline is the command and its key.
func (m *Command) Headline() string { return headline(m.Name, m.Subcommand, m.Key) }

func headline(command []byte, sub string, key []byte) string {
	name := string(command)
	if sub != "" {
		name += " " + sub
	}
	if len(key) > 0 {
		name += " " + string(key)
	}
	return name
}

// Reply is what a server answers.
type Reply struct {
	Kind       string `json:"type"`
	Type       string `json:"reply"`             // "simple", "error", "bulk", "array", …
	Name       []byte `json:"command,omitempty"` // of the command
	Subcommand string `json:"subcommand,omitempty"`
	Key        []byte `json:"key,omitempty"`
	// Bytes is the size of what is in it: of strings, numbers and errors, at all
	// depths.
	Bytes    int64 `json:"bytes"`
	Elements int64 `json:"elements,omitempty"` // of an array or set at its top; of a map, keys and values
	// Error is the code of an error, such as WRONGTYPE.
	Error []byte `json:"error,omitempty"`
	// Text is the text of an error, as far as it repeats nothing of the command.
	Text    []byte `json:"text,omitempty"`
	Errors  int64  `json:"errors,omitempty"`  // errors within an array, such as the reply to EXEC
	Queued  bool   `json:"queued,omitempty"`  // the command waits for EXEC
	Missing int64  `json:"missing,omitempty"` // bytes that were not captured
	// Pairing says that the command is not known for certain.
	Pairing string `json:"pairing,omitempty"`
	// RTT is the time since the command; 0 if it is not known.
	RTT time.Duration `json:"rtt,omitempty"`
}

// Headline is the command and the type of the reply.
func (m *Reply) Headline() string {
	text := headline(m.Name, m.Subcommand, m.Key) + " → " + m.Type
	if len(m.Error) > 0 {
		text += " " + string(m.Error)
	}
	return text
}

// Unanswered is a command to which no reply came.
type Unanswered struct {
	Kind       string           `json:"type"`
	Name       []byte           `json:"command"`
	Subcommand string           `json:"subcommand,omitempty"`
	Key        []byte           `json:"key,omitempty"`
	Sent       sensor.Timestamp `json:"sent"` // when the command was
}

// Headline is the command and its key.
func (m *Unanswered) Headline() string { return "unanswered " + headline(m.Name, m.Subcommand, m.Key) }

// Push is what a server sends unasked.
type Push struct {
	Kind string `json:"type"`
	// Name is what it calls itself: "message", "pmessage", "invalidate";
	// "monitor" for a line of MONITOR.
	Name     []byte `json:"push"`
	Channel  []byte `json:"channel,omitempty"` // of a message; of a pmessage the pattern
	Bytes    int64  `json:"bytes"`
	Elements int64  `json:"elements,omitempty"`
	Missing  int64  `json:"missing,omitempty"`
}

// Headline is the name and the channel.
func (m *Push) Headline() string { return headline(m.Name, "", m.Channel) }

// Error is why a stream is no RESP, or not understood.
type Error struct {
	Offset int64  // in the side's stream
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "redis: at offset " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
}
