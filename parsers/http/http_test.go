package http

import (
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// damaged reports whether a message says that bytes, or other messages, are
// missing.
func damaged(m sensor.Message) bool {
	switch m := m.(type) {
	case *Request:
		return m.Missing > 0 || m.Incomplete
	case *Response:
		return m.Missing > 0 || m.Incomplete || m.Pairing != ""
	}
	return false
}

// render leaves out the response time, which is not known exactly where the end
// of a request was lost.
func render(m sensor.Message) string {
	if m, ok := m.(*Response); ok {
		c := *m
		c.RTT = 0
		return sensortest.Render(&c)
	}
	return sensortest.Render(m)
}

func TestTranscripts(t *testing.T) {
	sensortest.Test{Protocol: Protocol(), Damaged: damaged, Render: render}.Files(t, "testdata/*.transcript")
}
