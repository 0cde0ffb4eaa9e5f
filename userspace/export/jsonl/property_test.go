package jsonl

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"flowscope/sensor"
	"flowscope/userspace/export/fields"

	"pgregory.net/rapid"
)

type failer interface{ Fatalf(string, ...any) }

// member is one key of an object, with its value.
type member struct {
	key   string
	value json.RawMessage
}

// members reads an object in order, and fails on a key that comes twice.
func members(t failer, line []byte) (list []member) {
	d := json.NewDecoder(bytes.NewReader(line))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		t.Fatalf("no object: %q", line)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		var m member
		m.key = key.(string)
		if err := d.Decode(&m.value); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if slices.ContainsFunc(list, func(x member) bool { return x.key == m.key }) {
			t.Fatalf("%s comes twice: %q", m.key, line)
		}
		list = append(list, m)
	}
	return list
}

// checkLine holds one line against what doc.go and the table of fields say.
func checkLine(t failer, line []byte) {
	if len(line) > MaxLine {
		t.Fatalf("a line of %d bytes", len(line))
	}
	if n := bytes.IndexByte(line, '\n'); n != len(line)-1 {
		t.Fatalf("line feed at %d of %d: %q", n, len(line), line)
	}
	if !utf8.Valid(line) || !json.Valid(line) {
		t.Fatalf("not valid: %q", line)
	}
	for _, r := range string(line[:len(line)-1]) {
		if r < 0x20 || r == 0x7f || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			t.Fatalf("raw %U: %q", r, line)
		}
	}
	checkFields(t, line)
}

func checkFields(t failer, line []byte) {
	list := members(t, line)
	var name string
	if err := json.Unmarshal(list[0].value, &name); err != nil || list[0].key != "type" {
		t.Fatalf("does not begin with its type: %q", line)
	}
	object := fields.OfType(name)
	if object == 0 {
		t.Fatalf("type %q is not documented", name)
	}
	row := 0
	for _, m := range list {
		f, ok := fields.Lookup(object, m.key)
		if !ok && object == fields.Message {
			f, ok = fields.Lookup(object, "<app>")
			if ok {
				f.Type = "" // a message need not be an object
			}
		}
		if !ok {
			t.Fatalf("%s.%s is not documented: %q", name, m.key, line)
		}
		at := slices.IndexFunc(fields.Table, func(x fields.Field) bool { return x.Name == f.Name && x.In == f.In })
		if at < row {
			t.Fatalf("%s.%s is not in the order of the table: %q", name, m.key, line)
		}
		row = at
		checkType(t, name, m, f.Type)
	}
	for _, f := range fields.Table {
		if f.In&object != 0 && f.When == "" && f.Type != fields.Any &&
			!slices.ContainsFunc(list, func(m member) bool { return m.key == f.Name }) {
			t.Fatalf("%s.%s is missing: %q", name, f.Name, line)
		}
	}
}

func checkType(t failer, object string, m member, want fields.Type) {
	var v any
	switch want {
	case fields.String:
		v = new(string)
	case fields.Integer:
		v = new(uint64)
		if m.value[0] == '-' {
			v = new(int64)
		}
	case fields.Number:
		v = new(float64)
	case fields.Boolean:
		v = new(bool)
	case fields.Integers:
		v = new([]uint64)
	case fields.Any:
		v = new(map[string]any)
	default:
		return
	}
	if err := json.Unmarshal(m.value, v); err != nil || string(m.value) == "null" {
		t.Fatalf("%s.%s is %s, want a %s", object, m.key, m.value, want)
	}
}

// hostileMessage has a field of each kind that bytes of the network end up in.
type hostileMessage struct {
	Text  string            `json:"text"`
	Raw   []byte            `json:"raw"`
	List  []string          `json:"list,omitempty"`
	Map   map[string][]byte `json:"map,omitempty"`
	Any   any               `json:"any"`
	Inner *hostileMessage   `json:"inner,omitempty"`
	Time  sensor.Timestamp  `json:"time"`
}

func drawMessage(t *rapid.T, depth int) *hostileMessage {
	size := rapid.SampledFrom([]int{10, 10, 3000}).Draw(t, "size")
	raw := func() []byte { return rapid.SliceOfN(rapid.Byte(), 0, size).Draw(t, "raw") }
	m := &hostileMessage{Text: string(raw()), Raw: raw(), Any: string(raw()), Time: sensor.Timestamp(rapid.Int64().Draw(t, "time"))}
	for range rapid.SampledFrom([]int{0, 1, 400}).Draw(t, "list") {
		m.List = append(m.List, m.Text)
	}
	m.Map = map[string][]byte{string(raw()): raw()}
	if depth > 0 {
		m.Inner = drawMessage(t, depth-1)
	}
	return m
}

