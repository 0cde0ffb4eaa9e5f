package smtp

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// exchange is one thing that one side says.
type exchange struct {
	side sensor.Side
	text string
}

// opening leads to the body of a message.
var opening = []exchange{{1, "220 mx ESMTP\r\n"}, {0, "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"}, {1, "250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n"}}

// costly returns conversations of about n bytes made to cost much.
func costly(n int) map[string][]exchange {
	fill := func(unit string) string { return strings.Repeat(unit, n/len(unit)) }
	data := func(body string) []exchange { return append(slices.Clone(opening), exchange{0, body}) }
	batches := func(command, reply string) (list []exchange) {
		list = append(list, exchange{1, "220 mx ESMTP\r\n"})
		for range n / (len(command) + len(reply)) / 500 {
			list = append(list, exchange{0, strings.Repeat(command, 500)}, exchange{1, strings.Repeat(reply, 500)})
		}
		return list
	}
	return map[string][]exchange{
		"empty lines of a body": data(fill("\r\n")),
		"dots":                  data(fill("\r\n..")),
		"bare dots":             data(fill("\n.\n")),
		"CR":                    data(fill("\r")),
		"a long line of a body": data(fill("a")),
		"short commands":        batches("A\r\n", "250\r\n"),
		"recipients":            batches("RCPT TO:<a>\r\n", "250 ok\r\n"),
		"quotes":                batches("RCPT TO:<"+strings.Repeat(`"\\"`, 50)+">\r\n", "250 ok\r\n"),
		"empty chunks":          batches("BDAT 0\r\n", "250\r\n"),
		"parameters":            batches("MAIL FROM:<a>"+strings.Repeat(" SIZE=", 50)+"\r\n", "250\r\n"),
		"lines of a reply":      {{1, "220 mx ESMTP\r\n"}, {0, "EHLO a\r\n"}, {1, fill("250-\r\n")}},
		"replies to nothing":    {{1, "220 mx ESMTP\r\n" + fill("250\r\n")}},
	}
}

// say gives a conversation to a new parser, in pieces.
func say(list []exchange, size int, emit func(sensor.Message)) (err error) {
	p := Protocol().NewStream()
	var buf [2][]byte
	for _, x := range list {
		b := &buf[x.side]
		for text := x.text; len(text) > 0 && err == nil; {
			k := min(size, len(text))
			*b, text = append(*b, text[:k]...), text[k:]
			var n int
			n, err = p.Parse(sensor.Segment{Side: x.side, Data: *b}, emit)
			*b = (*b)[min(n, len(*b)):] // what would be passed over is shown all the same
		}
	}
	return err
}

// TestLinear holds the growth of the cost against the length, and the price of a
// byte against that of honest commands, in pieces of an Ethernet frame and of a
// byte.
func TestLinear(t *testing.T) {
	emit := func(sensor.Message) {}
	cost := func(list []exchange, size int) float64 {
		least, bytes := time.Hour, 0
		for _, x := range list {
			bytes += len(x.text)
		}
		for range 4 {
			start := time.Now()
			_ = say(list, size, emit)
			least = min(least, time.Since(start))
		}
		return float64(least) / float64(bytes)
	}
	before, after := costly(64<<10), costly(512<<10)
	var honest []exchange
	for range 500 {
		honest = append(honest, opening[1], opening[2], exchange{0, "Subject: x\r\n\r\nHello\r\n.\r\n"}, exchange{1, "250 2.0.0 queued\r\n"})
	}
	honest = append([]exchange{opening[0]}, honest...)
	for name := range before {
		for _, size := range []int{1460, 1} {
			var a, b, price float64
			for range 3 { // other processes run too
				a, b, price = cost(before[name], size), cost(after[name], size), cost(honest, size)
				if b/a <= 4 && b/price <= 10 { // quadratic would be 8
					break
				}
			}
			t.Logf("%s in pieces of %d: %.1f ns/B, %.2f times that of 64 KiB, %.1f times that of honest mail", name, size, b, b/a, b/price)
			if b/a > 4 || b/price > 10 {
				t.Errorf("%s in pieces of %d: %.1f ns/B, %.1f times that of 64 KiB, %.1f times that of honest mail", name, size, b, b/a, b/price)
			}
		}
	}
}

func TestAllocatesByWhatArrives(t *testing.T) {
	for name, list := range costly(256 << 10) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = say(list, 1460, func(sensor.Message) {})
		runtime.ReadMemStats(&after)
		if n, limit := after.TotalAlloc-before.TotalAlloc, uint64(8*256<<10); n > limit {
			t.Errorf("%s: %d bytes allocated, more than %d", name, n, limit)
		}
	}
}

// open returns a transcript without the ends of its sides, and without QUIT, so
// that it can be said again and again.
func open(tr *sensortest.Transcript) *sensortest.Transcript {
	c := *tr
	c.Steps = slices.DeleteFunc(slices.Clone(tr.Steps), func(s sensortest.Step) bool {
		return s.EOF || string(s.Data) == "QUIT\r\n" || strings.HasPrefix(string(s.Data), "221") || strings.HasPrefix(string(s.Data), "220")
	})
	return &c
}

func TestAllocatesNothing(t *testing.T) {
	tr := open(sensortest.Load(t, "testdata/rejected.transcript"))
	if got := sensortest.AllocsPerMessage(t, Protocol(), tr); got != 0 {
		t.Errorf("%v allocations per message, want 0", got)
	}
}

func BenchmarkParse(b *testing.B) {
	sensortest.Benchmark(b, Protocol(), open(sensortest.Load(b, "testdata/rejected.transcript")))
}

