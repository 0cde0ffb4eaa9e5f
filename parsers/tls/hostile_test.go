package tls

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// fill repeats unit up to n bytes.
func fill(n int, unit []byte) []byte { return bytes.Repeat(unit, n/len(unit)) }

// costly returns streams of about n bytes that are made to cost much.
func costly(n int) map[string][]sensortest.Step {
	say := sensortest.Say[[]byte]
	m := min(n, maxHandshake-100)
	suites := make([]byte, 0, m)
	for i := range m / 2 {
		suites = binary.BigEndian.AppendUint16(suites, uint16(40503*i))
	}
	manySuites := append([]byte{3, 3}, make([]byte, 33)...)
	manySuites = append(binary.BigEndian.AppendUint16(manySuites, uint16(len(suites))), suites...)
	manySuites = append(manySuites, 1, 0)
	many := func(one []byte) []sensortest.Step {
		out := []byte(nil)
		for len(out) < n {
			out = append(out, one...)
		}
		return say(out)
	}
	name := []byte{0x31, 12, 0x30, 10, 6, 3, 0x55, 4, 3, 0x0c, 3, ',', ',', ','}
	seq := func(tag byte, b []byte) []byte {
		return append([]byte{tag, 0x82, byte(len(b) >> 8), byte(len(b))}, b...)
	}
	tbs := bytes.Join([][]byte{{2, 1, 1}, {0x30, 0}, seq(0x30, fill(m/2, name))}, nil)
	chain := seq(0x30, seq(0x30, tbs))
	chain = append([]byte{0, byte(len(chain) >> 8), byte(len(chain))}, chain...)
	chain = append([]byte{0, byte(len(chain) >> 8), byte(len(chain))}, chain...)
	return map[string][]sensortest.Step{
		"records of one byte":      say(records(1, message(1, hello(fill(m/6, extension(1, nil)))))),
		"empty records":            say(fill(n, []byte{22, 3, 3, 0, 0})),
		"suites in disorder":       many(records(16384, message(1, manySuites))),
		"many extensions":          many(records(16384, message(1, hello(fill(m, extension(1, nil)))))),
		"many ALPN values":         many(records(16384, message(1, hello(alpnOf(fillStrings(m/4, "abc")...))))),
		"many messages":            say(records(16384, fill(n, message(14, nil)))),
		"many alerts":              say(fill(n, []byte{21, 3, 3, 0, 2, 1, 0})),
		"names of certificates":    many(records(16384, message(11, chain))),
		"a message never complete": say(records(16384, append([]byte{16, 0xff, 0xff, 0xff}, make([]byte, n)...))),
	}
}

func fillStrings(n int, s string) []string { return slices.Repeat([]string{s}, n) }

// costs holds those to the hellos of a browser of which each is a client's that
// is not known yet.
func costs(t *testing.T) sensortest.Costly {
	first := sensortest.Load(t, "testdata/tls13.transcript").Steps[0].Data
	honest := slices.Repeat(first, 500)
	for i := range 500 {
		const sid = recordHeader + 4 + 2 + 32
		suite := i*len(first) + sid + 1 + int(first[sid]) + 2
		binary.BigEndian.PutUint16(honest[suite:], uint16(i))
	}
	return sensortest.Costly{Protocol: Protocol(), Inputs: costly, Honest: sensortest.Say(honest), MaxAllocated: 8}
}

func TestLinear(t *testing.T) { costs(t).Linear(t) }

func TestAllocatesByWhatArrives(t *testing.T) {
	costs(t).Memory(t)
	lie := sensortest.Say([]byte{22, 3, 3, 0x40, 0, 1, 0xff, 0xff, 0xff, 3})
	if n := sensortest.AllocatedBytes(Protocol(), lie, 1); n > 4096 {
		t.Errorf("%d bytes allocated for a hello of 16 MiB of which 10 bytes came", n)
	}
}

func TestSort(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 1000, 32000} {
		var s scratch
		for i := range n {
			s.sorted = append(s.sorted, uint16(40503*i)%uint16(n+7))
		}
		want := slices.Clone(s.sorted)
		slices.Sort(want)
		if s.sort(); !slices.Equal(s.sorted, want) {
			t.Errorf("%d values are not sorted", n)
		}
	}
}

