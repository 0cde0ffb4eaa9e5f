package ssh

import (
	"strconv"
	"time"
)

// The kinds of message.
const (
	KindBanner      = "banner"
	KindKeyExchange = "kexinit"
	KindHandshake   = "handshake"
	KindDisconnect  = "disconnect"
)

// The roles of a side.
const (
	RoleClient = "client"
	RoleServer = "server"
)

// Banner is an identification string (RFC 4253, 4.2). It is lent, with all that it
// points to, and valid until emit returns; so are the other messages.
type Banner struct {
	Kind     string `json:"type"`
	Version  []byte `json:"version"`            // of the protocol: "2.0", "1.99" for both 1 and 2
	Software []byte `json:"software"`           // and its version
	Comments []byte `json:"comments,omitempty"` // behind the first blank
	// Preamble is how many lines the side sent before.
	Preamble int `json:"preamble,omitempty"`
}

// Headline is the software.
func (m *Banner) Headline() string { return string(m.Software) }

// KeyExchange is what a side offers (SSH_MSG_KEXINIT, RFC 4253, 7.1). Lists are in
// the order of the wire, markers such as ext-info-c included.
type KeyExchange struct {
	Kind     string   `json:"type"`
	Role     string   `json:"role"` // "client" or "server"
	Kex      [][]byte `json:"kex,omitempty"`
	HostKeys [][]byte `json:"host_keys,omitempty"`

	CiphersToServer      [][]byte `json:"ciphers_to_server,omitempty"`
	CiphersToClient      [][]byte `json:"ciphers_to_client,omitempty"`
	MACsToServer         [][]byte `json:"macs_to_server,omitempty"`
	MACsToClient         [][]byte `json:"macs_to_client,omitempty"`
	CompressionsToServer [][]byte `json:"compressions_to_server,omitempty"`
	CompressionsToClient [][]byte `json:"compressions_to_client,omitempty"`
	LanguagesToServer    [][]byte `json:"languages_to_server,omitempty"`
	LanguagesToClient    [][]byte `json:"languages_to_client,omitempty"`

	// Guess says that the first packet of a key exchange follows, which was made
	// without knowing the other side's offer.
	Guess bool `json:"guess,omitempty"`

	HASSH     []byte `json:"hassh,omitempty"`      // MD5 of HASSHFull, hexadecimal; of a server it is HASSHServer
	HASSHFull []byte `json:"hassh_full,omitempty"` // what HASSH is made of

	Truncated bool `json:"truncated,omitempty"` // a list is longer than is shown
}

// Headline is the role and the fingerprint.
func (m *KeyExchange) Headline() string { return m.Role + " hassh " + string(m.HASSH) }

// Handshake is what the offers of both sides come to. What they do not agree on is
// not there.
type Handshake struct {
	Kind   string `json:"type"`
	Client []byte `json:"client,omitempty"` // identification string
	Server []byte `json:"server,omitempty"` // identification string

	Kex                 []byte `json:"kex,omitempty"`
	HostKey             []byte `json:"host_key,omitempty"` // algorithm of the server's host key
	CipherToServer      []byte `json:"cipher_to_server,omitempty"`
	CipherToClient      []byte `json:"cipher_to_client,omitempty"`
	MACToServer         []byte `json:"mac_to_server,omitempty"` // "implicit" if the cipher authenticates
	MACToClient         []byte `json:"mac_to_client,omitempty"` // "implicit" if the cipher authenticates
	CompressionToServer []byte `json:"compression_to_server,omitempty"`
	CompressionToClient []byte `json:"compression_to_client,omitempty"`

	// Mismatch names the first list on which client and server have nothing in
	// common.
	Mismatch string `json:"mismatch,omitempty"`

	HASSH       []byte `json:"hassh,omitempty"`        // of the client
	HASSHServer []byte `json:"hassh_server,omitempty"` // of the server

	// Duration is the time from the first identification string to the second
	// offer.
	Duration time.Duration `json:"duration"`
}

// Headline is the key exchange and the server's software.
func (m *Handshake) Headline() string {
	if m.Mismatch != "" {
		return "no " + m.Mismatch + " in common"
	}
	return string(m.Kex) + " " + string(m.CipherToServer) + ", " + string(m.Server)
}

// About is the server's identification string.
func (m *Handshake) About() string { return string(m.Server) }

// Disconnect says that a side gives up (RFC 4253, 11.1).
type Disconnect struct {
	Kind   string `json:"type"`
	Code   uint32 `json:"code"`
	Reason string `json:"reason,omitempty"` // its name; nothing for a code that has none
	Text   []byte `json:"text,omitempty"`   // for people
}

// Headline is what the side says of it.
func (m *Disconnect) Headline() string {
	if len(m.Text) == 0 {
		return "disconnect " + m.Reason
	}
	return "disconnect " + string(m.Text)
}

// reasons are the codes of a Disconnect (RFC 4253, 11.1).
var reasons = [...]string{1: "HOST_NOT_ALLOWED_TO_CONNECT", "PROTOCOL_ERROR", "KEY_EXCHANGE_FAILED", "RESERVED", "MAC_ERROR",
	"COMPRESSION_ERROR", "SERVICE_NOT_AVAILABLE", "PROTOCOL_VERSION_NOT_SUPPORTED", "HOST_KEY_NOT_VERIFIABLE", "CONNECTION_LOST",
	"BY_APPLICATION", "TOO_MANY_CONNECTIONS", "AUTH_CANCELLED_BY_USER", "NO_MORE_AUTH_METHODS_AVAILABLE", "ILLEGAL_USER_NAME"}

// Error is why a stream is no SSH, or not understood.
type Error struct {
	Offset int64  // in the side's stream
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "ssh: at offset " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
}
