package sensor

import (
	"errors"
	"strconv"
)

// Side is the role of an endpoint in its flow.
type Side uint8

// The two sides of a flow. What the Initiator sends is "forward" (fwd), what
// the Responder sends is "reverse" (rev) in all records.
const (
	Initiator Side = 0
	Responder Side = 1
)

// Other returns the opposite side.
func (s Side) Other() Side { return s ^ 1 }

// String returns "initiator" or "responder".
func (s Side) String() string {
	if s == Initiator {
		return "initiator"
	}
	return "responder"
}

// Message is what a parser emits: a pointer to a struct of the parser's
// choosing whose exported fields, with json tags, are what an export shows.
// Supported field types are those of encoding/json, and netip.Addr,
// [Timestamp] and time.Duration (exported as seconds).
//
// A Message, and every slice in it, is valid until emit returns: a parser may
// reuse one struct and point into the bytes it was lent. Who keeps a Message
// copies it.
type Message any

// Subject is an optional ability of a Message: the name of what the flow is
// about, such as the server that is asked for, the host of a request, or the
// name in a query. [Flow].Headline is that of the first message that has one.
type Subject interface {
	// About returns the name, "" if this message has none. The engine keeps the
	// first [MaxHeadline] bytes.
	About() string
}

// SubjectBytes is a Subject that need not make a string of what it is about.
type SubjectBytes interface {
	Subject
	// AboutBytes returns the bytes of About. They are lent as the Message is.
	AboutBytes() []byte
}

// MaxHeadline is how many bytes of a flow's headline are kept.
const MaxHeadline = 255

// Segment is a piece of one direction of a flow, as a parser gets it.
type Segment struct {
	Side Side
	Time Timestamp // of the packet that brought the last byte of Data
	// Data starts at the first byte this side sent that the parser has not yet
	// consumed. For a datagram protocol it is one whole datagram. It is lent,
	// read-only, and valid until Parse returns.
	Data []byte
	// Offset is where in its side's stream Data starts: the number of bytes
	// before it, lost ones included. It is 0 for datagrams.
	Offset int64
	// Skipped is how many bytes were passed over since the last call for this
	// side, because Parse had asked for that (see [StreamParser]).
	Skipped int64
	// Missing is the number of bytes at the end of a datagram that were not
	// captured. It is 0 for streams, where a gap comes as a call of Resync.
	Missing int
	// EOF says that no more will come from this side; it is said once per side,
	// possibly with the last Data. For a datagram protocol it comes with no
	// Data, when the flow ends.
	EOF bool
	// Aborted, with EOF, says that the side was not closed in order (RST,
	// time-out, eviction, end of the capture).
	Aborted bool
}

// StreamParser parses both directions of one TCP flow. Its zero value, or what
// [Protocol].NewStream returns, is ready for use; it needs no lock, starts no
// goroutine and keeps no slice that it was lent.
type StreamParser interface {
	// Parse looks at s.Data, emits a Message for each that is complete, and
	// returns how many bytes it consumed. 0, nil means: I need more to go on.
	// The bytes not consumed come again, first, in the next call for that side.
	// After a call that consumed some bytes but not all, Parse is called again
	// only when more has come (or EOF).
	//
	// n may be more than len(s.Data): the parser knows how far what it does not
	// want reaches, such as a body of known length. The bytes behind Data up to
	// there are passed over: they count as consumed when they come, and are not
	// shown. Parse is called again once the last of them has come, with what
	// follows in Data, if anything does, and their number in Skipped. It is
	// called sooner where EOF, or a gap (then before Resync), comes among them,
	// and may be called sooner for any other reason. Skipped then says how many
	// were passed over up to there, and n again how many are yet to be. Resync
	// counts from there. With an error, n beyond Data is no more than Data: what
	// has not come is not consumed.
	//
	// An error ends the parser for this flow, not the flow. ErrDone says that
	// it has seen all it wants; [HandTo] gives the rest of the stream to
	// another protocol; any other error is reported, once.
	Parse(s Segment, emit func(Message)) (n int, err error)
}

// DatagramParser parses both directions of one flow of datagrams, such as UDP.
// The rules of StreamParser hold.
type DatagramParser interface {
	// Parse looks at one whole datagram in s.Data and emits what it says. An
	// error other than ErrDone is reported and ends the parser for this flow if
	// it comes [MaxDatagramErrors] times.
	Parse(s Segment, emit func(Message)) error
}

