//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"unsafe"

	"github.com/cilium/ebpf"

	"flowscope/gen"
	"flowscope/sensor"
	"flowscope/userspace/internal/filter"
	"flowscope/userspace/internal/frame"
)

// What a program is run over: the kernel takes no less (ETH_HLEN), and
// bpf_xdp_load_bytes reads nothing behind 64 KiB.
const (
	throughLeast = 14
	throughMost  = 1<<16 - 1
	throughWire  = 1 << 30 // longest frame on the wire
	// skbMost is the longest frame that is run as a socket buffer, which has to
	// fit into one page with what the kernel puts beside it.
	skbMost = 3072
)

// Through makes records of the frames of a capture by sending them through the
// kernel half, one at a time, and of each what the Go classifier would make of
// it. The program is the one that a [Source] attaches to interfaces, with a
// constant that makes everything that is counted cross; it is attached to
// nothing. A Through is used by one goroutine.
//
// Fragments, which the kernel does not put together, and frames that it cannot
// run over or whose headers lie too deep, are classified in Go, and counted by
// name.
type Through struct {
	k       *kernel
	runners [2]runner // of frames that begin with Ethernet, with IP
	ring    *ring
	mapped  []byte
	told    *gen.Finding // in mapped
	twin    *frame.Classifier
	epochs  epochs
	counted counted // since the epoch began

	first   sensor.Record // of the frame
	pending bool          // it was not handed out
	more    bool          // the twin may have others
	bytes   []byte        // payload is put here, and stays
	frames  uint64
	rows    [throughRows]uint64
	read    uint64 // packets of flows that were compared
	failed  error  // of the next call
	final   *sensor.Ledger
}

// What classified a frame.
const (
	byKernel = iota
	fragments
	deepHeaders
	notRun
	throughRows
)

var throughNames = [throughRows]string{"kernel", "fragments", "deep_headers", "not_run"}

// runner is what is run over one kind of frames.
type runner struct {
	skb    *ebpf.Program
	xdp    *ebpf.Program   // nil where the kernel has no use for it
	filter *filter.Program // for what neither is run over; nil: accept
	err    error           // the filter has no meaning for these frames
}

// OpenThrough loads the kernel half. Of the options only Classify, Filter and
// MaxFlows matter: the last is how many flows are counted until they are read
// and compared with the records that were made.
func OpenThrough(o Options) (_ *Through, err error) {
	o.Interfaces, o.Netns, o.Hook = []string{"lo"}, "", Auto
	o.Rings, o.RingSize, o.Budget, o.MaxNew = 1, 1<<20, 1<<40, maxMaxFlows
	if o, err = o.withDefaults(); err != nil {
		return nil, err
	}
	k, err := prepare(&o)
	if err != nil {
		return nil, err
	}
	t := &Through{k: k, twin: frame.New(o.Classify), epochs: epochs{k: k, now: 0, old: 1}, counted: counted{}}
	defer func() {
		if err != nil {
			_ = t.Close()
		}
	}()
	k.constants["fs_through"], k.constants["fs_wake_at"] = uint32(1), uint32(1<<30) // nobody sleeps
	for i, begins := range [...]uint32{beginsEthernet, beginsIP} {
		if err = t.runners[i].load(k, begins); err != nil {
			return nil, err
		}
	}
	if t.ring, err = newRing(k.ringMaps[0]); err != nil {
		return nil, err
	}
	t.mapped, err = syscall.Mmap(k.finding.FD(), 0, pageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map what the kernel finds: %w", err)
	}
	t.told = (*gen.Finding)(unsafe.Pointer(&t.mapped[0]))
	return t, nil
}

