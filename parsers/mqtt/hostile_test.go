package mqtt

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// packet returns a packet of less than 2 MiB.
func packet(first byte, parts ...string) string {
	body := strings.Join(parts, "")
	n := len(body)
	out := []byte{first}
	for ; n >= 0x80; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return string(append(out, byte(n))) + body
}

// text returns a string behind its length.
func text(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }

const (
	connect311 = "\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04demo"
	connect5   = "\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x04demo"
	connack311 = "\x20\x02\x00\x00"
	connack5   = "\x20\x03\x00\x00\x00"
)

// play gives what both sides say by turns, the client first, to a parser.
func play(p sensor.Protocol, steps ...string) (got []string) {
	parser := p.NewStream()
	var rest [2]string
	var offset [2]int64
	for i, step := range steps {
		side := sensor.Side(i & 1)
		data := rest[side] + step
		n, err := parser.Parse(sensor.Segment{Side: side, Time: sensor.Timestamp(i+1) * 1e6, Offset: offset[side], Data: []byte(data)}, func(m sensor.Message) {
			got = append(got, sensortest.Render(m))
		})
		if err != nil {
			return append(got, err.Error())
		}
		offset[side] += int64(n)
		rest[side] = data[min(n, len(data)):]
	}
	return got
}

func TestPackets(t *testing.T) {
	alias := func(topic string, alias byte, payload string) string {
		return packet(0x30, text(topic), "\x03\x23\x00", string([]byte{alias}), payload)
	}
	tests := []struct {
		name  string
		steps []string
		want  []string
	}{
		{"topic aliases", []string{connect5, connack5, alias("a", 1, "x") + alias("", 1, "y") + alias("b", 1, "") + alias("", 1, "") + alias("", 2, "")},
			[]string{`"topic":"a","topic_alias":1`, `"topic":"a","topic_alias":1`, `"topic":"b"`, `"topic":"b"`, `{"type":"publish","topic_alias":2,"qos":0,"payload_bytes":0,"partial":true}`}},
		{"aliases of the other side", []string{connect5, connack5 + alias("a", 1, ""), alias("", 1, "")}, []string{`"topic":"a"`, `"topic_alias":1,"qos":0,"payload_bytes":0,"partial":true`}},
		{"an id that is refused", []string{connect5, connack5, packet(0x34, text("a"), "\x00\x07\x00"), packet(0x50, "\x00\x07\x87"), packet(0x62, "\x00\x07")},
			[]string{`"packet_id":7`, `"pubrec","packet_id":7,"code":135,"reason":"not_authorized","rtt":"1ms"}`, `"pubrel","packet_id":7,"code":0,"reason":"success","pairing":"none"`}},
		{"an ack of nothing", []string{connect311, connack311 + packet(0x40, "\x00\x09")}, []string{`"puback","packet_id":9,"code":0,"reason":"success","pairing":"none"`}},
		{"a bridge", []string{packet(0x10, text("MQTT"), "\x84\x02\x00\x3c", text("b")), connack311}, nil},
		{"pings in a row", []string{connect311 + "\xc0\x00\xc0\x00", connack311 + "\xd0\x00\xd0\x00\xd0\x00"}, []string{`"ping","rtt":"1ms"}`, `"ping","rtt":"1ms"}`, `"ping","pairing":"none"`}},
		{"a failed subscription", []string{connect311, connack311, packet(0x82, "\x00\x01", text("a/#"), "\x01", text("b"), "\x02"), packet(0x90, "\x00\x01\x01\x80")},
			[]string{`"filters":[{"topic":"a/#","qos":1},{"topic":"b","qos":2}]`, `"codes":[1,128],"failed":1,"rtt":"1ms"`}},
		{"options of version 5", []string{connect5, connack5, packet(0x82, "\x00\x01\x00", text("a"), "\x2d")}, []string{`"topic":"a","qos":1,"no_local":true,"retain_as_published":true,"retain_handling":2`}},
		{"many filters", []string{connect311, connack311, packet(0x82, "\x00\x01", strings.Repeat(text("a")+"\x00", 100))}, []string{`"truncated":true`}},
		{"a server that leaves", []string{connect5, connack5 + packet(0xe0, "\x8b\x00")}, []string{`"disconnect","code":139,"reason":"server_shutting_down"`}},
		{"authentication", []string{connect5, packet(0xf0, "\x18", "\x08\x15"+text("SCRAM"))}, []string{`"auth","code":24,"reason":"continue_authentication","method":"SCRAM"`}},
		{"a topic that is too long", []string{connect311, connack311, packet(0x30, text(strings.Repeat("a", 2000)), "x")}, []string{`"payload_bytes":1,"truncated":true`}},
		{"a topic of 60 KiB", []string{connect311, connack311, packet(0x30, text(strings.Repeat("a", 60000)), "x") + "\xe0\x00"}, []string{`"payload_bytes":1,"truncated":true`, `"disconnect"`}},
		{"QoS 3", []string{connect311, connack311, "\x36\x05\x00\x01a\x00\x01"}, []string{"mqtt: at offset 18: this is no packet of MQTT"}},
		{"a topic longer than its packet", []string{connect311, connack311, "\x30\x03\x00\x02a"}, []string{"mqtt: at offset 18: a malformed packet"}},
		{"a length of five bytes", []string{"\x10\xff\xff\xff\xff\x01"}, []string{"mqtt: at offset 0: this is no packet of MQTT"}},
		{"a version of the future", []string{packet(0x10, text("MQTT"), "\x06\x02\x00\x3c", text("a"))}, []string{"mqtt: at offset 0: a version of MQTT that is not known"}},
		{"joined in the middle", []string{"\x30\x05\x00\x01a\x00x\xc0\x00" + packet(0x82, "\x00\x01\x00", text("b"), "\x00") + packet(0x82, "\x00\x02", text("c"), "\x00"), "\xd0\x00" + packet(0x90, "\x00\x01\x00\x00") + packet(0xb0, "\x00\x03\x00\x00")},
			[]string{`"topic":"a","qos":0,"payload_bytes":2,"partial":true`, `"packet_id":1,"filters":[{"topic":"b"}]`, `"packet_id":2,"filters":[{"topic":"c"}]`, `"rtt":"1ms","pairing":"assumed"`, `"suback","packet_id":1,"rtt":"1ms","partial":true`, `"unsuback"`}},
	}
	for _, tt := range tests {
		got := play(Protocol(), tt.steps...)
		for len(got) > 0 && (strings.Contains(got[0], `"connect"`) || strings.Contains(got[0], `"connack"`)) {
			got = got[1:]
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: got %d messages: %s", tt.name, len(got), strings.Join(got, "\n"))
			continue
		}
		for i, want := range tt.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s: got %s, want %s", tt.name, got[i], want)
			}
		}
	}
}

