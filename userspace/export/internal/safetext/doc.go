// Package safetext writes bytes that a stranger sent so that they cannot break
// a line of output, reach a terminal as control sequences, or change how the
// text around them is shown. It is the only place where sinks escape text; it
// is not an encoder of values (see the jsonenc package beside it).
//
// # Strings in JSON
//
// [AppendJSON] keeps printable text as it is and writes everything that acts
// without being seen as \uXXXX: control characters (C0, DEL, C1), line and
// paragraph separators, bidirectional controls, and all other format and
// default-ignorable characters (zero-width, byte order mark, tags, variation
// selectors). A JSON reader gets them back unchanged.
//
// Two things have no place in a JSON string, so they are written into its text
// with a backslash that the reader of the JSON sees:
//
//	\xNN               a byte 0x80..0xff that is not valid UTF-8, in lower-case hex
//	\[cut of N bytes]  at the end: only the beginning of N bytes is here
//
// So that neither can be forged, backslashes of the original that stand just
// before such a text (or before such a byte, or before the cut) are doubled;
// all other backslashes stay as they are. Hence the original can be had back:
// where a run of k backslashes is followed by one of the two forms without
// its backslash, k odd means (k-1)/2 backslashes and the form's meaning, and k
// even means k/2 backslashes and the literal text.
//
// # Text on a terminal
//
// [AppendText] writes printable ASCII only, so that one byte is one column;
// everything else is escaped as in a Go string literal. It is for reading, and
// cannot be reversed.
package safetext
