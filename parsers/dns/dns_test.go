package dns

import (
	"path/filepath"
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// TestTranscripts plays each transcript to the protocol that its name says.
func TestTranscripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.transcript")
	if err != nil || len(paths) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, path := range paths {
		test := sensortest.Test{Protocol: UDP()}
		switch name := filepath.Base(path); {
		case strings.Contains(name, "tcp"):
			test = sensortest.Test{Protocol: TCP(), Render: withoutRTT}
		case strings.HasPrefix(name, "mdns"):
			test.Protocol = Multicast()
		}
		test.Files(t, path)
	}
}

// withoutRTT renders a message without what depends on others: a response whose
// query was lost has no round-trip time.
func withoutRTT(m sensor.Message) string {
	c := *m.(*Message)
	c.RTT = 0
	return sensortest.Render(&c)
}

// TestAllocatesNothing holds queries, responses and their pairing to no
// allocation once a flow has begun.
func TestAllocatesNothing(t *testing.T) {
	if race {
		t.Skip("the race detector makes pools forget: run without it")
	}
	for path, p := range map[string]sensor.Protocol{"dig_dnsmasq": UDP(), "mdns": Multicast(), "dig_dnsmasq_tcp": TCP()} {
		tr := sensortest.Load(t, "testdata/"+path+".transcript")
		if got := sensortest.AllocsPerMessage(t, p, tr); got > 0.05 {
			t.Errorf("%s: %v allocations per message, want 0", path, got)
		}
	}
}

func BenchmarkUDP(b *testing.B) {
	sensortest.Benchmark(b, UDP(), sensortest.Load(b, "testdata/dig_dnsmasq.transcript"))
}

func TestNames(t *testing.T) {
	tests := map[string]string{
		Type(1).String(): "A", Type(65280).String(): "TYPE65280", Class(1).String(): "IN", Class(9).String(): "CLASS9",
		Opcode(0).String(): "QUERY", Opcode(9).String(): "OPCODE9", rcodeName(3): "NXDOMAIN", rcodeName(13): "RCODE13",
		rcodeName(4000): "RCODE4000", OptionCode(8).String(): "ECS", OptionCode(65001).String(): "OPT65001",
	}
	for got, want := range tests {
		if got != want {
			t.Errorf("the name is %q, want %q", got, want)
		}
	}
}

// TestErrors has a message for each reason to refuse one.
func TestErrors(t *testing.T) {
	const question = `0001 8180 0001 0001 0000 0000 01 "a" 00 0001 0001 `
	tests := map[string]string{
		``:                                          "dns: at offset 0: it ends too early",
		`00 x11`:                                    "dns: at offset 0: it ends too early",
		`0001 8180 0001 0000 0000 0000`:             "dns: at offset 12: a name that does not end",
		`0001 8180 0001 0000 0000 0000 00 0001`:     "dns: at offset 15: it ends too early",
		`0001 8180 0001 0000 0000 0000 c0`:          "dns: at offset 12: a name that does not end",
		`0001 8180 0001 0000 0000 0000 40`:          "dns: at offset 12: unknown type of label",
		`0001 8180 0001 0000 0000 0000 c00c`:        "dns: at offset 12: a compression pointer that does not lead backwards",
		`0001 8180 0001 0000 0000 0000 01 "a" c0ff`: "dns: at offset 14: a compression pointer that does not lead backwards",
		`0001 8180 0001 0000 0000 0000 c001`:        "dns: at offset 12: a compression pointer into the header",
		`0001 8180 0001 0000 0000 0000 3f "a" x63 3f "a" x63 3f "a" x63 3e "a" x62 00`: "dns: at offset 204: a name of more than 255 octets",
		question: "dns: at offset 19: it ends too early",
		question + `c00c 0001 0001 00000000 0005 01020304 05`: "dns: at offset 35: in the data of a record: more than the type has",
		question + `c00c 001c 0001 00000000 0004 01020304`:    "dns: at offset 31: in the data of a record: it ends too early",
		question + `c00c 0001 0001 00000000 0004 010203`:      "dns: at offset 31: it ends too early",
		question + `c00c 0005 0001 00000000 0002 c01f`:        "dns: at offset 31: in the data of a record: a compression pointer that does not lead backwards",
		question + `c00c 0010 0001 00000000 0002 05 "a"`:      "dns: at offset 32: in the data of a record: it ends too early",
	}
	for data, want := range tests {
		d := &decoder{}
		err := d.decode(bytesOf(t, data), 0)
		if err == nil || err.Error() != want {
			t.Errorf("decode(%s) = %v, want %s", data, err, want)
		}
	}
}
