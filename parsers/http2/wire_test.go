package http2

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"

	"golang.org/x/net/http2/hpack"
)

// fr returns a frame.
func fr(k kind, flags uint8, stream uint32, payload []byte) []byte {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), byte(k), flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// block returns a header block without a table: name, value, and so on.
func block(fields ...string) []byte {
	var b bytes.Buffer
	enc := hpack.NewEncoder(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1], Sensitive: true})
	}
	return b.Bytes()
}

var (
	hello  = append([]byte(preface), fr(settings, 0, 0, nil)...)
	hello2 = fr(settings, 0, 0, nil)
	get    = block(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "h")
	okay   = block(":status", "200")
)

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// said is a piece of what a side says.
type said struct {
	side sensor.Side
	data []byte
}

func fromClient(parts ...[]byte) said { return said{sensor.Initiator, cat(parts...)} }
func fromServer(parts ...[]byte) said { return said{sensor.Responder, cat(parts...)} }

// play gives what is said to a parser, and closes.
func play(t *testing.T, p sensor.Protocol, all ...said) (out []string) {
	t.Helper()
	parser := p.NewStream()
	emit := func(m sensor.Message) { out = append(out, sensortest.Render(m)) }
	var left [2][]byte
	for _, x := range all {
		data := append(left[x.side], x.data...)
		n, err := parser.Parse(sensor.Segment{Side: x.side, Data: data}, emit)
		if left[x.side] = data[n:]; err != nil {
			return append(out, err.Error())
		}
	}
	for side := range left {
		if _, err := parser.Parse(sensor.Segment{Side: sensor.Side(side), Data: left[side], EOF: true}, emit); err != nil {
			return append(out, err.Error())
		}
	}
	return out
}

