package mqtt

import (
	"strconv"
	"time"

	"flowscope/sensor"
)

// The kinds of message.
const (
	KindConnect     = "connect"
	KindConnack     = "connack"
	KindPublish     = "publish"
	KindPuback      = "puback"
	KindPubrec      = "pubrec"
	KindPubrel      = "pubrel"
	KindPubcomp     = "pubcomp"
	KindSubscribe   = "subscribe"
	KindSuback      = "suback"
	KindUnsubscribe = "unsubscribe"
	KindUnsuback    = "unsuback"
	KindPing        = "ping"
	KindDisconnect  = "disconnect"
	KindAuth        = "auth"
	// KindUnanswered is a packet, said again because its flow ended without the
	// packet that answers it.
	KindUnanswered = "unanswered"
)

// The values of Pairing.
const (
	PairingNone    = "none"    // what is answered was not seen
	PairingAssumed = "assumed" // it was, if nothing else was missed
)

// Connect is a CONNECT. All messages are lent, with all that they point to, and
// valid until emit returns.
type Connect struct {
	Kind     string `json:"type"`
	Version  string `json:"version"` // "3.1", "3.1.1" or "5"
	Bridge   bool   `json:"bridge,omitempty"`
	ClientID []byte `json:"client_id"` // empty: the server assigns one
	Clean    bool   `json:"clean"`     // clean session, or clean start
	// KeepAlive is how long the client promises not to be silent for.
	KeepAlive   time.Duration `json:"keep_alive"`
	HasUser     bool          `json:"has_user"`
	HasPassword bool          `json:"has_password"`
	User        []byte        `json:"user,omitempty"` // if Config asks for it
	WillTopic   []byte        `json:"will_topic,omitempty"`
	WillQoS     uint8         `json:"will_qos,omitempty"`
	WillRetain  bool          `json:"will_retain,omitempty"`
	WillBytes   int           `json:"will_bytes,omitempty"` // bytes of its payload
	// Of version 5.
	SessionExpiry  time.Duration `json:"session_expiry,omitempty"`
	ReceiveMaximum uint16        `json:"receive_maximum,omitempty"`
	AuthMethod     []byte        `json:"auth_method,omitempty"`
	Truncated      bool          `json:"truncated,omitempty"`
}

// Headline is the client's name.
func (m *Connect) Headline() string { return "connect " + string(m.ClientID) }

// About implements sensor.Subject: the client's name.
func (m *Connect) About() string { return string(m.ClientID) }

// Connack is a CONNACK.
type Connack struct {
	Kind           string `json:"type"`
	SessionPresent bool   `json:"session_present"`
	Code           uint8  `json:"code"`
	Reason         string `json:"reason"`
	// Of version 5.
	AssignedID      []byte        `json:"assigned_client_id,omitempty"`
	ServerKeepAlive time.Duration `json:"server_keep_alive,omitempty"`
	AuthMethod      []byte        `json:"auth_method,omitempty"`
	RTT             time.Duration `json:"rtt,omitempty"` // since the CONNECT
	Pairing         string        `json:"pairing,omitempty"`
	Partial         bool          `json:"partial,omitempty"` // see Publish
	Truncated       bool          `json:"truncated,omitempty"`
}

// Headline is the reason.
func (m *Connack) Headline() string { return "connack " + m.Reason }

// Publish is a PUBLISH.
type Publish struct {
	Kind  string `json:"type"`
	Topic []byte `json:"topic,omitempty"` // of the alias, where there is one only; absent if it is not known
	// Alias is the topic alias of version 5.
	Alias       uint16 `json:"topic_alias,omitempty"`
	QoS         uint8  `json:"qos"`
	Retain      bool   `json:"retain,omitempty"`
	Dup         bool   `json:"dup,omitempty"`
	PacketID    uint16 `json:"packet_id,omitempty"`
	ContentType []byte `json:"content_type,omitempty"`
	// PayloadBytes is the length of the payload; if Partial, with the properties that
	// version 5 has.
	PayloadBytes int64  `json:"payload_bytes"`
	Payload      []byte `json:"payload,omitempty"` // its beginning, if Config asks for it
	Missing      int64  `json:"missing,omitempty"` // bytes of the payload that were not captured
	// Incomplete says that the connection ended within the payload; PayloadBytes is what
	// was announced.
	Incomplete bool `json:"incomplete,omitempty"`
	// Partial says that the version, or what an alias stands for, is not known,
	// because the beginning of the connection was not seen, or bytes were lost.
	Partial   bool `json:"partial,omitempty"`
	Truncated bool `json:"truncated,omitempty"`
}

