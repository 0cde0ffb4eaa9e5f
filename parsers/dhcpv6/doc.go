// Package dhcpv6 parses DHCP for IPv6 (RFC 8415), from clients and from relays. It
// is not DHCP for IPv4, which is package dhcp, and it keeps no leases: it says what
// was on the wire.
//
// # What is emitted
//
// A [*Message] for each datagram, of the kind of its message: "solicit",
// "advertise", "request", "reply" and so on. What a relay carries is told as the
// message inside, with the relays that it passed in Relays; a relay's message with
// nothing inside that can be read is "relay_forward" or "relay_reply". A reply to a
// request of the same flow, by transaction, client and relay, has the time since that
// request in RTT.
//
// # Flows of one direction
//
// A client asks a multicast group and is answered from another address, so that the
// two directions are two flows; those are not paired, as a parser sees one flow.
// They can be joined by xid and client_id afterwards. Relays, leases that are renewed
// by unicast (option 12) and queries of leases are paired.
//
// A request without a reply is said again as [KindUnanswered] when the flow ends, if
// both sides spoke in it: then it is no flow to a group, and the reply would have
// come in it. That replies are Unsolicited is not said.
//
// # Text
//
// Clients and servers are named by their DUIDs, in colon notation. Hardware is the
// address that a relay tells (RFC 6939), else the one in the client's DUID. Names are
// without the dot at the end. Lifetimes of 4294967295 s are infinite. Options and
// Parameters, in the order of the wire, tell clients apart; numbers are IANA's.
//
// # What is refused
//
// A datagram that breaks the format is an [*Error] with its offset, and nothing of it
// is reported. An option of a length that it cannot have is left out, and the message
// is Malformed. A datagram that was cut by the capture is not reported. Lists hold their
// first 64 values, relays are followed 8 deep (HOP_COUNT_LIMIT, RFC 8415, 7.6); Truncated
// says that there was more. The work is linear in the length of the datagram.
package dhcpv6
