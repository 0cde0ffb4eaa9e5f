package redis

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// costly returns what one side says, about n bytes made to cost much.
func costly(n int) map[string][]sensortest.Step {
	say := sensortest.Say[string]
	fill := func(unit string) string { return strings.Repeat(unit, n/len(unit)) }
	deep := strings.Repeat("*1\r\n", maxDepth-1)
	return map[string][]sensortest.Step{
		"inline pings":           say(fill("PING\r\n")),
		"empty lines":            say(fill("\r\n")),
		"empty commands":         say(fill("*0\r\n")),
		"short commands":         say(fill("*1\r\n$1\r\na\r\n")),
		"many arguments":         say("*1048576\r\n" + fill("$0\r\n\r\n")),
		"inline words":           say(strings.Repeat(strings.Repeat("a ", 30000)+"\n", n/60001)),
		"inline quotes":          say(strings.Repeat("a "+strings.Repeat(`"\"`, 20000)+"\n", n/60003)),
		"a line without an end":  say(strings.Repeat("a", min(n, 60000))),
		"replies to nothing":     say("", fill("+\r\n")),
		"nested arrays":          say("", fill(deep+"*0\r\n")),
		"attributes":             say("", fill("|1\r\n+a\r\n:1\r\n")),
		"empty attributes":       say("", fill("|0\r\n")),
		"a long simple string":   say("", "+"+fill("a")),
		"small elements":         say("", "*2147483647\r\n"+fill("_\r\n")),
		"messages of no channel": say("", fill(">1\r\n+a\r\n")),
		"errors":                 say("", fill("-A\r\n")),
	}
}

const (
	get  = "*2\r\n$3\r\nGET\r\n$9\r\nsession:1\r\n"
	text = "$3\r\nabc\r\n"
)

var costs = sensortest.Costly{Protocol: Protocol(), Inputs: costly, Honest: sensortest.Say(strings.Repeat(get, 10000), strings.Repeat(text, 10000))}

func TestLinear(t *testing.T) { costs.Linear(t) }

func TestAllocatesByWhatArrives(t *testing.T) { costs.Memory(t) }

// say gives what both sides say to a new parser, in pieces.
func say(sides [2]string, size int, emit func(sensor.Message)) (err error) {
	p := Protocol().NewStream()
	for side, text := range sides {
		data := []byte(text)
		n := 0
		for end := 0; end < len(data) && err == nil; {
			end = min(end+size, len(data))
			k := 0
			k, err = p.Parse(sensor.Segment{Side: sensor.Side(side), Data: data[n:end]}, emit)
			n += min(k, end-n) // what would be passed over is shown all the same
		}
	}
	return err
}

