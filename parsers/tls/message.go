package tls

import (
	"strconv"
	"time"
)

// The kinds of message.
const (
	KindClientHello       = "client_hello"
	KindServerHello       = "server_hello"
	KindHelloRetryRequest = "hello_retry_request"
	KindCertificate       = "certificate"
	KindAlert             = "alert"
	KindEstablished       = "established"
)

// ClientHello is what a client offers. It is lent, with all that it points to,
// and valid until emit returns. Lists are in the order of the wire, without the
// values of GREASE.
type ClientHello struct {
	Kind string `json:"type"`
	// SNI is the name of the server that the client asks for; with ECH it is
	// the outer one.
	SNI []byte `json:"sni,omitempty"`
	// Version is the highest version that is offered.
	Version Version `json:"version"`
	// Versions are those of the extension supported_versions.
	Versions            []Version         `json:"versions,omitempty"`
	ALPN                [][]byte          `json:"alpn,omitempty"`
	CipherSuites        []CipherSuite     `json:"ciphers,omitempty"`
	Groups              []Group           `json:"groups,omitempty"`
	KeyShares           []Group           `json:"key_shares,omitempty"`
	SignatureAlgorithms []SignatureScheme `json:"signature_algorithms,omitempty"`

	SessionID bool `json:"session_id,omitempty"` // one is sent; in TLS 1.3 this means nothing
	Ticket    bool `json:"ticket,omitempty"`     // a session ticket is offered
	PSK       bool `json:"psk,omitempty"`        // TLS 1.3: a pre-shared key, usually of an earlier session, is offered
	EarlyData bool `json:"early_data,omitempty"`
	ECH       bool `json:"ech,omitempty"`   // an encrypted hello is inside; clients also pretend to have one
	Retry     bool `json:"retry,omitempty"` // not the first of the connection
	SSLv2     bool `json:"sslv2,omitempty"` // in the format of SSL 2.0

	JA3     []byte `json:"ja3,omitempty"`      // MD5 of JA3Full, hexadecimal
	JA3Full []byte `json:"ja3_full,omitempty"` // what JA3 is made of
	JA4     []byte `json:"ja4,omitempty"`

	Truncated bool `json:"truncated,omitempty"` // a list is longer than is shown

	// LegacyVersion is the version field itself, which TLS 1.3 freezes.
	LegacyVersion Version `json:"-"`
	// Random is the client's random.
	Random []byte `json:"-"`

	seen    seen
	scratch scratch
}

// About implements sensor.Subject: the server that is asked for.
func (m *ClientHello) About() string { return string(m.SNI) }

// AboutBytes implements sensor.SubjectBytes.
func (m *ClientHello) AboutBytes() []byte { return m.SNI }

// Headline is the name of the server and the first part of JA4.
func (m *ClientHello) Headline() string {
	ja4 := m.JA4
	if len(ja4) > 10 {
		ja4 = ja4[:10]
	}
	if len(m.SNI) == 0 {
		return string(ja4)
	}
	return string(m.SNI) + " " + string(ja4)
}

// ServerHello is what a server chose, or asks the client to offer.
type ServerHello struct {
	Kind    string      `json:"type"`
	Version Version     `json:"version"` // the version that the connection will have
	Cipher  CipherSuite `json:"cipher"`
	ALPN    []byte      `json:"alpn,omitempty"`      // TLS 1.3 encrypts it
	Group   Group       `json:"group,omitzero"`      // TLS 1.3: of the key share
	PSK     bool        `json:"psk,omitempty"`       // TLS 1.3: the client's pre-shared key is used
	SID     bool        `json:"session_id,omitzero"` // one is sent
	ECH     bool        `json:"ech,omitempty"`       // in a hello_retry_request: the server answers to ECH

	// RTT is the time since the client's hello; 0 if that was not seen.
	RTT time.Duration `json:"rtt,omitempty"`

	JA3S     []byte `json:"ja3s,omitempty"`
	JA3SFull []byte `json:"ja3s_full,omitempty"`

	// LegacyVersion is the version field itself.
	LegacyVersion Version `json:"-"`
	// Random is the server's random.
	Random []byte `json:"-"`

	scratch scratch
}

// Headline is the version and the cipher suite.
func (m *ServerHello) Headline() string {
	if m.Kind == KindHelloRetryRequest {
		return m.Version.String() + " retry with " + m.Group.String()
	}
	return m.Version.String() + " " + m.Cipher.String()
}

// Certificate is one certificate of a chain (RFC 5280).
type Certificate struct {
	Kind  string `json:"type"`
	Index int    `json:"index"` // in the chain; 0 is the peer's own
	// SHA256 is the fingerprint of the whole certificate, hexadecimal.
	SHA256  []byte `json:"sha256,omitempty"`
	Subject []byte `json:"subject,omitempty"`
	Issuer  []byte `json:"issuer,omitempty"`
	Serial  []byte `json:"serial,omitempty"` // hexadecimal, as encoded
	// NotBefore and NotAfter are in RFC 3339 form, UTC.
	NotBefore []byte `json:"not_before,omitempty"`
	NotAfter  []byte `json:"not_after,omitempty"`
	// Names are the subject's alternative names: of hosts, mailboxes, addresses
	// and URIs, in the order of the certificate.
	Names     [][]byte `json:"san,omitempty"`
	Version   int      `json:"version,omitempty"` // of X.509: 1 to 3
	Key       string   `json:"key,omitempty"`     // kind of the public key: "rsa", "ecdsa", …; its OID if unknown
	KeyBits   int      `json:"key_bits,omitempty"`
	Curve     string   `json:"curve,omitempty"`
	Signature string   `json:"signature,omitempty"` // algorithm; its OID if unknown
	CA        bool     `json:"ca,omitempty"`

	// Malformed says that it is no certificate that could be read: of the
	// fields, only those before the fault are there.
	Malformed bool `json:"malformed,omitempty"`
	// Truncated says that it was too long to be kept, or has more than 64 names. If it
	// was too long there is no fingerprint and no more than its beginning.
	Truncated bool `json:"truncated,omitempty"`
	Bytes     int  `json:"bytes"` // its length

	text []byte // holds what is not there on the wire as it is shown
}

// Headline is the subject.
func (m *Certificate) Headline() string { return string(m.Subject) }

// Alert is an alert that is not encrypted.
type Alert struct {
	Kind   string           `json:"type"`
	Level  AlertLevel       `json:"level"`
	Code   uint8            `json:"code"`
	Reason AlertDescription `json:"reason"` // its name
}

// Headline is the level and the description.
func (m *Alert) Headline() string {
	return "alert " + m.Level.String() + " " + m.Reason.String()
}

// Established says that the handshake is complete on both sides. In TLS 1.3 it
// is so once both have sent something encrypted that is longer than an alert;
// for clients that send early data it is not said.
type Established struct {
	Kind    string      `json:"type"`
	Version Version     `json:"version"`
	Cipher  CipherSuite `json:"cipher"`
	Group   Group       `json:"group,omitzero"` // of the key exchange, where that is known
	// Resumed says that the keys are those of an earlier session: TLS 1.3 with a
	// pre-shared key, before that a handshake without key exchange.
	Resumed bool `json:"resumed,omitempty"`
	// Duration is the time since the first ClientHello.
	Duration time.Duration `json:"duration"`
}

// Headline is the version and the cipher suite.
func (m *Established) Headline() string {
	text := "established " + m.Version.String()
	if m.Resumed {
		text += ", resumed"
	}
	return text
}

// Error is why a stream is no TLS, or not understood.
type Error struct {
	Offset int64  // in the side's stream, of the record
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "tls: at offset " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
}
