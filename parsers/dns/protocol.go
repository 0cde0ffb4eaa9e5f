package dns

import (
	"sync"

	"flowscope/sensor"
)

// Protocols returns DNS over UDP and over TCP, both named "dns", and then
// multicast DNS ("mdns") and LLMNR ("llmnr").
func Protocols() []sensor.Protocol {
	return []sensor.Protocol{UDP(), TCP(), Multicast(), LLMNR()}
}

// UDP returns DNS over UDP. It is recognised on any port.
func UDP() sensor.Protocol { return datagrams("dns", 53, false) }

// Multicast returns multicast DNS (RFC 6762), which differs in the classes. It
// should come behind UDP in a list, so that only its port makes it preferred.
func Multicast() sensor.Protocol {
	p := datagrams("mdns", 5353, true)
	recognise := p.Probe
	p.Probe = func(side sensor.Side, data []byte) sensor.Verdict {
		// Responses come unasked, so a message does not show who began.
		return min(recognise(side, data), sensor.Match)
	}
	return p
}

// LLMNR returns link-local multicast name resolution (RFC 4795).
func LLMNR() sensor.Protocol { return datagrams("llmnr", 5355, true) }

// TCP returns DNS over TCP (RFC 7766).
func TCP() sensor.Protocol {
	pool := newPool(false)
	return sensor.Protocol{
		Name:      "dns",
		Transport: sensor.ProtoTCP,
		Ports:     []uint16{53},
		Probe:     probeStream,
		NewStream: func() sensor.StreamParser { return &streamParser{pool: pool} },
		MaxBuffer: 2 + maxMessage,
	}
}

func datagrams(name string, port uint16, multicast bool) sensor.Protocol {
	pool := newPool(multicast)
	return sensor.Protocol{
		Name:        name,
		Transport:   sensor.ProtoUDP,
		Ports:       []uint16{port},
		Probe:       probeDatagram,
		NewDatagram: func() sensor.DatagramParser { return &datagramParser{pool: pool, alone: multicast} },
	}
}

// newPool returns a pool of decoders: they are large, flows are many, and a
// decoder is needed only while a message is looked at.
func newPool(multicast bool) *sync.Pool {
	return &sync.Pool{New: func() any { return &decoder{multicast: multicast} }}
}
