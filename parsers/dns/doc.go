// Package dns parses DNS messages over UDP and TCP, multicast DNS and LLMNR. It
// is not a resolver and not a validator: it says what was on the wire.
//
// # What is emitted
//
// A [*Message] for each DNS message, when it is seen: of Kind "query", or
// "response". A response that answers a query of its flow, by id and question,
// has the time since that query in RTT; one that answers none is Unsolicited.
// What comes a second time is Repeated. A query that nobody answered is said
// again, as Kind "unanswered", when the flow ends, when [QueryTimeout] has passed
// and the next message comes, or when more than [MaxPending] queries of the flow
// wait (Overflow). A query that is repeated keeps the time of the first.
//
// Multicast DNS and LLMNR are parsed as DNS is, but queries and responses are
// not paired, because they travel in different flows.
//
// # Text
//
// Names are as on the wire, without the dot at the end; the root is ".". Bytes
// that are no printable ASCII are written as \DDD, dots and backslashes within a
// label with a backslash before them (RFC 1035, 5.1; RFC 4343, 2.1). The data of
// a record is written as in a zone file; types that the package does not know
// as \# LENGTH HEX (RFC 3597).
//
// # What is refused
//
// A message that breaks the format is an [*Error] with its offset, and nothing of
// it is reported as true. A message that was cut by the capture is reported as
// far as it goes, with Missing bytes. Compression pointers must point backwards,
// at most 20 in a row; a name has at most 255 octets. Of a message's records the
// first 64 are kept, as long as their text stays below 64 KiB; the others are
// counted in Omitted. The work is linear in the length of the message.
package dns