// MaxDatagramErrors is how many datagrams of a flow a DatagramParser may refuse
// before it is retired from that flow.
const MaxDatagramErrors = 8

// Resyncer is an optional ability of a StreamParser. A parser without it is
// retired from the flow at the first gap.
type Resyncer interface {
	// Resync says that bytes of side are missing and asks whether the parser
	// can go on. lost is the distance from the first byte that the parser has
	// not consumed to the first byte it will get next: a parser that was
	// skipping a body of known length can go on exactly; one that was inside a
	// header cannot, unless it knows how to find the next one.
	Resync(side Side, lost int64) bool
}

// Resetter is an optional ability of a StreamParser or DatagramParser: with it,
// the parser of a flow that ended is used again for another, instead of a new
// one.
type Resetter interface {
	// Reset makes the parser as Protocol.NewStream or NewDatagram returns it,
	// whatever state it is in, an error it returned included. It may keep memory
	// for what comes, of which there is a limit, but nothing that it was told:
	// what is said of a flow must not depend on the flows before it. Errors that
	// the parser returned stay what they are.
	Reset()
}

// ErrDone is returned by a parser that has seen all it wants of the flow. The
// flow is counted on; its payload need not be copied any more.
var ErrDone = errors.New("parser is done")

// Heir is an optional ability of a StreamParser that is given streams by others.
type Heir interface {
	// Inherit is called before Parse, with the legacy of [HandOver]: what the
	// parser before knows of this flow. It may be of any type, and is lent.
	Inherit(legacy any)
}

// handTo is the error that HandTo returns.
type handTo struct {
	protocol string
	legacy   any
}

func (h *handTo) Error() string { return "stream handed to " + strconv.Quote(h.protocol) }

// HandTo returns an error with which a StreamParser gives the rest of the
// stream, from the first byte it has not consumed on each side, to the
// protocol of that name (STARTTLS, CONNECT, Upgrade). With the empty name, the
// protocol is found anew by probing.
func HandTo(protocol string) error { return &handTo{protocol: protocol} }

// HandOver is HandTo with a legacy for the parser that gets the stream, if it is an
// [Heir].
func HandOver(protocol string, legacy any) error { return &handTo{protocol, legacy} }

// Inherit gives p the legacy in err, if there is one and p is an [Heir].
func Inherit(p StreamParser, err error) {
	var h *handTo
	if heir, ok := p.(Heir); ok && errors.As(err, &h) && h.legacy != nil {
		heir.Inherit(h.legacy)
	}
}

// HandedTo returns the name given to HandTo, and whether err is such an error.
func HandedTo(err error) (protocol string, ok bool) {
	var h *handTo
	if errors.As(err, &h) {
		return h.protocol, true
	}
	return "", false
}

// Verdict is what a Probe says of the first bytes of one side of a flow.
type Verdict uint8

// The verdicts of a Probe.
const (
	No     Verdict = iota // this is not the protocol
	Unsure                // it may be; more bytes would tell
	Match                 // it is
	// MatchInitiator and MatchResponder are a Match that also knows from the
	// bytes which side sent them, whatever Side the probe was told. The engine
	// corrects the direction of a flow whose handshake it did not see.
	MatchInitiator
	MatchResponder
)

// Protocol describes a protocol to the engine. It is data: the same value
// serves all flows.
type Protocol struct {
	// Name is the protocol's name in records, in lower case: "dns".
	Name string
	// Transport is ProtoTCP for a stream protocol, ProtoUDP for datagrams. A
	// protocol that has both is two values with one name.
	Transport Proto
	// Ports are the ports it is usually found on, a hint: the engine asks this
	// protocol first there. Without a Probe they are all there is, and a flow
	// on one of these ports is taken to be this protocol.
	Ports []uint16
	// Probe looks at the first bytes that side sent (for datagrams, at the
	// first datagrams). It keeps nothing. Nil means: by port only.
	Probe func(side Side, data []byte) Verdict
	// NewStream returns a parser for one TCP flow.
	NewStream func() StreamParser
	// NewDatagram returns a parser for one flow of datagrams.
	NewDatagram func() DatagramParser
	// MaxBuffer is how many unconsumed bytes per direction the engine holds for
	// this parser before it retires it. 0 is the engine's default.
	MaxBuffer int
}
