package redis

import (
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// damaged reports whether a message says that bytes, or other messages, are
// missing.
func damaged(m sensor.Message) bool {
	switch m := m.(type) {
	case *Command:
		return m.Missing > 0
	case *Reply:
		return m.Missing > 0 || m.Pairing != ""
	case *Push:
		return m.Missing > 0
	}
	return false
}

func TestTranscripts(t *testing.T) {
	sensortest.Test{Protocol: Protocol(), Damaged: damaged}.Files(t, "testdata/*.transcript")
}
