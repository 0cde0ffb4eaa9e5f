package dhcp

import (
	"encoding/binary"
	"sync"

	"flowscope/sensor"
)

// maxPending is how many requests of a flow are remembered.
const maxPending = 32

// Protocol returns DHCP for IPv4. It is recognised on any port.
func Protocol() sensor.Protocol {
	pool := &sync.Pool{New: func() any { return &decoder{} }}
	return sensor.Protocol{
		Name:        "dhcp",
		Transport:   sensor.ProtoUDP,
		Ports:       []uint16{67, 68},
		Probe:       probe,
		NewDatagram: func() sensor.DatagramParser { return &parser{pool: pool} },
	}
}

// probe recognises a message by its cookie. A reply does not tell who began:
// most are broadcasts in a flow of their own.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	if len(data) < headerSize || data[0] != 1 && data[0] != 2 || data[2] > 16 || binary.BigEndian.Uint32(data[atCookie:]) != cookie {
		return sensor.No
	}
	if data[0] == 1 {
		return sensor.MatchInitiator
	}
	return sensor.Match
}
