package smtp

import (
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// damaged reports whether a message says that bytes, or commands, are missing.
func damaged(m sensor.Message) bool {
	switch m := m.(type) {
	case *Command:
		return m.Missing > 0 || m.Pairing != ""
	case *Mail:
		return m.Missing > 0 || m.Incomplete || m.Pairing != ""
	}
	return false
}

func TestTranscripts(t *testing.T) {
	sensortest.Test{Protocol: Protocol(), Damaged: damaged}.Files(t, "testdata/*.transcript")
}
