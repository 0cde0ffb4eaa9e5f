package flowtab

import "flowscope/sensor"

// Ref names an entry of a Table. The zero Ref names none.
type Ref uint32

// Flow is one flow. It has no pointers, so that a million of them cost the
// garbage collector nothing, and is laid out so that the common packet touches
// the first 64 bytes and one Dir.
type Flow struct {
	Key     sensor.Key
	Session uint32 // what the parsers of this flow hold, 0 if nothing (engine)

	Seen     int64 // engine clock, ns: arrival of the last packet
	ActiveAt int64 // engine clock, ns: when the next interim record is due

	Dir [2]Dir // by index in Key

	First, Last sensor.Timestamp // of packets, minimum and maximum
	ID          uint64           // ordinal of the first packet
	RTT         int64            // ns; before the handshake is complete, minus the time of the SYN

	History sensor.History
	Base    uint32 // what was exported in earlier records, 0 if nothing (engine)

	VLAN     [2]uint16
	TunnelID uint32
	Tunnel   sensor.TunnelKind

	Initiator uint8 // index in Key
	Evidence  sensor.Evidence
	End       sensor.EndReason // why it will end, once it has closed
	Phase     uint8            // engine: what its idle timeout depends on
	Flags     uint8            // engine
	App       uint8            // engine: index of the protocol + 1

	slot       uint16 // wheel slot + 1, 0 if in none
	next, prev Ref    // in the slot's list
}

// Dir is one direction of a flow.
type Dir struct {
	sensor.Counters
	Stream  uint64 // stream bytes before NextSeq, gaps included
	NextSeq uint32 // next sequence number in order
	Ack     uint32 // highest acknowledgement this side sent
	FinSeq  uint32 // sequence number of its FIN
	Half    uint32 // what this direction needs once something is out of order, 0 if nothing (engine)
	Window  uint16 // last advertised, unscaled
	State   uint16 // engine: bits
	TCP     uint8  // all TCP flags seen
	Scale   uint8  // window scale + 1 from its SYN, 0 if unknown
	Marks   uint16 // engine: history letters and anomalies already given
}
