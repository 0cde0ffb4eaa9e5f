//go:build linux && (amd64 || arm64)

package live

import (
	"sync"
	"sync/atomic"
	"time"

	"flowscope/sensor"
)

// memory knows the flows of which no more payload is wanted. The kernel forgets
// that of a flow that is silent for two Intervals, and is told again then.
type memory struct {
	n     atomic.Int64 // flows; to look into the map costs more
	mu    sync.Mutex
	flows map[sensor.Key]*remembered
	most  int
	idle  [2]time.Duration // of TCP, of others
}

type remembered struct {
	active sensor.Timestamp // the latest that was heard of the flow
	told   sensor.Timestamp
}

// tellAgain is how long a verdict may take until it is told again: packets that
// were in the rings come after it.
const tellAgain = sensor.Timestamp(100 * time.Millisecond)

// add notes a verdict that is being told. When there are too many, those of
// flows that have long been silent go; if none has, it is not noted.
func (m *memory) add(k *sensor.Key, now sensor.Timestamp) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.flows == nil {
		m.flows = map[sensor.Key]*remembered{}
	}
	if len(m.flows) >= m.most {
		for k, f := range m.flows {
			if m.over(&k, f, now) {
				delete(m.flows, k)
			}
		}
	}
	if len(m.flows) < m.most {
		m.flows[*k] = &remembered{active: now, told: now}
	}
	m.n.Store(int64(len(m.flows)))
}

// over says whether a flow was silent for so long that for the engine another
// begins.
func (m *memory) over(k *sensor.Key, f *remembered, now sensor.Timestamp) bool {
	idle := m.idle[1]
	if k.Proto == sensor.ProtoTCP {
		idle = m.idle[0]
	}
	return now-f.active >= sensor.Timestamp(idle)
}

// hear notes that a flow goes on, and says whether its verdict must be told
// again: payload of it came. A SYN begins another flow.
func (m *memory) hear(r *sensor.Record) (again bool) {
	if m.n.Load() == 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.flows[r.Key]
	if !ok {
		return false
	}
	packet := r.Kind == sensor.Packet
	if m.over(&r.Key, f, r.Time) || packet && r.TCPFlags&sensor.SYN != 0 {
		delete(m.flows, r.Key)
		m.n.Store(int64(len(m.flows)))
		return false
	}
	f.active = max(f.active, r.Time)
	if packet && len(r.Payload) > 0 && r.Time-f.told >= tellAgain {
		f.told, again = r.Time, true
	}
	return again
}
