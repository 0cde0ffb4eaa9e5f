package engine

import (
	"time"

	"flowscope/sensor"
)

// Config says what the engine does. Its zero value works: no parsers, every cap
// and time-out at its default. A field that is 0 is at its default; no cap can
// be turned off.
type Config struct {
	// Protocols are the parsers to run, at most 64 for each transport. The
	// order decides between protocols that recognise the same bytes.
	Protocols []sensor.Protocol

	// StreamData asks for FlowData events: every TCP stream in order, whether
	// or not a parser wants it.
	StreamData bool

	// MaxFlows caps the flows tracked at one time. Default 1<<20.
	MaxFlows int
	// MaxBuffered caps the bytes held over all flows: half of it what is out of
	// order, half what waits for a parser or a probe. Default 256 MiB.
	MaxBuffered int
	// MaxReorder caps the bytes held out of order for one direction of one
	// flow. Default 4 MiB.
	MaxReorder int
	// MaxUnconsumed caps the bytes held for a parser that wants more before it
	// goes on, for one direction of one flow, unless its Protocol says
	// otherwise. Default 1 MiB.
	MaxUnconsumed int
	// ProbeBytes and ProbeSegments bound how much of each direction is shown
	// to the probes before a flow is called unknown. Default 2048 and 256. In a
	// flow joined in the middle, where the first bytes may be the rest of a
	// message, up to 16 times ProbeBytes are searched for a segment that begins
	// one.
	ProbeBytes, ProbeSegments int

	Timeouts Timeouts

	// Asks is how others get the books while Run goes on: each function that
	// comes is called once, between two records, with the books of that moment.
	// Its sender must expect that it is never called, when Run ends first. Nil:
	// nobody asks.
	Asks <-chan func(sensor.Ledger)

	stepwise bool // for tests: no packet is taken by shard.steady
}

// Timeouts are the engine's time-outs, on the clock of the packets. They are
// exact for the next packet of the flow; without one, a flow ends when the
// packets of others have moved the clock about a second past its time-out.
type Timeouts struct {
	TCP        time.Duration // open connections without a packet; default 1 h
	TCPOpening time.Duration // attempts without a complete handshake; default 30 s
	TCPClosing time.Duration // one side has closed; default 10 min
	TCPClosed  time.Duration // both have, or a RST came: late segments still count to the flow; default 5 s
	UDP        time.Duration // default 60 s
	Other      time.Duration // every other protocol, ICMP included; default 60 s
	Active     time.Duration // interim records of flows that go on; default 30 min

	// Hole is how long data behind a hole in a stream waits for the hole to be
	// filled. Default 10 s.
	Hole time.Duration
	// AckedHole is the same for a hole that the receiver has acknowledged, so
	// that it will not be sent again. Default 1 s.
	AckedHole time.Duration
}

func (c Config) withDefaults() Config {
	def(&c.MaxFlows, 1<<20)
	def(&c.MaxBuffered, 256<<20)
	def(&c.MaxReorder, 4<<20)
	def(&c.MaxUnconsumed, 1<<20)
	def(&c.ProbeBytes, 2048)
	def(&c.ProbeSegments, 256)
	t := &c.Timeouts
	def(&t.TCP, time.Hour)
	def(&t.TCPOpening, 30*time.Second)
	def(&t.TCPClosing, 10*time.Minute)
	def(&t.TCPClosed, 5*time.Second)
	def(&t.UDP, time.Minute)
	def(&t.Other, time.Minute)
	def(&t.Active, 30*time.Minute)
	def(&t.Hole, 10*time.Second)
	def(&t.AckedHole, time.Second)
	return c
}

func def[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// shards returns into how many parts the table is split: as many as leave each
// a few thousand flows, so that small caps stay sharp, and at most 16. It must
// depend on nothing but the configuration.
func (c *Config) shards() int {
	n := 1
	for n < maxShards && c.MaxFlows/(2*n) >= 4096 {
		n *= 2
	}
	return n
}

const maxShards = 16
