package http2

import (
	"strconv"
	"time"

	"flowscope/sensor"
)

// The kinds of message.
const (
	KindRequest  = "request"
	KindResponse = "response"
	KindCall     = "call"
	KindReset    = "reset"
	KindGoAway   = "goaway"
	// KindUnanswered is a request, said again because its flow ended without a
	// response.
	KindUnanswered = "unanswered"
)

// PairingNone is the Pairing of a response whose request was not seen, or was one
// of HTTP/1.1 that asked for the upgrade.
const PairingNone = "none"

// Request is a request. It is lent, with all that it points to, and valid until
// emit returns.
type Request struct {
	Kind   string `json:"type"`
	Stream uint32 `json:"stream"`
	Method []byte `json:"method"`
	// Target is :path, redacted; for CONNECT it is the authority.
	Target []byte `json:"target"`
	Host   []byte `json:"host,omitempty"` // :authority, else the Host field
	Scheme []byte `json:"scheme,omitempty"`
	// Protocol is that of an extended CONNECT (RFC 8441), as "websocket".
	Protocol []byte `json:"protocol,omitempty"`
	// Pushed says that the server made up the request (PUSH_PROMISE).
	Pushed bool `json:"pushed,omitempty"`

	UserAgent       []byte   `json:"user_agent,omitempty"`
	Referer         []byte   `json:"referer,omitempty"` // redacted
	ContentType     []byte   `json:"content_type,omitempty"`
	ContentEncoding []byte   `json:"content_encoding,omitempty"`
	ForwardedFor    []byte   `json:"x_forwarded_for,omitempty"`
	Auth            string   `json:"auth,omitempty"`    // the scheme of Authorization or Proxy-Authorization
	Headers         []Header `json:"headers,omitempty"` // those that Config asks for

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

// Response is a response, and the exchange that it ends.
type Response struct {
	Kind   string `json:"type"`
	Stream uint32 `json:"stream"`
	Status int    `json:"status"` // 0 if it was not sent, or is not known

	// Method, Target and Host are those of the request.
	Method  []byte `json:"method,omitempty"`
	Target  []byte `json:"target,omitempty"`
	Host    []byte `json:"host,omitempty"`
	Pairing string `json:"pairing,omitempty"` // empty: the request is known
	// RTT is the time from the end of the request to the end of the response's
	// header fields; from the end of the request's header fields, if the
	// response came before the request was complete.
	RTT time.Duration `json:"rtt,omitempty"`

	ContentType     []byte   `json:"content_type,omitempty"`
	ContentEncoding []byte   `json:"content_encoding,omitempty"`
	Server          []byte   `json:"server,omitempty"`
	Location        []byte   `json:"location,omitempty"` // redacted
	Headers         []Header `json:"headers,omitempty"`

	Body
}

// Headline is method and target of the request, and the status.
func (m *Response) Headline() string {
	status := strconv.Itoa(m.Status)
	if len(m.Method) == 0 {
		return status
	}
	return string(m.Method) + " " + string(m.Target) + " " + status
}

// About implements sensor.Subject: the host of the request.
func (m *Response) About() string { return string(m.Host) }

// Call is a call of gRPC. It comes where otherwise a Response would: when the
// server has said its last, or the call was reset.
type Call struct {
	Kind    string `json:"type"`
	Stream  uint32 `json:"stream"`
	Service []byte `json:"service"` // with its package: "helloworld.Greeter"
	Method  []byte `json:"method"`
	Host    []byte `json:"host,omitempty"`
	Pairing string `json:"pairing,omitempty"`
	// Code is the gRPC status, 0 for OK; -1 if there is none, because the call
	// was reset, was not seen to its end, or was not answered by gRPC.
	Code   int    `json:"code"`
	Status string `json:"status,omitempty"` // its name: "NOT_FOUND"
	// Text is grpc-message, decoded.
	Text       []byte `json:"text,omitempty"`
	HTTPStatus int    `json:"http_status"`
	// RTT is as that of a Response.
	RTT time.Duration `json:"rtt,omitempty"`
	// Duration is the time from the request's header fields to the end.
	Duration time.Duration `json:"duration,omitempty"`
	Timeout  []byte        `json:"timeout,omitempty"`  // grpc-timeout of the request, as "5S"
	Encoding []byte        `json:"encoding,omitempty"` // grpc-encoding of the response
	// Of what client and server sent up to the end: messages that were complete,
	// and bytes of them without the framing.
	RequestMessages  int64 `json:"request_messages"`
	ResponseMessages int64 `json:"response_messages"`
	RequestBytes     int64 `json:"request_bytes"`
	ResponseBytes    int64 `json:"response_bytes"`

	Headers []Header `json:"headers,omitempty"` // of response and trailer

	Missing    int64   `json:"missing,omitempty"`
	Incomplete bool    `json:"incomplete,omitempty"`
	Partial    bool    `json:"partial,omitempty"`
	Unknown    int     `json:"unknown_fields,omitempty"`
	Reset      string  `json:"reset,omitempty"`
	Anomalies  Anomaly `json:"anomalies,omitzero"`
}

// Headline is service, method and status.
func (m *Call) Headline() string {
	s := string(m.Service) + "/" + string(m.Method)
	if m.Status != "" {
		return s + " " + m.Status
	}
	return s
}

// About implements sensor.Subject: the host of the call.
func (m *Call) About() string { return string(m.Host) }

// Body is what is said of a message's body and framing.
type Body struct {
	// BodyBytes is the length of the body, without framing and padding: of the
	// whole body, bytes that were not captured included, unless the message is
	// Incomplete or Partial.
	BodyBytes     int64 `json:"body_bytes"`
	ContentLength int64 `json:"content_length,omitempty"` // the field of that name
	Trailers      int   `json:"trailers,omitempty"`       // fields behind the body

	Missing    int64 `json:"missing,omitempty"`    // bytes of the body that were not captured
	Incomplete bool  `json:"incomplete,omitempty"` // the message was not sent to its end
	// Partial says that the connection was joined in the middle, or that bytes
	// of it were lost other than within a body: what is told was seen, but there
	// may have been more.
	Partial bool `json:"partial,omitempty"`
	// Unknown is how many header fields refer to a table whose content was not
	// seen.
	Unknown   int     `json:"unknown_fields,omitempty"`
	Reset     string  `json:"reset,omitempty"` // the error with which the stream was reset
	Anomalies Anomaly `json:"anomalies,omitzero"`
}

// Header is a header field.
type Header struct {
	Name  string `json:"name"`
	Value []byte `json:"value"`
}

// Reset is a stream that one side gave up (RST_STREAM).
type Reset struct {
	Kind   string `json:"type"`
	Stream uint32 `json:"stream"`
	Code   uint32 `json:"code"`
	Reason string `json:"reason"` // its name: "CANCEL", or the number
	Method []byte `json:"method,omitempty"`
	Target []byte `json:"target,omitempty"`
	Host   []byte `json:"host,omitempty"`
	// Partial says that the connection was not seen as a whole.
	Partial bool `json:"partial,omitempty"`
}

// Headline is the error, and method and target of the request.
func (m *Reset) Headline() string {
	return m.Reason + " " + string(m.Method) + " " + string(m.Target)
}

// Unanswered is a request, sent to its end, to which no response came.
type Unanswered struct {
	Kind   string           `json:"type"`
	Stream uint32           `json:"stream"`
	Method []byte           `json:"method"`
	Target []byte           `json:"target"`
	Host   []byte           `json:"host,omitempty"`
	Sent   sensor.Timestamp `json:"sent"` // when its end was
}

// Headline is method and target of the request.
func (m *Unanswered) Headline() string {
	return "unanswered " + string(m.Method) + " " + string(m.Target)
}

// GoAway says that one side will take no more streams (GOAWAY).
type GoAway struct {
	Kind       string `json:"type"`
	LastStream uint32 `json:"last_stream"`
	Code       uint32 `json:"code"`
	Reason     string `json:"reason"`         // its name: "NO_ERROR", or the number
	Text       []byte `json:"text,omitempty"` // the first 256 bytes of the debug data
	Partial    bool   `json:"partial,omitempty"`
}

// Headline is the error.
func (m *GoAway) Headline() string { return "GOAWAY " + m.Reason }

// Anomaly is a set of things that are odd about a message.
type Anomaly uint16

// The anomalies.
const (
	BadField    Anomaly = 1 << iota // a field that is malformed, must not be there, or is not where it must be (RFC 9113, 8.2, 8.3)
	BadValue                        // a value with NUL, CR or LF
	LongValue                       // a value of over 1 KiB, of which the first are shown
	ManyFields                      // header fields of over 256 KiB in all, of which the first are shown
	TwoHosts                        // Host differs from :authority
	WrongLength                     // Content-Length is no number, or not that of the body
	anomalies   = iota
)

var anomalyNames = [anomalies]string{"bad_field", "bad_value", "long_value", "many_fields", "two_hosts", "wrong_length"}

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

// Error is why a stream is no HTTP/2, or not understood.
type Error struct {
	Offset int64  // in the side's stream
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "http2: at offset " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
}
