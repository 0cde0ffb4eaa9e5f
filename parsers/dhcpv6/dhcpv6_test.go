package dhcpv6

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

func TestTranscripts(t *testing.T) {
	sensortest.Files(t, "testdata/*.transcript", Protocol())
}

var recorded = []string{"dhclient", "information", "prefix", "relay"}

func TestProbe(t *testing.T) {
	for _, name := range recorded {
		for _, s := range sensortest.Load(t, "testdata/"+name+".transcript").Steps {
			want := sensor.MatchInitiator
			if s.Side == sensor.Responder {
				want = sensor.Match
			}
			if got := probe(s.Side, s.Data); got != want {
				t.Errorf("%s: %v of a datagram of the %v", name, got, s.Side)
			}
			for _, other := range [][]byte{s.Data[1:], s.Data[:len(s.Data)-1], append(bytes.Clone(s.Data), 0)} {
				if got := probe(s.Side, other); got != sensor.No {
					t.Errorf("%s: %v of a datagram with a byte less or more", name, got)
				}
			}
		}
	}
}

// TestUnanswered asks in a flow of one direction, where a reply would be in another.
func TestUnanswered(t *testing.T) {
	steps := sensortest.Load(t, "testdata/dhclient.transcript").Steps
	play := func(data ...[]byte) (kinds []string) {
		p := Protocol().NewDatagram()
		emit := func(m sensor.Message) { kinds = append(kinds, m.(*Message).Headline()) }
		for i, b := range data {
			side := sensor.Initiator
			if b[0] == 2 || b[0] == 7 {
				side = sensor.Responder
			}
			if err := p.Parse(sensor.Segment{Side: side, Time: sensor.Timestamp(i), Data: b}, emit); err != nil {
				t.Fatal(err)
			}
		}
		for side := range sensor.Side(2) {
			_ = p.Parse(sensor.Segment{Side: side, EOF: true}, emit)
		}
		return kinds
	}
	solicit, advertise, request := steps[0].Data, steps[1].Data, steps[2].Data
	if got := play(solicit, request); len(got) != 2 {
		t.Errorf("in a flow of one direction: %q", got)
	}
	want := "unanswered request 00:01:00:01:"
	if got := play(solicit, advertise, request); len(got) != 4 || !strings.HasPrefix(got[3], want) {
		t.Errorf("in a flow of both: %q, want %q… at the end", got, want)
	}
}

// hostile are datagrams of 64 KiB that are made to cost much.
func hostile() map[string][]byte {
	fill := func(head []byte, unit ...byte) []byte {
		b := bytes.Clone(head)
		for len(b)+len(unit) <= 65507 {
			b = append(b, unit...)
		}
		return b
	}
	reply := []byte{7, 0, 0, 1, 0, 1, 0, 4, 0, 2, 0, 9}
	address := append([]byte{0, optAddr, 0, 24}, make([]byte, 24)...)
	association := append([]byte{0, optNA, 0, 12 + 28}, append(make([]byte, 12), address...)...)
	names := fill([]byte{0, optSearch, 0xfe, 0x00}, 1, 'a', 0)[:4+0xfe00]
	relays := []byte{}
	for len(relays) < 65000-38 {
		head := append([]byte{typeRelayForward}, make([]byte, 33)...)
		head = append(head, 0, optRelayMessage)
		relays = append(binary.BigEndian.AppendUint16(head, uint16(len(relays))), relays...)
	}
	return map[string][]byte{
		"options of nothing": fill(reply, 0, optRapidCommit, 0, 0),
		"clients":            fill(reply, 0, optClientID, 0, 4, 0, 3, 0, 1),
		"long clients":       fill(reply, append([]byte{0, optClientID, 0, maxDUID}, make([]byte, maxDUID)...)...),
		"associations":       fill(reply, association...),
		"one association":    append(append(bytes.Clone(reply), 0, optNA, 0xfd, 0xcc), append(make([]byte, 12), bytes.Repeat(address, 2320)...)...),
		"lists":              fill(reply, 0, optParameters, 0, 4, 0, 1, 0, 2),
		"names":              append(bytes.Clone(reply), names...),
		"names of one":       fill(reply, 0, optFQDN, 0, 4, 0, 1, 'a', 0),
		"relays":             relays,
		"remote ids":         fill(append([]byte{typeRelayForward}, make([]byte, 33)...), 0, optRemoteID, 0, 6, 0, 0, 0, 9, 1, 2),
		"vendors":            fill(reply, 0, optVendorClass, 0, 7, 0, 0, 0, 9, 0, 1, 'a'),
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
			_ = d.decode(data)
			fastest = min(fastest, time.Since(start))
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
			if len(d.leases) > maxList || len(d.associations) > maxList || len(d.names) > maxList || len(d.msg.Options) > maxList {
				t.Fatalf("%s: more is kept than the caps allow", name)
			}
		}
		t.Logf("%s: %v, %d bytes", name, fastest, least)
		if least > 512<<10 && !race {
			t.Errorf("%s: %d bytes are allocated", name, least)
		}
	}
}

func TestPending(t *testing.T) {
	p := Protocol().NewDatagram().(*parser)
	b := bytes.Clone(sensortest.Load(t, "testdata/dhclient.transcript").Steps[0].Data)
	for i := range 1000 {
		b[2], b[3] = byte(i>>8), byte(i)
		if err := p.Parse(sensor.Segment{Data: b}, func(sensor.Message) {}); err != nil || len(p.pending) > maxPending {
			t.Fatalf("%d wait: %v", len(p.pending), err)
		}
	}
}

func TestAllocations(t *testing.T) {
	if race {
		t.Skip("the race detector makes pools forget: go test without -race")
	}
	for _, name := range recorded {
		if got := sensortest.AllocsPerMessage(t, Protocol(), sensortest.Load(t, "testdata/"+name+".transcript")); got != 0 {
			t.Errorf("%s: %v allocations per message, want 0", name, got)
		}
	}
}

func BenchmarkMessages(b *testing.B) {
	sensortest.Benchmark(b, Protocol(), sensortest.Load(b, "testdata/dhclient.transcript"))
}

func FuzzDatagrams(f *testing.F) {
	for _, name := range append(recorded, "written") {
		for _, s := range sensortest.Load(f, "testdata/"+name+".transcript").Steps {
			f.Add(s.Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := Protocol().NewDatagram().(*parser)
		var told []string
		for range 2 {
			_ = p.Parse(sensor.Segment{Data: data}, func(m sensor.Message) {
				d := m.(*Message)
				d.Repeated = false
				told = append(told, sensortest.Render(d))
				if len(d.Options) > maxList || len(d.Parameters) > maxList || len(d.DNS) > maxList || len(d.Relays) > maxRelays || len(d.Text) > maxText {
					t.Error("more is told than the caps allow")
				}
			})
		}
		if len(told) == 1 || len(told) == 2 && told[0] != told[1] {
			t.Errorf("of two equal datagrams: %q", told)
		}
	})
}
