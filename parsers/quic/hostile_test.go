package quic

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// TestCaps has senders that want to be looked at for ever.
func TestCaps(t *testing.T) {
	hello := clientHello("www.example.test", 1, 100)
	for name, next := range map[string]func(i int) []byte{
		"packets that do not open": func(i int) []byte {
			p := client(int64(i), []byte{1})
			p.odcid = cidB
			return from('>', p.seal())
		},
		"packets of the server that do not open": func(i int) []byte {
			if i == 0 {
				return from('>', client(0, cryptoFrame(0, hello)).seal())
			}
			p := server(int64(i), []byte{1})
			p.odcid = cidB
			return from('<', p.seal())
		},
		"a new connection each time": func(i int) []byte {
			p := client(0, []byte{1})
			p.dcid = fmt.Appendf(nil, "%08d", i)
			return from('>', p.seal())
		},
		"a new version each time": func(i int) []byte {
			p := client(int64(i), []byte{1})
			p.version = []Version{Version1, Version2}[i%2]
			return from('>', p.seal())
		},
		"many packets in one datagram": func(i int) []byte {
			var list [][]byte
			for j := range 40 {
				p := client(int64(40*i+j), []byte{1})
				p.pad = 0
				list = append(list, p.seal())
			}
			return from('>', list...)
		},
		"nothing but acknowledgements": func(i int) []byte { return from('>', client(int64(i), []byte{2, 0, 0, 0, 0}).seal()) },
		"Retry packets that are not sealed": func(i int) []byte {
			if i == 0 {
				return from('>', client(0, []byte{1}).seal())
			}
			return from('<', sealRetry(cidB, cidB, "token"))
		},
		"offers of versions": func(i int) []byte { return from('<', append(long(0, initial, cidC, cidA), 0, 0, 0, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := Protocol().NewDatagram().(*parser)
			n := 0
			for ; n < 1000; n++ {
				if out := playTo(p, next(n)); slices.Contains(out, "done") {
					break
				}
			}
			t.Logf("%d datagrams, %d derivations, %d opened, %d failed", n, p.derived, p.opened, p.failed)
			if n > maxDatagrams || p.opened > maxOpened+1 || p.failed > maxFailed+1 {
				t.Errorf("%d datagrams, %d opened, %d failed", n, p.opened, p.failed)
			}
		})
	}
}

// TestMemory holds what is kept to what came, and to the caps.
func TestMemory(t *testing.T) {
	far := Protocol().NewDatagram().(*parser)
	playTo(far, from('>', client(0, cryptoFrame(0, []byte{1, 0, 0x30, 0}), cryptoFrame(12000, []byte{1})).seal()))
	if s := &far.side[0].stream; cap(s.data) > 64 || s.dead {
		t.Errorf("%d bytes are held for 5", cap(s.data))
	}
	pieces := Protocol().NewDatagram().(*parser)
	var out []string
	for i := range 2 {
		var frames []byte
		for j := range 150 {
			frames = append(frames, cryptoFrame(uint64(2*(150*i+j)), []byte{1})...)
		}
		out = append(out, playTo(pieces, from('>', client(int64(i), frames).seal()))...)
	}
	if want := []string{"quic: at offset 0: client hello is in more than 128 pieces"}; !slices.Equal(out, want) {
		t.Errorf("%q, want %q", out, want)
	}
	if s := &pieces.side[0].stream; !s.dead || s.data != nil || s.runs != nil {
		t.Error("pieces are kept after the end")
	}
}

// hostile are datagrams that are made to cost much.
func hostile() map[string][][]byte {
	one := func(frames []byte) [][]byte {
		p := client(0, frames)
		return [][]byte{p.seal()}
	}
	var pieces, acks, many []byte
	for i := range 125 {
		pieces = append(pieces, cryptoFrame(uint64(16000-3*i), []byte{1})...)
	}
	for len(acks) < 15000 {
		acks = append(acks, 2, 0, 0, 1, 0, 0, 0)
	}
	for i := range 1000 {
		p := client(int64(i), []byte{1})
		p.pad = 0
		many = append(many, p.seal()...)
	}
	wrong := bytes.Clone(many)
	for i := 40; i < len(wrong); i += 45 {
		wrong[i]++
	}
	return map[string][][]byte{
		"pieces, the last first": one(pieces),
		"acknowledgements":       one(acks),
		"padding":                one(make([]byte, 15000)),
		"small packets":          {many},
		"small packets, damaged": {wrong},
		"zeros behind a header":  {append(long(Version1, initial, cidA, cidC), make([]byte, 60000)...)},
	}
}

// TestPrice holds the price of a hostile byte to that of a hello that means
// well, with the probe and the parser.
func TestPrice(t *testing.T) {
	if race {
		t.Skip("the race detector changes prices: go test without -race")
	}
	c := Protocol()
	forget := client(0).seal() // so that keys are derived each time
	forget[6]++
	cost := func(datagrams [][]byte) float64 {
		least, size := time.Hour, 0
		for range 20 {
			size = 0
			_ = c.Probe(sensor.Initiator, forget)
			start := time.Now()
			p := c.NewDatagram()
			for _, b := range datagrams {
				size += len(b)
				_ = c.Probe(sensor.Initiator, b)
				_ = p.Parse(sensor.Segment{Data: b}, func(sensor.Message) {})
			}
			least = min(least, time.Since(start))
		}
		return float64(least) / float64(size)
	}
	honest := [][]byte{client(0, cryptoFrame(0, clientHello("www.example.test", 1, 700))).seal()}
	for name, datagrams := range hostile() {
		var price, base float64
		for range 3 { // other processes run too
			if price, base = cost(datagrams), cost(honest); price <= 10*base {
				break
			}
		}
		t.Logf("%s: %.1f ns/B, %.1f times that of an honest hello", name, price, price/base)
		if price > 10*base {
			t.Errorf("%s: %.1f ns/B, %.1f times that of an honest hello", name, price, price/base)
		}
	}
}

// TestAllocations: what a connection needs is its keys and the pieces of its
// hellos; datagrams that are only passed over need nothing.
func TestAllocations(t *testing.T) {
	if race {
		t.Skip("the race detector makes pools forget: go test without -race")
	}
	c := Protocol()
	emit := func(sensor.Message) {}
	p := c.NewDatagram().(*parser)
	first := client(0, cryptoFrame(0, clientHello("www.example.test", 1, 100))).seal()
	if err := p.Parse(sensor.Segment{Data: first}, emit); err != nil {
		t.Fatal(err)
	}
	again, zero := client(1, cryptoFrame(0, clientHello("www.example.test", 1, 100))).seal(), append(append(long(Version1, zeroRTT, cidA, cidC), 0x40, 60), make([]byte, 60)...)
	short := bytes.Repeat([]byte{0x40}, 1200)
	for name, b := range map[string][]byte{"0-RTT": zero, "1-RTT": short, "the same again": again} {
		if got := testing.AllocsPerRun(100, func() {
			p.datagrams, p.behind, p.opened = 1, 0, 0
			_ = p.Parse(sensor.Segment{Data: b}, emit)
		}); got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
	if got := testing.AllocsPerRun(100, func() { _ = c.Probe(sensor.Initiator, short) + c.Probe(sensor.Initiator, first) }); got != 0 {
		t.Errorf("the probe: %v allocations, want 0", got)
	}
}

func BenchmarkHandshake(b *testing.B) {
	for _, name := range []string{"quicgo", "quicgo_v2", "quicgo_retry"} {
		b.Run(name, func(b *testing.B) {
			c := Protocol()
			steps := sensortest.Load(b, "testdata/"+name+".transcript").Steps
			size := 0
			for _, s := range steps {
				size += len(s.Data)
			}
			emit := func(sensor.Message) {}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				p := c.NewDatagram()
				_ = c.Probe(sensor.Initiator, steps[0].Data)
				for _, s := range steps {
					if p.Parse(sensor.Segment{Side: s.Side, Time: s.Time, Data: s.Data}, emit) != nil {
						break
					}
				}
			}
		})
	}
}

func BenchmarkPassedOver(b *testing.B) {
	p := Protocol().NewDatagram().(*parser)
	short := bytes.Repeat([]byte{0x40}, 1200)
	b.SetBytes(1200)
	b.ReportAllocs()
	for b.Loop() {
		p.datagrams = 0
		_ = p.Parse(sensor.Segment{Data: short}, func(sensor.Message) {})
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, datagrams := range hostile() {
		b.Run(name, func(b *testing.B) {
			c := Protocol()
			b.SetBytes(int64(len(datagrams[0])))
			b.ReportAllocs()
			for b.Loop() {
				_ = c.Probe(sensor.Initiator, datagrams[0])
				_ = c.NewDatagram().Parse(sensor.Segment{Data: datagrams[0]}, func(sensor.Message) {})
			}
		})
	}
}

// FuzzDatagram gives any bytes to the probe and to a parser, as they are, behind
// a packet of a client.
func FuzzDatagram(f *testing.F) {
	first := client(0, []byte{1}).seal()
	f.Add(sealRetry(cidA, cidB, "token"), true)
	f.Add(append(long(0, initial, cidC, cidA), 0, 0, 0, 1), true)
	f.Add(append(append(long(Version2, handshake, cidA, cidC), 0x40, 6, 1, 2, 3, 4, 5, 6), first[:60]...), false)
	for _, pad := range []int{0, 1200} {
		p := client(1, cryptoFrame(0, clientHello("a.test", 1, 0)))
		p.pad = pad
		f.Add(p.seal(), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, fromServer bool) {
		q := Protocol()
		p := q.NewDatagram().(*parser)
		s := sensor.Segment{Data: data}
		if fromServer {
			s.Side = sensor.Responder
		}
		_ = q.Probe(s.Side, data)
		_ = p.Parse(sensor.Segment{Data: first}, func(sensor.Message) { t.Error("a message of nothing") })
		for range 3 {
			_ = p.Parse(s, func(m sensor.Message) { sensortest.Render(m) })
		}
		check(t, p)
	})
}

// FuzzFrames gives any frames to the parser, sealed as a client and a server
// would: fuzzing does not get through the encryption by itself.
func FuzzFrames(f *testing.F) {
	hello := clientHello("www.example.test", 1, 10)
	f.Add(cryptoFrame(0, hello), cryptoFrame(0, serverHello(false)), cryptoFrame(0, hello[:10]))
	f.Add(append(cryptoFrame(8, hello[8:]), 1, 0, 2, 0, 0, 0, 0), cryptoFrame(0, serverHello(true)), cryptoFrame(0, hello[:9]))
	f.Add([]byte{3, 0, 0, 1, 0, 0, 0, 0, 0, 0}, []byte{frameClose, 0x41, 0x78, 6, 2, 'n', 'o'}, cryptoFrame(100, hello))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		if len(a)+len(b)+len(c) > 16000 {
			return
		}
		p := Protocol().NewDatagram().(*parser)
		var names []string
		for i, datagram := range [][]byte{client(0, a).seal(), server(0, b).seal(), client(1, c).seal()} {
			_ = p.Parse(sensor.Segment{Side: sensor.Side(i & 1), Data: datagram}, func(m sensor.Message) {
				sensortest.Render(m)
				if m, ok := m.(*ClientHello); ok {
					names = append(names, string(m.SNI))
				}
			})
		}
		check(t, p)
		for _, name := range names { // it is in the bytes that came, if they came in order
			if whole := bytes.Contains(a, []byte(name)) || bytes.Contains(c, []byte(name)); !whole && p.side[0].packets == 1 {
				t.Errorf("the name %q was not sent", name)
			}
		}
	})
}

func check(t *testing.T, p *parser) {
	t.Helper()
	for i := range p.side {
		s := &p.side[i].stream
		if len(s.data) > maxHello || len(s.runs) > maxPieces {
			t.Errorf("%d bytes in %d pieces are kept", len(s.data), len(s.runs))
		}
		for j, r := range s.runs {
			if r.n == 0 || r.offset < s.base || j > 0 && s.runs[j-1].end() > r.offset || int(r.at+r.n) > len(s.data) {
				t.Errorf("runs %v behind %d", s.runs, s.base)
			}
		}
	}
}
