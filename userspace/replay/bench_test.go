package replay

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"flowscope/sensor"
	"flowscope/userspace/internal/frame"
)

// benchPackets is how many packets the captures of the benchmarks have: more
// bytes than a cache holds.
const benchPackets = 200_000

// benchCapture returns packets of 60 to 1400 bytes, 700 on average as in mixed
// traffic.
func benchCapture() []packet {
	ps := make([]packet, benchPackets)
	noise := make([]byte, 1400)
	for i := range noise {
		noise[i] = byte(i * i >> 3)
	}
	for i := range ps {
		n := 18
		if i%2 == 1 {
			n = 1340
		}
		ps[i] = packet{ticks: 1_600_000_000_000_000 + uint64(i), data: udp(uint16(i*7), noise[:n])}
	}
	return ps
}

// benchFile writes b once for all benchmarks of a process.
func benchFile(b *testing.B, name string, content []byte) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

func benchRead(b *testing.B, size int, open func() (*Source, error)) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(int64(size))
	var r sensor.Record
	packets := 0
	for b.Loop() {
		s, err := open()
		if err != nil {
			b.Fatal(err)
		}
		for err = s.Read(&r); err == nil; err = s.Read(&r) {
			packets++
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		s.Close()
	}
	perPacket(b, packets)
}

func perPacket(b *testing.B, packets int) {
	b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
}

func BenchmarkRead(b *testing.B) {
	ps := benchCapture()
	pcap := makePcap(binary.LittleEndian, magicMicro, ps...)
	ng := makePcapng(binary.LittleEndian, ps...)
	var gz bytes.Buffer
	w, _ := gzip.NewWriterLevel(&gz, gzip.BestSpeed)
	w.Write(pcap)
	w.Close()
	zw, _ := zstd.NewWriter(nil)
	zst := zw.EncodeAll(pcap, nil)
	for _, c := range []struct {
		name    string
		b       []byte
		stream  bool
		options Options
	}{
		{name: "pcap file", b: pcap},
		{name: "pcap mapped", b: pcap, options: Options{Stable: true}},
		{name: "pcap stream", b: pcap, stream: true},
		{name: "pcap stable stream", b: pcap, stream: true, options: Options{Stable: true}},
		{name: "pcapng mapped", b: ng, options: Options{Stable: true}},
		{name: "pcapng stream", b: ng, stream: true},
		{name: "pcap gzip", b: gz.Bytes()},
		{name: "pcap zstd", b: zst},
	} {
		b.Run(c.name, func(b *testing.B) {
			path := benchFile(b, "capture", c.b)
			benchRead(b, len(pcap), func() (*Source, error) {
				if !c.stream {
					return Open(c.options, path)
				}
				f, err := os.Open(path)
				if err != nil {
					return nil, err
				}
				return NewReader(c.options, path, f)
			})
		})
	}
}

// BenchmarkWalk is the way through the file alone, without classifying.
func BenchmarkWalk(b *testing.B) {
	ps := benchCapture()
	for _, c := range []struct {
		name string
		b    []byte
	}{
		{"pcap", makePcap(binary.LittleEndian, magicMicro, ps...)},
		{"pcapng", makePcapng(binary.LittleEndian, ps...)},
	} {
		b.Run(c.name, func(b *testing.B) {
			path := benchFile(b, "capture", c.b)
			b.SetBytes(int64(len(c.b)))
			packets := 0
			for b.Loop() {
				s, err := Open(Options{}, path)
				if err != nil {
					b.Fatal(err)
				}
				n, _, _, err := sum(s)
				if err != nil {
					b.Fatal(err)
				}
				packets += int(n)
			}
			perPacket(b, packets)
		})
	}
}

// BenchmarkClassify is the classifier on frames that are there already, for
// comparison.
func BenchmarkClassify(b *testing.B) {
	ps := benchCapture()
	c := frame.New(sensor.Classify{})
	var r sensor.Record
	packets := 0
	for b.Loop() {
		for i := range ps {
			c.Classify(&frame.Frame{Time: sensor.Timestamp(ps[i].ticks), Link: frame.LinkEthernet, WireLen: len(ps[i].data), Data: ps[i].data}, &r)
		}
		packets += len(ps)
	}
	perPacket(b, packets)
}

func TestAllocs(t *testing.T) {
	ps := packets(50000)
	pcap := makePcap(binary.LittleEndian, magicMicro, ps...)
	for name, b := range map[string][]byte{"pcap": pcap, "pcapng": makePcapng(binary.BigEndian, ps...), "zstd": zstandard1(pcap)} {
		for _, way := range ways[:2] {
			s, err := way.open(t, Options{}, b)
			if err != nil {
				t.Fatal(err)
			}
			var r sensor.Record
			read := func() {
				for range 100 {
					if err := s.Read(&r); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range 50 { // beyond the first block
				read()
			}
			if n := testing.AllocsPerRun(300, read); n != 0 {
				t.Errorf("%s %s: %v allocations for 100 packets, want 0", name, way.name, n)
			}
			s.Close()
		}
	}
}
