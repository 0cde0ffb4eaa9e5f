package http

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// costly returns what a client says, about n bytes made to cost much.
func costly(n int) map[string][]sensortest.Step {
	say := sensortest.Say[string]
	fill := func(unit string) string { return strings.Repeat(unit, n/len(unit)) }
	heads := func(unit string) []sensortest.Step { // as many heads of nearly 64 KiB as fit
		var b []byte
		for len(b) < n {
			b = append(b, "GET / HTTP/1.1\r\n"...)
			b = append(b, strings.Repeat(unit, 60000/len(unit))...)
			b = append(b, "\r\n\r\n"...)
		}
		return sensortest.Say(b)
	}
	const chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	return map[string][]sensortest.Step{
		"header fields":            heads("a: b\r\n"),
		"folds":                    heads(" \r\n"),
		"folds of a field":         heads("User-Agent: a\r\n" + strings.Repeat(" b\r\n", 10000)),
		"lengths":                  heads("Content-Length: 0\r\n"),
		"lengths in a list":        heads("Content-Length: " + strings.Repeat("0,", 20000) + "0\r\n"),
		"codings":                  heads("Transfer-Encoding: " + strings.Repeat("a,", 20000) + "b\r\n"),
		"parameters":               say(strings.Repeat("GET /?"+strings.Repeat("key=&", 1500)+" HTTP/1.1\r\n\r\n", n/7700)),
		"names of parameters":      say(strings.Repeat("GET /?"+strings.Repeat("a", 8000)+"=1 HTTP/1.1\r\n\r\n", n/8050)),
		"authorities":              say(strings.Repeat("GET "+strings.Repeat("//a@", 2000)+" HTTP/1.1\r\n\r\n", n/8050)),
		"small chunks":             say(chunked + fill("1\r\na\r\n")),
		"extensions of chunks":     say(chunked + fill("1;"+strings.Repeat("a", 8000)+"\r\na\r\n")),
		"a line without an end":    say("GET /" + strings.Repeat("a", min(n, 60000))),
		"empty lines":              say(fill("\r\n")),
		"small requests":           say(fill("GET / HTTP/1.1\r\n\r\n")),
		"a trailer without an end": say(chunked + "0\r\n" + fill("a: b\r\n")),
	}
}

const request = "GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"

var costs = sensortest.Costly{Protocol: Protocol(), Inputs: costly, Honest: sensortest.Say(strings.Repeat(request, 10000)), MaxAllocated: 12}

func TestLinear(t *testing.T) { costs.Linear(t) }

func TestAllocatesByWhatArrives(t *testing.T) { costs.Memory(t) }

func TestAllocatesNothing(t *testing.T) {
	for _, path := range []string{"testdata/nginx.transcript", "testdata/nginx_post.transcript"} {
		tr := open(sensortest.Load(t, path))
		if got := sensortest.AllocsPerMessage(t, Protocol(), tr); got != 0 {
			t.Errorf("%s: %v allocations per message, want 0", path, got)
		}
	}
}

// open returns a transcript without the ends of its sides, so that it can be
// said again and again.
func open(tr *sensortest.Transcript) *sensortest.Transcript {
	c := *tr
	c.Steps = slices.DeleteFunc(slices.Clone(tr.Steps), func(s sensortest.Step) bool { return s.EOF })
	return &c
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"nginx", "nginx_post"} {
		b.Run(name, func(b *testing.B) {
			sensortest.Benchmark(b, Protocol(), open(sensortest.Load(b, "testdata/"+name+".transcript")))
		})
	}
}

// BenchmarkBody is what the bytes of a long body cost.
func BenchmarkBody(b *testing.B) {
	p := Protocol().NewStream()
	emit := func(sensor.Message) {}
	head := []byte("POST / HTTP/1.1\r\nContent-Length: 9223372036854775807\r\n\r\n")
	if _, err := p.Parse(sensor.Segment{Data: head}, emit); err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 1460)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Parse(sensor.Segment{Data: data}, emit)
	}
}

// FuzzParse checks that any bytes give the same however they are cut, and that
// bodies are not longer than what was said.
func FuzzParse(f *testing.F) {
	f.Add([]byte(get), []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), uint16(3), uint8(0))
	f.Add([]byte("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"), []byte("HTTP/1.0 200\n\nx"), uint16(9), uint8(1))
	f.Add([]byte("CONNECT a:1 HTTP/1.1\n\nxx"), []byte("HTTP/1.1 200 OK\r\n\r\nyy"), uint16(1), uint8(0))
	f.Add([]byte("GET /old\r\n"), []byte("<html>"), uint16(1), uint8(1))
	f.Add([]byte(""), []byte("HTTP/1.0 200 0\nContent-Length:\n\n0"), uint16(20), uint8(0))
	for _, name := range []string{"nginx", "nginx_post", "pairing", "connect"} {
		var side [2][]byte
		for _, s := range sensortest.Load(f, "testdata/"+name+".transcript").Steps {
			side[s.Side] = append(side[s.Side], s.Data...)
		}
		f.Add(side[0], side[1], uint16(100), uint8(0))
	}
	f.Fuzz(func(t *testing.T, client, server []byte, cut uint16, first uint8) {
		order := [2]sensor.Side{sensor.Side(first & 1), sensor.Side(first&1 ^ 1)}
		sides := [2][]byte{client, server}
		whole := outcome(t, order, sides, 1<<20)
		if got := outcome(t, order, sides, int(cut)+1); !slices.Equal(got, whole) {
			t.Errorf("in pieces of %d bytes:\n%q\nwhole:\n%q", int(cut)+1, got, whole)
		}
	})
}

// outcome gives what both sides say, one behind the other, to a parser in
// pieces.
func outcome(t *testing.T, order [2]sensor.Side, sides [2][]byte, size int) (out []string) {
	p := Config{Prefix: 8, Headers: []string{"Date"}}.Protocol().NewStream()
	for _, side := range order {
		data := sides[side]
		emit := func(m sensor.Message) {
			out = append(out, sensortest.Render(m))
			body := int64(0)
			switch m := m.(type) {
			case *Request:
				body = m.BodyBytes
			case *Response:
				body = m.BodyBytes
			}
			if body < 0 || body > int64(len(data)) {
				t.Errorf("a body of %d bytes in %d", body, len(data))
			}
		}
		n, shown := 0, 0
		for end, first := 0, true; end < len(data) || first; first = false {
			end = min(end+size, len(data))
			if n > end && end < len(data) {
				continue
			}
			n = min(n, end)
			lent := bytes.Clone(data[n:end])
			k, err := p.Parse(sensor.Segment{Side: side, Data: lent, Offset: int64(n), Skipped: int64(max(n-shown, 0)), EOF: end == len(data)}, emit)
			shown = end
			clear(lent)
			if err != nil {
				return append(out, err.Error())
			}
			n += k
		}
	}
	return out
}
