package dhcpv6

import (
	"net/netip"
	"strconv"
	"time"

	"flowscope/sensor"
)

// KindUnanswered is a request, said again because no reply came.
const KindUnanswered = "unanswered"

// Numbers of messages that are more than a name here (RFC 8415, 7.3).
const (
	typeReconfigure  = 10
	typeRelayForward = 12
	typeRelayReply   = 13
	typeV4Query      = 20 // RFC 7341: flags in place of the transaction
	typeV4Response   = 21
)

// kinds are the message types (IANA, DHCPv6 Message Types).
var kinds = [...]string{
	1: "solicit", "advertise", "request", "confirm", "renew", "rebind", "reply", "release", "decline", "reconfigure",
	"information_request", "relay_forward", "relay_reply", "lease_query", "lease_query_reply", "lease_query_done",
	"lease_query_data", "reconfigure_request", "reconfigure_reply", "dhcpv4_query", "dhcpv4_response",
	"active_lease_query", "start_tls",
	36: "addr_reg_inform", "addr_reg_reply",
}

// answers says which types answer a type (RFC 8415, 16; RFC 5007; RFC 6977; RFC 9686).
var answers = [len(kinds)][2]byte{
	1: {2, 7}, 3: {7}, 4: {7}, 5: {7}, 6: {7}, 8: {7}, 9: {7}, 11: {7}, 14: {15}, 18: {19}, 36: {37},
}

// statuses are the status codes (IANA, DHCPv6 Status Codes).
var statuses = [...]string{
	"Success", "UnspecFail", "NoAddrsAvail", "NoBinding", "NotOnLink", "UseMulticast", "NoPrefixAvail", "UnknownQueryType",
	"MalformedQuery", "NotConfigured", "NotAllowed", "QueryTerminated", "DataMissing", "CatchUpComplete", "NotSupported",
	"TLSConnectionRefused", "AddressInUse", "ConfigurationConflict", "MissingBindingInformation", "OutdatedBindingInformation",
	"ServerShuttingDown", "DNSUpdateNotSupported", "ExcessiveTimeSkew",
}

// Message is a DHCPv6 message. It is lent, with all that it points to, and valid
// until emit returns.
type Message struct {
	Kind string `json:"type"`
	XID  uint32 `json:"xid,omitempty"` // 24 bits
	// Request is the kind of a request that is said again as unanswered.
	Request string `json:"request,omitempty"`

	ClientID []byte `json:"client_id,omitempty"` // DUID
	ServerID []byte `json:"server_id,omitempty"` // DUID
	Hardware []byte `json:"hardware,omitempty"`  // of the client
	FQDN     []byte `json:"fqdn,omitempty"`      // the name that the client has or gets in DNS

	Associations []Association `json:"associations,omitempty"`
	Status       string        `json:"status,omitempty"` // "Success", "NoAddrsAvail", …; others by number
	Text         []byte        `json:"text,omitempty"`

	Elapsed     time.Duration `json:"elapsed,omitempty"`      // that the client says it has been trying
	RapidCommit bool          `json:"rapid_commit,omitempty"` // two messages are enough
	Preference  uint8         `json:"preference,omitempty"`   // of the server
	Unicast     netip.Addr    `json:"unicast_addr,omitzero"`  // of the server, for requests that are not multicast
	Reconfigure string        `json:"reconfigure,omitempty"`  // kind of the request that a server wants of the client
	Refresh     time.Duration `json:"refresh,omitempty"`      // until the information is to be asked for again

	DNS           []netip.Addr `json:"dns_servers,omitempty"`
	NTP           []netip.Addr `json:"ntp_servers,omitempty"`
	Search        [][]byte     `json:"domain_search,omitempty"`
	BootFile      []byte       `json:"boot_file,omitempty"` // URL
	VendorClass   []byte       `json:"vendor_class,omitempty"`
	VendorClassID uint32       `json:"vendor_class_enterprise,omitempty"` // whose VendorClass it is (IANA)
	UserClass     []byte       `json:"user_class,omitempty"`

	Relays []Relay `json:"relays,omitempty"` // nearest to the server first

	Parameters []uint16 `json:"parameters,omitempty"` // options that the client asks for
	Options    []uint16 `json:"options,omitempty"`    // options of the message

	// RTT is the time from the request to this reply; 0 where that is not in this
	// flow.
	RTT       time.Duration    `json:"rtt,omitempty"`
	Sent      sensor.Timestamp `json:"sent,omitzero"`       // when an unanswered request was sent
	Repeated  bool             `json:"repeated,omitempty"`  // a request seen before in this flow
	Malformed bool             `json:"malformed,omitempty"` // an option has a length that it cannot have
	Truncated bool             `json:"truncated,omitempty"` // a list is longer than is shown
}

// Association is what a client has or gets of one kind (RFC 8415, 4.2).
type Association struct {
	Kind      string        `json:"type"` // "na" (addresses), "ta" (temporary addresses) or "pd" (prefixes)
	IAID      uint32        `json:"iaid"`
	Renewal   time.Duration `json:"renewal,omitempty"`   // T1
	Rebinding time.Duration `json:"rebinding,omitempty"` // T2
	Leases    []Lease       `json:"leases,omitempty"`
	Status    string        `json:"status,omitempty"`
}

// Lease is an address or a prefix.
type Lease struct {
	Addr         netip.Addr    `json:"addr,omitzero"`
	PrefixLength uint8         `json:"prefix_length,omitempty"` // of a prefix
	Preferred    time.Duration `json:"preferred,omitempty"`     // lifetime
	Valid        time.Duration `json:"valid,omitempty"`         // lifetime
	Status       string        `json:"status,omitempty"`
}

// Relay is a relay on the way of a message.
type Relay struct {
	Hops        uint8      `json:"hops,omitempty"`     // relays before it
	Link        netip.Addr `json:"link_addr,omitzero"` // of the link that the client is on
	Peer        netip.Addr `json:"peer_addr"`          // of the client or the relay that it has the message from
	InterfaceID []byte     `json:"interface_id,omitempty"`
	RemoteID    []byte     `json:"remote_id,omitempty"` // hexadecimal
	Enterprise  uint32     `json:"remote_id_enterprise,omitempty"`
}

// Headline says what the message is in a few words.
func (m *Message) Headline() string {
	text := m.Kind
	if m.Request != "" {
		text += " " + m.Request
	}
	for _, a := range m.Associations {
		for _, l := range a.Leases {
			text += " " + l.Addr.String()
			if l.PrefixLength > 0 {
				text += "/" + strconv.Itoa(int(l.PrefixLength))
			}
		}
	}
	if id := m.Hardware; len(id) > 0 {
		text += " " + string(id)
	} else if len(m.ClientID) > 0 {
		text += " " + string(m.ClientID)
	}
	if len(m.FQDN) > 0 {
		text += " " + string(m.FQDN)
	}
	return text
}

// About implements sensor.Subject: the name that the client has.
func (m *Message) About() string { return string(m.FQDN) }

// AboutBytes implements sensor.SubjectBytes.
func (m *Message) AboutBytes() []byte { return m.FQDN }

// Error is why a datagram is refused.
type Error struct {
	Offset int    // in the datagram
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "dhcpv6: at offset " + strconv.Itoa(e.Offset) + ": " + e.Reason
}
