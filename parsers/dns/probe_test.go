package dns

import (
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// bytesOf returns the data of the first step of a transcript of one line.
func bytesOf(t testing.TB, line string) []byte {
	t.Helper()
	tr, err := sensortest.Parse("line", []byte("datagram\n> "+line))
	if err != nil {
		t.Fatal(err)
	}
	return tr.Steps[0].Data
}

func TestProbe(t *testing.T) {
	tests := []struct {
		name, data string
		want       sensor.Verdict
	}{
		{"query", `0001 0100 0001 0000 0000 0000 01 "a" 00 0001 0001`, sensor.MatchInitiator},
		{"query with EDNS", `0001 0120 0001 0000 0000 0001 01 "a" 00 0001 0001 00 0029 04d0 00000000 0000`, sensor.MatchInitiator},
		{"query for the root", `0001 0000 0001 0000 0000 0000 00 0002 0001`, sensor.MatchInitiator},
		{"query for a private type", `0001 0000 0001 0000 0000 0000 01 "a" 00 ff00 0001`, sensor.MatchInitiator},
		{"notify", `0001 2400 0001 0000 0000 0000 01 "a" 00 0006 0001`, sensor.MatchInitiator},
		{"update", `0001 2800 0001 0001 0001 0000 01 "a" 00 0006 0001`, sensor.MatchInitiator},
		{"response", `0001 8180 0001 0000 0000 0000 01 "a" 00 0001 0001`, sensor.MatchResponder},
		{"response cut behind the question", `0001 8180 0001 0003 0000 0000 01 "a" 00 0001 0001 c0`, sensor.MatchResponder},
		{"announcement of multicast DNS", `0000 8400 0000 0001 0000 0000 01 "a" 00 0001 8001 00000000 0004 01020304`, sensor.MatchResponder},
		{"a name in UTF-8", `0000 0000 0001 0000 0000 0000 03 "a\xc3\xbc" 00 0001 0001`, sensor.MatchInitiator},

		{"nothing", ``, sensor.No},
		{"header only", `0001 0100 0001 0000 0000 0000`, sensor.No},
		{"zeros", `00 x64`, sensor.No},
		{"ones", `ff x64`, sensor.No},
		{"query without a question", `0001 0100 0000 0000 0000 0000 01 "a" 00 0001 0001`, sensor.No},
		{"many questions", `0001 0100 0100 0000 0000 0000 01 "a" 00 0001 0001`, sensor.No},
		{"compressed question", `0001 0100 0001 0000 0000 0000 c00c 0001 0001`, sensor.No},
		{"unknown class", `0001 0100 0001 0000 0000 0000 01 "a" 00 0001 0009`, sensor.No},
		{"type 0", `0001 0100 0001 0000 0000 0000 01 "a" 00 0000 0001`, sensor.No},
		{"ends in the name", `0001 0100 0001 0000 0000 0000 05 "a"`, sensor.No},
		{"NetBIOS name service", `0001 0110 0001 0000 0000 0000 20 "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" 00 0021 0001`, sensor.No},
		{"NTP", `23 x1 00 x47`, sensor.No},
		{"text", `"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"`, sensor.No},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := bytesOf(t, tt.data)
			if got := UDP().Probe(sensor.Initiator, data); got != tt.want {
				t.Errorf("Probe = %d, want %d", got, tt.want)
			}
			if got := Multicast().Probe(sensor.Initiator, data); got != min(tt.want, sensor.Match) {
				t.Errorf("Probe of multicast DNS = %d, want %d", got, min(tt.want, sensor.Match))
			}
			framed := append([]byte{byte(len(data) >> 8), byte(len(data))}, data...)
			if got := TCP().Probe(sensor.Initiator, framed); got != tt.want && len(data) > 0 {
				t.Errorf("Probe over TCP = %d, want %d", got, tt.want)
			}
			for n := range framed {
				got := TCP().Probe(sensor.Initiator, framed[:n])
				if tt.want >= sensor.Match && got != sensor.Unsure && got != tt.want {
					t.Errorf("Probe over TCP of the first %d bytes = %d", n, got)
				}
			}
		})
	}
}

