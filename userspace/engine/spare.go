package engine

import "flowscope/sensor"

// maxSpare is how many parsers of a protocol a worker keeps for flows to come.
const maxSpare = 64

// spares are parsers of flows that ended, by number of protocol in the catalogue.
// The one that was used last is used first, because its memory is still near.
type spares struct {
	streams   [][]sensor.StreamParser
	datagrams [][]sensor.DatagramParser
}

func newSpares(cat *catalogue) *spares {
	return &spares{
		streams:   make([][]sensor.StreamParser, len(cat.stream.protocols)),
		datagrams: make([][]sensor.DatagramParser, len(cat.datagrams.protocols)),
	}
}

// stream returns a parser of protocol n of the streams.
func (sp *spares) stream(m *menu, n int) sensor.StreamParser {
	if p, ok := last(&sp.streams[n]); ok {
		return p
	}
	return m.protocols[n].NewStream()
}

// datagram returns a parser of protocol n of the datagrams.
func (sp *spares) datagram(m *menu, n int) sensor.DatagramParser {
	if p, ok := last(&sp.datagrams[n]); ok {
		return p
	}
	return m.protocols[n].NewDatagram()
}

// put takes back the parser of a session, if it can be used again.
func (sp *spares) put(ss *session) {
	switch {
	case ss.broken:
	case ss.stream != nil:
		give(&sp.streams[ss.number], ss.stream)
	case ss.datagrams != nil:
		give(&sp.datagrams[ss.number], ss.datagrams)
	}
}

func last[P any](list *[]P) (p P, ok bool) {
	n := len(*list)
	if n == 0 {
		return p, false
	}
	p = (*list)[n-1]
	*list = (*list)[:n-1]
	return p, true
}

func give[P any](list *[]P, p P) {
	if len(*list) == maxSpare {
		return
	}
	if r, ok := any(p).(sensor.Resetter); ok && renew(r) {
		*list = append(*list, p)
	}
}

// renew makes a parser as new, and reports whether it is: one that panics is not.
func renew(r sensor.Resetter) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	r.Reset()
	return true
}