// BenchmarkBody is what the bytes of a long message cost.
func BenchmarkBody(b *testing.B) {
	p := Protocol().NewStream()
	emit := func(sensor.Message) {}
	for _, x := range opening {
		_, _ = p.Parse(sensor.Segment{Side: x.side, Data: []byte(x.text)}, emit)
	}
	data := []byte(strings.Repeat(strings.Repeat("a", 71)+"\r\n", 20))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Parse(sensor.Segment{Data: data}, emit)
	}
}

// TestErrors has an input for each error.
func TestErrors(t *testing.T) {
	for want, list := range map[string][]exchange{
		"a line of over 12288 bytes":    {{0, strings.Repeat("a", maxLine)}},
		"offset 14: a line of over":     {{1, "220 mx ESMTP\r\n" + strings.Repeat("2", maxLine)}},
		"over 1024 commands":            {{0, strings.Repeat("NOOP\r\n", 1025)}},
		"a chunk without a size":        {{0, "BDAT x\r\n"}},
		"offset 0: a chunk without":     {{0, "BDAT 99999999999999\r\n"}},
		"this is no reply":              {{1, "+OK\r\n"}},
		"smtp: at offset 0: this is no": {{1, "199 x\r\n"}},
	} {
		if err := say(list, 1<<20, func(sensor.Message) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestCanary says secrets wherever a client or a server may have one, and looks
// for them in what is told.
func TestCanary(t *testing.T) {
	const canary = "canary"
	list := []exchange{{1, "220 mx ESMTP\r\n"}}
	for _, x := range []string{"AUTH PLAIN canary|535 5.7.8 not canary", "AUTH canary|504 canary?", "AUTH LOGIN|334 canary", "canary|334 canary", "canary|235 2.7.0 welcome canary",
		"canary|500 canary?", "XCLIENT LOGIN=canary|220 mx", "MAIL FROM:<a@b> AUTH=<canary>|250 ok", "RCPT TO:<a@b> X=canary|250 ok", "DATA|354 go", "canary\r\n.|250 ok",
		"BDAT 8 LAST\r\ncanary|503 no", "HELP canary|214 ok", "NOOP canary|250 ok"} {
		client, server, _ := strings.Cut(x, "|")
		list = append(list, exchange{0, client + "\r\n"}, exchange{1, server + "\r\n"})
	}
	for _, size := range []int{1, 1460} {
		n := 0
		err := say(list, size, func(m sensor.Message) {
			n++
			if text := sensortest.Render(m); strings.Contains(text, canary) {
				t.Errorf("told: %s", text)
			}
		})
		if err != nil || n != 13 {
			t.Errorf("%d messages, %v", n, err)
		}
	}
}

func TestProbe(t *testing.T) {
	tests := []struct {
		data string
		want sensor.Verdict
	}{
		{"220 mx.example ESMTP Postfix\r\n", sensor.MatchResponder},
		{"220-mx.example SMTP\r\n", sensor.MatchResponder},
		{"220 mx.example ESM", sensor.Unsure},
		{"220 mx.example ready\r\n", sensor.Unsure},
		{"220 ProFTPD ready\r\n", sensor.Unsure},
		{"220 FTP server, SMTP elsewhere\r\n", sensor.Unsure},
		{"2", sensor.Unsure},
		{"230 mx SMTP\r\n", sensor.No},
		{"554 no SMTP service here\r\n", sensor.MatchResponder},
		{"ehlo a\r\n", sensor.MatchInitiator},
		{"EHL", sensor.Unsure},
		{"EHLO\r\n", sensor.No},
		{"mail from:<a@b>\r\n", sensor.MatchInitiator},
		{"USER anonymous\r\n", sensor.No},
		{"HELLO 3\r\n", sensor.No},
		{"\x16\x03\x01", sensor.No},
	}
	for _, tt := range tests {
		if got := probe(sensor.Initiator, []byte(tt.data)); got != tt.want {
			t.Errorf("probe(%q) = %d, want %d", tt.data, got, tt.want)
		}
	}
}

// FuzzParse checks that any bytes give the same however they are cut, and that
// sizes make sense. The server speaks in lines, after as many bytes of the client
// as turn says.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"swaks", "rejected", "login", "starttls", "lmtp", "bdat", "smuggling"} {
		var side [2][]byte
		for _, s := range sensortest.Load(f, "testdata/"+name+".transcript").Steps {
			side[s.Side] = append(side[s.Side], s.Data...)
		}
		f.Add(side[0], side[1], uint16(30), uint16(100))
		f.Add(side[0], side[1], uint16(1000), uint16(0))
	}
	f.Fuzz(func(t *testing.T, client, server []byte, turn, size uint16) {
		var list []exchange
		for rest := string(client); len(server) > 0 || rest != ""; {
			n := 0
			for n < len(server) && server[n] != '\n' {
				n++
			}
			n = min(n+1, len(server))
			list = append(list, exchange{1, string(server[:n])})
			server = server[n:]
			k := min(int(turn)+1, len(rest))
			list = append(list, exchange{0, rest[:k]})
			rest = rest[k:]
		}
		outcome := func(size int) (out []string) {
			err := say(list, size, func(m sensor.Message) {
				out = append(out, sensortest.Render(m))
				if m, ok := m.(*Mail); ok && m.Bytes < 0 {
					t.Errorf("%d bytes", m.Bytes)
				}
			})
			if err != nil {
				out = append(out, err.Error())
			}
			return out
		}
		whole := outcome(1 << 20)
		if got := outcome(int(size) + 1); !slices.Equal(got, whole) {
			t.Errorf("in pieces of %d bytes:\n%q\nwhole:\n%q", int(size)+1, got, whole)
		}
	})
}