// TestProbeUnusual: over UDP, what is unusual is recognised if all of it is there and
// nothing else is; over TCP, where nobody can wait for that, it is not.
func TestProbeUnusual(t *testing.T) {
	tests := []struct {
		name, data string
		want       sensor.Verdict
	}{
		{"reserved bit", `0001 0140 0001 0000 0000 0000 01 "a" 00 0001 0001`, sensor.MatchInitiator},
		{"opcode 9", `0001 4800 0001 0000 0000 0000 01 "a" 00 0001 0001`, sensor.MatchInitiator},
		{"answer to opcode 9", `0001 c804 0001 0000 0000 0000 01 "a" 00 0001 0001`, sensor.MatchResponder},
		{"query with an error", `0001 0102 0001 0000 0000 0000 01 "a" 00 0001 0001`, sensor.MatchInitiator},
		{"query with recursion available", `0001 0180 0001 0000 0000 0000 01 "a" 00 0001 0001`, sensor.MatchInitiator},
		{"authoritative query", `0001 0520 0001 0000 0000 0001 01 "a" 00 0001 0001 00 0029 04d0 00000000 0000`, sensor.MatchInitiator},
		{"control character", `0001 0100 0001 0000 0000 0000 01 07 00 0001 0001`, sensor.MatchInitiator},
		{"nothing but EDNS", `0001 0120 0000 0000 0000 0001 00 0029 04d0 00000000 000c 000a 0008 0011223344556677`, sensor.MatchInitiator},
		{"an answer of nothing but EDNS", `0001 8120 0000 0000 0000 0001 00 0029 04d0 00000000 0000`, sensor.MatchResponder},
		{"a record behind a pointer", `0001 4800 0001 0001 0000 0000 01 "a" 00 0001 0001 c00c 0001 0001 00000000 0004 01020304`, sensor.MatchInitiator},

		{"a byte behind it", `0001 4800 0001 0000 0000 0000 01 "a" 00 0001 0001 00`, sensor.No},
		{"a byte too few", `0001 4800 0001 0000 0000 0000 01 "a" 00 0001 00`, sensor.No},
		{"a record too few", `0001 4800 0001 0001 0000 0000 01 "a" 00 0001 0001`, sensor.No},
		{"questions that are not there", `0001 4800 0001 0000 0000 0000`, sensor.No},
		{"a record of nothing", `0001 4800 0001 0001 0000 0000 01 "a" 00 0001 0001 00 0000 0001 00000000 0000`, sensor.No},
		{"data longer than the message", `0001 4800 0001 0001 0000 0000 01 "a" 00 0001 0001 00 0001 0001 00000000 ffff`, sensor.No},
		{"no question, and an address", `0001 0100 0000 0000 0000 0001 00 0001 0001 00000000 0000`, sensor.No},
		{"no question, and EDNS that is longer", `0001 0120 0000 0000 0000 0001 00 0029 04d0 00000000 0000 00`, sensor.No},
		{"NetBIOS name service: registration", `0001 2910 0001 0000 0000 0001 20 "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" 00 0020 0001 c00c 0020 0001 00000000 0006 0000 01020304`, sensor.No},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := bytesOf(t, tt.data)
			if got := UDP().Probe(sensor.Initiator, data); got != tt.want {
				t.Errorf("Probe = %d, want %d", got, tt.want)
			}
			framed := append([]byte{byte(len(data) >> 8), byte(len(data))}, data...)
			if got := TCP().Probe(sensor.Initiator, framed); got != sensor.No {
				t.Errorf("Probe over TCP = %d, want %d", got, sensor.No)
			}
		})
	}
}

func TestProbeAllocatesNothing(t *testing.T) {
	data := bytesOf(t, `0001 0100 0001 0000 0000 0000 3f "`+strings.Repeat("a", 63)+`" 00 0001 0001`)
	if n := testing.AllocsPerRun(100, func() { probeDatagram(sensor.Initiator, data) }); n != 0 {
		t.Errorf("Probe allocates %v times, want 0", n)
	}
}
