package ntp

import (
	"strconv"
	"time"

	"flowscope/sensor"
)

// The kinds of message.
const (
	KindRequest    = "request"
	KindResponse   = "response"
	KindActive     = "symmetric_active"
	KindPassive    = "symmetric_passive"
	KindBroadcast  = "broadcast"
	KindControl    = "control"
	KindPrivate    = "private"
	KindUnanswered = "unanswered" // a request, said again because nothing answered it
)

// Message is an NTP message. It is lent, with all that it points to, and valid
// until emit returns.
type Message struct {
	Kind    string `json:"type"`
	Version uint8  `json:"version"`
	Mode    uint8  `json:"mode"`

	// Leap is the leap indicator: 1 and 2 announce a leap second, 3 says that the
	// clock is not synchronised.
	Leap    uint8 `json:"leap,omitempty"`
	Stratum uint8 `json:"stratum,omitempty"` // distance to a clock; 0 in a kiss and in most requests, 16 is not synchronised
	Poll    int8  `json:"poll,omitempty"`    // log2 of the seconds between messages
	// Precision is log2 of the seconds of the clock's resolution.
	Precision      int8          `json:"precision,omitempty"`
	RootDelay      time.Duration `json:"root_delay,omitempty"`
	RootDispersion time.Duration `json:"root_dispersion,omitempty"`
	// RefID is what the server is synchronised to: letters for stratum 1, else an
	// IPv4 address in dotted form, which for IPv6 is a part of a digest.
	RefID []byte `json:"ref_id,omitempty"`
	// Kiss is the code of a kiss of death: why a server does not tell the time.
	Kiss []byte `json:"kiss,omitempty"`

	// The times that a server or peer tells, with the time of the packet as a hint
	// to the era. A zero time stamp means that it is not known.
	Reference sensor.Timestamp `json:"reference_time,omitzero"` // clock set
	Receive   sensor.Timestamp `json:"receive_time,omitzero"`   // request received
	Transmit  sensor.Timestamp `json:"transmit_time,omitzero"`  // this message sent

	KeyID      uint32   `json:"key_id,omitempty"`     // of the key of the MAC, if there is one
	MACBytes   int      `json:"mac_bytes,omitempty"`  // of the digest
	CryptoNAK  bool     `json:"crypto_nak,omitempty"` // an answer to a MAC that is wrong
	Extensions []uint16 `json:"extensions,omitempty"` // types of the extension fields, the first 16
	NTS        bool     `json:"nts,omitempty"`        // authenticated by Network Time Security (RFC 8915)
	Opcode     uint8    `json:"opcode,omitempty"`     // control: the operation; private: the request code (42 and 20 list all clients)
	Response   bool     `json:"response,omitempty"`   // control and private: this is an answer
	Failed     bool     `json:"failed,omitempty"`     // control and private: the answer is an error
	More       bool     `json:"more,omitempty"`       // control and private: of several datagrams, not the last
	Sequence   uint16   `json:"sequence,omitempty"`   // control and private
	DataBytes  int      `json:"data_bytes,omitempty"` // control and private

	// RTT is the time from the request to this response; 0 where there is none.
	RTT         time.Duration `json:"rtt,omitempty"`
	Unsolicited bool          `json:"unsolicited,omitempty"` // a response without a request
	Repeated    bool          `json:"repeated,omitempty"`    // seen before in this flow
	// Sent is when an unanswered request was sent.
	Sent sensor.Timestamp `json:"sent,omitzero"`

	transmit, origin uint64 // as on the wire
	refText          [16]byte
	list             [maxExtensions]uint16
}

// Headline says what the message is in a few words.
func (m *Message) Headline() string {
	text := m.Kind + " v" + strconv.Itoa(int(m.Version))
	switch {
	case len(m.Kiss) > 0:
		return text + " kiss " + string(m.Kiss)
	case m.Kind == KindControl || m.Kind == KindPrivate:
		return text + " operation " + strconv.Itoa(int(m.Opcode))
	case m.Stratum > 0:
		text += " stratum " + strconv.Itoa(int(m.Stratum))
		if len(m.RefID) > 0 {
			text += " " + string(m.RefID)
		}
	}
	return text
}

// Error is why a datagram is refused.
type Error struct {
	Offset int    // in the datagram
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "ntp: at offset " + strconv.Itoa(e.Offset) + ": " + e.Reason
}
