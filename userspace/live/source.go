//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"flowscope/gen"
	"flowscope/sensor"
)

const (
	latency   = 5 * time.Millisecond   // at most, until a packet is noticed
	tickEvery = 100 * time.Millisecond // while nothing comes
	turnEvery = 64                     // records from one ring, or Snapshots, in a row
)

// Source hands out what the kernel counts and forwards. It ends after Stop, or
// with an error.
type Source struct {
	opt      Options
	k        *kernel
	rings    []*ring
	verdicts verdicts
	places   places
	memory   memory
	waiter   *waiter

	stop       chan struct{} // closed by Stop
	quit       chan struct{} // closed by Close
	stopped    sync.Once
	quitted    sync.Once
	done       sync.WaitGroup // the drainer, and who follows interfaces
	unfollowed chan struct{}  // closed when interfaces are not followed any more
	ready      chan *epoch    // from the drainer; closed after the last
	failed     atomic.Pointer[error]

	mu      sync.Mutex // held while a Read runs
	closed  bool
	ended   bool // the last epoch has come
	err     error
	ordinal uint64
	epoch   *epoch // whose Snapshots are handed out
	flow    int    // of it
	part    int    // of the flow
	turn    int    // records since the last change between rings and Snapshots
	at      int    // ring
	lent    *ring
	packet  []byte // its Lost was handed out
	wall    int64
	ticked  time.Time
	fresh   bool // records were handed out since
	books   books
	final   *sensor.Ledger
}

var (
	_ sensor.Source     = (*Source)(nil)
	_ sensor.Bypasser   = (*Source)(nil)
	_ sensor.Accountant = (*Source)(nil)
)

// Open attaches to the interfaces and returns the Source of their packets.
func Open(o Options) (*Source, error) { return open(o, (*kernel).attach) }

func open(o Options, attach func(*kernel) error) (*Source, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	k, err := load(&o)
	if err != nil {
		return nil, err
	}
	s := &Source{opt: o, k: k, stop: make(chan struct{}), quit: make(chan struct{}), unfollowed: make(chan struct{}), ready: make(chan *epoch), wall: wallClock()}
	s.memory.most, s.memory.idle = o.MaxFlows, [2]time.Duration{o.TCPIdle, o.OtherIdle}
	for _, m := range k.ringMaps {
		r, err := newRing(m)
		if err != nil {
			s.free()
			return nil, err
		}
		s.rings = append(s.rings, r)
	}
	if s.waiter, err = newWaiter(k.ringMaps); err == nil {
		s.verdicts.wake = s.waiter.wake
		err = attach(k)
	}
	if err != nil {
		s.free()
		return nil, err
	}
	k.following = true
	s.done.Go(func() {
		k.follow(s.stop)
		close(s.unfollowed)
	})
	s.done.Go(s.drain)
	return s, nil
}

// Stop detaches from the interfaces. What was counted and forwarded until then
// can still be read; then comes io.EOF.
func (s *Source) Stop() {
	s.stopped.Do(func() { close(s.stop) })
}

// Close detaches from the interfaces and releases everything.
func (s *Source) Close() error {
	s.quitted.Do(func() { close(s.quit) })
	s.Stop()
	s.waiter.wake()
	s.done.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.final = &sensor.Ledger{}
		s.account(s.final)
		s.free()
	}
	return nil
}

func (s *Source) free() {
	s.verdicts.awake()
	for _, r := range s.rings {
		r.close()
	}
	if s.waiter != nil {
		s.waiter.close()
	}
	s.k.close()
}

// Bypass implements sensor.Bypasser. The kernel is told within milliseconds.
func (s *Source) Bypass(k sensor.Key) error {
	s.verdicts.add(&k)
	s.memory.add(&k, sensor.TimestampOf(time.Now()))
	return nil
}

// Budget implements sensor.Bypasser.
func (s *Source) Budget() int64 { return s.opt.Budget }

// More implements sensor.Bypasser.
func (s *Source) More(k sensor.Key, from uint8, n uint32) error {
	s.verdicts.more(&k, from, n)
	return nil
}

// Skip implements sensor.Bypasser.
func (s *Source) Skip(k sensor.Key, from uint8, until uint32) error {
	s.verdicts.skip(&k, from, until)
	return nil
}

// drain begins a new epoch every Interval, or after some, and hands over
// those that have ended.
func (s *Source) drain() {
	defer close(s.ready)
	t := epochs{k: s.k, now: 0, old: 1}
	tick := time.NewTicker(s.opt.Interval)
	defer tick.Stop()
	for more := true; more; {
		var e *epoch
		var err error
		select {
		case <-s.stop:
			more = false
			<-s.unfollowed
			if err = s.k.detach(); err == nil {
				e, err = t.last()
			}
		case <-tick.C:
			var due bool
			if due, err = t.due(); err == nil && !due {
				continue
			}
			if err == nil {
				e, err = t.turn()
			}
		}
		if err != nil {
			s.failed.Store(&err)
			return
		}
		e.wall = wallClock()
		e.marks = e.marks[:0]
		for _, r := range s.rings {
			e.marks = append(e.marks, r.written())
		}
		select {
		case s.ready <- e:
		case <-s.quit:
			<-s.unfollowed
			_ = s.k.detach()
			return
		}
	}
}

