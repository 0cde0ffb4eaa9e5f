package http2

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
		return m.Missing > 0 || m.Incomplete || m.Partial
	case *Response:
		return m.Missing > 0 || m.Incomplete || m.Partial || m.Pairing != ""
	case *Call:
		return m.Missing > 0 || m.Incomplete || m.Partial || m.Pairing != ""
	case *Reset:
		return m.Partial
	case *GoAway:
		return m.Partial
	}
	return false
}

// render leaves out times, which are not known exactly where the end of a request
// was lost, and what was asked on a stream that is reset: that is only said while
// something of it is still to be told.
func render(m sensor.Message) string {
	switch m := m.(type) {
	case *Response:
		c := *m
		c.RTT = 0
		return sensortest.Render(&c)
	case *Reset:
		return sensortest.Render(&Reset{Kind: m.Kind, Stream: m.Stream, Code: m.Code, Reason: m.Reason, Partial: m.Partial})
	case *Call:
		c := *m
		c.RTT, c.Duration = 0, 0
		return sensortest.Render(&c)
	}
	return sensortest.Render(m)
}

func TestTranscripts(t *testing.T) {
	sensortest.Test{Protocol: Protocol(), Damaged: damaged, Render: render}.Files(t, "testdata/*.transcript")
}
