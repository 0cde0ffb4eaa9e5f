package smtp

import (
	"strconv"
	"time"

	"flowscope/sensor"
)

// The kinds of message.
const (
	KindGreeting = "greeting"
	KindCommand  = "command"
	KindMail     = "mail"
	// KindUnanswered is a command, said again because its flow ended without a
	// reply.
	KindUnanswered = "unanswered"
)

// What is known of the command that a reply belongs to, if in doubt.
const (
	PairingNone    = "none"    // it was not seen
	PairingAssumed = "assumed" // it is the next in order, but one may be missing
)

// Status is a server's reply.
type Status struct {
	Status   int    `json:"status"`             // 250, 354, …
	Enhanced []byte `json:"enhanced,omitempty"` // RFC 3463: 2.1.5
	// Text is the first line's text, its first 256 bytes.
	Text []byte `json:"text,omitempty"`
}

// Greeting is what a server begins with. It is lent, with all that it points to,
// and valid until emit returns; so are the other messages.
type Greeting struct {
	Kind string `json:"type"`
	Status
	Host []byte `json:"host,omitempty"` // as the server names itself
}

// Headline is the text of the greeting.
func (m *Greeting) Headline() string { return strconv.Itoa(m.Status.Status) + " " + string(m.Text) }

// About is the name of the server.
func (m *Greeting) About() string { return string(m.Host) }

// Command is a command and its reply.
type Command struct {
	Kind string `json:"type"`
	// Verb is the command, in capitals; "other" if it is not known, nothing if it
	// was not seen.
	Verb string `json:"verb,omitempty"`
	// Name is how the client names itself, by EHLO and its kin.
	Name []byte `json:"name,omitempty"`
	// Address is that of MAIL, RCPT, VRFY and EXPN; a bounce has none.
	Address []byte `json:"address,omitempty"`
	// Mechanism is that of AUTH; "other" if it is not known.
	Mechanism string `json:"mechanism,omitempty"`
	Bytes     int64  `json:"bytes,omitempty"`           // of a chunk
	Announced int64  `json:"announced_bytes,omitempty"` // that MAIL announces (RFC 1870)
	Last      bool   `json:"last,omitempty"`            // BDAT: the last chunk
	Truncated bool   `json:"truncated,omitempty"`       // of the argument, or the capabilities, not all is shown
	Status
	// Capabilities are those of a server (RFC 5321, 4.1.1.1), each with its
	// parameters.
	Capabilities [][]byte `json:"capabilities,omitempty"`
	Lines        int      `json:"lines,omitempty"`   // of the reply, if there are several
	Missing      int64    `json:"missing,omitempty"` // bytes of the chunk that were not captured
	Pairing      string   `json:"pairing,omitempty"` // says that the command is not known for certain
	// RTT is the time since the command, for AUTH with all that was said on the
	// way, for BDAT since the end of the chunk.
	RTT time.Duration `json:"rtt,omitempty"`
}

// Headline is the command and the status.
func (m *Command) Headline() string {
	text := m.Verb
	for _, more := range []string{string(m.Name), string(m.Address), m.Mechanism} {
		if more != "" {
			text += " " + more
		}
	}
	return text + " " + strconv.Itoa(m.Status.Status)
}

// Unanswered is a command to which no reply came, or DATA or BDAT if no reply came
// to what was sent by it.
type Unanswered struct {
	Kind      string           `json:"type"`
	Verb      string           `json:"verb"`
	Name      []byte           `json:"name,omitempty"`
	Address   []byte           `json:"address,omitempty"`
	Mechanism string           `json:"mechanism,omitempty"`
	Sent      sensor.Timestamp `json:"sent"` // when the command was; of BDAT, its chunk
}

// Headline is the command.
func (m *Unanswered) Headline() string {
	text := "unanswered " + m.Verb
	for _, more := range []string{string(m.Name), string(m.Address), m.Mechanism} {
		if more != "" {
			text += " " + more
		}
	}
	return text
}

// Mail is a message that was sent.
type Mail struct {
	Kind string   `json:"type"`
	Helo []byte   `json:"helo,omitempty"` // how the client named itself
	From []byte   `json:"from"`           // the sender; nothing for a bounce
	To   [][]byte `json:"to,omitempty"`   // recipients that were accepted; the first 64
	// Recipients and Rejected count all recipients.
	Recipients int   `json:"recipients"`
	Rejected   int   `json:"rejected,omitempty"`
	Announced  int64 `json:"announced_bytes,omitempty"` // that MAIL announced
	// Bytes is the size of the message, without what DATA adds; with those that
	// were not captured, as far as they are known.
	Bytes  int64 `json:"bytes"`
	Chunks int   `json:"chunks,omitempty"` // sent by BDAT, in so many
	Status
	Missing int64 `json:"missing,omitempty"` // bytes that were not captured
	// Incomplete says that the answer came before the end, which Bytes does not
	// reach.
	Incomplete bool `json:"incomplete,omitempty"`
	// Ambiguous says that servers may disagree on where the message ends.
	Ambiguous bool   `json:"ambiguous,omitempty"`
	Pairing   string `json:"pairing,omitempty"` // says that commands may be missing
	// RTT is the time since the end of the message.
	RTT time.Duration `json:"rtt,omitempty"`
}

// Headline is the envelope and the status.
func (m *Mail) Headline() string {
	text := "<" + string(m.From) + "> to "
	for i, to := range m.To {
		if i > 0 {
			text += ", "
		}
		text += "<" + string(to) + ">"
	}
	return text + " " + strconv.FormatInt(m.Bytes, 10) + " bytes " + strconv.Itoa(m.Status.Status)
}

// Error is why a stream is no SMTP, or not understood.
type Error struct {
	Offset int64  // in the side's stream
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "smtp: at offset " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
}
