package frame

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/sensor"
)

// What the C classifier (bpf/parse.h) is asked and answers: bpf/host.c.
type (
	twinRequest struct {
		CapLen, WireLen uint32
		Next, Flags     uint32
		MetaVLAN        [2]uint16
	}
	twinReply struct {
		Reason, Found, IPBytes                         uint32
		L3, L4, End, FragID                            uint32
		Header, Payload, Cap, Seq, Ack, TunnelID, From uint32
		Key                                            twinKey
		VLAN                                           [2]uint16
		FragOff, Window                                uint16
		Proto, V6, Frag, More, Routed, Tunnel          uint8
		OneWay, TCPFlags, Readable                     uint8
		_                                              [3]uint8
	}
	twinKey struct {
		Addr        [2][16]byte
		Port        [2]uint16
		Tunnel      uint32
		VLAN        uint16
		Proto, Kind uint8
	}
)

const (
	twinWindow = 256 // FS_WINDOW
	twinDeep   = 10  // FS_DEEP_HEADERS
)

// twin runs the host build of the C classifier.
type twin struct {
	t       *testing.T
	program string
	frames  []Frame
	input   bytes.Buffer
}

// newTwin compiles it.
func newTwin(t *testing.T) *twin {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		cc = testenv.Need(t, "clang")
	}
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "host")
	out, err := exec.Command(cc, "-O1", "-Wall", "-Wno-unknown-pragmas", "-o", program, filepath.Join(root, "bpf", "host.c")).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, out)
	}
	return &twin{t: t, program: program}
}

// add takes a frame of Ethernet or raw IP, and no other.
func (w *twin) add(f *Frame) {
	next := uint32(1)
	switch f.Link {
	case LinkEthernet:
	case LinkRaw, LinkIPv4, LinkIPv6:
		next = 6
	default:
		return
	}
	g := Frame{Link: f.Link, WireLen: f.wireLen(), Data: bytes.Clone(f.Data)}
	w.frames = append(w.frames, g)
	q := twinRequest{CapLen: uint32(len(g.Data)), WireLen: uint32(g.WireLen), Next: next, Flags: 1}
	binary.Write(&w.input, binary.NativeEndian, q)
	w.input.Write(g.Data)
}

// compare asks for all frames added and returns how many were compared and how
// many of them the C refused because their headers reach too deep.
func (w *twin) compare(name string) (n, deep int) {
	w.t.Helper()
	cmd := exec.Command(w.program)
	cmd.Stdin = &w.input
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatal(err)
	}
	in := bytes.NewReader(out)
	for i := range w.frames {
		var got twinReply
		if err := binary.Read(in, binary.NativeEndian, &got); err != nil {
			w.t.Fatalf("%s: reply %d of %d: %v", name, i, len(w.frames), err)
		}
		f := &w.frames[i]
		if got.Reason == twinDeep {
			if len(f.Data) <= twinWindow {
				w.t.Fatalf("%s: frame %d has %d bytes and was called deep:\n%x", name, i, len(f.Data), f.Data)
			}
			deep++
			continue
		}
		if want := twinWant(f); got != want {
			w.t.Fatalf("%s: frame %d, %d bytes of %d, link %d (-go +c):\n%s\n%x",
				name, i, len(f.Data), f.WireLen, f.Link, cmp.Diff(want, got), f.Data)
		}
	}
	if _, err := in.ReadByte(); err != io.EOF {
		w.t.Fatalf("%s: more replies than frames", name)
	}
	n = len(w.frames)
	w.frames, w.input = w.frames[:0], bytes.Buffer{}
	return n, deep
}

// twinWant is what the Go classifier makes of a frame, without the table that
// ties fragments.
func twinWant(f *Frame) (want twinReply) {
	c := New(sensor.Classify{})
	why := Parse(&c.parsed, c.tunnels, f.Link, f.Data, f.WireLen)
	want.Reason, want.Found, want.IPBytes = uint32(why), uint32(c.parsed.N), uint32(c.parsed.IPBytes)
	if why != Accounted {
		return want
	}
	p := c.parsed.Inner()
	flag := func(b bool) uint8 {
		if b {
			return 1
		}
		return 0
	}
	want.L3, want.L4, want.End = uint32(p.L3), uint32(p.L4), uint32(p.End)
	want.FragID, want.FragOff, want.Frag, want.More = p.FragID, p.FragOff, flag(p.Frag), flag(p.More)
	want.Proto, want.V6, want.Routed = uint8(p.Proto), flag(p.V6), flag(p.Routed)
	want.VLAN, want.Tunnel, want.TunnelID, want.OneWay = p.VLAN, uint8(p.Tunnel), p.TunnelID, flag(p.TunnelOneWay)

	var r sensor.Record
	var t transport
	if p.Frag && p.FragOff != 0 { // nothing is known of its transport
		c.key(&r.Key, p, &t)
		r.From = c.key(&r.Key, p, &t)
		r.Count.PayloadBytes = uint64(p.End - p.L4)
	} else {
		o := origin{wireLen: f.WireLen, ipBytes: c.parsed.IPBytes}
		c.fill(&r, p, f.Data, &o)
		t = readTransport(p.Proto, f.Data[min(p.L4, len(f.Data)):min(p.End, len(f.Data))], p.End-p.L4)
		want.Header = uint32(t.header)
		want.Readable, want.Cap = flag(t.readable && !p.Frag), 0
		if !p.Frag {
			avail := max(0, min(p.End, len(f.Data))-p.L4)
			want.Cap = uint32(min(max(0, avail-t.header), t.payload))
			if r.Payload != nil && int(want.Cap) != len(r.Payload) {
				panic("the payload of the record is not what was captured of it")
			}
		}
		want.Seq, want.Ack, want.Window, want.TCPFlags = r.Seq, r.Ack, r.Window, r.TCPFlags
	}
	want.Payload, want.From = uint32(r.Count.PayloadBytes), uint32(r.From)
	k := &r.Key
	want.Key = twinKey{Addr: k.Addr, Port: k.Port, Tunnel: k.Tunnel, VLAN: k.VLAN, Proto: uint8(k.Proto), Kind: uint8(k.Kind)}
	return want
}

