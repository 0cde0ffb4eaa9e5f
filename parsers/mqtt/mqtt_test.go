package mqtt

import (
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// damaged reports whether a message says that bytes, or other messages, are
// missing.
func damaged(m sensor.Message) bool {
	switch m := m.(type) {
	case *Connack:
		return m.Pairing != ""
	case *Publish:
		return m.Missing > 0 || m.Incomplete || m.Partial
	case *Ack:
		return m.Pairing != ""
	case *Subscribe:
		return m.Partial
	case *Suback:
		return m.Pairing != "" || m.Partial
	case *Ping:
		return m.Pairing != ""
	}
	return false
}

func TestTranscripts(t *testing.T) {
	sensortest.Test{Protocol: Protocol(), Damaged: damaged}.Files(t, "testdata/*.transcript")
}
