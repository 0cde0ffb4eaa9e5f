package replay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/sensor"
)

// packet is a packet to be written to a capture.
type packet struct {
	ticks uint64 // of the interface's clock
	iface uint32
	wire  int // 0: as long as data
	data  []byte
}

func (p packet) wireLen() uint32 {
	if p.wire != 0 {
		return uint32(p.wire)
	}
	return uint32(len(p.data))
}

// udp returns an Ethernet frame of a UDP datagram from port to 53.
func udp(port uint16, payload []byte) []byte {
	b := make([]byte, 42, 42+len(payload))
	copy(b, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00")
	ip := b[14:]
	ip[0] = 0x45
	binary.BigEndian.PutUint16(ip[2:], uint16(28+len(payload)))
	ip[8], ip[9] = 64, 17
	copy(ip[12:], "\x0a\x00\x00\x01\x0a\x00\x00\x02")
	binary.BigEndian.PutUint16(ip[20:], port)
	binary.BigEndian.PutUint16(ip[22:], 53)
	binary.BigEndian.PutUint16(ip[24:], uint16(8+len(payload)))
	return append(b, payload...)
}

// packets returns n packets with different times, ports and lengths.
func packets(n int) []packet {
	ps := make([]packet, n)
	for i := range ps {
		payload := bytes.Repeat([]byte{byte(i)}, i*7%50)
		ps[i] = packet{ticks: 1_600_000_000_000_000 + uint64(i)*1000, data: udp(uint16(1000+i), payload)}
	}
	return ps
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// makePcap returns a pcap file of Ethernet frames. ticks are microseconds.
func makePcap(o byteOrder, magic uint32, ps ...packet) []byte {
	b := o.AppendUint32(nil, magic)
	b = o.AppendUint16(b, 2)
	b = o.AppendUint16(b, 4)
	for _, v := range []uint32{0, 0, 65535, 1} {
		b = o.AppendUint32(b, v)
	}
	for _, p := range ps {
		frac := uint32(p.ticks % 1e6)
		if magic == magicNano {
			frac *= 1000
		}
		for _, v := range []uint32{uint32(p.ticks / 1e6), frac, uint32(len(p.data)), p.wireLen()} {
			b = o.AppendUint32(b, v)
		}
		if magic == magicModified {
			b = append(b, make([]byte, 8)...)
		}
		b = append(b, p.data...)
	}
	return b
}

// block returns a pcapng block.
func block(o byteOrder, kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body[:len(body):len(body)], 0)
	}
	n := uint32(12 + len(body))
	b := o.AppendUint32(nil, kind)
	b = o.AppendUint32(b, n)
	b = append(b, body...)
	return o.AppendUint32(b, n)
}

func sectionBlock(o byteOrder) []byte {
	b := o.AppendUint32(nil, byteOrderMagic)
	b = o.AppendUint16(b, 1)
	b = o.AppendUint16(b, 0)
	b = o.AppendUint64(b, ^uint64(0))
	return block(o, blockSection, b)
}