func TestAllocatesNothing(t *testing.T) {
	tr := open(sensortest.Load(t, "testdata/cli.transcript"))
	if got := sensortest.AllocsPerMessage(t, Protocol(), tr); got != 0 {
		t.Errorf("%v allocations per message, want 0", got)
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
	for _, name := range []string{"cli", "pipe"} {
		b.Run(name, func(b *testing.B) {
			sensortest.Benchmark(b, Protocol(), open(sensortest.Load(b, "testdata/"+name+".transcript")))
		})
	}
}

// TestErrors has an input for each error.
func TestErrors(t *testing.T) {
	for want, sides := range map[string][2]string{
		"an argument that does not end": {"*1\r\n$1\r\nabc\r\n", ""},
		"this is no command":            {"*1048577\r\n", ""},
		"this is no argument":           {"*1\r\n:1\r\n", ""},
		"offset 4: this is no argument": {"*1\r\n$-1\r\n", ""},
		"an inline command of over":     {strings.Repeat("a", maxInline), ""},
		"a string that does not end":    {"", "$1\r\nabc\r\n"},
		"this is no reply":              {"", "hello\r\n"},
		"a line that does not end":      {"", "+hello\n"},
		"a string without a length":     {"", "$x\r\n"},
		"offset 0: a string without":    {"", "$?\r\n"},
		"an array without a length":     {"", "*99999999999\r\n"},
		"arrays nested over 32 deep":    {"", strings.Repeat("*1\r\n", 33)},
		"a push within a reply":         {"", "*1\r\n>1\r\n"},
	} {
		if err := say(sides, 1<<20, func(sensor.Message) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", sides, err, want)
		}
	}
}

// TestForgotten sends more commands than are kept: those behind are counted.
func TestForgotten(t *testing.T) {
	var pairings []string
	const n = maxPending + 3
	err := say([2]string{strings.Repeat("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", n), strings.Repeat("$-1\r\n", n+1)}, 1460, func(m sensor.Message) {
		if m, ok := m.(*Reply); ok {
			pairings = append(pairings, string(m.Key)+m.Pairing)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Repeat([]string{"k"}, maxPending)
	want = append(want, PairingForgotten, PairingForgotten, PairingForgotten, PairingNone)
	if !slices.Equal(pairings, want) {
		t.Errorf("got %q", pairings)
	}
}

// TestCanary says secrets wherever a client or a server may have one, and looks
// for them in what is told.
func TestCanary(t *testing.T) {
	const canary = "canary"
	var client, server strings.Builder
	for _, words := range []string{
		"AUTH X", "AUTH user X", "HELLO 3 AUTH user X", "SET k X", "ECHO X", "PING X", "EVAL X 0", "EVALSHA X 0", "FCALL X 0 X", "PUBLISH c X", "X k", "X.X k", "X",
		"CONFIG SET requirepass X", "CONFIG X", "ACL SETUSER u >X", "CLIENT X", "SCRIPT LOAD X", "MIGRATE h 1 k 0 1 AUTH X", "BITOP X d k", "HSET k f X",
	} {
		parts := strings.Fields(strings.ReplaceAll(words, "X", canary))
		client.WriteString("*" + strconv.Itoa(len(parts)) + "\r\n")
		for _, p := range parts {
			client.WriteString("$" + strconv.Itoa(len(p)) + "\r\n" + p + "\r\n")
		}
		server.WriteString("-ERR nothing known of '" + canary + "'\r\n")
		client.WriteString(strings.ReplaceAll(words, "X", canary) + "\r\n")
		server.WriteString("-" + canary + " " + canary + "\r\n")
	}
	server.WriteString("+" + canary + "\r\n$6\r\n" + canary + "\r\n*2\r\n$6\r\n" + canary + "\r\n$6\r\n" + canary + "\r\n")
	for _, size := range []int{1, 1460} {
		err := say([2]string{client.String(), server.String()}, size, func(m sensor.Message) {
			if text := strings.ToLower(sensortest.Render(m)); strings.Contains(text, canary) {
				t.Errorf("told: %s", text)
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestProbe(t *testing.T) {
	tests := []struct {
		data string
		want sensor.Verdict
	}{
		{"*1\r\n$4\r\nPING\r\n", sensor.MatchInitiator},
		{"*3\r\n$3\r\nset\r\n$1", sensor.MatchInitiator},
		{"*2\r\n$8\r\nJSON.GET\r\n", sensor.MatchInitiator},
		{"*2\r\n$3\r\nfoo\r\n$1\r\na\r\n", sensor.Unsure},
		{"*3\r\n$7\r\nmessage\r\n", sensor.MatchResponder},
		{"*1\r\n$4\r\nPIN", sensor.Unsure},
		{"*x", sensor.No},
		{"+PONG\r\n", sensor.MatchResponder},
		{"+OK POP3 ready\r\n", sensor.Unsure},
		{"-NOAUTH Authentication required.\r\n", sensor.MatchResponder},
		{"PING\r\n", sensor.Unsure},
		{"PING", sensor.Unsure},
		{"GARBAGE a\r\n", sensor.No},
		{"\x16\x03\x01", sensor.No},
		{"$5\r\nhello\r\n", sensor.Unsure},
		{"$4096\r\n# Server\r\nredis_version:7.0.15\r\n", sensor.MatchResponder},
		{"$4096\r\n# Serv", sensor.Unsure},
	}
	for _, tt := range tests {
		if got := probe(sensor.Initiator, []byte(tt.data)); got != tt.want {
			t.Errorf("probe(%q) = %d, want %d", tt.data, got, tt.want)
		}
	}
}

// FuzzParse checks that any bytes give the same however they are cut, and that
// sizes make sense.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"cli", "inline", "monitor", "odd", "pipe", "pubsub", "replica", "resp3"} {
		var side [2][]byte
		for _, s := range sensortest.Load(f, "testdata/"+name+".transcript").Steps {
			side[s.Side] = append(side[s.Side], s.Data...)
		}
		f.Add(side[0], side[1], uint16(100))
		f.Add(side[0], side[1][min(5, len(side[1])):], uint16(0))
	}
	f.Fuzz(func(t *testing.T, client, server []byte, size uint16) {
		outcome := func(size int) (out []string) {
			err := say([2]string{string(client), string(server)}, size, func(m sensor.Message) {
				out = append(out, sensortest.Render(m))
				bytes, limit := int64(0), int64(len(client))
				switch m := m.(type) {
				case *Command:
					bytes = m.Bytes
				case *Reply:
					bytes, limit = m.Bytes, int64(len(server))
				case *Push:
					bytes, limit = m.Bytes, int64(len(server))
				}
				if bytes < 0 || bytes > limit {
					t.Errorf("%d bytes in %d", bytes, limit)
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

// TestPassesOver holds that a long value is asked not to be shown.
func TestPassesOver(t *testing.T) {
	p := Protocol().NewStream()
	data := []byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\nabc")
	n, err := p.Parse(sensor.Segment{Data: data}, func(sensor.Message) {})
	if want := len(data) + 1000000 - 3; n != want || err != nil {
		t.Fatalf("consumed %d, %v, want %d", n, err, want)
	}
	told := 0
	n, err = p.Parse(sensor.Segment{Data: []byte("\r\n"), Skipped: 1000000 - 3}, func(m sensor.Message) {
		told++
		if m := m.(*Command); m.Bytes != 1000001 || !bytes.Equal(m.Key, []byte("k")) {
			t.Errorf("told %+v", m)
		}
	})
	if n != 2 || err != nil || told != 1 {
		t.Errorf("consumed %d, %v, told %d", n, err, told)
	}
}