// Read implements sensor.Source.
func (s *Source) Read(r *sensor.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lent != nil && s.packet == nil {
		s.lent.release()
		s.lent = nil
	}
	for s.err == nil {
		if s.closed || isClosed(s.quit) {
			return net.ErrClosed
		}
		if s.next(r) {
			s.fresh = true
			return nil
		}
		s.err = s.wait(r)
		if s.err == errTick {
			s.err = nil
			return nil
		}
	}
	return s.err
}

var errTick = errors.New("tick")

// next fills r if there is something to hand out.
func (s *Source) next(r *sensor.Record) bool {
	if s.packet != nil {
		b := s.packet
		s.packet = nil
		s.fill(r, b)
		return true
	}
	if s.turn++; s.turn%turnEvery == 0 {
		_ = s.verdicts.tell(s.k.verdicts) // its error comes again in wait
		if s.turn/turnEvery%2 == 0 && s.fromRings(r) {
			return true
		}
	}
	if s.snapshot(r) {
		return true
	}
	return s.fromRings(r)
}

// wait is called when there is nothing to hand out. It returns io.EOF at the
// end and errTick after it made r a Tick.
func (s *Source) wait(r *sensor.Record) error {
	if err := s.verdicts.tell(s.k.verdicts); err != nil {
		return err
	}
	if p := s.failed.Load(); p != nil {
		return *p
	}
	if s.ended && s.epoch == nil {
		return io.EOF
	}
	if s.epoch != nil {
		return nil // a record that precedes it is being written
	}
	if now := time.Now(); s.fresh || now.Sub(s.ticked) >= tickEvery {
		s.ticked, s.fresh = now, false // who works in batches begins with what there is
		*r = sensor.Record{Kind: sensor.Tick, Time: sensor.TimestampOf(now)}
		return errTick
	}
	if !s.verdicts.sleep() {
		return nil
	}
	return s.waiter.wait(latency)
}

// fromRings fills r with the next record of a ring: with what was lost before
// it, if there was something.
func (s *Source) fromRings(r *sensor.Record) bool {
	for range s.rings {
		in := s.rings[s.at]
		b := in.next()
		if b == nil || s.turn%turnEvery == 0 {
			s.at = (s.at + 1) % len(s.rings)
		}
		if b == nil {
			in.release()
			continue
		}
		if len(b) < gen.RecordSize {
			continue // cannot be: the program writes whole records
		}
		s.lent = in
		s.books.slices++
		h := (*gen.Record)(unsafe.Pointer(&b[0]))
		if lost := h.Lost + uncopied(h); lost > 0 {
			s.packet = b
			s.begin(r, sensor.Lost, &h.Key, h.From, h.Time, s.wall)
			r.Reason, r.Count = lossOf(h.LostWhy), sensor.Counters{PayloadBytes: lost}
			if h.Lost == 0 {
				r.Reason = sensor.LossBudget
			}
			r.Encap = encapOf(h.Vlan, h.TunnelId, h.Tunnel)
			s.books.told += lost
			return true
		}
		s.fill(r, b)
		return true
	}
	return false
}

// uncopied returns how much payload came with a FIN that stayed in the kernel:
// the end of a connection crosses also where nothing else does.
func uncopied(h *gen.Record) uint64 {
	if h.TcpFlags&(sensor.FIN|sensor.SYN|sensor.RST) == sensor.FIN && h.CapLen == 0 {
		return uint64(h.WireLen)
	}
	return 0
}

// fill makes r the packet that b is of.
func (s *Source) fill(r *sensor.Record, b []byte) {
	h := (*gen.Record)(unsafe.Pointer(&b[0]))
	s.begin(r, sensor.Packet, &h.Key, h.From, h.Time, s.wall)
	r.Encap = encapOf(h.Vlan, h.TunnelId, h.Tunnel)
	r.TCPFlags, r.Seq, r.Ack, r.Window = h.TcpFlags, h.Seq, h.Ack, h.Window
	r.WireLen = int(h.WireLen)
	if n := uncopied(h); n > 0 { // a Lost said so
		r.Seq += uint32(n)
		r.WireLen = 0
	}
	r.Payload = b[gen.RecordSize:min(len(b), gen.RecordSize+int(h.CapLen))]
	if s.memory.hear(r) {
		s.verdicts.add(&r.Key)
	}
}

// begin fills in what all records have.
func (s *Source) begin(r *sensor.Record, kind sensor.Kind, k *gen.Key, from uint8, mono uint64, wall int64) {
	s.ordinal++
	*r = sensor.Record{
		Kind: kind, Time: sensor.Timestamp(int64(mono) + wall), Ordinal: s.ordinal,
		Key: *(*sensor.Key)(unsafe.Pointer(k)), From: from & 1,
	}
}

func encapOf(vlan [2]uint16, id uint32, tunnel uint8) sensor.Encap {
	return sensor.Encap{VLAN: vlan, TunnelID: id, Tunnel: sensor.TunnelKind(tunnel)}
}

func lossOf(fate uint8) sensor.Loss {
	switch gen.SensorFsFate(fate) {
	case gen.SensorFsFateFS_BYPASSED:
		return sensor.LossBypass
	case gen.SensorFsFateFS_OVER_BUDGET:
		return sensor.LossBudget
	case gen.SensorFsFateFS_RING_FULL:
		return sensor.LossRing
	case gen.SensorFsFateFS_FRAGMENT:
		return sensor.LossFragment
	}
	return sensor.LossCut
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// wallClock returns what makes a Timestamp of CLOCK_MONOTONIC.
func wallClock() int64 {
	const clockMonotonic = 1
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Now().UnixNano() - ts.Nano()
}