// option returns an option of a pcapng block.
func option(o byteOrder, code uint16, v []byte) []byte {
	b := o.AppendUint16(nil, code)
	b = o.AppendUint16(b, uint16(len(v)))
	b = append(b, v...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func interfaceBlock(o byteOrder, link uint16, snaplen uint32, options ...[]byte) []byte {
	b := o.AppendUint16(nil, link)
	b = o.AppendUint16(b, 0)
	b = o.AppendUint32(b, snaplen)
	return block(o, blockInterface, append(b, bytes.Join(options, nil)...))
}

func enhancedBlock(o byteOrder, p packet, options ...[]byte) []byte {
	b := o.AppendUint32(nil, p.iface)
	for _, v := range []uint32{uint32(p.ticks >> 32), uint32(p.ticks), uint32(len(p.data)), p.wireLen()} {
		b = o.AppendUint32(b, v)
	}
	b = append(b, p.data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return block(o, blockEnhanced, append(b, bytes.Join(options, nil)...))
}

// makePcapng returns a pcapng file of one section with one Ethernet interface.
func makePcapng(o byteOrder, ps ...packet) []byte {
	b := append(sectionBlock(o), interfaceBlock(o, 1, 65535)...)
	for _, p := range ps {
		b = append(b, enhancedBlock(o, p)...)
	}
	return b
}

// seen is what a test compares of a record.
type seen struct {
	Time    sensor.Timestamp
	Ordinal uint64
	Count   sensor.Counters
	Payload string
}

// drain reads s to its end, checks its books and closes it.
func drain(t testing.TB, s *Source) ([]seen, error) {
	t.Helper()
	var all []seen
	var r sensor.Record
	for {
		err := s.Read(&r)
		if err != nil {
			if again := s.Read(&r); again != err {
				t.Errorf("Read after the end = %v, want %v again", again, err)
			}
			checkBooks(t, s, s.frame.Ordinal)
			if cerr := s.Close(); cerr != nil {
				t.Errorf("Close: %v", cerr)
			}
			if err == io.EOF {
				err = nil
			}
			return all, err
		}
		all = append(all, seen{r.Time, r.Ordinal, r.Count, string(r.Payload)})
	}
}

// checkBooks checks that the accounts of s balance and know of all frames.
func checkBooks(t testing.TB, s *Source, frames uint64) {
	t.Helper()
	var l sensor.Ledger
	s.Account(&l)
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	if a := l.Account("frames"); a == nil || a.Total != frames {
		t.Errorf("the ledger has %+v, want %d frames", a, frames)
	}
}

// want returns what a Source should hand out of packets.
func want(ps []packet) []seen {
	var all []seen
	for i, p := range ps {
		n := uint64(len(p.data))
		all = append(all, seen{
			Time:    sensor.Timestamp(p.ticks * 1000),
			Ordinal: uint64(i + 1),
			Count:   sensor.Counters{Packets: 1, Bytes: n - 14, FrameBytes: n, PayloadBytes: n - 42},
			Payload: string(p.data[42:]),
		})
	}
	return all
}

// file writes b to a file of the test.
func file(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ways to read the same bytes.
var ways = []struct {
	name string
	open func(t testing.TB, opt Options, b []byte) (*Source, error)
}{
	{"file", func(t testing.TB, opt Options, b []byte) (*Source, error) { return Open(opt, file(t, "capture", b)) }},
	{"mapped", func(t testing.TB, opt Options, b []byte) (*Source, error) {
		opt.Stable = true
		return Open(opt, file(t, "capture", b))
	}},
	{"stream", func(_ testing.TB, opt Options, b []byte) (*Source, error) {
		return NewReader(opt, "stream", bytes.NewReader(b))
	}},
	{"byte by byte", func(_ testing.TB, opt Options, b []byte) (*Source, error) {
		return NewReader(opt, "bytes", &oneByte{b})
	}},
	{"stable stream", func(_ testing.TB, opt Options, b []byte) (*Source, error) {
		opt.Stable = true
		return NewReader(opt, "stable", bytes.NewReader(b))
	}},
}

// oneByte is a reader that gives one byte at a time.
type oneByte struct{ b []byte }

func (r *oneByte) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	p[0] = r.b[0]
	r.b = r.b[1:]
	return 1, nil
}

// readAll reads a capture in each way and demands that all agree.
func readAll(t *testing.T, opt Options, b []byte) ([]seen, error) {
	t.Helper()
	var first []seen
	var firstErr error
	for i, way := range ways {
		s, err := way.open(t, opt, b)
		var got []seen
		if err == nil {
			got, err = drain(t, s)
		}
		if i == 0 {
			first, firstErr = got, err
			continue
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("%s differs from %s (-%[2]s +%[1]s):\n%s", way.name, ways[0].name, diff)
		}
		if errText(err) != errText(firstErr) {
			t.Errorf("%s: error %q, want %q", way.name, errText(err), errText(firstErr))
		}
	}
	return first, firstErr
}

// errText is an error without the name of the file.
func errText(err error) string {
	var fe *FileError
	if errors.As(err, &fe) {
		return fmt.Sprint(fe.Offset, fe.Frame, fe.Err, errors.Is(err, ErrPartial))
	}
	return fmt.Sprint(err)
}