func drawFlow(t *rapid.T) *sensor.Flow {
	f := &sensor.Flow{}
	f.ID = rapid.Uint64().Draw(t, "id")
	f.Key.Kind = sensor.KeyKind(rapid.IntRange(0, 2).Draw(t, "kind"))
	f.Key.Proto = sensor.Proto(rapid.SampledFrom([]uint8{1, 6, 6, 6, 17, 47, 58, 132, 200}).Draw(t, "proto"))
	for i := range f.Key.Addr {
		copy(f.Key.Addr[i][:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "addr"))
		if rapid.Bool().Draw(t, "v4") {
			copy(f.Key.Addr[i][:], "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff")
		}
		f.Key.Port[i] = rapid.Uint16().Draw(t, "port")
		f.Counters[i] = sensor.Counters{Packets: rapid.Uint64().Draw(t, "n"), Bytes: rapid.Uint64().Draw(t, "n")}
		f.TCP[i] = sensor.TCPStats{Flags: rapid.Byte().Draw(t, "flags"), GapBytes: rapid.Uint64().Draw(t, "gap")}
	}
	f.Initiator = rapid.Uint8Range(0, 1).Draw(t, "initiator")
	f.Evidence = sensor.Evidence(rapid.Byte().Draw(t, "evidence"))
	f.State = sensor.ConnState(rapid.Byte().Draw(t, "state"))
	f.End = sensor.EndReason(rapid.Byte().Draw(t, "end"))
	f.First, f.Last = sensor.Timestamp(rapid.Int64().Draw(t, "first")), sensor.Timestamp(rapid.Int64().Draw(t, "last"))
	f.RTT = time.Duration(rapid.Int64().Draw(t, "rtt"))
	f.RecordSeq = rapid.Uint32Range(0, 2).Draw(t, "seq")
	f.App = rapid.SampledFrom([]string{"", "dns", "tls", "ts", "app", "\x1b\xff"}).Draw(t, "app")
	f.Headline = rapid.SampledFrom([]string{"", "a.example", "\x1b]0;\xff\u202e\n"}).Draw(t, "headline")
	f.Encap = sensor.Encap{VLAN: [2]uint16{rapid.Uint16Range(0, 2).Draw(t, "vlan"), rapid.Uint16Range(0, 2).Draw(t, "vlan")},
		TunnelID: rapid.Uint32Range(0, 2).Draw(t, "id"), Tunnel: sensor.TunnelKind(rapid.Byte().Draw(t, "tunnel"))}
	for _, c := range rapid.SliceOfN(rapid.SampledFrom([]byte("SsHhAaDdFfRrCcIiTtWwGg")), 0, 30).Draw(t, "history") {
		f.History.Append(c)
	}
	return f
}

func TestEveryLineIsSafeAndDocumented(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var out bytes.Buffer
		s := New(&out, Options{MaxString: rapid.SampledFrom([]int{0, 1, 1 << 20}).Draw(t, "max")})
		events := rapid.IntRange(1, 6).Draw(t, "events")
		want := 0
		for range events {
			ev := &sensor.Event{
				Kind: sensor.EventKind(rapid.IntRange(1, 9).Draw(t, "event")), Side: sensor.Side(rapid.IntRange(0, 1).Draw(t, "side")),
				Reason: sensor.Loss(rapid.Byte().Draw(t, "reason")), Anomaly: sensor.Anomaly(rapid.Byte().Draw(t, "anomaly")),
				Time: sensor.Timestamp(rapid.Int64().Draw(t, "time")), Ordinal: rapid.Uint64Range(0, 9).Draw(t, "ordinal"),
				Flow: drawFlow(t), Lost: rapid.Int64().Draw(t, "lost"), Offset: rapid.Int64().Draw(t, "offset"),
				App: rapid.SampledFrom([]string{"", "dns", "ts", "type", "<app>", "\x1b\xff\n"}).Draw(t, "app"),
			}
			if ev.Kind == sensor.FlowMessage {
				ev.Msg = drawMessage(t, rapid.IntRange(0, 2).Draw(t, "depth"))
			}
			if ev.Kind == sensor.FlowError && rapid.Bool().Draw(t, "err") {
				ev.Err = errors.New(string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")))
			}
			if err := s.Consume(ev); err != nil {
				t.Fatal(err)
			}
			switch ev.Kind {
			case sensor.FlowUpdate, sensor.FlowEnd, sensor.FlowMessage, sensor.FlowGap, sensor.FlowAnomaly, sensor.FlowError:
				want++
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		got := 0
		for line := range bytes.Lines(out.Bytes()) {
			checkLine(t, line)
			got++
		}
		if got != want {
			t.Fatalf("%d lines, want %d", got, want)
		}
	})
}

func TestMessageReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &hostileMessage{Text: rapid.StringN(0, 200, 1000).Draw(t, "text"), List: []string{rapid.String().Draw(t, "item")}}
		var out bytes.Buffer
		s := New(&out, Options{})
		if err := s.Consume(&sensor.Event{Kind: sensor.FlowMessage, Flow: newFlow(), App: "test", Msg: m}); err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
		var got struct{ Test struct{ Text string } }
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.ContainsRune([]byte(m.Text), '\\') && got.Test.Text != m.Text {
			t.Fatalf("text = %q, want %q", got.Test.Text, m.Text)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("\x1b]0;title\x07"), "dns")
	f.Fuzz(func(t *testing.T, raw []byte, app string) {
		var out bytes.Buffer
		s := New(&out, Options{})
		m := &hostileMessage{Text: string(raw), Raw: raw, Map: map[string][]byte{string(raw): raw}, Any: errors.New(string(raw))}
		flow := newFlow()
		_ = s.Consume(&sensor.Event{Kind: sensor.FlowMessage, Flow: flow, App: app, Msg: m})
		_ = s.Consume(&sensor.Event{Kind: sensor.FlowError, Flow: flow, App: app, Err: errors.New(string(raw))})
		_ = s.Close()
		for line := range bytes.Lines(out.Bytes()) {
			checkLine(t, line)
		}
	})
}

func TestOddMessages(t *testing.T) {
	s := New(io.Discard, Options{})
	for _, m := range []any{nil, 1, "text", (*hostileMessage)(nil), []int{1}, struct{}{}, make(chan int), reflect.ValueOf(1)} {
		line := s.lines.appendMessage(nil, &sensor.Event{Kind: sensor.FlowMessage, Flow: newFlow(), App: "odd", Msg: m})
		checkLine(t, append(line, "}\n"...))
	}
}
