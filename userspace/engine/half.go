package engine

import (
	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
	"flowscope/userspace/internal/stream"
)

// half is what a direction of a TCP flow needs once something in it was not in
// order. Most directions never have one.
type half struct {
	queue   stream.Queue // what came before the bytes that precede it
	giveUp  int64        // engine clock: when the hole at NextSeq is given up; 0 if there is none
	ackedTo uint32       // the peer acknowledged up to here, beyond NextSeq, if acked
	acked   bool

	retransmissions, outOfOrder, gaps uint32
	zeroWindows, conflicts, checksums uint32
	gapBytes                          uint64

	lost    uint64      // bytes the source said it lost, not yet found as a hole
	lostWhy sensor.Loss // why
	over    uint64      // bytes that were gone over before the source said that it did not copy them
	skipped uint64      // bytes that nobody wanted and the source did not copy, not yet found as a hole

	syn  *sensor.Record   // a SYN on an open connection that waits for its SYN-ACK
	last sensor.Timestamp // of the flow before that SYN
}

// maybeFIN reports whether all that is known to be missing of direction d is one
// number of the sequence space, behind everything seen. It is more likely to be
// a FIN that was not captured than a byte: no gap, unless something follows it.
func (h *half) maybeFIN(d *flowtab.Dir) bool {
	return h.acked && h.queue.Empty() && h.ackedTo == d.NextSeq+1
}

// idle reports whether the direction is in order again.
func (h *half) idle() bool { return h.giveUp == 0 && !h.acked && h.queue.Empty() }

// half returns the half of direction i, making it if there is none.
func (s *shard) half(f *flowtab.Flow, i uint8) *half {
	d := &f.Dir[i]
	if d.Half != 0 {
		return s.halves.at(d.Half)
	}
	n, h := s.halves.get()
	d.Half = n
	return h
}
