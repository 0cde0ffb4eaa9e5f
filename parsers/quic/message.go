package quic

import (
	"strconv"

	"flowscope/parsers/tls"
)

// The kinds of message, beside those of TLS.
const (
	KindRetry              = "retry"
	KindVersionNegotiation = "version_negotiation"
	KindClose              = "close"
)

// Version is a version of QUIC, as on the wire.
type Version uint32

// The versions whose packets can be read (RFC 9000, RFC 9369).
const (
	Version1 Version = 1
	Version2 Version = 0x6b3343cf
)

// String returns "QUIC v1", "QUIC v2", or 0x and the number.
func (v Version) String() string {
	b, _ := v.AppendText(nil)
	return string(b)
}

// AppendText appends what String returns.
func (v Version) AppendText(b []byte) ([]byte, error) {
	switch v {
	case Version1:
		return append(b, "QUIC v1"...), nil
	case Version2:
		return append(b, "QUIC v2"...), nil
	}
	b = append(b, "0x"...)
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[v>>shift&15])
	}
	return b, nil
}

// MarshalText implements encoding.TextMarshaler as String.
func (v Version) MarshalText() ([]byte, error) { return v.AppendText(nil) }

// ClientHello is what a client offers: the hello of TLS, whose JA4 begins with q,
// and what the packets that brought it say. It is lent, with all that it points
// to, and valid until emit returns.
type ClientHello struct {
	tls.ClientHello
	QUIC Version `json:"quic_version"`
	// DCID is the connection id that the client chose for the server, of which
	// the keys are made; SCID is the client's own. Both are hexadecimal.
	DCID []byte `json:"dcid"`
	SCID []byte `json:"scid,omitempty"`
	// TokenBytes is the length of the token in the packet that completed the
	// hello: of a Retry, or of an earlier connection to the server.
	TokenBytes int `json:"token_bytes,omitempty"`
	// Packets is how many packets had a part of the hello.
	Packets int `json:"packets"`
}

// Headline is the name of the server and the first part of JA4.
func (m *ClientHello) Headline() string { return m.ClientHello.Headline() }

// ServerHello is what a server chose, or asks the client to offer.
type ServerHello struct {
	tls.ServerHello
	QUIC Version `json:"quic_version"`
	// SCID is the connection id that the server chose for itself, hexadecimal.
	SCID []byte `json:"scid,omitempty"`
}

// Headline is the version of QUIC, that of TLS and the cipher suite.
func (m *ServerHello) Headline() string { return m.QUIC.String() + " " + m.ServerHello.Headline() }

// Retry is a server's demand to show the token that it sends (RFC 9000, 8.1.2).
// It is told only if it belongs to the client's packet, by its tag.
type Retry struct {
	Kind       string  `json:"type"`
	QUIC       Version `json:"quic_version"`
	SCID       []byte  `json:"scid,omitempty"` // the connection id to use from now on, hexadecimal
	TokenBytes int     `json:"token_bytes"`
}

// Headline is the version.
func (m *Retry) Headline() string { return m.QUIC.String() + " retry" }

// VersionNegotiation is a server's answer to a version that it does not have (RFC
// 8999, 6). Nothing authenticates it.
type VersionNegotiation struct {
	Kind string `json:"type"`
	// Asked is the version that the client asked for; 0 if that was not seen.
	Asked     Version   `json:"asked,omitempty"`
	Versions  []Version `json:"versions"`            // what the server has, up to 32
	Truncated bool      `json:"truncated,omitempty"` // it has more
}

// Headline is the versions that are offered.
func (m *VersionNegotiation) Headline() string {
	text := "offered"
	for i, v := range m.Versions {
		if i == 3 {
			return text + " …"
		}
		text += " " + v.String()
	}
	return text
}

// Close is the end of a connection in an Initial packet: usually a server that
// refuses (RFC 9000, 19.19).
type Close struct {
	Kind string  `json:"type"`
	QUIC Version `json:"quic_version"`
	// Code is the error, Reason its name; an alert of TLS shows as "CRYPTO_ERROR"
	// and the name of the alert (RFC 9000, 20.1).
	Code      uint64 `json:"code"`
	Reason    string `json:"reason,omitempty"`
	Frame     uint64 `json:"frame,omitempty"`     // type of the frame that caused it
	Text      []byte `json:"text,omitempty"`      // for people, up to 256 bytes
	Truncated bool   `json:"truncated,omitempty"` // the reason is longer
}

// Headline is the name of the error.
func (m *Close) Headline() string {
	if m.Reason == "" {
		return "closed with " + strconv.FormatUint(m.Code, 10)
	}
	return "closed with " + m.Reason
}

// errorNames are the transport error codes of RFC 9000, 20.1, and RFC 9368.
var errorNames = [...]string{
	"NO_ERROR", "INTERNAL_ERROR", "CONNECTION_REFUSED", "FLOW_CONTROL_ERROR", "STREAM_LIMIT_ERROR", "STREAM_STATE_ERROR",
	"FINAL_SIZE_ERROR", "FRAME_ENCODING_ERROR", "TRANSPORT_PARAMETER_ERROR", "CONNECTION_ID_LIMIT_ERROR", "PROTOCOL_VIOLATION",
	"INVALID_TOKEN", "APPLICATION_ERROR", "CRYPTO_BUFFER_EXCEEDED", "KEY_UPDATE_ERROR", "AEAD_LIMIT_REACHED", "NO_VIABLE_PATH",
	"VERSION_NEGOTIATION_ERROR",
}

func errorName(code uint64) string {
	switch {
	case code < uint64(len(errorNames)):
		return errorNames[code]
	case code>>8 == 1:
		return "CRYPTO_ERROR " + tls.AlertDescription(code).String()
	}
	return ""
}

// Error is why a datagram is not understood.
type Error struct {
	Offset int    // of the packet in the datagram
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "quic: at offset " + strconv.Itoa(e.Offset) + ": " + e.Reason
}
