package postgres

import (
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// damaged reports whether a message says that bytes, or other messages, are
// missing.
func damaged(m sensor.Message) bool {
	switch m := m.(type) {
	case *Statement:
		return m.Missing > 0 || m.Incomplete || m.Pairing != "" || m.Unseen
	case *Login:
		return m.Missing > 0 || m.Incomplete
	case *Notice:
		return m.Missing > 0 || m.Pairing != ""
	}
	return false
}

func TestTranscripts(t *testing.T) {
	sensortest.Test{Protocol: Protocol(), Damaged: damaged}.Files(t, "testdata/*.transcript")
}