// TestCanary puts one word wherever a secret stands.
func TestCanary(t *testing.T) {
	const canary = "c4n4ry"
	connect := packet(0x10, text("MQTT"), "\x05\xce\x00\x3c", "\x09\x16"+text(canary), text("id"), "\x00", text("will"), text(canary), text("user"+canary), text(canary))
	steps := []string{connect, "", packet(0x30, text("a"), "\x00", canary) + packet(0xf0, "\x18", "\x12\x15"+text("x")+"\x16"+text(canary)+"\x1f"+text("y"))}
	got := play(Protocol(), steps...)
	if len(got) != 2 && len(got) != 3 {
		t.Errorf("got %q", got)
	}
	for _, m := range got {
		if strings.Contains(m, canary) {
			t.Errorf("shown: %s", m)
		}
	}
	shown := strings.Join(play(Config{Payload: 4, Users: true}.Protocol(), steps...), "\n")
	if !strings.Contains(shown, `"user":"userc4n4ry"`) || !strings.Contains(shown, `"payload":"c4n4"`) {
		t.Errorf("with Payload and Users: %s", shown)
	}
}

func TestProbe(t *testing.T) {
	tests := map[string]sensor.Verdict{
		"": sensor.Unsure, "\x10": sensor.Unsure, connect311[:8]: sensor.Unsure, connect311[:9]: sensor.MatchInitiator, connect5: sensor.MatchInitiator,
		packet(0x10, text("MQIsdp"), "\x03\x02\x00\x3c", text("a")): sensor.MatchInitiator, packet(0x10, text("MQXX"), "\x03\x02\x00\x3c", text("a")): sensor.No,
		connack311: sensor.Unsure, connack311 + "\xd0\x00": sensor.Unsure, connack311 + "\xd0\x00\xd0\x00": sensor.MatchResponder,
		packet(0x30, text("a/b"), "x"): sensor.Unsure, packet(0x30, text("a/b"), "x") + packet(0x30, text("a/b"), "x") + "\xc0\x00": sensor.Match,
		packet(0x30, text("a/#"), "x"): sensor.No, packet(0x30, text("\x01"), "x"): sensor.No, "\xc0\x00\xc0\x00\xc0\x00": sensor.Unsure,
		"220 smtp.example ESMTP\r\n": sensor.No, "GET / HTTP/1.1\r\n": sensor.No, "SSH-2.0-x\r\n": sensor.No, "\x16\x03\x01\x02\x00": sensor.No, "\x00\x00\x00\x08": sensor.No,
	}
	for data, want := range tests {
		if got := probe(sensor.Initiator, []byte(data)); got != want {
			t.Errorf("probe(%q) = %d, want %d", data, got, want)
		}
	}
}

