package frame

import "flowscope/sensor"

// books is the account of every frame. What comes in is counted apart from
// where it goes, so that a frame booked twice or never shows.
type books struct {
	in  sums
	out [reasons]sums
}

// sums are the three things that are counted of frames.
type sums struct {
	frames, frameBytes, ipBytes uint64
}

// add counts one frame.
func (s *sums) add(frameBytes, ipBytes int) {
	s.frames++
	s.frameBytes += uint64(frameBytes)
	s.ipBytes += uint64(ipBytes)
}

// sub takes back one frame.
func (s *sums) sub(frameBytes, ipBytes int) {
	s.frames--
	s.frameBytes -= uint64(frameBytes)
	s.ipBytes -= uint64(ipBytes)
}

// enter books a frame of which the outermost IP packet has ipBytes.
func (b *books) enter(frameBytes, ipBytes int) { b.in.add(frameBytes, ipBytes) }

// leave books what became of it.
func (b *books) leave(why Reason, frameBytes, ipBytes int) {
	b.out[why].add(frameBytes, ipBytes)
}

// account books a frame that gave a record of counted bytes, of ipBytes in all.
//
// Where the record is the inner packet of a fragmented tunnel datagram, it has
// more bytes than the one frame that completed it; the rest came with the
// frames that were booked as TunnelFragment.
func (b *books) account(frameBytes, ipBytes, counted int) {
	b.out[Accounted].add(frameBytes, counted)
	if counted <= ipBytes {
		b.out[Encapsulation].ipBytes += uint64(ipBytes - counted)
		return
	}
	b.out[TunnelFragment].ipBytes -= uint64(counted - ipBytes)
}

// Account adds the accounts "frames", "frame_bytes" and "ip_bytes" to l. Rows
// that are 0 are left out, but for the first.
func (c *Classifier) Account(l *sensor.Ledger) {
	b := &c.books
	frames := sensor.Account{Stage: "frames", Unit: "packets", Total: b.in.frames}
	frameBytes := sensor.Account{Stage: "frame_bytes", Unit: "bytes", Total: b.in.frameBytes}
	ipBytes := sensor.Account{Stage: "ip_bytes", Unit: "bytes", Total: b.in.ipBytes}
	for why := range reasons {
		s := &b.out[why]
		add := func(a *sensor.Account, n uint64) {
			if n != 0 || why == Accounted {
				a.Rows = append(a.Rows, sensor.Row{Name: why.String(), Count: n})
			}
		}
		add(&frames, s.frames)
		add(&frameBytes, s.frameBytes)
		add(&ipBytes, s.ipBytes)
	}
	l.Add(frames)
	l.Add(frameBytes)
	l.Add(ipBytes)
}

var _ sensor.Accountant = (*Classifier)(nil)