func (p *runner) load(k *kernel, begins uint32) (err error) {
	link := uint16(linkEthernet)
	if begins == beginsIP {
		link = linkRaw
	}
	if strings.TrimSpace(k.filter) != "" {
		if p.filter, p.err = filter.Compile(k.filter, link, filterSnaplen); p.err != nil {
			p.err = fmt.Errorf("link type %d: %w", link, p.err)
			return nil
		}
	}
	if p.skb, err = k.load("fs_ingress", 0, begins); err != nil {
		return err
	}
	if p.xdp, err = k.load("fs_xdp", 0, begins); err != nil && probeXDP() == nil {
		return err
	}
	return nil
}

// Close releases the maps and programs.
func (t *Through) Close() error {
	if t.final != nil {
		return nil
	}
	l := &sensor.Ledger{}
	t.Account(l)
	t.final = l
	for _, p := range t.runners {
		p.skb.Close()
		p.xdp.Close()
	}
	if t.ring != nil {
		t.ring.close()
	}
	if t.mapped != nil {
		_ = syscall.Munmap(t.mapped)
	}
	t.k.close()
	return nil
}

// runner returns what is run over frames of a link type.
func (t *Through) runner(link frame.LinkType) (*runner, error) {
	p := &t.runners[0]
	switch link {
	case frame.LinkEthernet:
	case frame.LinkRaw, frame.LinkRaw12, frame.LinkRaw14, frame.LinkIPv4, frame.LinkIPv6:
		p = &t.runners[1]
	default:
		return nil, fmt.Errorf("link type %d through the kernel: %w: a hook has frames of Ethernet or raw IP: replay it without --through-kernel", link, ErrUnsupported)
	}
	return p, p.err
}

// Check returns an error for a link type that no hook of the kernel has.
func (t *Through) Check(link frame.LinkType) error {
	_, err := t.runner(link)
	return err
}

// Take sends a frame through, and reports whether it passed the filter.
func (t *Through) Take(f *frame.Frame) (passed bool, err error) {
	t.pending, t.more = false, false
	p, err := t.runner(f.Link)
	if err != nil {
		return false, err
	}
	if t.failed != nil {
		return false, t.failed
	}
	t.frames++
	defer func() {
		if err != nil {
			t.frames--
		}
	}()
	if len(f.Data) < throughLeast || len(f.Data) > throughMost || f.WireLen > throughWire {
		return t.inGo(f, p), nil
	}
	switch err := t.run(p, f); {
	case errors.Is(err, syscall.EINVAL): // it is no frame to this kernel
		return t.inGo(f, p), nil
	case err != nil:
		return false, fmt.Errorf("run the program over a frame of %d bytes: %w", len(f.Data), err)
	}
	switch why := gen.SensorFsReason(t.told.Why); why {
	case gen.SensorFsReasonFS_ACCOUNTED:
		return true, t.accounted(f)
	case gen.SensorFsReasonFS_FILTERED:
		t.rows[byKernel]++
		t.twin.Filtered(f)
		return false, nil
	case gen.SensorFsReasonFS_DEEP_HEADERS:
		t.twins(f, deepHeaders)
		return true, nil
	default:
		if why > gen.SensorFsReasonFS_MALFORMED_IP {
			return false, fmt.Errorf("the kernel half booked a frame of %d bytes under reason %d, which is a bug: please report it", len(f.Data), int32(why))
		}
		t.rows[byKernel]++
		t.twin.Book(f, frame.Reason(why), int(t.told.IpBytes), 0)
		return true, nil
	}
}

// inGo takes a frame that the kernel runs no program over.
func (t *Through) inGo(f *frame.Frame, p *runner) (passed bool) {
	if p.filter != nil && !p.filter.Match(f.Data, f.WireLen) {
		t.rows[notRun]++
		t.twin.Filtered(f)
		return false
	}
	t.twins(f, notRun)
	return true
}

// twins leaves a frame to the Go classifier.
func (t *Through) twins(f *frame.Frame, row int) {
	t.rows[row]++
	t.pending = t.twin.Classify(f, &t.first)
	t.more = true
}

