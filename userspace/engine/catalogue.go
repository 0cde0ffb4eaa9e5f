package engine

import (
	"fmt"
	"slices"

	"flowscope/sensor"
)

// catalogue is the configured protocols, indexed for detection.
type catalogue struct {
	names     []string // by number of protocol: streams first, then datagrams
	stream    menu
	datagrams menu
}

// menu is the protocols of one transport.
type menu struct {
	protocols []sensor.Protocol
	first     int               // number of protocols[0] in catalogue.names
	all       uint64            // a bit for each that can be probed
	byPort    map[uint16]uint64 // a bit for each that has the port as a hint
	hints     [1 << 10]uint64   // a bit for each port that is in byPort
}

const maxProtocols = 64

func newCatalogue(protocols []sensor.Protocol) (*catalogue, error) {
	c := &catalogue{}
	for _, p := range protocols {
		m := &c.stream
		switch {
		case p.Name == "":
			return nil, fmt.Errorf("engine: protocol without a name")
		case p.Transport == sensor.ProtoTCP && p.NewStream != nil:
		case p.Transport == sensor.ProtoUDP && p.NewDatagram != nil:
			m = &c.datagrams
		default:
			return nil, fmt.Errorf("engine: protocol %s: transport must be TCP with NewStream or UDP with NewDatagram", p.Name)
		}
		if len(m.protocols) == maxProtocols {
			return nil, fmt.Errorf("engine: more than %d protocols for one transport", maxProtocols)
		}
		m.protocols = append(m.protocols, p)
	}
	c.datagrams.first = len(c.stream.protocols)
	for _, m := range []*menu{&c.stream, &c.datagrams} {
		m.byPort = map[uint16]uint64{}
		for i, p := range m.protocols {
			c.names = append(c.names, p.Name)
			if p.Probe != nil {
				m.all |= 1 << i
			}
			for _, port := range p.Ports {
				m.byPort[port] |= 1 << i
				m.hints[port>>6] |= 1 << (port & 63)
			}
		}
	}
	if len(c.names) > 254 {
		return nil, fmt.Errorf("engine: %d protocols, at most 254", len(c.names))
	}
	return c, nil
}

// named returns the number in m of the protocol of that name, or -1.
func (m *menu) named(name string) int {
	return slices.IndexFunc(m.protocols, func(p sensor.Protocol) bool { return p.Name == name })
}

// hinted returns the protocols that have one of the flow's ports as a hint.
func (m *menu) hinted(k *sensor.Key) uint64 {
	return m.hint(k.Port[0]) | m.hint(k.Port[1])
}

func (m *menu) hint(port uint16) uint64 {
	if m.hints[port>>6]>>(port&63)&1 == 0 {
		return 0 // most ports
	}
	return m.byPort[port]
}
