package sensor

import (
	"net/netip"
	"strconv"
	"time"
)

// EventKind says what happened.
type EventKind uint8

// The kinds of Event.
const (
	FlowStart       EventKind = iota + 1 // first packet of a flow
	FlowEstablished                      // TCP: the handshake is complete
	FlowUpdate                           // interim record of a flow that goes on (active timeout)
	FlowEnd                              // last record of a flow; Flow.End says why
	FlowMessage                          // a parser emitted Msg
	FlowGap                              // Lost bytes of Side will not be delivered, for Reason
	FlowAnomaly                          // something odd: Anomaly says what
	FlowError                            // a parser was retired, or refused a datagram, with Err
	FlowData                             // Data is the next piece of Side's stream (only if asked for)
)

var eventNames = [...]string{"", "start", "established", "update", "end", "message", "gap", "anomaly", "error", "data"}

// String returns the name of the kind.
func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return "event-" + strconv.Itoa(int(k))
}

// EndReason says why a flow ended.
type EndReason uint8

// The reasons for the end of a flow or, for Active, of an interim record.
const (
	NotEnded    EndReason = iota
	EndFIN                // both sides closed
	EndRST                // one side reset the connection
	EndIdle               // no packet for the idle timeout
	EndActive             // interim: the flow goes on (IPFIX flowEndReason 2)
	EndEvicted            // the flow table was full
	EndReused             // a new connection began on the same addresses and ports
	EndShutdown           // the source ended, or the sensor was stopped
)

var endNames = [...]string{"", "fin", "rst", "idle", "active", "evicted", "reused", "shutdown"}

// String returns the name of the reason as it is exported.
func (e EndReason) String() string {
	if int(e) < len(endNames) {
		return endNames[e]
	}
	return "end-" + strconv.Itoa(int(e))
}

// Evidence says how the engine knows which endpoint is the initiator. A later
// value is stronger: better evidence corrects a flow, and its counters move
// with it.
type Evidence uint8

// Kinds of evidence, weakest first.
const (
	ByFirst   Evidence = iota // who sent the first packet that was seen
	ByPort                    // who talks to a well-known port
	ByPayload                 // what a protocol's probe recognised
	ByICMP                    // request or reply by ICMP type
	BySYNACK                  // who was sent a SYN-ACK
	BySYN                     // who sent the SYN
)

var evidenceNames = [...]string{"first", "port", "payload", "icmp", "synack", "syn"}

// String returns the name of the evidence as it is exported.
func (e Evidence) String() string {
	if int(e) < len(evidenceNames) {
		return evidenceNames[e]
	}
	return "evidence-" + strconv.Itoa(int(e))
}

// ConnState summarises a flow as Zeek's conn_state does.
type ConnState uint8

// Connection states (docs.zeek.org, base/protocols/conn).
const (
	OTH    ConnState = iota // no SYN seen: midstream, or not TCP and one of a kind
	S0                      // attempt seen, no reply
	S1                      // established, not terminated
	SF                      // normal establishment and termination
	REJ                     // attempt rejected
	S2                      // established, closed by the initiator, no reply of the responder to that
	S3                      // established, closed by the responder, no reply of the initiator to that
	RSTO                    // established, reset by the initiator
	RSTR                    // reset by the responder
	RSTOS0                  // SYN then RST by the initiator, no SYN-ACK seen
	RSTRH                   // SYN-ACK then RST by the responder, no SYN seen
	SH                      // SYN then FIN by the initiator, no SYN-ACK seen
	SHR                     // SYN-ACK then FIN by the responder, no SYN seen; or, without TCP, only replies
)