// Headline is the topic.
func (m *Publish) Headline() string { return "publish " + string(m.Topic) }

// Ack is a PUBACK, PUBREC, PUBREL or PUBCOMP.
type Ack struct {
	Kind     string        `json:"type"`
	PacketID uint16        `json:"packet_id"`
	Code     uint8         `json:"code"`
	Reason   string        `json:"reason"`
	RTT      time.Duration `json:"rtt,omitempty"`      // since the packet that it answers
	Duration time.Duration `json:"duration,omitempty"` // of PUBCOMP: since the PUBLISH
	Pairing  string        `json:"pairing,omitempty"`
}

// Headline is type and packet id.
func (m *Ack) Headline() string { return m.Kind + " " + strconv.Itoa(int(m.PacketID)) }

// Subscribe is a SUBSCRIBE or UNSUBSCRIBE.
type Subscribe struct {
	Kind      string   `json:"type"`
	PacketID  uint16   `json:"packet_id"`
	Filters   []Filter `json:"filters,omitempty"`
	Partial   bool     `json:"partial,omitempty"` // see Publish
	Truncated bool     `json:"truncated,omitempty"`
}

// Filter is a topic filter, and what is asked for with it.
type Filter struct {
	Topic []byte `json:"topic"`
	QoS   uint8  `json:"qos,omitempty"`
	// Of version 5.
	NoLocal           bool  `json:"no_local,omitempty"`
	RetainAsPublished bool  `json:"retain_as_published,omitempty"`
	RetainHandling    uint8 `json:"retain_handling,omitempty"`
}

// Headline is the first filter.
func (m *Subscribe) Headline() string {
	if len(m.Filters) == 0 {
		return m.Kind
	}
	return m.Kind + " " + string(m.Filters[0].Topic)
}

// Suback is a SUBACK or UNSUBACK.
type Suback struct {
	Kind      string        `json:"type"`
	PacketID  uint16        `json:"packet_id"`
	Codes     []int         `json:"codes,omitempty"` // one for each filter: the QoS granted, or 128 and above
	Failed    int           `json:"failed,omitempty"`
	RTT       time.Duration `json:"rtt,omitempty"`
	Pairing   string        `json:"pairing,omitempty"`
	Partial   bool          `json:"partial,omitempty"` // see Publish
	Truncated bool          `json:"truncated,omitempty"`
}

// Headline is type and packet id.
func (m *Suback) Headline() string { return m.Kind + " " + strconv.Itoa(int(m.PacketID)) }

// Ping is a PINGRESP.
type Ping struct {
	Kind    string        `json:"type"`
	RTT     time.Duration `json:"rtt,omitempty"` // since the PINGREQ
	Pairing string        `json:"pairing,omitempty"`
}

// Headline is its name.
func (m *Ping) Headline() string { return m.Kind }

// Disconnect is a DISCONNECT.
type Disconnect struct {
	Kind   string `json:"type"`
	Code   uint8  `json:"code"`
	Reason string `json:"reason"`
}

// Headline is the reason.
func (m *Disconnect) Headline() string { return "disconnect " + m.Reason }

// Auth is an AUTH of version 5.
type Auth struct {
	Kind   string `json:"type"`
	Code   uint8  `json:"code"`
	Reason string `json:"reason"`
	Method []byte `json:"method,omitempty"`
}

// Headline is the method.
func (m *Auth) Headline() string { return "auth " + string(m.Method) }

// Unanswered is a packet that the other side did not answer.
type Unanswered struct {
	Kind     string           `json:"type"`
	Packet   string           `json:"packet"` // "connect", "publish", "pubrec", "pubrel", "subscribe", "unsubscribe" or "ping"
	PacketID uint16           `json:"packet_id,omitempty"`
	Sent     sensor.Timestamp `json:"sent"`
}

// Headline is the type of the packet.
func (m *Unanswered) Headline() string { return "unanswered " + m.Packet }

// Error is why a stream is no MQTT, or not understood.
type Error struct {
	Offset int64  // in the side's stream
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "mqtt: at offset " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
}
