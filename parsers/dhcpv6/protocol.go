package dhcpv6

import (
	"encoding/binary"
	"sync"

	"flowscope/sensor"
)

// maxPending is how many requests of a flow are remembered.
const maxPending = 32

// Protocol returns DHCPv6. It is recognised on any port.
func Protocol() sensor.Protocol {
	pool := &sync.Pool{New: func() any { return &decoder{} }}
	return sensor.Protocol{
		Name:        "dhcpv6",
		Transport:   sensor.ProtoUDP,
		Ports:       []uint16{546, 547},
		Probe:       probe,
		NewDatagram: func() sensor.DatagramParser { return &parser{pool: pool} },
	}
}

// probe recognises a message by options that fill it exactly, and by one among them
// that few other things look like: a DUID of a type that there is or, in what a relay
// sends, a message of a type that there is. A reply does not tell who began: most are
// in a flow of their own.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	if len(data) < headerSize || !known(data[0]) {
		return sensor.No
	}
	at := headerSize
	relay := data[0] == typeRelayForward || data[0] == typeRelayReply
	if relay {
		at = relaySize
	}
	found := false
	for at < len(data) {
		if len(data)-at < 4 {
			return sensor.No
		}
		code, size := binary.BigEndian.Uint16(data[at:]), int(binary.BigEndian.Uint16(data[at+2:]))
		if at += 4; size > len(data)-at || code == 0 {
			return sensor.No
		}
		v := data[at : at+size]
		at += size
		switch {
		case relay:
			found = found || code == optRelayMessage && size >= headerSize && known(v[0])
		case code == optClientID || code == optServerID:
			found = found || size >= 4 && v[0] == 0 && v[1] >= 1 && v[1] <= 4
		}
	}
	switch {
	case !found:
		return sensor.No
	case data[0] == typeRelayForward || answers[data[0]][0] != 0:
		return sensor.MatchInitiator
	}
	return sensor.Match
}

// known reports whether there is a message of that type.
func known(b byte) bool { return int(b) < len(kinds) && kinds[b] != "" }
