// Package sensor is the vocabulary of flowscope: what a packet, a flow, a
// message and an event are, and the contracts between the parts that produce,
// order, parse and export them.
//
// It is not an implementation. Nothing here reads a file, loads a program,
// starts a goroutine or asks for the time; it imports the standard library
// only, so that a parser for a protocol of your own needs no other package.
//
// # The flow of data
//
// A [Source] hands out [Record] values: packets that are already classified,
// possibly cut, possibly preceded by loss. The engine
// (flowscope/userspace/engine) keeps one table of flows, puts TCP streams in
// order, and calls the parsers of each [Protocol] with [Segment] values. What
// happened comes out as [Event] values, which a [Sink] consumes.
//
//	Source ── Record ──► engine ── Segment ──► StreamParser, DatagramParser
//	                        │                         │ Message
//	                        └────────── Event ◄───────┘
//	                                      ▼
//	                                     Sink
//
// # Who owns what
//
// Every slice that crosses one of these contracts is lent, never given: the
// one who hands it out says until when it is valid, the one who receives it
// must not write to it and clones what it keeps. The same holds for the
// pointers in an Event.
//
// # Time
//
// Only a Source knows the time. A [Timestamp] is the time at which a packet
// was seen, never the time at which it was processed, so that replaying a
// capture gives the same output on any machine, on any day.
package sensor
