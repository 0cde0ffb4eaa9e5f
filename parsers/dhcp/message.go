package dhcp

import (
	"net/netip"
	"strconv"
	"time"

	"flowscope/sensor"
)

// The kinds of message without option 53.
const (
	KindBootRequest = "boot_request"
	KindBootReply   = "boot_reply"
	// KindUnanswered is a request, said again because no reply came.
	KindUnanswered = "unanswered"
)

// kinds are the message types (IANA, DHCP Message Type 53 Values).
var kinds = [...]string{
	1: "discover", "offer", "request", "decline", "ack", "nak", "release", "inform", "force_renew",
	"lease_query", "lease_unassigned", "lease_unknown", "lease_active", "bulk_lease_query", "lease_query_done",
	"active_lease_query", "lease_query_status", "tls",
}

// Message is a DHCP message. It is lent, with all that it points to, and valid
// until emit returns.
type Message struct {
	Kind string `json:"type"`
	XID  uint32 `json:"xid"`
	// Request is the kind of a request that is said again as unanswered.
	Request string `json:"request,omitempty"`
	// Hardware is the client's hardware address.
	Hardware  []byte        `json:"hardware,omitempty"`
	Hops      uint8         `json:"hops,omitempty"`      // relays on the way
	Elapsed   time.Duration `json:"elapsed,omitempty"`   // that the client says it has been trying
	Broadcast bool          `json:"broadcast,omitempty"` // the client wants the reply to be a broadcast

	Client     netip.Addr `json:"client_addr,omitzero"` // that the client has
	Your       netip.Addr `json:"your_addr,omitzero"`   // that the server gives
	Next       netip.Addr `json:"next_addr,omitzero"`   // of the server to boot from
	Relay      netip.Addr `json:"relay_addr,omitzero"`
	ServerName []byte     `json:"server_name,omitempty"`
	File       []byte     `json:"file,omitempty"` // to boot

	HostName    []byte     `json:"host_name,omitempty"`
	FQDN        []byte     `json:"fqdn,omitempty"` // the name that the client has or gets in DNS
	ClientID    []byte     `json:"client_id,omitempty"`
	VendorClass []byte     `json:"vendor_class,omitempty"`
	UserClass   []byte     `json:"user_class,omitempty"`
	Requested   netip.Addr `json:"requested_addr,omitzero"`
	Server      netip.Addr `json:"server_addr,omitzero"` // that the client chose, or that answers
	Text        []byte     `json:"text,omitempty"`       // for people, why a server or client refuses

	Lease     time.Duration `json:"lease,omitempty"`
	Renewal   time.Duration `json:"renewal,omitempty"`
	Rebinding time.Duration `json:"rebinding,omitempty"`
	Mask      netip.Addr    `json:"subnet_mask,omitzero"`
	Routers   []netip.Addr  `json:"routers,omitempty"`
	DNS       []netip.Addr  `json:"dns_servers,omitempty"`
	NTP       []netip.Addr  `json:"ntp_servers,omitempty"`
	Domain    []byte        `json:"domain,omitempty"`
	MaxSize   uint16        `json:"max_size,omitempty"`

	CircuitID []byte `json:"circuit_id,omitempty"` // of the relay (RFC 3046), hexadecimal
	RemoteID  []byte `json:"remote_id,omitempty"`  // of the relay, hexadecimal

	Parameters []uint16 `json:"parameters,omitempty"` // options that the client asks for
	Options    []uint16 `json:"options,omitempty"`    // options of the message

	// RTT is the time from the request to this reply; 0 where that is not in this
	// flow.
	RTT       time.Duration    `json:"rtt,omitempty"`
	Sent      sensor.Timestamp `json:"sent,omitzero"`       // when an unanswered request was sent
	Repeated  bool             `json:"repeated,omitempty"`  // a request seen before in this flow
	Malformed bool             `json:"malformed,omitempty"` // an option has a length that it cannot have
	Truncated bool             `json:"truncated,omitempty"` // a list or an option is longer than is shown
}

// Headline says what the message is in a few words.
func (m *Message) Headline() string {
	text := m.Kind
	if m.Request != "" {
		text += " " + m.Request
	}
	switch {
	case m.Your.IsValid():
		text += " " + m.Your.String()
	case m.Requested.IsValid():
		text += " " + m.Requested.String()
	case m.Client.IsValid():
		text += " " + m.Client.String()
	}
	if len(m.Hardware) > 0 {
		text += " " + string(m.Hardware)
	}
	if len(m.HostName) > 0 {
		text += " " + string(m.HostName)
	}
	return text
}

// About implements sensor.Subject: the name that the client has.
func (m *Message) About() string {
	if len(m.HostName) > 0 {
		return string(m.HostName)
	}
	return string(m.FQDN)
}

// Error is why a datagram is refused.
type Error struct {
	Offset int    // in the datagram
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "dhcp: at offset " + strconv.Itoa(e.Offset) + ": " + e.Reason
}