// TestSaid names what is told of what is odd: each text must be in a message, in
// order, and there are no others.
func TestSaid(t *testing.T) {
	pushed := append([]byte{0, 0, 0, 2}, get...)
	long := strings.Repeat("x", 2000)
	for _, x := range []struct {
		name string
		said []said
		want []string
	}{
		{"a request in three frames", []said{fromClient(hello, fr(headers, endStream, 1, get[:2]), fr(continuation, 0, 1, get[2:3]), fr(continuation, endHeaders, 1, get[3:]))},
			[]string{`"target":"/"`}},
		{"padding and priority", []said{fromClient(hello, fr(headers, endHeaders|padded|hasPriority, 1, cat([]byte{2, 0, 0, 0, 0, 9}, get, []byte{0, 0})), fr(data, padded|endStream, 1, []byte{3, 'a', 'b', 0, 0, 0}))},
			[]string{`"body_bytes":2`}},
		{"a push", []said{fromClient(hello, fr(headers, endHeaders|endStream, 1, get)), fromServer(hello2, fr(pushPromise, endHeaders, 1, pushed), fr(headers, endHeaders|endStream, 2, okay), fr(headers, endHeaders|endStream, 1, okay))},
			[]string{`"stream":1`, `"stream":2,"method":"GET","target":"/","host":"h","scheme":"http","pushed":true`, `"stream":2,"status":200,"method":"GET"`, `"stream":1,"status":200,"method":"GET"`}},
		{"an interim response", []said{fromClient(hello, fr(headers, endHeaders|endStream, 1, get)), fromServer(hello2, fr(headers, endHeaders, 1, block(":status", "103")), fr(headers, endHeaders|endStream, 1, okay))},
			[]string{`"stream":1`, `"status":103,"method":"GET"`, `"status":200,"method":"GET"`}},
		{"a response before the end of the request", []said{fromClient(hello, fr(headers, endHeaders, 1, get)), fromServer(hello2, fr(headers, endHeaders|endStream, 1, okay)), fromClient(fr(data, endStream, 1, []byte("abc")))},
			[]string{`"status":200`, `"body_bytes":3`}},
		{"extended CONNECT", []said{fromClient(hello, fr(headers, endHeaders, 1, block(":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/chat", ":authority", "h"))), fromServer(hello2, fr(headers, endHeaders, 1, okay), fr(data, 0, 1, []byte("abcd")))},
			[]string{`"method":"CONNECT","target":"/chat","host":"h","scheme":"http","protocol":"websocket","body_bytes":0,"incomplete":true`, `"body_bytes":4,"incomplete":true`}},
		{"CONNECT", []said{fromClient(hello, fr(headers, endHeaders|endStream, 1, block(":method", "CONNECT", ":authority", "u:p@h:1")))},
			[]string{`"target":"***@h:1","host":"***@h:1"`}},
		{"a length that is not true", []said{fromClient(hello, fr(headers, endHeaders, 1, cat(get, block("content-length", "5"))), fr(data, endStream, 1, []byte("abc")))},
			[]string{`"body_bytes":3,"content_length":5,"anomalies":"wrong_length"`}},
		{"fields that must not be", []said{fromClient(hello, fr(headers, endHeaders|endStream, 1, cat(get, block("transfer-encoding", "chunked", "x-a", "a\r\nb", "host", "other"))))},
			[]string{`"anomalies":"bad_field,bad_value,two_hosts"`}},
		{"upper case", []said{fromClient(hello, fr(headers, endHeaders|endStream, 1, cat(get, block("X-A", "a"))))}, []string{`"anomalies":"bad_field"`}},
		{"a value that is cut", []said{fromClient(hello, fr(headers, endHeaders|endStream, 1, cat(get, block("user-agent", long))))},
			[]string{`"user_agent":"` + long[:maxValue] + `","body_bytes":0,"anomalies":"long_value"`}},
		{"a field that must be a table's", []said{fromClient(hello, fr(headers, endHeaders|endStream, 1, cat(get, []byte{0xbe})))},
			[]string{`"partial":true,"unknown_fields":1`}},
		{"a request that is not answered", []said{fromClient(hello, fr(headers, endHeaders|endStream, 1, get))},
			[]string{`"type":"request","stream":1`, `{"type":"unanswered","stream":1,"method":"GET"`}},
		{"a reset of what is not known", []said{fromClient(hello, fr(rstStream, 0, 7, []byte{0, 0, 0, 99}))}, []string{`"stream":7,"code":99,"reason":"99"`}},
		{"a reset in the middle", []said{fromClient(hello, fr(headers, endHeaders, 1, get)), fromServer(hello2, fr(headers, endHeaders, 1, okay), fr(data, 0, 1, []byte("ab")), fr(rstStream, 0, 1, []byte{0, 0, 0, 2}))},
			[]string{`"type":"reset","stream":1,"code":2,"reason":"INTERNAL_ERROR","method":"GET"`, `"incomplete":true,"reset":"INTERNAL_ERROR"`, `"body_bytes":2,"incomplete":true,"reset":"INTERNAL_ERROR"`}},
		{"frames of unknown types", []said{fromClient(hello, fr(0xbe, 0xff, 3, []byte("xyz")), fr(headers, endHeaders|endStream, 1, get))}, []string{`"stream":1`}},
		{"joined in the middle", []said{fromClient(fr(headers, endHeaders|endStream, 9, cat([]byte{0x82, 0x86, 0x84}, []byte{0xbf})), fr(ping, 0, 0, make([]byte, 8))), fromServer(fr(headers, endHeaders|endStream, 9, okay))},
			[]string{`"stream":9,"method":"GET","target":"/","scheme":"http","body_bytes":0,"partial":true,"unknown_fields":1`, `"stream":9,"status":200,"method":"GET","target":"/","body_bytes":0,"partial":true`}},
		{"joined by a server that speaks first", []said{fromServer(fr(headers, endHeaders, 9, okay), fr(data, endStream, 9, []byte("a")))},
			[]string{`"pairing":"none","body_bytes":1,"partial":true`}},
		{"gRPC answered by a proxy", []said{fromClient(hello, fr(headers, endHeaders|endStream, 1, block(":method", "POST", ":scheme", "http", ":path", "/s/m", "content-type", "application/grpc+proto"))), fromServer(hello2, fr(headers, endHeaders|endStream, 1, block(":status", "502")))},
			[]string{`"target":"/s/m"`, `"service":"s","method":"m","code":-1,"http_status":502`}},
		{"gRPC-Web is a response", []said{fromClient(hello, fr(headers, endHeaders|endStream, 1, block(":method", "POST", ":scheme", "http", ":path", "/s/m", "content-type", "application/grpc-web"))), fromServer(hello2, fr(headers, endHeaders|endStream, 1, okay))},
			[]string{`"target":"/s/m"`, `"type":"response"`}},
	} {
		t.Run(x.name, func(t *testing.T) {
			got := play(t, Protocol(), x.said...)
			if !strings.Contains(x.name, "not answered") { // most are only one side's
				got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, `{"type":"unanswered"`) })
			}
			if len(got) != len(x.want) {
				t.Fatalf("%d messages, want %d:\n%s", len(got), len(x.want), strings.Join(got, "\n"))
			}
			for i := range got {
				if !strings.Contains(got[i], x.want[i]) {
					t.Errorf("message %d is\n%s, want in it\n%s", i, got[i], x.want[i])
				}
			}
		})
	}
}