// costly returns what a client says, about n bytes made to cost much.
func costly(n int) map[string][]sensortest.Step {
	fill := func(start, unit string) []sensortest.Step {
		return sensortest.Say(start + strings.Repeat(unit, max(1, n/len(unit))))
	}
	ids := func(first byte, more string) []sensortest.Step {
		var b strings.Builder
		for i := 0; b.Len() < n; i += 128 {
			b.WriteString(packet(first, more, string([]byte{byte(i >> 8), byte(i) | 1})))
		}
		return sensortest.Say(connect311 + b.String())
	}
	return map[string][]sensortest.Step{
		"pings":           fill(connect311, "\xc0\x00"),
		"answers":         fill(connect311, "\xd0\x00"),
		"acks":            fill(connect311, "\x40\x02\x00\x01"),
		"ids":             ids(0x32, text("a")),
		"acks of ids":     ids(0x40, ""),
		"filters":         fill(connect311, packet(0x82, "\x00\x01", strings.Repeat("\x00\x01a\x00", 4000))),
		"empty filters":   fill(connect311, packet(0x82, "\x00\x01", strings.Repeat("\x00\x00\x00", 5000))),
		"guesses":         fill("", packet(0x82, "\x00\x01", strings.Repeat("\x00\x01a\x00", 4000))),
		"codes":           fill(connect311, packet(0x90, "\x00\x01", strings.Repeat("\x80", 16000))),
		"user properties": fill(connect5, packet(0x30, text("a"), "\x83\x40", strings.Repeat("\x26\x00\x00\x00\x00", 1639))),
		"properties":      fill(connect5, packet(0x30, text("a"), "\x80\x40", strings.Repeat("\x01\x00", 4096))),
		"aliases":         fill(connect5, packet(0x30, text(strings.Repeat("a", 200)), "\x03\x23\x00\x01")),
		"topics":          fill(connect311, packet(0x30, text(strings.Repeat("a", 15000)))),
		"connects":        fill("", connect311),
		"disconnects":     fill(connect311, "\xe0\x00"),
	}
}

// costs holds those to messages that mean well.
var costs = sensortest.Costly{
	Protocol: Protocol(), Inputs: costly, MaxAllocated: 14,
	Honest: sensortest.Say(connect311 + strings.Repeat(packet(0x32, text("a/b/c"), "\x00\x01", "20.5"), 1<<16)),
}

func TestLinear(t *testing.T) { costs.Linear(t) }

func TestAllocatesByWhatArrives(t *testing.T) { costs.Memory(t) }

// open returns a transcript without what comes once, so that it can be said again
// and again.
func open(tr *sensortest.Transcript) *sensortest.Transcript {
	c := *tr
	c.Steps = slices.DeleteFunc(slices.Clone(tr.Steps), func(s sensortest.Step) bool {
		return s.EOF || slices.Contains([]byte{typeConnect, typeConnack, typeDisconnect}, s.Data[0]>>4)
	})
	return &c
}

func TestAllocatesNothing(t *testing.T) {
	for _, name := range []string{"sub311", "sub5", "pub311"} {
		if got := sensortest.AllocsPerMessage(t, Protocol(), open(sensortest.Load(t, "testdata/"+name+".transcript"))); got != 0 {
			t.Errorf("%s: %v allocations per message, want 0", name, got)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"sub311", "sub5", "pub311"} {
		b.Run(name, func(b *testing.B) {
			sensortest.Benchmark(b, Protocol(), open(sensortest.Load(b, "testdata/"+name+".transcript")))
		})
	}
}

// FuzzParse checks that any bytes give the same however they are cut.
func FuzzParse(f *testing.F) {
	f.Add([]byte(connect5+"\x30\x05\x00\x01a\x00x"), []byte(connack5), uint16(3), uint8(0))
	f.Add([]byte("\x30\x05\x00\x01a\x00x\xc0\x00"), []byte("\xd0\x00\x40\x02\x00\x01"), uint16(1), uint8(1))
	for _, name := range []string{"sub31", "sub5", "pub5"} {
		var side [2][]byte
		for _, s := range sensortest.Load(f, "testdata/"+name+".transcript").Steps {
			side[s.Side] = append(side[s.Side], s.Data...)
		}
		f.Add(side[0], side[1], uint16(100), uint8(0))
	}
	f.Fuzz(func(t *testing.T, client, server []byte, cut uint16, first uint8) {
		order := [2]sensor.Side{sensor.Side(first & 1), sensor.Side(first&1 ^ 1)}
		sides := [2][]byte{client, server}
		whole := outcome(order, sides, 1<<20)
		if got := outcome(order, sides, int(cut)+1); !slices.Equal(got, whole) {
			t.Errorf("in pieces of %d bytes:\n%q\nwhole:\n%q", int(cut)+1, got, whole)
		}
	})
}

// outcome gives what both sides say, one behind the other, to a parser in
// pieces.
func outcome(order [2]sensor.Side, sides [2][]byte, size int) (out []string) {
	p := Config{Payload: 5}.Protocol().NewStream()
	emit := func(m sensor.Message) { out = append(out, sensortest.Render(m)) }
	for _, side := range order {
		data := sides[side]
		n, skip := 0, 0
		for end, first := 0, true; end < len(data) || first; first = false {
			end = min(end+size, len(data))
			k := min(skip, end-n)
			n += k
			lent := bytes.Clone(data[n:end])
			m, err := p.Parse(sensor.Segment{Side: side, Offset: int64(n), Skipped: int64(k), Data: lent, EOF: end == len(data)}, emit)
			clear(lent)
			if err != nil {
				return append(out, fmt.Sprint(err))
			}
			skip = max(0, m-len(lent))
			n += m - skip
		}
	}
	return out
}