var connStateNames = [...]string{"OTH", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR"}

// String returns Zeek's name of the state.
func (c ConnState) String() string {
	if int(c) < len(connStateNames) {
		return connStateNames[c]
	}
	return "conn-state-" + strconv.Itoa(int(c))
}

// Anomaly is something odd in a flow that is worth a line but ends nothing.
type Anomaly uint8

// The anomalies that the engine reports, each at most once per flow and side.
const (
	InconsistentOverlap  Anomaly = iota + 1 // a TCP segment came again with other bytes; the first were kept
	InconsistentFragment                    // IP fragments overlapped with different bytes; the first were kept
	UrgentData                              // the URG flag: receivers disagree on what the application saw
	OutOfWindowRST                          // a RST whose sequence number is not in the window was ignored
	DataAfterClose                          // payload behind a FIN or after a RST
	BufferLimit                             // a parser was retired because it let too much pile up
	ReorderLimit                            // out-of-order data was dropped because a cap was reached
	BadTransportChecksum                    // a packet's checksum was verified and is wrong
	AckedUnseen                             // the peer acknowledged data that was not captured
)

var anomalyNames = [...]string{"", "inconsistent_overlap", "inconsistent_fragment", "urgent_data", "rst_out_of_window",
	"data_after_close", "parser_buffer_limit", "reorder_limit", "bad_checksum", "acked_unseen"}

// String returns the name of the anomaly as it is exported.
func (a Anomaly) String() string {
	if int(a) < len(anomalyNames) {
		return anomalyNames[a]
	}
	return "anomaly-" + strconv.Itoa(int(a))
}

// History is Zeek's conn history: a letter for each kind of thing that
// happened, in order, upper case for the initiator and lower case for the
// responder. S SYN, H SYN-ACK, A pure ACK, D data, F FIN, R RST, C bad
// checksum, I inconsistent overlap, T retransmission, W zero window, G gap, ^
// direction corrected. C, G, I, T and W come again at their 10th, 100th, …
// occurrence, the others once per side.
type History struct {
	n    uint8
	text [23]byte
}

// Append adds a letter; what does not fit is dropped.
func (h *History) Append(c byte) {
	if int(h.n) < len(h.text) {
		h.text[h.n] = c
		h.n++
	}
}

// Flip exchanges the case of all letters, when the initiator is corrected, and
// adds the mark ^ in front.
func (h *History) Flip() {
	for i, c := range h.text[:h.n] {
		if c != '^' {
			h.text[i] = c ^ 0x20
		}
	}
	if h.n > 0 && h.text[0] == '^' {
		copy(h.text[:], h.text[1:h.n])
		h.n--
		return
	}
	copy(h.text[1:], h.text[:])
	h.text[0] = '^'
	if int(h.n) < len(h.text) {
		h.n++
	}
}

// String returns the letters.
func (h History) String() string { return string(h.text[:h.n]) }

// TCPStats is what TCP says of one direction of a flow.
type TCPStats struct {
	Flags           uint8  // all flags seen, as on the wire
	Retransmissions uint32 // segments with only bytes that were sent before
	OutOfOrder      uint32 // segments that came before bytes that precede them
	GapBytes        uint64 // bytes of the stream that were never seen
	Gaps            uint32
}

// Flow is a flow as it is at the moment of an Event.
type Flow struct {
	// ID is the Ordinal of the record that started the flow, unique in a run.
	ID        uint64
	Key       Key
	Initiator uint8 // index in Key of the initiator
	Evidence  Evidence
	State     ConnState
	End       EndReason // NotEnded unless the event is a FlowEnd or FlowUpdate
	Midstream bool      // TCP: the first packet seen was no SYN

	First, Last Timestamp     // of the packets counted, minimum and maximum
	Counters    [2]Counters   // by Side, since the flow began
	Delta       [2]Counters   // by Side, since the previous record of this flow; equals Counters in its first
	RecordSeq   uint32        // number of records of this flow before this one
	TCP         [2]TCPStats   // by Side
	RTT         time.Duration // TCP: from SYN to the ACK that completes the handshake; 0 if not seen
	History     History

	App string // name of the protocol that was recognised, "" if none
	// Headline is what the flow is about, as a [Subject] among its messages
	// first said it: bytes from the wire, at most [MaxHeadline]. "" if none did.
	Headline string
	Encap    Encap // of the first packet
	// Interfaces are the names of those where its packets were seen, first those
	// that count them (one, or one for each direction), last those where it was
	// before. Empty in a replay, and until the first counters came from the kernel;
	// shared, not to be changed.
	Interfaces []string
}

// Endpoint returns address (see [Key.IP]) and port of one side.
func (f *Flow) Endpoint(s Side) (ip netip.Addr, port uint16) {
	i := f.Initiator ^ uint8(s)
	return f.Key.IP(i), f.Key.Port[i&1]
}

// Event is what the engine tells a Sink. The Event and everything it points to
// are valid until Consume returns (or, with an iterator, until the next step).
type Event struct {
	Kind    EventKind
	Side    Side // of a message, gap, anomaly, error or data
	Reason  Loss // of a gap
	Anomaly Anomaly
	Time    Timestamp
	Ordinal uint64 // of the record that caused the event; 0 if time alone did
	Flow    *Flow
	Msg     Message // of a FlowMessage
	App     string  // name of the protocol that emitted Msg or failed with Err
	Lost    int64   // of a gap: bytes
	Offset  int64   // of a gap, data or error: bytes of this side's stream before it
	Err     error   // of a FlowError
	Data    []byte  // of FlowData
}

// Sink consumes events. It is called by one goroutine at a time.
type Sink interface {
	// Consume takes one event, which is valid until it returns. An error stops
	// the run.
	Consume(*Event) error
}

// Forker is a Sink of which the larger part, writing an event as bytes, can be
// done where the event arises: in each of several workers at once, without a
// copy of what the event points to. What they make comes together in the order
// of the events.
type Forker interface {
	Sink
	// Fork returns an Encoder for one goroutine, or nil if the sink wants to
	// Consume its events after all.
	Fork() Encoder
	// Encoded takes what an Encoder made of one event, in place of Consume of
	// that event, and is called by one goroutine at a time. b is valid until it
	// returns. An error stops the run.
	Encoded(b []byte) error
}

// Encoder writes events as bytes for the [Forker] that made it.
type Encoder interface {
	// Encode appends what ev becomes to dst, and returns the extended slice:
	// dst as it was if the sink has no use for ev. ev is valid until it returns.
	// An error stops the run.
	Encode(dst []byte, ev *Event) ([]byte, error)
}
