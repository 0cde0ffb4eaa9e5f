package ntp

import (
	"encoding/binary"
	"sync"
	"time"

	"flowscope/sensor"
)

const (
	// maxPending is how many requests of a flow wait for a response.
	maxPending = 16
	// queryTimeout is how long they do.
	queryTimeout = 30 * time.Second
)

// Protocol returns NTP over UDP. It is recognised on any port.
func Protocol() sensor.Protocol {
	pool := &sync.Pool{New: func() any { return &Message{} }}
	return sensor.Protocol{
		Name:        "ntp",
		Transport:   sensor.ProtoUDP,
		Ports:       []uint16{123},
		Probe:       probe,
		NewDatagram: func() sensor.DatagramParser { return &parser{pool: pool} },
	}
}

// probe recognises a message whose length is that of one and whose fields are in
// the ranges that clocks have.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	var m Message
	if m.decode(data, 0) != nil {
		return sensor.No
	}
	switch m.Mode {
	case modeControl:
		padded := controlSize + (m.DataBytes+3)&^3
		if m.Opcode == 0 || m.Opcode > 12 && m.Opcode != 31 || m.Version < 2 || len(data) != padded && len(data) != controlSize+m.DataBytes {
			return sensor.No
		}
		return direction(m.Response)
	case modePrivate:
		if data[2] != 2 && data[2] != 3 || m.Opcode > 45 || data[6]&0xf0 != 0 || m.Failed && !m.Response || m.More && !m.Response {
			return sensor.No
		}
		return direction(m.Response)
	}
	if m.Stratum > 16 || m.Poll < -8 || m.Poll > 24 || m.Precision < -40 || m.Precision > 6 && m.Mode != modeClient || m.Precision > 32 ||
		m.RootDelay >= 1<<8*time.Second && m.Stratum < 16 || m.RootDispersion >= 1<<10*time.Second && m.Stratum < 16 {
		return sensor.No
	}
	switch m.Mode {
	case modeClient:
		if m.transmit == 0 {
			return sensor.Unsure // old clients do that, and so does much else
		}
		return sensor.MatchInitiator
	case modeServer:
		receive := binary.BigEndian.Uint64(data[32:])
		if len(m.Kiss) == 0 && (m.transmit == 0 || (m.transmit-receive)>>32 > 64) {
			return sensor.No
		}
		return sensor.MatchResponder
	}
	if m.transmit == 0 {
		return sensor.No
	}
	return sensor.Match
}

func direction(response bool) sensor.Verdict {
	if response {
		return sensor.MatchResponder
	}
	return sensor.MatchInitiator
}
