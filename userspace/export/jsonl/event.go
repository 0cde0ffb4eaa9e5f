package jsonl

import (
	"strconv"
	"strings"

	"flowscope/sensor"
	"flowscope/userspace/export/fields"
	"flowscope/userspace/export/internal/safetext"
)

// Lines begin with constants, of which the version is a part; a test says that
// it is fields.Version.
const (
	version      = `,"v":1`
	flowStart    = `{"type":"flow"` + version
	messageStart = `{"type":"message"` + version
	gapStart     = `{"type":"gap"` + version
	anomalyStart = `{"type":"anomaly"` + version
	errorStart   = `{"type":"error"` + version
	ledgerStart  = `{"type":"ledger"` + version
)

// appendHead appends what messages, gaps, anomalies and errors begin with.
func (e *encoder) appendHead(b []byte, start string, ev *sensor.Event) []byte {
	b = append(b, start...)
	b = e.appendTime(b, `,"ts":"`, ev.Time)
	if ev.Ordinal != 0 {
		b = appendUint(b, `,"frame":`, ev.Ordinal)
	}
	b = e.ids.append(b, ev.Flow)
	return appendName(b, `,"side":"`, ev.Side.String())
}

func (e *encoder) appendMessage(b []byte, ev *sensor.Event) []byte {
	b = e.appendHead(b, messageStart, ev)
	b = append(b, e.keysOf(ev.App)...)
	b = e.enc.Append(b, ev.Msg)
	return e.appendTruncated(b)
}

const (
	maxAppName = 64   // bytes of a protocol's name
	maxApps    = 1024 // protocols whose keys are remembered
)

// keysOf returns what stands before a message of the protocol app:
//
//	,"app":"dns","dns":
func (e *encoder) keysOf(app string) []byte {
	if keys, ok := e.apps[app]; ok {
		return keys
	}
	keys, _ := safetext.AppendJSON([]byte(`,"app":`), app, maxAppName, fixedRoom)
	keys, _ = safetext.AppendJSON(append(keys, ','), objectName(app), maxAppName, fixedRoom)
	keys = append(keys, ':')
	if len(e.apps) < maxApps {
		e.apps[strings.Clone(app)] = keys
	}
	return keys
}

// objectName returns the name of the field that holds a message of a protocol.
func objectName(app string) string {
	if app == "" {
		return "message"
	}
	if _, taken := fields.Lookup(fields.Message, app); taken {
		return app + "_"
	}
	return app
}

func (e *encoder) appendGap(b []byte, ev *sensor.Event) []byte {
	b = e.appendHead(b, gapStart, ev)
	b = appendInt(b, `,"bytes":`, ev.Lost)
	b = appendInt(b, `,"offset":`, ev.Offset)
	return appendName(b, `,"reason":"`, ev.Reason.String())
}

func (e *encoder) appendAnomaly(b []byte, ev *sensor.Event) []byte {
	b = e.appendHead(b, anomalyStart, ev)
	return appendName(b, `,"kind":"`, ev.Anomaly.String())
}

func (e *encoder) appendError(b []byte, ev *sensor.Event) []byte {
	b = e.appendHead(b, errorStart, ev)
	b = e.enc.AppendString(append(b, `,"app":`...), ev.App)
	b = appendInt(b, `,"offset":`, ev.Offset)
	text := ""
	if ev.Err != nil {
		text = ev.Err.Error()
	}
	b = e.enc.AppendString(append(b, `,"text":`...), text)
	return e.appendTruncated(b)
}

func (e *encoder) appendTruncated(b []byte) []byte {
	if e.enc.Cut {
		b = append(b, `,"truncated":true`...)
	}
	return b
}

func appendInt(b []byte, key string, n int64) []byte {
	return strconv.AppendInt(append(b, key...), n, 10)
}
