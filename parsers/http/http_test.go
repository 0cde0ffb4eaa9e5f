package http

import (
	"slices"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// damaged reports whether a message says that bytes, or other messages, are
// missing.
func damaged(m sensor.Message) bool {
	switch m := m.(type) {
	case *Request:
		return m.Missing > 0 || m.Incomplete || m.Resynced
	case *Response:
		return m.Missing > 0 || m.Incomplete || m.Resynced || m.Pairing != ""
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

// said is what both sides of a connection say.
type said struct{ client, server string }

// play gives what both sides say to a parser, one behind the other, and closes.
func play(t *testing.T, p sensor.Protocol, x said) (messages []string) {
	t.Helper()
	parser := p.NewStream()
	for side, data := range []string{x.client, x.server} {
		s := sensor.Segment{Side: sensor.Side(side), Data: []byte(data)}
		n, err := parser.Parse(s, func(m sensor.Message) { messages = append(messages, sensortest.Render(m)) })
		switch {
		case err == sensor.ErrDone:
			return append(messages, "done")
		case err != nil:
			return append(messages, err.Error())
		}
		s.Data, s.EOF = s.Data[min(n, len(s.Data)):], side == 1
		if _, err := parser.Parse(s, func(m sensor.Message) { messages = append(messages, sensortest.Render(m)) }); err != nil {
			return append(messages, err.Error())
		}
	}
	return messages
}

// get is a request that is answered.
const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

// TestFraming holds the length of bodies, by what is told of the response and of
// what stands behind it.
func TestFraming(t *testing.T) {
	const next = "HTTP/1.1 204 Next\r\n\r\n"
	tests := []struct {
		name   string
		head   string // of the response, behind the status line
		body   string
		bytes  string
		more   string // in the message, besides
		behind bool   // what stands behind it is seen
	}{
		{"length", "Content-Length: 3", "abc", "3", `"content_length":3`, true},
		{"length of 0", "Content-Length: 0", "", "0", "", true},
		{"length with zeros in front", "Content-Length: 003", "abc", "3", "", true},
		{"two equal lengths", "Content-Length: 3\r\nContent-Length: 3", "abc", "3", `"anomalies":"repeated_length"`, true},
		{"two equal lengths in a list", "Content-Length: 3, 3", "abc", "3", `"anomalies":"repeated_length"`, true},
		{"two lengths", "Content-Length: 3\r\nContent-Length: 4", "abc", "0", `"ambiguous":true,"anomalies":"different_lengths"`, false},
		{"a sign", "Content-Length: +3", "abc", "0", `"anomalies":"bad_length"`, false},
		{"a negative length", "Content-Length: -3", "abc", "0", `"anomalies":"bad_length"`, false},
		{"a hexadecimal length", "Content-Length: 0x3", "abc", "0", `"anomalies":"bad_length"`, false},
		{"no number", "Content-Length:", "abc", "0", `"anomalies":"bad_length"`, false},
		{"a list that ends with a comma", "Content-Length: 3,", "abc", "0", `"anomalies":"bad_length"`, false},
		{"2^63-1", "Content-Length: 9223372036854775807", "abc", "24", `"incomplete":true`, false},
		{"2^63", "Content-Length: 9223372036854775808", "abc", "0", `"ambiguous":true,"anomalies":"bad_length"`, false},
		{"2^64+3", "Content-Length: 18446744073709551619", "abc", "0", `"ambiguous":true,"anomalies":"bad_length"`, false},
		{"a blank before the colon", "Content-Length : 3", "abc", "0", `"ambiguous":true,"content_length":3,"anomalies":"hidden_length,blank_before_colon"`, false},
		{"a folded length", "Content-Length:\r\n 3", "abc", "0", `"anomalies":"hidden_length,folded"`, false},
		{"a length in a fold of another field", "X: y\r\n Content-Length: 3", "abc", "24", `"anomalies":"folded"`, false},
		{"chunks", "Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n", "3", `"chunked":true`, true},
		{"chunks in capitals", "transfer-encoding: CHUNKED", "3\r\nabc\r\n0\r\n\r\n", "3", `"chunked":true`, true},
		{"chunks with extensions and a trailer", "Transfer-Encoding: chunked", "00000003 ;a=\"b\"\r\nabc\r\n0;x\r\nA: b\r\nC: d\r\n\r\n", "3", "", true},
		{"chunks of LF", "Transfer-Encoding: chunked", "3\nabc\n0\n\n", "3", `"anomalies":"bare_lf"`, true},
		{"gzip and chunks", "Transfer-Encoding: gzip, chunked", "3\r\nabc\r\n0\r\n\r\n", "3", "", true},
		{"gzip and chunks in two fields", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n", "3", "", true},
		{"gzip alone lasts until the end", "Transfer-Encoding: gzip", "abc", "24", "", false},
		{"chunked is not last", "Transfer-Encoding: chunked, gzip", "abc", "0", `"ambiguous":true,"anomalies":"bad_transfer_encoding"`, false},
		{"chunked twice", "Transfer-Encoding: chunked, chunked", "abc", "0", `"anomalies":"bad_transfer_encoding"`, false},
		{"nearly chunked", "Transfer-Encoding: xchunked", "abc", "24", "", false},
		{"an empty coding", "Transfer-Encoding: , chunked", "abc", "0", `"anomalies":"bad_transfer_encoding"`, false},
		{"a vertical tab", "Transfer-Encoding: \x0bchunked", "abc", "0", `"anomalies":"bad_transfer_encoding"`, false},
		{"both lengths", "Content-Length: 3\r\nTransfer-Encoding: chunked", "abc", "0", `"ambiguous":true,"chunked":true,"anomalies":"both_lengths"`, false},
		{"a chunk size of 2^64", "Transfer-Encoding: chunked", "10000000000000000\r\nabc", "0", `"anomalies":"bad_chunk"`, false},
		{"a chunk size of 2^63", "Transfer-Encoding: chunked", "8000000000000000\r\nabc", "0", `"anomalies":"bad_chunk"`, false},
		{"17 zeros", "Transfer-Encoding: chunked", "00000000000000003\r\nabc", "0", `"anomalies":"bad_chunk"`, false},
		{"no chunk size", "Transfer-Encoding: chunked", ";a\r\nabc", "0", `"anomalies":"bad_chunk"`, false},
		{"a chunk size with a sign", "Transfer-Encoding: chunked", "+3\r\nabc\r\n", "0", `"anomalies":"bad_chunk"`, false},
		{"a chunk size with a prefix", "Transfer-Encoding: chunked", "0x3\r\nabc\r\n", "0", `"anomalies":"bad_chunk"`, false},
		{"a chunk that does not end", "Transfer-Encoding: chunked", "3\r\nabcd\r\n0\r\n\r\n", "3", `"anomalies":"bad_chunk"`, false},
		{"until the end", "X: y", "abc", "24", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := said{get + get, "HTTP/1.1 200 OK\r\n" + tt.head + "\r\n\r\n" + tt.body + next}
			got := play(t, Protocol(), x)
			var responses []string
			for _, m := range got {
				if strings.Contains(m, `"type":"response"`) {
					responses = append(responses, m)
				}
			}
			if len(responses) == 0 {
				t.Fatalf("got %q", got)
			}
			if !strings.Contains(responses[0], `"body_bytes":`+tt.bytes) || !containsParts(responses[0], tt.more) {
				t.Errorf("got %s, want %s bytes and %s", responses[0], tt.bytes, tt.more)
			}
			if seen := len(responses) == 2 && strings.Contains(responses[1], "Next"); seen != tt.behind {
				t.Errorf("what stands behind: %q", responses[1:])
			}
		})
	}
}

// containsParts reports whether all fields of want are in a message.
func containsParts(message, want string) bool {
	for _, part := range strings.Split(want, `,"`) {
		if !strings.Contains(message, strings.TrimPrefix(part, `"`)) {
			return false
		}
	}
	return true
}

func TestRequestFraming(t *testing.T) {
	tests := []struct{ name, head, want string }{
		{"no length is none", "POST / HTTP/1.1\r\nHost: h\r\n\r\n", `"body_bytes":0}`},
		{"a coding that is not chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", `"ambiguous":true,"anomalies":"bad_transfer_encoding"`},
		{"chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", `"ambiguous":true,"anomalies":"bad_transfer_encoding"`},
		{"absolute-form", "GET http://u:p@one.example:8080/x HTTP/1.1\r\nHost: two.example\r\n\r\n", `"target":"http://***@one.example:8080/x","host":"one.example:8080","version":"1.1","body_bytes":0,"anomalies":"two_hosts"`},
		{"Host twice", "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", `"two_hosts"`},
		{"asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", `"target":"*","host":"a"`},
		{"a blank in the target", "GET /a b HTTP/1.1\r\n\r\n", `"target":"/a b"`},
		{"a bare CR", "GET /a HTTP/1.1\r\nX: a\rb\r\n\r\n", `"anomalies":"bare_cr"`},
		{"a NUL", "GET /a HTTP/1.1\r\nX: a\x00b\r\n\r\n", `"anomalies":"nul"`},
		{"a line without a colon", "GET /a HTTP/1.1\r\nXab\r\n\r\n", `"anomalies":"bad_field"`},
		{"a fold of nothing", "GET /a HTTP/1.1\r\n X: y\r\n\r\n", `"anomalies":"bad_field"`},
		{"folds of a value", "GET /a HTTP/1.1\r\nUser-Agent: a\r\n\t b\r\n \r\n c \r\n\r\n", `"user_agent":"a b  c"`},
		{"a long target", "GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\n\r\n", `"anomalies":"long_line"`},
		{"many fields", "GET /a HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 200) + "Content-Length: 0\r\n\r\n", `"anomalies":"many_fields"`},
		{"a method of one's own", "X-FETCH /a HTTP/1.1\r\n\r\n", `"method":"X-FETCH"`},
	}
	for _, tt := range tests {
		got := play(t, Protocol(), said{client: tt.head})
		if len(got) == 0 || !strings.Contains(got[0], tt.want) {
			t.Errorf("%s: got %q, want %s", tt.name, got, tt.want)
		}
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name string
		said said
		want string
	}{
		{"no request", said{client: "HELO example\r\n"}, "http: at offset 0: this is no request of HTTP"},
		{"no method", said{client: " / HTTP/1.1\r\n\r\n"}, "http: at offset 0: this is no request of HTTP"},
		{"a version of the future", said{client: get + "GET / HTTP/2.0\r\n"}, "http: at offset 27: this is no request of HTTP"},
		{"a head of 64 KiB", said{client: "GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 11000)}, "http: at offset 0: a head of more than 64 KiB"},
		{"no response", said{get, "hello\r\n"}, "http: at offset 0: this is no response of HTTP"},
		{"no status", said{get, "HTTP/1.1 OK\r\n"}, "http: at offset 0: this is no response of HTTP"},
		{"a body behind HEAD", said{"HEAD / HTTP/1.1\r\n\r\n" + get, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcde\n"}, "http: at offset 38: this is no response of HTTP"},
		{"requests and responses from one side", said{client: get + "HTTP/1.1 200 OK\r\n"}, "http: at offset 27: requests and responses from one side"},
	}
	for _, tt := range tests {
		got := play(t, Protocol(), tt.said)
		if len(got) == 0 || got[len(got)-1] != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestRedaction puts one word into every place of requests and responses that is
// secret.
func TestRedaction(t *testing.T) {
	const canary = "c4n4ry"
	x := said{
		"GET http://" + canary + ":" + canary + "@h.example/a;jsessionid=" + canary + "?password=" + canary + "&a=b&access_token=" + canary + "&X-Amz-Signature=" + canary + "&u=http://x:" + canary + "@y/#id_token=" + canary + " HTTP/1.1\r\n" +
			"Host: " + canary + "@h.example\r\nAuthorization: Bearer " + canary + "\r\nProxy-Authorization: " + canary + "\r\nCookie: a=" + canary + "\r\n" +
			"Referer: https://me:" + canary + "@h.example/?client_secret=" + canary + "\r\nX-Api-Key: " + canary + "\r\nContent-Length: 6\r\n\r\n" + canary +
			"CONNECT me:" + canary + "@h.example:443 HTTP/1.1\r\n\r\n",
		"HTTP/1.1 302 Found\r\nSet-Cookie: a=" + canary + "\r\nLocation: //me:" + canary + "@h.example/cb?code=1&refresh-token=" + canary + "\r\nWWW-Authenticate: x " + canary + "\r\nContent-Length: 6\r\n\r\n" + canary,
	}
	headers := []string{"Authorization", "Cookie", "Set-Cookie", "Proxy-Authorization", "X-API-Key", "WWW-Authenticate"}
	for _, cfg := range []Config{{}, {Headers: headers}} {
		got := play(t, cfg.Protocol(), x)
		if len(got) < 3 {
			t.Fatalf("got %q", got)
		}
		for _, m := range got {
			if strings.Contains(m, canary) {
				t.Errorf("shown: %s", m)
			}
		}
	}
	got := play(t, Config{Headers: headers, Secrets: true, Prefix: 4}.Protocol(), x)
	for i, want := range []string{`"Cookie","value":"a=c4n4ry"`, `"Set-Cookie","value":"a=c4n4ry"`} {
		if m := got[2*i]; !strings.Contains(m, want) || !strings.Contains(m, `"body":"c4n4"`) {
			t.Errorf("with Secrets, %s lacks %s", m, want)
		}
	}
}

func TestSecret(t *testing.T) {
	for name, want := range map[string]bool{
		"password": true, "PassWord": true, "user_password": true, "api-key": true, "key": true, "X-Amz-Credential": true,
		"a_very_long_name_in_front_of_the_access_token": true, "sid": true,
		"": false, "q": false, "keyword": false, "monkey": false, "tokens": false, "page": false,
	} {
		if got := Secret(name); got != want {
			t.Errorf("Secret(%q) = %v", name, got)
		}
	}
}

func TestProbe(t *testing.T) {
	tests := map[string]sensor.Verdict{
		"": sensor.Unsure, "G": sensor.Unsure, "GET /": sensor.Unsure, "\r\nGET / HTTP/1.1\r\n": sensor.MatchInitiator,
		get: sensor.MatchInitiator, "GET /old\r\n": sensor.MatchInitiator, "POST /old\r\n": sensor.No,
		"OPTIONS sip:a@b SIP/2.0\r\n": sensor.No, "DESCRIBE rtsp://h/ RTSP/1.0\r\n": sensor.No, "PRI * HTTP/2.0\r\n": sensor.No,
		"SUBSCRIBE /x HTTP/1.1\r\n": sensor.MatchInitiator, "EHLO example\r\n": sensor.No, "\x16\x03\x01": sensor.No,
		"GET /" + strings.Repeat("a", 1100): sensor.MatchInitiator, "FOO /" + strings.Repeat("a", 1100): sensor.No,
		"HTTP": sensor.Unsure, "HTTP/1.1 200": sensor.Unsure, "HTTP/1.1 200 OK": sensor.MatchResponder, "HTTP/1.1 200\r": sensor.MatchResponder,
		"HTTP/2.0 200 OK": sensor.No, "HTTP/1.1 2x0 OK": sensor.No, "GET \x00": sensor.No, "SSH-2.0-x\r\n": sensor.No,
	}
	for data, want := range tests {
		if got := probe(sensor.Initiator, []byte(data)); got != want {
			t.Errorf("probe(%.40q) = %d, want %d", data, got, want)
		}
	}
}

func TestResponseTime(t *testing.T) {
	var got []time.Duration
	p := Protocol().NewStream()
	emit := func(m sensor.Message) {
		if m, ok := m.(*Response); ok {
			got = append(got, m.RTT)
		}
	}
	for _, s := range []struct {
		side sensor.Side
		ms   int
		data string
	}{
		{0, 10, "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab"},
		{0, 20, "cd"},
		{1, 50, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"}, // 30 ms
		{1, 90, "cd"},
		{0, 100, "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab"},
		{1, 110, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"}, // 10 ms, before the end
		{0, 120, "cd"},
	} {
		if _, err := p.Parse(sensor.Segment{Side: s.side, Time: sensor.Timestamp(s.ms) * 1e6, Data: []byte(s.data)}, emit); err != nil {
			t.Fatal(err)
		}
	}
	if want := []time.Duration{30e6, 10e6}; !slices.Equal(got, want) {
		t.Errorf("RTT = %v, want %v", got, want)
	}
}

// TestManyRequests leaves more requests unanswered than are kept.
func TestManyRequests(t *testing.T) {
	got := play(t, Protocol(), said{strings.Repeat(get, maxPending+2), strings.Repeat("HTTP/1.1 204 No\r\n\r\n", maxPending+2)})
	last := got[len(got)-1]
	if len(got) != 2*(maxPending+2) || !strings.Contains(last, `"pairing":"none"`) {
		t.Errorf("%d messages, the last is %s", len(got), last)
	}
	if m := got[len(got)-3]; strings.Contains(m, "pairing") {
		t.Errorf("response %d is %s", maxPending, m)
	}
	long := "GET /" + strings.Repeat("a", 8000) + " HTTP/1.1\r\n\r\n"
	got = play(t, Protocol(), said{strings.Repeat(long, 12), strings.Repeat("HTTP/1.1 204 No\r\n\r\n", 12)})
	if last := got[len(got)-1]; len(got) != 24 || strings.Contains(last, "method") || strings.Contains(last, "pairing") {
		t.Errorf("%d messages, the last is %s", len(got), last)
	}
}

// TestJoinedBehindALoss begins where bytes are missing: which request is answered is
// assumed, as one may have been among them.
func TestJoinedBehindALoss(t *testing.T) {
	for _, side := range []sensor.Side{sensor.Initiator, sensor.Responder} {
		p, pairing := Protocol().NewStream(), []string(nil)
		for i, text := range []string{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"} {
			s := sensor.Segment{Side: sensor.Side(i), Data: []byte(text)}
			if s.Side == side {
				s.Offset = 100
			}
			if _, err := p.Parse(s, func(m sensor.Message) {
				if m, ok := m.(*Response); ok {
					pairing = append(pairing, m.Pairing)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		if want := []string{PairingAssumed}; !slices.Equal(pairing, want) {
			t.Errorf("with bytes of the %v missing: pairing %q, want %q", side, pairing, want)
		}
	}
}
