package smtp

import (
	"slices"
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// opening leads to the body of a message.
var opening = []string{"", "220 mx ESMTP\r\n", "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", "250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n"}

// costly returns conversations of about n bytes made to cost much.
func costly(n int) map[string][]sensortest.Step {
	say := sensortest.Say[string]
	fill := func(unit string) string { return strings.Repeat(unit, n/len(unit)) }
	data := func(body string) []sensortest.Step { return say(append(opening[:4:4], body)...) }
	batches := func(command, reply string) []sensortest.Step {
		turns := opening[:2:2]
		for range max(1, n/(len(command)+len(reply))/500) {
			turns = append(turns, strings.Repeat(command, 500), strings.Repeat(reply, 500))
		}
		return say(turns...)
	}
	return map[string][]sensortest.Step{
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
		"lines of a reply":      say("", opening[1], "EHLO a\r\n", fill("250-\r\n")),
		"replies to nothing":    say("", opening[1]+fill("250\r\n")),
	}
}

// mail is n messages that mean well.
func mail(n int) []sensortest.Step {
	turns := opening[:2:2]
	for range n {
		turns = append(turns, opening[2], opening[3], "Subject: x\r\n\r\nHello\r\n.\r\n", "250 2.0.0 queued\r\n")
	}
	return sensortest.Say(turns...)
}

var costs = sensortest.Costly{Protocol: Protocol(), Inputs: costly, Honest: mail(1000), MaxAllocated: 7}

func TestLinear(t *testing.T) { costs.Linear(t) }

func TestAllocatesByWhatArrives(t *testing.T) { costs.Memory(t) }

// say gives a conversation to a new parser, in pieces.
func say(list []sensortest.Step, size int, emit func(sensor.Message)) (err error) {
	p := Protocol().NewStream()
	var buf [2][]byte
	for _, x := range list {
		b := &buf[x.Side]
		for text := x.Data; len(text) > 0 && err == nil; {
			k := min(size, len(text))
			*b, text = append(*b, text[:k]...), text[k:]
			var n int
			n, err = p.Parse(sensor.Segment{Side: x.Side, Data: *b}, emit)
			*b = (*b)[min(n, len(*b)):] // what would be passed over is shown all the same
		}
	}
	return err
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
	for _, x := range sensortest.Say(opening...) {
		_, _ = p.Parse(sensor.Segment{Side: x.Side, Data: x.Data}, emit)
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
	for want, turns := range map[string][]string{
		"a line of over 12288 bytes":    {strings.Repeat("a", maxLine)},
		"offset 14: a line of over":     {"", "220 mx ESMTP\r\n" + strings.Repeat("2", maxLine)},
		"over 1024 commands":            {strings.Repeat("NOOP\r\n", 1025)},
		"a chunk without a size":        {"BDAT x\r\n"},
		"offset 0: a chunk without":     {"BDAT 99999999999999\r\n"},
		"this is no reply":              {"", "+OK\r\n"},
		"smtp: at offset 0: this is no": {"", "199 x\r\n"},
	} {
		if err := say(sensortest.Say(turns...), 1<<20, func(sensor.Message) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestCanary says secrets wherever a client or a server may have one, and looks
// for them in what is told.
func TestCanary(t *testing.T) {
	const canary = "canary"
	turns := opening[:2:2]
	for _, x := range []string{"AUTH PLAIN canary|535 5.7.8 not canary", "AUTH canary|504 canary?", "AUTH LOGIN|334 canary", "canary|334 canary", "canary|235 2.7.0 welcome canary",
		"canary|500 canary?", "XCLIENT LOGIN=canary|220 mx", "MAIL FROM:<a@b> AUTH=<canary>|250 ok", "RCPT TO:<a@b> X=canary|250 ok", "DATA|354 go", "canary\r\n.|250 ok",
		"BDAT 8 LAST\r\ncanary|503 no", "HELP canary|214 ok", "NOOP canary|250 ok"} {
		client, server, _ := strings.Cut(x, "|")
		turns = append(turns, client+"\r\n", server+"\r\n")
	}
	for _, size := range []int{1, 1460} {
		n := 0
		err := say(sensortest.Say(turns...), size, func(m sensor.Message) {
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
		turns := []string{""}
		for rest := string(client); len(server) > 0 || rest != ""; {
			n := 0
			for n < len(server) && server[n] != '\n' {
				n++
			}
			n = min(n+1, len(server))
			turns = append(turns, string(server[:n]))
			server = server[n:]
			k := min(int(turn)+1, len(rest))
			turns = append(turns, rest[:k])
			rest = rest[k:]
		}
		outcome := func(size int) (out []string) {
			err := say(sensortest.Say(turns...), size, func(m sensor.Message) {
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
