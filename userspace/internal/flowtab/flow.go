package flowtab

import "flowscope/sensor"

// Ref names an entry of a Table. The zero Ref names none.
type Ref uint32

// Flow is one flow. It has no pointers, so that a million of them cost the
// garbage collector nothing. What a packet and the wheel look at comes first, so
// that they touch few cache lines.
type Flow struct {
	Key     sensor.Key
	Session uint32 // what the parsers of this flow hold, 0 if nothing (engine)

	Seen     int64 // engine clock, ns: arrival of the last packet
	ActiveAt int64 // engine clock, ns: when the next interim record is due

	ID uint64 // ordinal of the first packet

	Initiator uint8 // index in Key
	Phase     uint8 // engine: what its idle timeout depends on
	Flags     uint8 // engine
	Evidence  sensor.Evidence
	End       sensor.EndReason // why it will end, once it has closed
	App       uint8            // engine: index of the protocol + 1

	First, Last sensor.Timestamp // of packets, minimum and maximum

	Dir [2]Dir // by index in Key

	RTT     int64 // ns; before the handshake is complete, minus the time of the SYN
	History sensor.History
	More    uint32 // what few flows need, 0 if nothing (engine)
	VLAN    [2]uint16
}

// Dir is one direction of a flow.
type Dir struct {
	sensor.Counters
	Stream  uint64 // stream bytes before NextSeq, gaps included
	NextSeq uint32 // next sequence number in order
	Ack     uint32 // highest acknowledgement this side sent
	FinSeq  uint32 // sequence number of its FIN
	Half    uint32 // what this direction needs once something is out of order, 0 if nothing (engine)
	State   uint16 // engine: bits
	TCP     uint8  // all TCP flags seen
	Marks   uint16 // engine: history letters and anomalies already given
}
