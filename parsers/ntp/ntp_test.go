package ntp

import (
	"bytes"
	"fmt"
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
	request := append([]byte{0x23}, make([]byte, 47)...)
	request[47] = 1
	old := append([]byte{0x1b}, make([]byte, 47)...)
	random := append([]byte{0x23}, bytes.Repeat([]byte{0xa5}, 47)...)
	for _, tt := range []struct {
		name string
		data []byte
		want sensor.Verdict
	}{
		{"request", request, sensor.MatchInitiator},
		{"an old request, which is almost only zeros", old, sensor.Unsure},
		{"random bytes", random, sensor.No},
		{"monlist", []byte{0x17, 0, 3, 42, 0, 0, 0, 0}, sensor.MatchInitiator},
		{"readvar", []byte{0x16, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, sensor.MatchInitiator},
		{"a control message of another length", []byte{0x16, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7}, sensor.No},
		{"47 bytes", request[1:], sensor.No},
	} {
		if got := probe(sensor.Initiator, tt.data); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	for _, name := range []string{"ntpdig", "ntpdig_key", "chronyd", "chronyd_wrong_key"} {
		for _, s := range sensortest.Load(t, "testdata/"+name+".transcript").Steps {
			if got := probe(s.Side, s.Data); got != sensor.MatchInitiator+sensor.Verdict(s.Side) {
				t.Errorf("%s: the probe says %v of %x", name, got, s.Data)
			}
		}
	}
}

func TestStamp(t *testing.T) {
	at := func(s string) sensor.Timestamp {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return sensor.TimestampOf(v)
	}
	for _, tt := range []struct {
		seconds    uint32
		near, want string
	}{
		{0x83aa7e80, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{0xffffffff, "2036-02-07T06:28:16Z", "2036-02-07T06:28:15Z"},
		{1, "2036-02-07T06:28:15Z", "2036-02-07T06:28:17Z"},
		{0xffffffff, "2026-01-01T00:00:00Z", "2036-02-07T06:28:15Z"},
		{0x83aa7e80, "2100-01-01T00:00:00Z", "2106-02-07T06:28:16Z"},
	} {
		if got := stamp(uint64(tt.seconds)<<32, at(tt.near)); got != at(tt.want) {
			t.Errorf("%#x near %s is %v, want %s", tt.seconds, tt.near, got, tt.want)
		}
	}
}

// TestTshark compares the fields of all NTP in the corpus.
func TestTshark(t *testing.T) {
	for _, name := range []string{"encap/arkime_gre-sample.pcap", "frag/zeek_fragmented-1.pcap"} {
		path := testenv.Corpus(t, name)
		var want []string
		for _, row := range testenv.Tshark(t, path, "ntp.flags.mode > 0", []string{"ntp.flags.mode", "ntp.flags.vn", "ntp.flags.li", "ntp.stratum", "ntp.ppoll", "ntp.precision"}) {
			want = append(want, strings.Join(row, " "))
		}
		src, err := replay.Open(replay.Options{}, path)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for ev, err := range engine.Events(src, Protocol()) {
			if err != nil {
				t.Fatal(err)
			}
			if ev.Kind == sensor.FlowError {
				got = append(got, ev.Err.Error())
			}
			if m, ok := ev.Msg.(*Message); ok && ev.Kind == sensor.FlowMessage && m.Kind != KindUnanswered {
				got = append(got, fmt.Sprint(m.Mode, m.Version, m.Leap, m.Stratum, m.Poll, uint8(m.Precision)))
			}
		}
		src.Close()
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); diff != "" {
			t.Errorf("%s (-tshark +parser):\n%s", name, diff)
		}
	}
}

// TestPending floods a flow with requests: what waits is bounded, and each is
// told once as unanswered.
func TestPending(t *testing.T) {
	p := Protocol().NewDatagram().(*parser)
	unanswered := 0
	emit := func(m sensor.Message) {
		if m.(*Message).Kind == KindUnanswered {
			unanswered++
		}
	}
	b := append([]byte{0x23}, make([]byte, 47)...)
	for i := range 1000 {
		b[46], b[47] = byte(i>>8), byte(i)
		if err := p.Parse(sensor.Segment{Data: b}, emit); err != nil || len(p.pending) > maxPending {
			t.Fatalf("%d wait: %v", len(p.pending), err)
		}
	}
	if err := p.Parse(sensor.Segment{EOF: true}, emit); err != nil || unanswered != 1000 {
		t.Errorf("%d are unanswered: %v", unanswered, err)
	}
}

func TestAllocations(t *testing.T) {
	if race {
		t.Skip("the race detector makes pools forget: go test without -race")
	}
	if got := sensortest.AllocsPerMessage(t, Protocol(), sensortest.Load(t, "testdata/ntpdig.transcript")); got != 0 {
		t.Errorf("%v allocations per message, want 0", got)
	}
}

func BenchmarkMessages(b *testing.B) {
	sensortest.Benchmark(b, Protocol(), sensortest.Load(b, "testdata/ntpdig.transcript"))
}

func BenchmarkExtensions(b *testing.B) {
	data := append([]byte{0x23}, make([]byte, 47)...)
	for len(data) < 60000 {
		data = append(data, append([]byte{1, 4, 0, 16}, make([]byte, 12)...)...)
	}
	var m Message
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.decode(data, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzDatagrams(f *testing.F) {
	for _, name := range []string{"ntpdig", "ntpdig_key", "modes"} {
		for _, s := range sensortest.Load(f, "testdata/"+name+".transcript").Steps {
			f.Add(s.Data, s.Side == sensor.Responder)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, response bool) {
		p := Protocol().NewDatagram().(*parser)
		s := sensor.Segment{Data: data}
		if response {
			s.Side = sensor.Responder
		}
		told := 0
		for range 3 {
			err := p.Parse(s, func(m sensor.Message) { sensortest.Render(m); told++ })
			if err != nil && probe(s.Side, data) != sensor.No {
				t.Errorf("the probe takes what the parser refuses: %v", err)
			}
		}
		if told > 3 || len(p.pending) > 1 {
			t.Errorf("%d messages, %d wait", told, len(p.pending))
		}
	})
}
