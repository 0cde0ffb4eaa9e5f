// Package sensortest tests implementations of the contracts of package sensor:
// it plays transcripts of conversations to parsers, and reads Sources.
//
// It is not the engine. Its reference engine knows nothing of packets, flows or
// time-outs; it keeps the contract of [sensor.StreamParser] to the letter, in
// the meanest way that the contract allows.
//
// # A parser's test
//
// Write down what both sides say, and what you want to hear of it, in
// testdata/simple.transcript:
//
//	stream
//	> "one\ntwo\n"
//	= > {"text":"one"}
//	= > {"text":"two"}
//	< "three\n"
//	= < {"text":"three"}
//
// and let the kit play it:
//
//	func TestTranscripts(t *testing.T) {
//		sensortest.Files(t, "testdata/*.transcript", lines.Protocol())
//	}
//
// With SENSORTEST_UPDATE=1 in the environment, Files writes the lines that
// begin with = anew, from what the parser emitted; read the difference before
// you commit it.
//
// # What is tested
//
// A stream is played as it is written, byte by byte, cut at every offset, cut
// at every pair of offsets (at a sample of both, where it is long), and cut at
// random from a fixed seed. Each time the same messages must come, with the
// same error at the end if there is one. After each call the lent bytes are
// overwritten, so that a parser that keeps them is caught. Then come gaps at
// every offset, streams that end at every offset, and hostile changes of the
// bytes. With SENSORTEST_THOROUGH=1 in the environment, all pairs of offsets are
// tried of a transcript with up to 480 bytes, as many as that makes of a longer
// one, 3,000 random cuts of each, and four times as much of all else, which takes
// minutes and is for continuous integration. See [Test.Stream] and
// [Test.Datagram] for the rules.
//
// What a parser costs at the worst is the matter of [Costly]: a table of inputs, of
// which no byte may cost much more than an honest one, however many there are.
//
// # Transcripts
//
// A transcript is a text file of lines. Empty lines, and what follows a # that
// is not inside quotes, mean nothing. The first other line is
//
//	stream       or       datagram
//
// Then the lines are
//
//	> "text\r\n"           the initiator sends this (Go's syntax of strings, `…` too)
//	< 00 0102 ff           the responder sends this (hexadecimal, blanks where you like)
//	> "len" 0004 "X" x700  several of them in one segment; xN repeats what stands before it
//	  "more"               an indented line continues the one above
//	+1.5ms                 time passes; a transcript begins at 2001-09-09T01:46:40Z
//	> gap 12               stream: the next 12 bytes of the initiator are lost
//	> "text" missing 3     datagram: its last 3 bytes were not captured
//	> eof                  stream: the initiator closes its side in order
//	> abort                stream: this side ends, but not in order
//	= > {"text":"one"}     the next message, by Render, and the side that sent it
//	= error: bad header    how the parser ends, or what it says of a datagram
//	= done                 it ends with sensor.ErrDone
//	= hand to "tls"        it ends with sensor.HandTo("tls")
//	= retired              it is retired at a gap
//	= nothing              nothing at all comes (so that it is not forgotten)
//
// A side that is not closed ends with the transcript, aborted. Where the lines
// with = stand among the others means nothing; their order does.
package sensortest
