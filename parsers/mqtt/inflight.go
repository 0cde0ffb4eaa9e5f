package mqtt

import (
	"cmp"
	"slices"

	"flowscope/sensor"
)

// inflight is a packet with an id that waits for its answer.
type inflight struct {
	at    sensor.Timestamp // when the last packet of its exchange came
	first sensor.Timestamp // when the first did
	id    uint16           // 0: free
	kind  uint8            // type of the last packet
}

// table holds what waits of one direction. Each id has one place; ids that share
// one drive each other out.
type table struct{ slots []inflight }

// put returns the place of an id, free or not.
func (t *table) put(id uint16) *inflight {
	if len(t.slots) == 0 {
		t.slots = make([]inflight, 8)
	}
	for {
		s := &t.slots[int(id)&(len(t.slots)-1)]
		if s.id == 0 || s.id == id || len(t.slots) >= maxInFlight {
			return s
		}
		slots := make([]inflight, 2*len(t.slots))
		for _, x := range t.slots {
			if x.id != 0 {
				slots[int(x.id)&(len(slots)-1)] = x
			}
		}
		t.slots = slots
	}
}

// get returns what waits under an id, or nil.
func (t *table) get(id uint16, kind uint8) *inflight {
	if len(t.slots) == 0 || id == 0 {
		return nil
	}
	if s := &t.slots[int(id)&(len(t.slots)-1)]; s.id == id && s.kind == kind {
		return s
	}
	return nil
}

func (t *table) clear() { clear(t.slots) }

// unanswered tells what waits for packets of a side that has ended.
func (p *parser) unanswered(ended sensor.Side, emit func(sensor.Message)) {
	if ended == sensor.Responder {
		if p.asked {
			emit(&Unanswered{Kind: KindUnanswered, Packet: KindConnect, Sent: p.connectAt})
		}
		if !p.lossy {
			for _, at := range p.pings.at[:p.pings.count] {
				emit(&Unanswered{Kind: KindUnanswered, Packet: KindPing, Sent: at})
			}
		}
		p.asked, p.pings = false, pings{}
	}
	var waiting []inflight
	for side := range sensor.Side(2) {
		for _, w := range p.side[side].waiting.slots {
			if w.id != 0 && (w.kind == typePubrec) == (side == ended) { // the sender of a PUBLISH answers a PUBREC
				waiting = append(waiting, w)
			}
		}
	}
	slices.SortFunc(waiting, func(a, b inflight) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) })
	for _, w := range waiting {
		emit(&Unanswered{Kind: KindUnanswered, Packet: waits[w.kind], PacketID: w.id, Sent: w.at})
	}
}

// waits are the packets with an id that are answered.
var waits = [...]string{typePublish: KindPublish, typePubrec: KindPubrec, typePubrel: KindPubrel, typeSubscribe: KindSubscribe, typeUnsubscribe: KindUnsubscribe}

// pings are the PINGREQs that wait, oldest first.
type pings struct {
	at    [maxPings]sensor.Timestamp
	count int
	more  int // behind those, without their times
}

func (p *pings) push(t sensor.Timestamp) {
	if p.count == maxPings || p.more > 0 {
		p.more++
		return
	}
	p.at[p.count] = t
	p.count++
}

// pop returns when the oldest came; ok says whether that is known.
func (p *pings) pop() (t sensor.Timestamp, ok bool) {
	if p.count == 0 {
		p.more = max(0, p.more-1)
		return 0, false
	}
	t = p.at[0]
	copy(p.at[:], p.at[1:p.count])
	p.count--
	return t, true
}

// aliases are the topic aliases of one direction.
type aliases struct {
	topics [][]byte // of alias i+1
	bytes  int
}

// set notes a topic. An empty one is forgotten.
func (a *aliases) set(alias uint16, topic []byte) {
	i := int(alias) - 1
	if i < 0 || i >= maxAliases {
		return
	}
	for len(a.topics) <= i {
		a.topics = append(a.topics, nil)
	}
	a.bytes -= len(a.topics[i])
	a.topics[i] = a.topics[i][:0]
	if len(topic) <= maxString && a.bytes+len(topic) <= maxAliasBytes {
		a.topics[i] = append(a.topics[i], topic...)
		a.bytes += len(topic)
	}
}

// get returns the topic of an alias, or nothing.
func (a *aliases) get(alias uint16) []byte {
	if i := int(alias) - 1; i >= 0 && i < len(a.topics) {
		return a.topics[i]
	}
	return nil
}

func (a *aliases) clear() { a.topics, a.bytes = nil, 0 }