// handshakes are the two sides of handshakes, each step with its side.
func handshake(t testing.TB, path string) []sensortest.Step {
	t.Helper()
	return sensortest.Load(t, path).Steps
}

// play gives a handshake to p, which is as new.
func play(p *parser, steps []sensortest.Step, emit func(sensor.Message)) error {
	*p = parser{pool: p.pool}
	var left [2][]byte
	for _, s := range steps {
		if left[s.Side] != nil {
			panic("the transcript cuts a message") // so that nothing is to be kept here
		}
		n, err := p.Parse(sensor.Segment{Side: s.Side, Time: s.Time, Data: s.Data}, emit)
		if err != nil {
			return err
		}
		if n < len(s.Data) {
			left[s.Side] = s.Data[n:]
		}
	}
	return nil
}

func TestAllocatesNothing(t *testing.T) {
	for _, path := range []string{"testdata/tls13.transcript", "testdata/tls12_resumed.transcript", "testdata/tls10.transcript"} {
		steps := handshake(t, path)
		p := Protocol().NewStream().(*parser)
		emit := func(sensor.Message) {}
		if got := testing.AllocsPerRun(100, func() { _ = play(p, steps, emit) }); got != 0 {
			t.Errorf("%s: %v allocations per handshake, want 0", path, got)
		}
	}
}

func BenchmarkHandshake(b *testing.B) {
	for _, name := range []string{"tls13", "tls12_resumed", "tls10"} {
		b.Run(name, func(b *testing.B) {
			steps := handshake(b, "testdata/"+name+".transcript")
			size := 0
			for _, s := range steps {
				size += len(s.Data)
			}
			p := Protocol().NewStream().(*parser)
			emit := func(sensor.Message) {}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				_ = play(p, steps, emit)
			}
		})
	}
}

// FuzzParse checks that any bytes give the same however they are cut, and break
// nothing.
func FuzzParse(f *testing.F) {
	f.Add(records(100, message(1, hello(alpnOf("h2")))), records(100, message(2, append([]byte{3, 3}, make([]byte, 40)...))), uint16(7))
	for _, name := range []string{"tls13", "tls12", "tls12_resumed", "refused"} {
		var side [2][]byte
		for _, s := range handshake(f, "testdata/"+name+".transcript") {
			side[s.Side] = append(side[s.Side], s.Data...)
		}
		f.Add(side[0], side[1], uint16(100))
	}
	f.Fuzz(func(t *testing.T, client, server []byte, cut uint16) {
		whole := outcome(client, server, 1<<20)
		if got := outcome(client, server, int(cut)+1); !slices.Equal(got, whole) {
			t.Errorf("in pieces of %d bytes:\n%q\nwhole:\n%q", int(cut)+1, got, whole)
		}
	})
}

// outcome gives what both sides say, one behind the other, to a parser in
// pieces.
func outcome(client, server []byte, size int) (out []string) {
	p := Protocol().NewStream()
	for side, data := range [][]byte{client, server} {
		n := 0
		for end := 0; end < len(data); {
			end = min(end+size, len(data))
			lent := bytes.Clone(data[n:end])
			k, err := p.Parse(sensor.Segment{Side: sensor.Side(side), Data: lent, EOF: end == len(data)}, func(m sensor.Message) {
				out = append(out, sensortest.Render(m))
			})
			clear(lent)
			if err != nil {
				return append(out, err.Error())
			}
			n += k
		}
	}
	return out
}

// FuzzCertificate checks that any bytes can be taken for a certificate.
func FuzzCertificate(f *testing.F) {
	for _, s := range handshake(f, "testdata/tls10.transcript") {
		if i := bytes.Index(s.Data, []byte{0x30, 0x82}); i > 0 {
			f.Add(s.Data[i:])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Certificate
		m.Decode(b)
		if len(m.SHA256) != 64 || m.Truncated && len(m.Names) < maxNames {
			t.Errorf("%+v", m)
		}
		m.decode(b, len(b)+1)
		if m.SHA256 != nil || !m.Truncated {
			t.Errorf("cut: %+v", m)
		}
	})
}
