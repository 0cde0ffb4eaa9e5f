package dns

import (
	"net/netip"
	"strconv"
	"time"

	"flowscope/sensor"
)

// MaxRecords is how many questions and records of a message are kept.
const MaxRecords = 64

// The kinds of message.
const (
	KindQuery      = "query"
	KindResponse   = "response"
	KindUnanswered = "unanswered" // a query, said again because nothing answered it
)

// Message is a DNS message. It is lent, with all that it points to, and valid
// until emit returns.
type Message struct {
	Kind   string `json:"type"`
	ID     uint16 `json:"id"`
	Opcode Opcode `json:"opcode,omitzero"`
	// RCode is the name of the response code, with the bits that EDNS adds;
	// empty in queries.
	RCode string `json:"rcode,omitempty"`

	// The first question. Name is empty if there is none.
	Name  []byte `json:"rrname,omitempty"`
	Type  Type   `json:"rrtype,omitzero"`
	Class Class  `json:"rrclass,omitzero"`
	// Questions are all questions, where there are more than one or it has a flag.
	Questions []Question `json:"queries,omitempty"`

	Authoritative      bool `json:"aa,omitempty"`
	Truncated          bool `json:"tc,omitempty"`
	RecursionDesired   bool `json:"rd,omitempty"`
	RecursionAvailable bool `json:"ra,omitempty"`
	Reserved           bool `json:"z,omitempty"`
	AuthenticData      bool `json:"ad,omitempty"`
	CheckingDisabled   bool `json:"cd,omitempty"`

	Answers     []Record `json:"answers,omitempty"`
	Authorities []Record `json:"authorities,omitempty"`
	Additionals []Record `json:"additionals,omitempty"` // without OPT, which is EDNS
	EDNS        *EDNS    `json:"edns,omitempty"`

	// RTT is the time from the query to this response; 0 where there is none.
	RTT         time.Duration `json:"rtt,omitempty"`
	Unsolicited bool          `json:"unsolicited,omitempty"` // a response without a query
	Repeated    bool          `json:"repeated,omitempty"`    // seen before in this flow
	Overflow    bool          `json:"overflow,omitempty"`    // unanswered: it had to leave before its time
	// Sent is when an unanswered query was sent.
	Sent sensor.Timestamp `json:"sent,omitzero"`

	Omitted  int `json:"omitted,omitempty"`        // questions and records not kept
	Trailing int `json:"trailing_bytes,omitempty"` // behind the last record
	Missing  int `json:"missing,omitempty"`        // bytes of the message that were not captured
}

// Question is what is asked for.
type Question struct {
	Name  []byte `json:"rrname"`
	Type  Type   `json:"rrtype"`
	Class Class  `json:"rrclass,omitzero"`
	// Unicast is the top bit of the class in multicast DNS: answer to me alone
	// (RFC 6762, 5.4).
	Unicast bool `json:"unicast,omitempty"`
}

// Record is a resource record.
type Record struct {
	Name  []byte `json:"rrname"`
	Type  Type   `json:"rrtype"`
	Class Class  `json:"rrclass,omitzero"`
	TTL   uint32 `json:"ttl"`
	// Flush is the top bit of the class in multicast DNS: forget what you knew
	// (RFC 6762, 10.2).
	Flush     bool   `json:"flush,omitempty"`
	Data      []byte `json:"rdata"`               // as text
	Truncated bool   `json:"truncated,omitempty"` // Data is not all of it
	// Addr is the address of an A or AAAA record.
	Addr netip.Addr `json:"-"`
}

// EDNS is the OPT pseudo-record (RFC 6891).
type EDNS struct {
	Version  uint8    `json:"version,omitempty"`
	UDPSize  uint16   `json:"udp_size"`
	DNSSECOK bool     `json:"do,omitempty"`
	Options  []Option `json:"options,omitempty"`
	// Subnet is the client's network (RFC 7871), if the option is well formed.
	Subnet netip.Prefix `json:"client_subnet,omitzero"`
	Scope  uint8        `json:"scope,omitempty"` // prefix length that the answer is good for
}

// Option is an option of EDNS.
type Option struct {
	Code  OptionCode `json:"code"`
	Bytes int        `json:"bytes"`
	Data  []byte     `json:"data,omitempty"` // as text, of the options that are known
}

// Error is why a message is refused.
type Error struct {
	Offset int    // in the message
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "dns: at offset " + strconv.Itoa(e.Offset) + ": " + e.Reason
}
