// Package dhcp parses DHCP for IPv4, and BOOTP with the options of DHCP (RFC 2131,
// RFC 2132). It is not DHCPv6, and it keeps no leases: it says what was on the wire.
//
// # What is emitted
//
// A [*Message] for each datagram, of the kind that its option 53 says: "discover",
// "offer", "request", "ack" and so on; "boot_request" or "boot_reply" where there is
// none. A reply to a request of the same flow, by transaction and hardware address,
// has the time since that request in RTT.
//
// # Flows of one direction
//
// A client without an address is answered in another flow than that of its
// broadcast. A parser sees one flow, so those two are not paired: a client that
// renews its lease is, and a relay. They can be joined by xid and hardware
// afterwards.
//
// A request without a reply is said again as [KindUnanswered] when the flow ends, if
// both sides spoke in it: then it is none of broadcasts, and the reply would have
// come in it. That replies are unsolicited is not said.
//
// # Text
//
// Hardware addresses and client identifiers are in colon notation, names and
// messages the bytes on the wire. Options that come in pieces are put together
// (RFC 3396), and those in the fields of the boot file and the server's name are
// read (option overload). Options that the package does not know are listed by
// number; Options and Parameters, in the order of the wire, tell clients apart.
//
// # What is refused
//
// A datagram that breaks the format is an [*Error] with its offset, and nothing of
// it is reported. An option of a length that it cannot have is left out, and the
// message is Malformed. A datagram that was cut by the capture is not reported.
// Lists hold their first 64 values, an option its first 1024 bytes; Truncated says that
// there was more. The work is linear in the length of the datagram.
package dhcp
