package http

import (
	"strconv"
	"time"

	"flowscope/sensor"
)

// The kinds of message.
const (
	KindRequest  = "request"
	KindResponse = "response"
	// KindUnanswered is a request, said again because its flow ended without a
	// response.
	KindUnanswered = "unanswered"
)

// The values of Response.Pairing.
const (
	PairingNone    = "none"    // its request was not seen
	PairingAssumed = "assumed" // its request was seen, if no other message was missed
)

// Request is a request. It is lent, with all that it points to, and valid until
// emit returns.
type Request struct {
	Kind   string `json:"type"`
	Method []byte `json:"method"`
	// Target is the request target as sent (RFC 9112, 3.2), redacted.
	Target []byte `json:"target"`
	// Host is that of the target if it has one, else the Host field.
	Host    []byte `json:"host,omitempty"`
	Version string `json:"version"` // "1.1"

	UserAgent       []byte `json:"user_agent,omitempty"`
	Referer         []byte `json:"referer,omitempty"` // redacted
	ContentType     []byte `json:"content_type,omitempty"`
	ContentEncoding []byte `json:"content_encoding,omitempty"`
	ForwardedFor    []byte `json:"x_forwarded_for,omitempty"`
	Upgrade         []byte `json:"upgrade,omitempty"`
	// Auth is the scheme of Authorization or, without one, Proxy-Authorization.
	Auth string `json:"auth,omitempty"`
	// Headers are the fields that Config asks for.
	Headers []Header `json:"headers,omitempty"`

	Body
}

// Headline is the method, and host and path of the target.
func (m *Request) Headline() string {
	target := m.Target
	if len(target) > 0 && target[0] == '/' && len(m.Host) > 0 {
		return string(m.Method) + " " + string(m.Host) + string(target)
	}
	return string(m.Method) + " " + string(target)
}

// About implements sensor.Subject: the host.
func (m *Request) About() string { return string(m.Host) }

// AboutBytes implements sensor.SubjectBytes.
func (m *Request) AboutBytes() []byte { return m.Host }

// Response is a response, and the exchange that it ends.
type Response struct {
	Kind    string `json:"type"`
	Status  int    `json:"status"` // 0 in HTTP/0.9, which has none
	Reason  []byte `json:"reason,omitempty"`
	Version string `json:"version"`

	// Method, Target and Host are those of the request.
	Method  []byte `json:"method,omitempty"`
	Target  []byte `json:"target,omitempty"`
	Host    []byte `json:"host,omitempty"`
	Pairing string `json:"pairing,omitempty"` // empty: the request is known
	// RTT is the time from the end of the request to the end of the response's
	// head; from the end of the request's head, if the response came before the
	// request was complete.
	RTT time.Duration `json:"rtt,omitempty"`

	ContentType     []byte   `json:"content_type,omitempty"`
	ContentEncoding []byte   `json:"content_encoding,omitempty"`
	Server          []byte   `json:"server,omitempty"`
	Location        []byte   `json:"location,omitempty"` // redacted
	Upgrade         []byte   `json:"upgrade,omitempty"`
	Headers         []Header `json:"headers,omitempty"`

	Body
}

// Headline is method and target of the request, and the status.
func (m *Response) Headline() string {
	status := strconv.Itoa(m.Status)
	if len(m.Method) == 0 {
		return status + " " + string(m.Reason)
	}
	return string(m.Method) + " " + string(m.Target) + " " + status
}

// About implements sensor.Subject: the host of the request.
func (m *Response) About() string { return string(m.Host) }

// AboutBytes implements sensor.SubjectBytes.
func (m *Response) AboutBytes() []byte { return m.Host }

// Unanswered is a request, sent to its end, to which no response came.
type Unanswered struct {
	Kind   string           `json:"type"`
	Method []byte           `json:"method,omitempty"` // nothing, nor of the others, where too much waited
	Target []byte           `json:"target,omitempty"`
	Host   []byte           `json:"host,omitempty"`
	Sent   sensor.Timestamp `json:"sent"` // when its end was
}

// Headline is method and target of the request.
func (m *Unanswered) Headline() string {
	return "unanswered " + string(m.Method) + " " + string(m.Target)
}

