package ssh

import (
	"bytes"
	"sync"

	"flowscope/sensor"
)

// Limits.
const (
	maxBanner   = 255      // bytes of an identification string, its end included (RFC 4253, 4.2)
	maxLine     = 1024     // bytes of a line before it
	maxPreamble = 16 << 10 // bytes of all lines before it
	maxPacket   = 35000    // bytes of a packet (RFC 4253, 6.1)
	maxPassed   = 1024     // packets that are passed over
	maxNames    = 64       // names of a list that are shown
)

// maxProbe is how much of a preamble is waited for.
const maxProbe = 1024

// Protocol returns SSH. It is recognised on any port.
func Protocol() sensor.Protocol {
	pool := &sync.Pool{New: func() any { return &decoder{} }}
	return sensor.Protocol{
		Name:      "ssh",
		Transport: sensor.ProtoTCP,
		Ports:     []uint16{22, 2222},
		Probe:     probe,
		NewStream: func() sensor.StreamParser { return &parser{pool: pool} },
		MaxBuffer: packetHeader + maxPacket,
	}
}

// decoder is what is needed only while a message is looked at: flows are many,
// decoders few.
type decoder struct {
	banner     Banner
	kexinit    KeyExchange
	handshake  Handshake
	disconnect Disconnect
	offer      [2]offer
	hash       [2][32]byte
}

// release gives a decoder back, without what it was lent.
func (p *parser) release(x *decoder) {
	x.banner, x.handshake, x.disconnect = Banner{}, Handshake{}, Disconnect{}
	x.offer = [2]offer{}
	m := &x.kexinit
	for _, l := range m.lists() {
		clear(*l)
	}
	p.pool.Put(x)
}

// magic begins each identification string.
const magic = "SSH-"

// probe wants an identification string. A server may send lines before its own
// (RFC 4253, 4.2); the client's tells then.
func probe(side sensor.Side, data []byte) sensor.Verdict {
	if n := min(len(data), len(magic)); string(data[:n]) != magic[:n] {
		return probePreamble(side, data)
	}
	if len(data) < len(magic)+2 {
		return sensor.Unsure
	}
	if v := data[len(magic):]; (v[0] == '1' || v[0] == '2') && v[1] == '.' {
		return sensor.Match
	}
	return sensor.No
}

// probePreamble judges what may be lines in front of an identification string.
func probePreamble(side sensor.Side, data []byte) sensor.Verdict {
	if side == sensor.Initiator || len(data) > maxProbe {
		return sensor.No
	}
	for len(data) > 0 {
		if n := min(len(data), len(magic)); string(data[:n]) == magic[:n] {
			return probe(sensor.Initiator, data)
		}
		end := bytes.IndexByte(data, '\n')
		line := data
		if end >= 0 {
			line = data[:end]
		}
		for _, c := range line {
			if c < ' ' && c != '\t' && c != '\r' || c == 0x7f {
				return sensor.No
			}
		}
		if end < 0 {
			break
		}
		data = data[end+1:]
	}
	return sensor.Unsure
}
