package load

import (
	"io"
	"math/rand/v2"
	"net/netip"
)

// perFlow is how many packets a flow of Small has.
const perFlow = 10

// Small writes packets of 60 bytes (54 + 6 of payload, or a SYN and FIN without)
// in flows of ten, half of them TCP from SYN to FIN and half UDP. A fifth of
// the flows is active at a time, and which of them sends next is random.
func Small(w io.Writer, packets int) (Sums, error) {
	out := newWriter(w)
	r := rand.New(rand.NewPCG(2, 2))
	flows := packets / perFlow
	type flow struct {
		n    uint32
		sent uint8
	}
	active := make([]flow, max(1, flows/5))
	var next uint32
	for i := range active {
		active[i].n = next
		next++
	}
	for i := range flows * perFlow {
		k := r.IntN(len(active))
		f := &active[k]
		out.small(int64(i)/2, f.n, f.sent) // 2 Mpps
		if f.sent++; f.sent < perFlow {
			continue
		}
		if int(next) < flows {
			*f = flow{n: next}
			next++
		} else {
			active[k] = active[len(active)-1]
			active = active[:len(active)-1]
		}
	}
	out.Flows = uint64(flows)
	return out.Sums, out.Flush()
}

// small writes packet number sent of flow number n.
func (w *writer) small(us int64, n uint32, sent uint8) {
	e := ends{
		ip: [2]netip.Addr{
			netip.AddrFrom4([4]byte{10, byte(n >> 18), byte(n >> 10), byte(n >> 2)}),
			netip.AddrFrom4([4]byte{172, 16, byte(n >> 9), byte(n>>1) | 1}),
		},
		port: [2]uint16{uint16(1024 + n*7919%60000), uint16(5000 + n%100)},
	}
	side := sent & 1
	if n&1 == 0 {
		w.udp(us, &e, side, small[:18])
		return
	}
	s := segment{side: side, flags: flagACK, seq: n + 1, ack: n + 1, payload: small[:6]}
	// Both sides have sent 6 bytes in each of the data packets 2 to 7.
	done := uint32(max(0, int(sent)-2)) / 2 * 6
	s.seq, s.ack = s.seq+done, s.ack+done
	if side == 1 {
		s.ack = n + 1 + min(done+6, 18)
	}
	switch sent {
	case 0:
		s.flags, s.seq, s.ack, s.payload = flagSYN, n, 0, nil
	case 1:
		s.flags, s.seq, s.ack, s.payload = flagSYN|flagACK, n, n+1, nil
	case 8, 9:
		s.flags, s.seq, s.ack, s.payload = flagFIN|flagACK, n+19, n+19+uint32(side), nil
	}
	w.tcp(us, &e, s)
}

var small = make([]byte, 18)
