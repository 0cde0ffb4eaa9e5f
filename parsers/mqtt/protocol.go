package mqtt

import (
	"bytes"
	"unicode/utf8"

	"flowscope/sensor"
)

// Limits.
const (
	maxHead       = 16 << 10 // bytes of a packet, without a PUBLISH's payload, that are looked at
	maxString     = 1 << 10  // bytes of a string that are shown
	maxFilters    = 64       // topic filters, or codes, of a packet that are shown
	maxInFlight   = 128      // packet ids of a direction that wait
	maxPings      = 8        // PINGREQs that wait
	maxAliases    = 64       // topic aliases of a direction
	maxAliasBytes = 16 << 10 // bytes of their topics
	maxPayload    = 4 << 10  // bytes of a payload that Config can ask for
)

// Config says what is shown of messages. Its zero value works.
type Config struct {
	// Payload is how many bytes of the beginning of each payload are shown, at
	// most 4096. Default none.
	Payload int
	// Users shows the names of users.
	Users bool
}

// Protocol returns MQTT over TCP with the default configuration. It is recognised
// on any port.
func Protocol() sensor.Protocol { return Config{}.Protocol() }

// Protocol returns MQTT over TCP with this configuration.
func (c Config) Protocol() sensor.Protocol {
	c.Payload = min(max(c.Payload, 0), maxPayload)
	cfg := &c
	return sensor.Protocol{
		Name:      "mqtt",
		Transport: sensor.ProtoTCP,
		Ports:     []uint16{1883},
		Probe:     probe,
		NewStream: func() sensor.StreamParser { return &parser{cfg: cfg} },
		MaxBuffer: 5 + maxHead,
	}
}

// Types of packet (MQTT 5, table 2-1).
const (
	typeConnect     = 1
	typeConnack     = 2
	typePublish     = 3
	typePuback      = 4
	typePubrec      = 5
	typePubrel      = 6
	typePubcomp     = 7
	typeSubscribe   = 8
	typeSuback      = 9
	typeUnsubscribe = 10
	typeUnsuback    = 11
	typePingreq     = 12
	typePingresp    = 13
	typeDisconnect  = 14
	typeAuth        = 15
)

// least is how long what follows a fixed header is at least.
var least = [16]int{typeConnect: 10, typeConnack: 2, typePublish: 2, typePuback: 2, typePubrec: 2, typePubrel: 2, typePubcomp: 2,
	typeSubscribe: 5, typeSuback: 3, typeUnsubscribe: 4, typeUnsuback: 2}

// header reads a fixed header: its own length, 0 if it is not all there, and that
// of what follows. It is not ok if it cannot be one.
func header(b []byte) (n, size int, ok bool) {
	if len(b) == 0 {
		return 0, 0, true
	}
	kind, flags := b[0]>>4, b[0]&15
	switch kind {
	case 0:
		return 0, 0, false
	case typePublish:
		ok = flags&6 != 6
	case typePubrel, typeSubscribe, typeUnsubscribe:
		ok = flags&^8 == 2 // MQTT 3.1 has DUP there
	default:
		ok = flags == 0
	}
	size, n, whole := varint(b[1:])
	switch {
	case !ok || !whole:
		return 0, 0, false
	case n == 0:
		return 0, 0, true
	case size < least[kind], (kind == typePingreq || kind == typePingresp) && size != 0:
		return 0, 0, false
	}
	return 1 + n, size, true
}

// protocols are how the variable header of a CONNECT begins.
var protocols = []string{"\x00\x04MQTT", "\x00\x06MQIsdp"}

// probe wants a CONNECT or, of a connection joined in the middle, two packets that
// fit together of which one has a topic.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	topics, packets := 0, 0
	match := sensor.Match
	for b := data; ; {
		n, size, ok := header(b)
		if !ok {
			return sensor.No
		}
		if packets >= 2 && topics > 0 && n > 0 {
			return match
		}
		if n == 0 {
			return sensor.Unsure
		}
		kind := b[0] >> 4
		body := b[n:min(len(b), n+size)]
		switch kind {
		case typeConnect:
			if packets == 0 {
				return probeConnect(body)
			}
			return sensor.No
		case typePublish:
			v := probeTopic(body)
			if v != sensor.Match {
				return v
			}
			topics++
		case typeSubscribe, typePingreq:
			match = sensor.MatchInitiator
		case typeConnack:
			if len(body) > 0 && body[0] > 1 {
				return sensor.No
			}
			match = sensor.MatchResponder
			topics++ // as good as one
		case typeSuback, typeUnsuback, typePingresp:
			match = sensor.MatchResponder
		}
		if len(b) < n+size {
			return sensor.Unsure
		}
		packets++
		b = b[n+size:]
	}
}

func probeConnect(body []byte) sensor.Verdict {
	for _, p := range protocols {
		n := min(len(body), len(p))
		switch {
		case string(body[:n]) != p[:n]:
		case len(body) <= len(p):
			return sensor.Unsure
		default:
			if _, ok := versionOf(body[len(p)]); ok {
				return sensor.MatchInitiator
			}
		}
	}
	return sensor.No
}

// probeTopic wants a topic of printable characters without wildcards.
func probeTopic(body []byte) sensor.Verdict {
	if len(body) < 2 {
		return sensor.Unsure
	}
	n := int(body[0])<<8 | int(body[1])
	switch {
	case n == 0 || n > maxString:
		return sensor.No
	case len(body) < 2+n:
		return sensor.Unsure
	}
	topic := body[2 : 2+n]
	if !utf8.Valid(topic) || bytes.ContainsAny(topic, "#+") || bytes.IndexFunc(topic, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
		return sensor.No
	}
	return sensor.Match
}

// version is what the layout of packets depends on.
type version uint8

const (
	versionUnknown version = iota
	v31
	v311
	v5
	v3 // 3.1 or 3.1.1
)

func (v version) String() string {
	return [...]string{"", "3.1", "3.1.1", "5", "3"}[v]
}

// bridgeBit is set in the level of the protocol by some brokers that connect to
// another.
const bridgeBit = 0x80

func versionOf(level byte) (version, bool) {
	switch level &^ bridgeBit {
	case 3:
		return v31, true
	case 4:
		return v311, true
	case 5:
		return v5, true
	}
	return versionUnknown, false
}
