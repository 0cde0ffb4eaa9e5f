// Package streams writes each direction of each TCP flow to a file of its own,
// as tcpflow does. It is not a reassembler: it writes what the engine hands out
// in order (FlowData), so the engine must be asked for it.
//
// # Files
//
// A file is called after sender and receiver, with a fixed width so that names
// sort, and nothing in a name comes from payload:
//
//	010.000.000.001.04321-010.000.000.002.00080
//	2001_0db8_0000_0000_0000_0000_0000_0001.04321-2001_0db8_0000_0000_0000_0000_0000_0002.00080
//
// When the same addresses and ports are used by another flow, both of its
// files get the same suffix: c1, c2, … in the order in which flows began to
// send.
//
// A direction without payload has no file. Its file holds the bytes of the
// stream in order: no headers, nothing twice. Where nothing is missing, it is
// what "tshark -z follow,tcp,raw" shows.
//
// # Gaps
//
// Bytes that are missing are left out: what came behind a gap stands directly
// behind what came before it. With Options.Holes they are seeked over instead,
// so that offsets in the file are offsets in the stream, and read as zeros; the
// file then looks as large as the gaps that its sender claims, though it
// takes no space for them.
//
// In both cases, and only if there are gaps, a file NAME.gaps lists them, one
// line each, tab-separated, under a line with the names of the columns:
//
//	offset       of the first missing byte in the stream; missing bytes count
//	bytes        how many are missing
//	reason       as in the JSON lines: missing, cut, buffer_full, …
//	ts           packet time at which they were given up
//	file_offset  where in the file they would stand
//
// # The directory
//
// It is made if it does not exist, for its owner only, because streams hold
// what was said in private. One that has files in it is refused
// ([ErrNotEmpty]) unless Options.Reuse is set, and no file is ever
// overwritten: a name that is taken counts as used by another flow. When the
// run ends, the ledger is written to ledger.json.
package streams
