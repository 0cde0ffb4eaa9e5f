// Package ntp parses NTP, versions 1 to 4, with its control and private messages
// (RFC 5905, RFC 1305, RFC 9327). It is not a clock: it does not say who is right.
//
// # What is emitted
//
// A [*Message] for each datagram: of Kind "request" and "response" for a client
// and its server, "symmetric_active", "symmetric_passive", "broadcast", "control"
// or "private". A response that answers a request of its flow, by the time stamp
// that it gives back, has the time since that request in RTT; one that answers
// none is Unsolicited, as what is forged is. What comes a second time is Repeated.
// A request that nobody answered is said again, as Kind "unanswered", when the flow
// ends, when 30 s have passed and the next message comes, or when more than 16
// requests of the flow wait.
//
// The times that a server tells are told as they are; a time stamp has 32 bits of
// seconds, so that of the times it can mean the one next to the packet's is taken.
// Those of a client are not told: clients fill them with random bits.
//
// # What is refused
//
// A datagram whose length or mode makes no sense is an [*Error], and nothing of it
// is reported. One that was cut by the capture is not reported either. Of extension
// fields the first 16 types are told; no content is. The work is linear in the
// length of the datagram, and nothing is allocated but a flow's requests.
package ntp