// TestTwin holds bpf/parse.h against the classifier, over the captures of
// testdata and the frames of the benchmarks, as they are and mutated.
func TestTwin(t *testing.T) {
	w := newTwin(t)
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "testdata", "*.pcap*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	var seeds []Frame
	for _, file := range files {
		if ext := filepath.Ext(file); ext != ".pcap" && ext != ".pcapng" {
			continue
		}
		kept := 0
		readCapture(t, file, func(f *Frame) {
			w.add(f)
			if kept < 40 && len(f.Data) < 2000 {
				kept++
				seeds = append(seeds, Frame{Link: f.Link, WireLen: f.wireLen(), Data: bytes.Clone(f.Data)})
			}
		})
		w.compare(filepath.Base(file))
	}
	for _, bb := range benchFrames {
		seeds = append(seeds, Frame{Link: LinkEthernet, WireLen: len(bb.frame), Data: bb.frame})
	}
	seeds = append(seeds, oddFrames()...)
	for i := range seeds {
		w.add(&seeds[i])
	}
	w.compare("seeds")

	rounds := 200000
	if testing.Short() {
		rounds = 20000
	}
	rng := rand.New(rand.NewPCG(1, 2))
	total, deep := 0, 0
	for n := range rounds {
		f := seeds[rng.IntN(len(seeds))]
		f.Data = bytes.Clone(f.Data)
		mutate(rng, &f)
		w.add(&f)
		if n%20000 == 19999 {
			a, b := w.compare("mutations")
			total, deep = total+a, deep+b
		}
	}
	t.Logf("%d mutations of %d frames are equal, %d of them too deep for the C", total, len(seeds), deep)
}

// TestTwinOnCorpus does the same over the optional corpus.
func TestTwinOnCorpus(t *testing.T) {
	w := newTwin(t)
	dir := testenv.Corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.pcap*"))
	if err != nil {
		t.Fatal(err)
	}
	total, deep := 0, 0
	for _, file := range files {
		if ext := filepath.Ext(file); ext != ".pcap" && ext != ".pcapng" {
			continue
		}
		readCapture(t, file, w.add)
		a, b := w.compare(file)
		total, deep = total+a, deep+b
	}
	t.Logf("%d frames of %d files, %d too deep for the C", total, len(files), deep)
}

// mutate changes a few bytes, the length or both.
func mutate(rng *rand.Rand, f *Frame) {
	interesting := []byte{0, 1, 4, 5, 6, 17, 0x40, 0x45, 0x46, 0x4f, 0x60, 0x7f, 0x80, 0xff, 43, 44, 47, 51, 58, 59, 60, 132, 135, 137}
	for range rng.IntN(4) {
		if len(f.Data) == 0 {
			break
		}
		i := rng.IntN(min(len(f.Data), 120))
		switch rng.IntN(3) {
		case 0:
			f.Data[i] ^= 1 << rng.IntN(8)
		case 1:
			f.Data[i] = interesting[rng.IntN(len(interesting))]
		case 2:
			f.Data[i] = byte(rng.Uint32())
		}
	}
	switch rng.IntN(4) {
	case 0: // cut by the capture
		f.Data = f.Data[:rng.IntN(len(f.Data)+1)]
	case 1: // cut on the wire
		f.Data = f.Data[:rng.IntN(len(f.Data)+1)]
		f.WireLen = len(f.Data)
	}
}

// oddFrames are what few captures have.
func oddFrames() []Frame {
	inner := ip4("10.9.9.1", "10.9.9.2", 17, udp(1, 2152, gtpu(1, ip6("::1", "::2", protoFragment, frag6(17, 1, 8, false, payloadBytes(64))))))
	var out []Frame
	add := func(link LinkType, b []byte) { out = append(out, Frame{Link: link, WireLen: len(b), Data: b}) }
	for _, b := range cut4(17, 7, udp(50000, 4789, vxlan(77, eth(etherIPv4, inner))), 48) {
		add(LinkRaw, b)
	}
	for _, b := range cut6(6, 7, tcp(1, 2, 3, 4, payloadBytes(60)), 16) {
		add(LinkRaw, b)
	}
	add(LinkRaw, inner)
	add(LinkEthernet, eth(etherMPLS, mpls(eth(etherPPPoE, pppoe(1, 0x57, segV6)), 1, 2, 3)))
	add(LinkEthernet, eth(etherVLAN, tag(5, etherVLAN, tag(6, etherIPv4, ip4("1.1.1.1", "2.2.2.2", 6, segV4)))))
	for _, proto := range []int{etherERSPAN2, etherERSPAN3} {
		add(LinkRaw, ip4("1.1.1.1", "2.2.2.2", sensor.ProtoGRE, gre(0x1000, proto, be32(9), join(make([]byte, 8), eth(etherIPv4, segV4)))))
	}
	deep := ip4("3.3.3.3", "4.4.4.4", 17, udp(7, 8, payloadBytes(9)))
	for range 6 {
		deep = ip4("1.1.1.1", "2.2.2.2", 4, deep)
		add(LinkRaw, deep)
	}
	exts := udp(53, 54, payloadBytes(30))
	next := sensor.ProtoUDP
	for range 10 {
		exts, next = ext(next, exts), protoDstOpts
		add(LinkRaw, ip6("::1", "::2", next, exts))
	}
	return out
}
