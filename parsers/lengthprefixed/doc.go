// Package lengthprefixed parses streams of records that begin with a marker and
// a length. It is the parser to read first: it shows all that a stream parser
// does, in about 50 lines. It is not a parser of a protocol that you will meet.
//
// A record is one of
//
//	"PFX2," length (2 bytes, big-endian) body
//	"PFX4," length (4 bytes, big-endian) body
//
// The two sides of a flow send records independently of each other.
//
// # What is emitted
//
// A [*Record] for each record that is complete, when its last byte comes, and a
// [*Skipped] for each run of bytes that is part of no such record: garbage, a
// record that lost bytes in a gap, a record that the end of the flow cuts off.
// It comes before the next Record, or at the end of the side.
//
// # Gaps
//
// Behind a gap that lies within one body, the parser goes on at the end of that
// body, exactly. Behind any other it looks for the next marker, as it does
// behind garbage. Bytes of a body can look like a marker; only the sender could
// tell. A user who must not be misled chooses [Fail].
package lengthprefixed