// Upgraded is the request that a server answers in the protocol to which it has
// upgraded the connection: the legacy of a stream that is handed over.
type Upgraded struct {
	Method, Target, Host []byte
	Sent                 sensor.Timestamp // when its end was
}

// Body is what is said of a message's body and framing.
type Body struct {
	// BodyBytes is the length of the body, without the framing of chunks: of
	// the whole body, bytes that were not captured included, unless the message
	// is Incomplete or Ambiguous.
	BodyBytes int64 `json:"body_bytes"`
	// ContentLength is the field of that name; a response to HEAD has it too.
	ContentLength int64 `json:"content_length,omitempty"`
	Chunked       bool  `json:"chunked,omitempty"`
	// Prefix is the beginning of the body, if Config asks for it, without the
	// framing of chunks. It is neither decompressed nor redacted.
	Prefix []byte `json:"body,omitempty"`

	Missing    int64 `json:"missing,omitempty"`    // bytes of the body that were not captured
	Incomplete bool  `json:"incomplete,omitempty"` // the body was not sent to its end
	// Resynced says that bytes are missing before this message, or one before it,
	// that would have told where it begins: its first line does.
	Resynced bool `json:"resynced,omitempty"`
	// Ambiguous says that receivers may disagree on where the message ends.
	// BodyBytes counts what came before the doubt.
	Ambiguous bool    `json:"ambiguous,omitempty"`
	Anomalies Anomaly `json:"anomalies,omitzero"`
}

// Header is a header field.
type Header struct {
	Name  []byte `json:"name"`
	Value []byte `json:"value"`
}

// Anomaly is a set of things that are odd about a message.
type Anomaly uint32

// The anomalies. The first ones make a message Ambiguous.
const (
	BothLengths         Anomaly = 1 << iota // Content-Length and Transfer-Encoding
	DifferentLengths                        // Content-Length with different values
	BadLength                               // Content-Length that is no number, or one over 2^63-1
	BadTransferEncoding                     // Transfer-Encoding that does not end with chunked once, or in HTTP/1.0
	BadChunk                                // a chunk's size is no number, or the chunk does not end with a line's end
	HiddenLength                            // Content-Length or Transfer-Encoding that some receivers do not see: a blank before the colon, a fold before the value
	RepeatedLength                          // Content-Length more than once, with one value
	BareLF                                  // a line ends without CR
	BareCR                                  // a CR without LF within a line
	Folded                                  // a field goes on in the next line
	BlankBeforeColon                        // a field's name is followed by a blank
	BadField                                // a line of the head is no field
	NUL                                     // a NUL in the head
	LongLine                                // a line of the head is over 8 KiB, of which the first are shown
	ManyFields                              // there are over 128 header fields, of which the first are shown
	TwoHosts                                // Host more than once, or different from that of the target
	anomalies           = iota
	ambiguous           = BothLengths | DifferentLengths | BadLength | BadTransferEncoding | BadChunk | HiddenLength
)

var anomalyNames = [anomalies]string{
	"both_lengths", "different_lengths", "bad_length", "bad_transfer_encoding", "bad_chunk", "hidden_length",
	"repeated_length", "bare_lf", "bare_cr", "folded", "blank_before_colon", "bad_field", "nul", "long_line", "many_fields", "two_hosts",
}

// String returns the names, with commas between them.
func (a Anomaly) String() string {
	b, _ := a.AppendText(nil)
	return string(b)
}

// AppendText appends what String returns.
func (a Anomaly) AppendText(b []byte) ([]byte, error) {
	for i, name := range anomalyNames {
		if a&(1<<i) == 0 {
			continue
		}
		b = append(b, name...)
		if a>>(i+1) != 0 {
			b = append(b, ',')
		}
	}
	return b, nil
}

// MarshalText implements encoding.TextMarshaler as String.
func (a Anomaly) MarshalText() ([]byte, error) { return a.AppendText(nil) }

// Error is why a stream is no HTTP, or not understood.
type Error struct {
	Offset int64  // in the side's stream
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "http: at offset " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
}
