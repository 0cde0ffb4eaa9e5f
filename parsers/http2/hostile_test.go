package http2

import (
	"bytes"
	"slices"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// costly returns what a client says, about n bytes made to cost much.
func costly(n int) map[string][]sensortest.Step {
	many := func(frames func(i int) []byte) []sensortest.Step {
		b := slices.Clone(hello)
		for i := 0; len(b) < n; i++ {
			b = append(b, frames(i)...)
		}
		return sensortest.Say(b)
	}
	value := bytes.Repeat([]byte("?key=a&"), 570)
	entry := func(index byte) []byte { // a path or referer of nearly the table's size
		rest := len(value) - 127
		return cat([]byte{0x40 | index, 0x7f, byte(rest&0x7f) | 0x80, byte(rest >> 7)}, value)
	}
	name := bytes.Repeat([]byte("n"), 3900)
	longName := cat([]byte{0x40, 0x7f, byte((3900-127)&0x7f) | 0x80, byte((3900 - 127) >> 7)}, name, []byte{0})
	headersOf := func(i int, b []byte) []byte {
		return fr(headers, endHeaders|endStream, uint32(2*i+1), cat(get, b))
	}
	return map[string][]sensortest.Step{
		"small requests": many(func(i int) []byte { return headersOf(i, nil) }),
		"open requests":  many(func(i int) []byte { return fr(headers, endHeaders, uint32(2*i+1), get) }),
		"resets": many(func(i int) []byte {
			return cat(fr(headers, endHeaders, uint32(2*i+1), get), fr(rstStream, 0, uint32(2*i+1), make([]byte, 4)))
		}),
		"resets of nothing": many(func(i int) []byte { return fr(rstStream, 0, uint32(2*i+1), make([]byte, 4)) }),
		"settings":          many(func(int) []byte { return hello2 }),
		"pings":             many(func(int) []byte { return fr(ping, 0, 0, make([]byte, 8)) }),
		"empty data":        many(func(int) []byte { return fr(data, 0, 1, nil) }),
		"goaway":            many(func(int) []byte { return fr(goAway, 0, 0, make([]byte, 8)) }),
		"continuations": many(func(i int) []byte {
			return cat(fr(headers, 0, uint32(2*i+1), get), bytes.Repeat(fr(continuation, 0, uint32(2*i+1), nil), 6000), fr(continuation, endHeaders, uint32(2*i+1), nil))
		}),
		"a path again and again": many(func(i int) []byte {
			if i == 0 {
				return headersOf(0, entry(51)) // referer
			}
			return headersOf(i, []byte{0xbe})
		}),
		"a bomb": many(func(i int) []byte {
			if i == 0 {
				return headersOf(0, entry(51))
			}
			return headersOf(i, bytes.Repeat([]byte{0xbe}, 60000))
		}),
		"a long name again and again": many(func(i int) []byte {
			if i == 0 {
				return headersOf(0, longName)
			}
			return headersOf(i, bytes.Repeat([]byte{0x7e, 0}, 2000))
		}),
		"entries that are empty": many(func(i int) []byte { return headersOf(i, bytes.Repeat([]byte{0x40, 1, 'a', 0}, 2000)) }),
		"table sizes":            many(func(i int) []byte { return headersOf(i, bytes.Repeat([]byte{0x20, 0x3f, 0xe1, 0x1f}, 2000)) }),
		"Huffman": many(func(i int) []byte {
			return headersOf(i, cat([]byte{0x00, 1, 'a', 0xff, 0x80 | (20000-127)&0x7f, 0x80 | (20000-127)>>7&0x7f, (20000 - 127) >> 14}, make([]byte, 20000)))
		}),
		"messages of gRPC": many(func(i int) []byte {
			if i == 0 {
				return fr(headers, endHeaders, 1, cat(get, block("content-type", "application/grpc")))
			}
			return fr(data, 0, 1, make([]byte, 16000))
		}),
	}
}

// costs holds those to small requests, of a megabyte.
func costs() sensortest.Costly {
	return sensortest.Costly{Protocol: Protocol(), Inputs: costly, Honest: costly(1 << 20)["small requests"], MaxAllocated: 12}
}

func TestLinear(t *testing.T) { costs().Linear(t) }

func TestAllocatesByWhatArrives(t *testing.T) {
	costs().Memory(t)
	for name, steps := range costly(256 << 10) { // or they cost nothing
		if _, err := Protocol().NewStream().Parse(sensor.Segment{Data: steps[0].Data}, func(sensor.Message) {}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	lie := sensortest.Say(cat(hello, []byte{0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1}))
	if n := sensortest.AllocatedBytes(Protocol(), lie, 1); n > 16<<10 {
		t.Errorf("%d bytes allocated for DATA of 16 MiB of which nothing came", n)
	}
}

// exchanges is a connection whose streams come again: a request and its response,
// or a call, with tables in use.
func exchanges(grpc bool) *sensortest.Transcript {
	tr := &sensortest.Transcript{Name: "exchanges"}
	say := func(side sensor.Side, parts ...[]byte) {
		tr.Steps = append(tr.Steps, sensortest.Step{Side: side, Time: sensortest.Start, Data: cat(parts...)})
	}
	add := func(b []byte) []byte { // the same fields, put into the table
		return cat([]byte{0x41, 1, 'h', 0x7a, 6}, []byte("test/1"), b)
	}
	kindOf := block("content-type", "text/plain")
	if grpc {
		kindOf = block("content-type", "application/grpc")
	}
	say(0, fr(headers, endHeaders|endStream, 1, cat(get[:2], add(kindOf), block("referer", "http://u:p@h/?key=1"))))
	if grpc {
		say(1, fr(headers, endHeaders, 1, cat(okay, kindOf)), fr(data, 0, 1, make([]byte, 105)), fr(headers, endHeaders|endStream, 1, block("grpc-status", "0")))
	} else {
		say(1, fr(headers, endHeaders, 1, cat(okay, kindOf)), fr(data, endStream, 1, make([]byte, 100)))
	}
	return tr
}

func TestAllocatesNothing(t *testing.T) {
	for _, grpc := range []bool{false, true} {
		if got := sensortest.AllocsPerMessage(t, Protocol(), exchanges(grpc)); got != 0 {
			t.Errorf("gRPC %v: %v allocations per message, want 0", grpc, got)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for name, grpc := range map[string]bool{"exchange": false, "call": true} {
		b.Run(name, func(b *testing.B) { sensortest.Benchmark(b, Protocol(), exchanges(grpc)) })
	}
}

// BenchmarkBody is what the bytes of long bodies cost, in frames of 16 KiB.
func BenchmarkBody(b *testing.B) {
	p := Protocol().NewStream()
	emit := func(sensor.Message) {}
	if _, err := p.Parse(sensor.Segment{Data: cat(hello, fr(headers, endHeaders, 1, get))}, emit); err != nil {
		b.Fatal(err)
	}
	body := fr(data, 0, 1, make([]byte, 16384))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Parse(sensor.Segment{Data: body}, emit)
	}
}

// FuzzParse checks that any bytes give the same however they are cut, whether or not
// the beginning was seen.
func FuzzParse(f *testing.F) {
	f.Add(cat(hello, fr(headers, endHeaders|endStream, 1, get)), cat(hello2, fr(headers, endHeaders|endStream, 1, okay)), uint16(3), uint8(0))
	f.Add(fr(headers, endHeaders, 9, cat(get, []byte{0xbe})), fr(data, padded, 9, []byte{1, 2, 3}), uint16(0), uint8(1))
	f.Add(cat(hello, fr(headers, 0, 1, get), fr(continuation, endHeaders, 1, []byte{0x40, 1, 'a', 1, 'b', 0x3f, 0xe1, 0x1f})), fr(pushPromise, endHeaders, 1, cat([]byte{0, 0, 0, 2}, get)), uint16(9), uint8(1))
	for _, name := range []string{"nginx_go", "grpc", "go_upgrade"} {
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
		for side, data := range sides { // never No for the beginning of what it recognises
			if Protocol().Probe(sensor.Side(side), data) < sensor.Match {
				continue
			}
			for n := range min(len(data), 64) {
				if Protocol().Probe(sensor.Side(side), data[:n]) == sensor.No {
					t.Errorf("the probe refuses %x, but not %x", data[:n], data)
				}
			}
		}
	})
}

// outcome gives what both sides say, one behind the other, to a parser in pieces.
func outcome(t *testing.T, order [2]sensor.Side, sides [2][]byte, size int) (out []string) {
	p := Config{Headers: []string{"date", "cookie"}}.Protocol().NewStream()
	for _, side := range order {
		data := sides[side]
		emit := func(m sensor.Message) {
			out = append(out, sensortest.Render(m))
			if m, ok := m.(*Response); ok && (m.BodyBytes < 0 || m.BodyBytes > int64(len(data))) {
				t.Errorf("a body of %d bytes in %d", m.BodyBytes, len(data))
			}
		}
		n := 0
		for end, first := 0, true; end < len(data) || first; first = false {
			end = min(end+size, len(data))
			lent := bytes.Clone(data[n:end])
			k, err := p.Parse(sensor.Segment{Side: side, Data: lent, EOF: end == len(data)}, emit)
			clear(lent)
			if err != nil {
				return append(out, err.Error())
			}
			n += k
		}
	}
	return out
}