// TestErrors names what ends the parser.
func TestErrors(t *testing.T) {
	flood := bytes.Repeat(fr(continuation, 0, 1, nil), maxBlock/frameHeader+1)
	for _, x := range []struct {
		name string
		data []byte
		want string
	}{
		{"SETTINGS of 5 bytes", fr(settings, 0, 0, make([]byte, 5)), "of a size that its type cannot have"},
		{"PING of a stream", fr(ping, 0, 1, make([]byte, 8)), "has a stream"},
		{"DATA of none", fr(data, 0, 0, nil), "has none"},
		{"padding over the end", fr(data, padded, 1, []byte{5, 0}), "more padding"},
		{"padding over the end of fields", fr(headers, padded|endHeaders, 1, []byte{5, 0}), "too short"},
		{"another frame within a block", cat(fr(headers, 0, 1, get), fr(ping, 0, 0, make([]byte, 8))), "interrupted"},
		{"a block that does not begin", fr(continuation, endHeaders, 1, get), "does not begin"},
		{"CONTINUATION without end", cat(fr(headers, 0, 1, nil), flood), "more than 64 KiB"},
		{"a block of 64 KiB and more", fr(headers, endHeaders, 1, make([]byte, maxBlock+1)), "more than 64 KiB"},
		{"index 0", fr(headers, endHeaders, 1, []byte{0x80}), "index 0"},
		{"a promise of stream 0", fr(pushPromise, endHeaders, 1, make([]byte, 4)), "stream 0"},
	} {
		t.Run(x.name, func(t *testing.T) {
			got := play(t, Protocol(), fromClient(hello, x.data))
			if len(got) == 0 || !strings.Contains(got[len(got)-1], x.want) {
				t.Errorf("%q, want an error with %q", got, x.want)
			}
		})
	}
}

// TestSecrets: nothing that is secret is shown, unless it is asked for.
func TestSecrets(t *testing.T) {
	fields := cat(get, block("authorization", "Bearer hidden", "cookie", "a=hidden", "referer", "http://u:hidden@h/?token=hidden",
		"proxy-authorization", "hidden", "x-api-key", "hidden", "user-agent", "shown"))
	said := []said{fromClient(hello, fr(headers, endHeaders|endStream, 1, fields)),
		fromServer(hello2, fr(headers, endHeaders|endStream, 1, cat(okay, block("set-cookie", "a=hidden", "location", "/?key=hidden"))))}
	c := Config{Headers: []string{"Cookie", "X-API-Key", "set-cookie"}}
	got := strings.Join(play(t, c.Protocol(), said...), "\n")
	if strings.Contains(got, "hidden") || !strings.Contains(got, "shown") || !strings.Contains(got, `"auth":"Bearer"`) || strings.Count(got, `"value":"***"`) != 3 {
		t.Error(got)
	}
	c.Secrets = true
	if got := strings.Join(play(t, c.Protocol(), said...), "\n"); strings.Count(got, "hidden") < 5 {
		t.Error(got)
	}
}

// TestTooManyStreams: the oldest is told when there are too many.
func TestTooManyStreams(t *testing.T) {
	var b []byte
	for i := range uint32(maxStreams + 10) {
		b = append(b, fr(headers, endHeaders, 2*i+1, get)...)
	}
	got := play(t, Protocol(), fromClient(hello, b))
	if len(got) != maxStreams+10 {
		t.Errorf("%d messages, want %d", len(got), maxStreams+10)
	}
	for i, m := range got {
		if !strings.Contains(m, `"incomplete":true`) {
			t.Fatalf("message %d: %s", i, m)
		}
	}
}

func TestProbe(t *testing.T) {
	for _, x := range []struct {
		name string
		data []byte
		want sensor.Verdict
	}{
		{"a preface", hello, sensor.MatchInitiator},
		{"some of it", hello[:10], sensor.Unsure},
		{"a request of HTTP/1.1", []byte("POST / HTTP/1.1\r\n\r\n"), sensor.No},
		{"settings of a server", fr(settings, 0, 0, []byte{0, 3, 0, 0, 0, 100}), sensor.Match},
		{"empty settings", hello2, sensor.Unsure},
		{"two frames", cat(hello2, fr(windowUpdate, 0, 0, []byte{0, 1, 0, 0})), sensor.Match},
		{"settings that are none", fr(settings, 0, 0, []byte{9, 3, 0, 0, 0, 100}), sensor.No},
		{"a request", fr(headers, endHeaders, 5, []byte{0x82, 0x86}), sensor.MatchInitiator},
		{"a response", fr(headers, endHeaders, 5, []byte{0x88}), sensor.MatchResponder},
		{"zeros", make([]byte, 100), sensor.No},
		{"a record of TLS", []byte{22, 3, 1, 0, 100, 1, 0, 0, 96}, sensor.No},
	} {
		if got := Protocol().Probe(sensor.Responder, x.data); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}
