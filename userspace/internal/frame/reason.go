package frame

// Reason says what became of a frame.
type Reason uint8

// The reasons. Every frame is booked under exactly one of them at any time.
const (
	Accounted          Reason = iota // it gave a record
	Filtered                         // the capture filter rejected it
	ARP                              // ARP or RARP
	NonIP                            // a known link header that announces something else than IP
	UnsupportedLink                  // a link type that is not understood
	TruncatedLink                    // what was captured ends in the link headers
	MalformedLink                    // the frame ends in the link headers, or they contradict themselves
	TooManyHeaders                   // more headers around the IP packet than are walked
	TruncatedIP                      // what was captured ends in the fixed IP header
	MalformedIP                      // no IP version, or lengths that contradict each other
	FragmentsHeld                    // held until its flow, or the inner packet, is known
	FragmentUntied                   // the first fragment of its datagram never came
	FragmentIncomplete               // fragment of a tunnel datagram that never became complete
	FragmentLimit                    // given up because a cap of the fragment table was reached
	FragmentMalformed                // empty, not a multiple of 8, or behind the longest datagram
	TunnelFragment                   // fragment of a tunnel datagram whose inner packet came with another frame
	Encapsulation                    // of ip_bytes only: what surrounded the accounted inner packets

	reasons
)

var reasonNames = [reasons]string{
	Accounted:          "accounted",
	Filtered:           "filtered",
	ARP:                "arp",
	NonIP:              "non_ip",
	UnsupportedLink:    "unsupported_link",
	TruncatedLink:      "truncated_link",
	MalformedLink:      "malformed_link",
	TooManyHeaders:     "too_many_headers",
	TruncatedIP:        "truncated_ip",
	MalformedIP:        "malformed_ip",
	FragmentsHeld:      "fragments_held",
	FragmentUntied:     "fragment_untied",
	FragmentIncomplete: "fragment_incomplete",
	FragmentLimit:      "fragment_limit",
	FragmentMalformed:  "fragment_malformed",
	TunnelFragment:     "tunnel_fragment",
	Encapsulation:      "encapsulation",
}

// String returns the name of the reason as it is in the ledger.
func (r Reason) String() string {
	if r < reasons {
		return reasonNames[r]
	}
	return "unknown"
}