// run runs a program over a frame, of which the finding says what it found.
func (t *Through) run(p *runner, f *frame.Frame) error {
	const next, pass = ^uint32(0), 2 // TCX_NEXT, XDP_PASS
	*t.told = gen.Finding{WireLen: uint32(max(f.WireLen, 0)), Why: ^uint32(0)}
	err := error(syscall.EINVAL)
	ret, want := uint32(0), next
	if len(f.Data) <= skbMost || p.xdp == nil {
		ret, err = p.skb.Run(&ebpf.RunOptions{Data: f.Data})
	}
	if errors.Is(err, syscall.EINVAL) && p.xdp != nil {
		want = pass
		ret, err = p.xdp.Run(&ebpf.RunOptions{Data: f.Data})
	}
	if errors.Is(err, syscall.EFAULT) {
		touch(f.Data) // a mapped file that became shorter: who mapped it knows what to do
	}
	if err == nil && ret != want {
		return fmt.Errorf("it returned %d, want %d, which is a bug: please report it", int32(ret), int32(want))
	}
	return err
}

// touch reads a byte of each page.
func touch(b []byte) (sum byte) {
	for i := 0; i < len(b); i += pageSize {
		sum += b[i]
	}
	return sum
}

// accounted makes the record of a frame that the kernel counted in a flow.
func (t *Through) accounted(f *frame.Frame) error {
	defer t.ring.release()
	b := t.ring.next()
	if len(b) < gen.RecordSize {
		return errors.New("the kernel half counted a frame and told nothing of it, which is a bug: please report it")
	}
	h, told := (*gen.Record)(unsafe.Pointer(&b[0])), t.told
	r := &t.first
	*r = sensor.Record{
		Kind: sensor.Packet, Time: f.Time, Ordinal: f.Ordinal,
		Key: *(*sensor.Key)(unsafe.Pointer(&h.Key)), From: h.From & 1,
		Encap: encapOf(h.Vlan, h.TunnelId, h.Tunnel),
		Count: sensor.Counters{Packets: 1, Bytes: uint64(told.Bytes), FrameBytes: uint64(told.FrameBytes), PayloadBytes: uint64(told.Payload)},
	}
	t.counted.add(r, told.TcpFlags)
	if told.Frag != 0 {
		for b != nil {
			b = t.ring.next()
		}
		t.twins(f, fragments)
		t.failed = t.turn()
		return nil
	}
	t.rows[byKernel]++
	if told.Readable != 0 {
		r.TCPFlags, r.Seq, r.Ack, r.Window = told.TcpFlags, h.Seq, h.Ack, h.Window
		r.WireLen = int(told.Payload)
	}
	t.room(min(int(told.Payload), len(f.Data)))
	from := len(t.bytes)
	for ; b != nil; b = t.ring.next() {
		h := (*gen.Record)(unsafe.Pointer(&b[0]))
		t.bytes = append(t.bytes, b[gen.RecordSize:min(len(b), gen.RecordSize+int(h.CapLen))]...)
	}
	r.Payload = t.bytes[from:len(t.bytes):len(t.bytes)]
	t.twin.Book(f, frame.Accounted, int(told.IpBytes), int(told.Bytes))
	t.pending = true
	t.failed = t.turn()
	return nil
}

// room makes room for n bytes of payload in memory that was never handed out.
func (t *Through) room(n int) {
	if cap(t.bytes)-len(t.bytes) < n {
		t.bytes = make([]byte, 0, max(n, 64<<10))
	}
}

// Next fills r with the next record of the frame.
func (t *Through) Next(r *sensor.Record) bool {
	if t.pending {
		*r, t.pending = t.first, false
		return true
	}
	return t.more && t.twin.Next(r)
}

// Frames returns how many frames the kernel half classified, and how many were
// left to Go.
func (t *Through) Frames() (kernel, other uint64) {
	for _, n := range t.rows[byKernel+1:] {
		other += n
	}
	return t.rows[byKernel], other
}
