package dhcp

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/sensor/sensortest"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

func TestTranscripts(t *testing.T) {
	sensortest.Files(t, "testdata/*.transcript", Protocol())
}

func TestProbe(t *testing.T) {
	for _, name := range []string{"udhcpc", "dhclient"} {
		for _, s := range sensortest.Load(t, "testdata/"+name+".transcript").Steps {
			want := sensor.MatchInitiator
			if s.Side == sensor.Responder {
				want = sensor.Match
			}
			if got := probe(s.Side, s.Data); got != want {
				t.Errorf("%s: %v of a datagram of the %v", name, got, s.Side)
			}
			if got := probe(s.Side, s.Data[1:]); got != sensor.No {
				t.Errorf("%s: %v of a datagram without its first byte", name, got)
			}
		}
	}
}

// TestTshark compares the DHCP of the corpus.
func TestTshark(t *testing.T) {
	path := testenv.Corpus(t, "encap/suri_decode-teredo-01.pcap")
	field := func(name, occurrence string) string {
		var values []string
		for _, row := range testenv.Tshark(t, path, "dhcp", []string{name}, "-E", "occurrence="+occurrence) {
			values = append(values, row[0])
		}
		return strings.Join(values, "\n")
	}
	src, err := replay.Open(replay.Options{}, path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var got []string
	for m, err := range engine.Messages[*Message](src, Protocol()) {
		if err != nil {
			t.Fatal(err)
		}
		options := strings.ReplaceAll(strings.Trim(fmt.Sprint(m.Msg.Options), "[]"), " ", ",")
		got = append(got, fmt.Sprintf("0x%08x %s %s %s %s", m.Msg.XID, m.Msg.Hardware, m.Msg.HostName, m.Msg.Requested, options))
	}
	want := []string{strings.Join([]string{field("dhcp.id", "f"), field("dhcp.hw.mac_addr", "f"), field("dhcp.option.hostname", "f"),
		field("dhcp.option.requested_ip_address", "f"), strings.TrimSuffix(strings.TrimSuffix(field("dhcp.option.type", "a"), ",0"), ",255")}, " ")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-tshark +parser):\n%s", diff)
	}
}

// hostile are datagrams of 64 KiB that are made to cost much.
func hostile() map[string][]byte {
	fill := func(unit ...byte) []byte {
		b := append([]byte{1, 1, 6, 0}, make([]byte, 232)...)
		b = append(b, 0x63, 0x82, 0x53, 0x63)
		for len(b)+len(unit) <= 65507 {
			b = append(b, unit...)
		}
		return b
	}
	many := []byte{}
	for i := range 254 {
		many = append(many, byte(i+1), 4, 1, 2, 3, 4)
	}
	many = slices.Concat(many, many)
	many[slices.Index(many, optType)+1] = 4
	return map[string][]byte{
		"pieces of one byte":          fill(optHostName, 1, 'a'),
		"pieces of two options":       fill(optHostName, 1, 'a', optDomain, 1, 'a'),
		"pieces of all options":       fill(many...),
		"options of nothing":          fill(optHostName, 0),
		"padding":                     fill(optPad),
		"addresses":                   fill(append([]byte{optDNS, 252}, make([]byte, 252)...)...),
		"the parts of a relay option": fill(append([]byte{optRelay, 254}, bytes.Repeat([]byte{1, 0}, 127)...)...),
	}
}

func TestHostile(t *testing.T) {
	for name, data := range hostile() {
		var before, after runtime.MemStats
		least, fastest := ^uint64(0), time.Hour
		for range 10 {
			d := &decoder{}
			runtime.ReadMemStats(&before)
			start := time.Now()
			err := d.decode(data)
			fastest = min(fastest, time.Since(start))
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
			if err != nil && name != "pieces of all options" {
				t.Fatalf("%s: %v", name, err)
			}
			if len(d.pieces) > maxPieces || len(d.msg.Options) > maxList {
				t.Fatalf("%s: %d bytes of pieces, %d options", name, len(d.pieces), len(d.msg.Options))
			}
		}
		t.Logf("%s: %v, %d bytes", name, fastest, least)
		if least > 128<<10 && !race {
			t.Errorf("%s: %d bytes are allocated", name, least)
		}
	}
}

func TestPending(t *testing.T) {
	p := Protocol().NewDatagram().(*parser)
	b := bytes.Clone(sensortest.Load(t, "testdata/udhcpc.transcript").Steps[0].Data)
	for i := range 1000 {
		b[4], b[5] = byte(i>>8), byte(i)
		if err := p.Parse(sensor.Segment{Data: b}, func(sensor.Message) {}); err != nil || len(p.pending) > maxPending {
			t.Fatalf("%d wait: %v", len(p.pending), err)
		}
	}
}

func TestAllocations(t *testing.T) {
	if race {
		t.Skip("the race detector makes pools forget: go test without -race")
	}
	for _, name := range []string{"udhcpc", "dhclient"} {
		if got := sensortest.AllocsPerMessage(t, Protocol(), sensortest.Load(t, "testdata/"+name+".transcript")); got != 0 {
			t.Errorf("%s: %v allocations per message, want 0", name, got)
		}
	}
}

func BenchmarkMessages(b *testing.B) {
	sensortest.Benchmark(b, Protocol(), sensortest.Load(b, "testdata/udhcpc.transcript"))
}

func BenchmarkHostile(b *testing.B) {
	for name, data := range hostile() {
		b.Run(name, func(b *testing.B) {
			d := &decoder{}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				_ = d.decode(data)
			}
		})
	}
}

func FuzzDatagrams(f *testing.F) {
	for _, name := range []string{"udhcpc", "written"} {
		for _, s := range sensortest.Load(f, "testdata/"+name+".transcript").Steps {
			f.Add(s.Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := Protocol().NewDatagram().(*parser)
		told := 0
		for side := range sensor.Side(2) {
			err := p.Parse(sensor.Segment{Side: side, Data: data}, func(m sensor.Message) {
				sensortest.Render(m)
				d := m.(*Message)
				if len(d.Options) > maxList || len(d.Parameters) > maxList || len(d.DNS) > maxList || len(d.HostName) > maxOption {
					t.Error("more is told than the caps allow")
				}
				told++
			})
			if err == nil && probe(side, data) == sensor.No {
				t.Error("the probe refuses what the parser takes")
			}
		}
		if told != 0 && told != 2 {
			t.Errorf("%d messages of two equal datagrams", told)
		}
	})
}
