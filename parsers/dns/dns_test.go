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
