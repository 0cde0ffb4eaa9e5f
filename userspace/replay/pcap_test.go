package replay

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

var orders = []struct {
	name  string
	order byteOrder
}{{"little endian", binary.LittleEndian}, {"big endian", binary.BigEndian}}

func TestPcapMagics(t *testing.T) {
	ps := packets(20)
	for _, o := range orders {
		for _, magic := range []uint32{magicMicro, magicNano, magicModified} {
			got, err := readAll(t, Options{}, makePcap(o.order, magic, ps...))
			if err != nil {
				t.Errorf("%s %#x: %v", o.name, magic, err)
			}
			if diff := cmp.Diff(want(ps), got); diff != "" {
				t.Errorf("%s %#x (-want +got):\n%s", o.name, magic, diff)
			}
		}
	}
}

func TestPcapNanoseconds(t *testing.T) {
	b := makePcap(binary.LittleEndian, magicNano, packet{data: udp(1, nil)})
	binary.LittleEndian.PutUint32(b[24:], 4294967295)
	binary.LittleEndian.PutUint32(b[28:], 999999999)
	got, err := readAll(t, Options{}, b)
	if err != nil || len(got) != 1 {
		t.Fatalf("read %d records, %v", len(got), err)
	}
	if got, want := got[0].Time.String(), "2106-02-07T06:28:15.999999999Z"; got != want {
		t.Errorf("time = %s, want %s", got, want)
	}
}

func TestPcapWriters(t *testing.T) {
	ps := packets(50)
	for _, c := range []struct {
		name string
		new  func(*bytes.Buffer) *pcapgo.Writer
	}{
		{"microseconds", func(b *bytes.Buffer) *pcapgo.Writer { return pcapgo.NewWriter(b) }},
		{"nanoseconds", func(b *bytes.Buffer) *pcapgo.Writer { return pcapgo.NewWriterNanos(b) }},
	} {
		var b bytes.Buffer
		w := c.new(&b)
		if err := w.WriteFileHeader(65536, layers.LinkTypeEthernet); err != nil {
			t.Fatal(err)
		}
		for _, p := range ps {
			writePacket(t, w.WritePacket, p)
		}
		got, err := readAll(t, Options{}, b.Bytes())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(want(ps), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func writePacket(t *testing.T, write func(gopacket.CaptureInfo, []byte) error, p packet) {
	t.Helper()
	ci := gopacket.CaptureInfo{Timestamp: time.UnixMicro(int64(p.ticks)), CaptureLength: len(p.data), Length: int(p.wireLen())}
	if err := write(ci, p.data); err != nil {
		t.Fatal(err)
	}
}

func TestPcapLengths(t *testing.T) {
	data := udp(7, []byte("payload"))
	n := len(data)
	for _, c := range []struct {
		name             string
		minor            uint16
		link             uint32
		captured, wire   int
		wantLen, wantCap int
	}{
		{"whole", 4, 1, n, n, n, n},
		{"cut by the snap length", 4, 1, n, n + 100, n + 100, n},
		{"captured more than there was", 4, 1, n, n - 5, n - 5, n},
		{"version 2.2 has the lengths swapped", 2, 1, n + 30, n, n + 30, n},
		{"version 2.3, swapped", 3, 1, n + 30, n, n + 30, n},
		{"version 2.3, not swapped", 3, 1, n, n + 30, n + 30, n},
		{"an FCS of four bytes", 4, 0x24000001, n, n, n - 4, n - 4},
		{"an FCS that was cut off", 4, 0x24000001, n, n + 4, n, n},
		{"FCS bits that mean nothing", 4, 0x20000001, n, n, n, n},
		{"class bits above the link type", 4, 0x00010001, n, n, n, n},
	} {
		b := makePcap(binary.LittleEndian, magicMicro, packet{data: data})
		binary.LittleEndian.PutUint16(b[6:], c.minor)
		binary.LittleEndian.PutUint32(b[20:], c.link)
		binary.LittleEndian.PutUint32(b[32:], uint32(c.captured))
		binary.LittleEndian.PutUint32(b[36:], uint32(c.wire))
		s, err := NewReader(Options{}, "test", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		packets, wire, captured, err := sum(s)
		if err != nil || packets != 1 || wire != uint64(c.wantLen) || captured != uint64(c.wantCap) {
			t.Errorf("%s: %d packets of %d bytes, %d captured, %v; want 1 of %d, %d captured", c.name, packets, wire, captured, err, c.wantLen, c.wantCap)
		}
		if s.frame.Link != 1 {
			t.Errorf("%s: link type %d, want 1", c.name, s.frame.Link)
		}
	}
}
