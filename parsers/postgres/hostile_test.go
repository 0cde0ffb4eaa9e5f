package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// msg returns a message with a type.
func msg(kind byte, parts ...string) string {
	body := strings.Join(parts, "")
	return string(kind) + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))) + body
}

// startup returns a Startup of name and value pairs.
func startup(parts ...string) string {
	body := "\x00\x03\x00\x00" + strings.Join(parts, "\x00") + "\x00\x00"
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))) + body
}

const (
	nul      = "\x00"
	authOK   = "R\x00\x00\x00\x08\x00\x00\x00\x00"
	ready    = "Z\x00\x00\x00\x05I"
	scsOn    = "S\x00\x00\x00\x23standard_conforming_strings\x00on\x00"
	parsed   = "1\x00\x00\x00\x04"
	bound    = "2\x00\x00\x00\x04"
	noData   = "n\x00\x00\x00\x04"
	syncNow  = "S\x00\x00\x00\x04"
	execute  = "E\x00\x00\x00\x09\x00\x00\x00\x00\x00"
	bindNull = "B\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00"
)

// steps are what the sides say by turns, the client first.
func play(t *testing.T, p sensor.Protocol, steps ...string) (got []string) {
	t.Helper()
	parser := p.NewStream()
	var rest [2]string
	for i, step := range steps {
		side := sensor.Side(i & 1)
		data := rest[side] + step
		n, err := parser.Parse(sensor.Segment{Side: side, Time: sensor.Timestamp(i+1) * 1e6, Data: []byte(data)}, func(m sensor.Message) {
			got = append(got, sensortest.Render(m))
		})
		if err != nil {
			return append(got, err.Error())
		}
		rest[side] = data[min(n, len(data)):]
	}
	return got
}

// both returns what the sides say at the same time, in pieces of an Ethernet frame.
func both(client, server string) []sensortest.Step {
	sides, turns := [2]string{client, server}, []string(nil)
	for i := 0; sides[0] != "" || sides[1] != ""; i ^= 1 {
		n := min(1460, len(sides[i]))
		turns = append(turns, sides[i][:n])
		sides[i] = sides[i][n:]
	}
	return sensortest.Say(turns...)
}

// costly returns what both sides say at the same time: about n bytes made to cost
// much.
func costly(n int) map[string][]sensortest.Step {
	fill := func(unit string) string { return strings.Repeat(unit, max(1, n/len(unit))) }
	query := func(text string) []sensortest.Step { return sensortest.Say(fill(msg('Q', text, nul))) }
	long := func(unit string) []sensortest.Step { return query(strings.Repeat(unit, 16000/len(unit))) }
	named := func(i int) string { return msg('P', fmt.Sprintf("s%d", i), nul, "SELECT 1", nul, "\x00\x00") }
	var many strings.Builder
	for i := 0; many.Len() < n; i++ {
		many.WriteString(named(i))
	}
	return map[string][]sensortest.Step{
		"quotes":              long("'"),
		"quoted words":        long("''a'"),
		"words":               long("a "),
		"dollars":             long("$"),
		"tags":                long("$a$b"),
		"tags without an end": long("$a$ $b$ "),
		"comments":            long("/*"),
		"line comments":       long("--\n"),
		"numbers":             long("1 "),
		"escapes":             long(`E'\''`),
		"conforming":          long("conformin"),
		"identifiers":         long(`"`),
		"empty queries":       query(""),
		"syncs":               both(fill(syncNow), fill(ready)),
		"executions":          both(fill(bindNull+execute+syncNow), fill(bound+"C\x00\x00\x00\x0dSELECT 1\x00"+ready)),
		"parses":              both(many.String(), fill(parsed)),
		"ends of COPY":        both(fill("c\x00\x00\x00\x04"), fill("G\x00\x00\x00\x07\x00\x00\x00")),
		"COPY in a pipeline":  both(fill(execute+syncNow), fill("G\x00\x00\x00\x07\x00\x00\x00"+msg('C', "COPY 1", nul))),
		"COPY of executions":  both(fill(execute), fill("G\x00\x00\x00\x07\x00\x00\x00")),
		"rows":                both("", "Z\x00\x00\x00\x05I"+fill("D\x00\x00\x00\x06\x00\x00")),
		"tags of commands":    both("", fill(msg('C', strings.Repeat("1 ", 60), nul))),
		"errors":              both(fill(execute), fill(msg('E', "SERROR\x00C42P01\x00M", strings.Repeat("\"1", 3000), "\x00\x00"))),
		"notices":             both("", fill(msg('N', strings.Repeat("C\x00", 3000), "\x00"))),
		"small notices":       both("", fill(msg('N', "\x00"))),
		"encryption":          both(fill("\x00\x00\x00\x08\x04\xd2\x16\x2f"), fill("N")),
	}
}

// costs holds those to queries that mean well.
var costs = sensortest.Costly{
	Protocol: Protocol(), Inputs: costly,
	Honest: both(
		strings.Repeat(msg('Q', "SELECT id, name FROM item WHERE name = 'tea' AND id < 10", nul), 4000),
		strings.Repeat(msg('T', "\x00\x00")+msg('D', "\x00\x00")+msg('C', "SELECT 1", nul)+ready, 4000)),
}

func TestLinear(t *testing.T) { costs.Linear(t) }

func TestAllocatesByWhatArrives(t *testing.T) { costs.Memory(t) }

// open returns a transcript without its Startup, Login and ends, so that it can be
// said again and again. Each step ends with a message's last byte.
func open(tr *sensortest.Transcript) *sensortest.Transcript {
	c := *tr
	begun := false
	c.Steps = slices.DeleteFunc(slices.Clone(tr.Steps), func(s sensortest.Step) bool {
		begun = begun || len(s.Data) > 0 && (s.Data[0] == 'Q' || s.Data[0] == 'P')
		return s.EOF || !begun || s.Data[0] == 'X'
	})
	return &c
}

func TestAllocatesNothing(t *testing.T) {
	for _, name := range []string{"psql", "prepared", "pipeline", "skipped"} {
		tr := open(sensortest.Load(t, "testdata/"+name+".transcript"))
		if got := sensortest.AllocsPerMessage(t, Protocol(), tr); got != 0 {
			t.Errorf("%s: %v allocations per message, want 0", name, got)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"psql", "prepared", "pipeline"} {
		b.Run(name, func(b *testing.B) {
			sensortest.Benchmark(b, Protocol(), open(sensortest.Load(b, "testdata/"+name+".transcript")))
		})
	}
}

// BenchmarkRows is what the rows of a large result cost.
func BenchmarkRows(b *testing.B) {
	p := Protocol().NewStream()
	emit := func(sensor.Message) {}
	data := []byte(strings.Repeat(msg('D', strings.Repeat("x", 95)), 100))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Parse(sensor.Segment{Side: sensor.Responder, Data: data}, emit)
	}
}

// FuzzParse checks that any bytes give the same however they are cut.
func FuzzParse(f *testing.F) {
	f.Add([]byte(startup("user", "a")+msg('Q', "SELECT 'x'", nul)), []byte(authOK+ready+msg('C', "SELECT 1", nul)+ready), uint16(3), uint8(0))
	f.Add([]byte(bindNull+execute+syncNow), []byte(bound+msg('E', "SERROR\x00C1\x00\x00")+ready), uint16(7), uint8(1))
	for _, name := range []string{"psql", "copy", "pipeline", "skipped", "scram"} {
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
	p := Protocol().NewStream()
	emit := func(m sensor.Message) { out = append(out, sensortest.Render(m)) }
	for _, side := range order {
		data := sides[side]
		n := 0
		skip := 0
		for end, first := 0, true; end < len(data) || first; first = false {
			end = min(end+size, len(data))
			s := sensor.Segment{Side: side, Offset: int64(n), EOF: end == len(data)}
			if k := min(skip, end-n); k > 0 {
				n, s.Skipped, s.Offset = n+k, int64(k), int64(n+k)
			}
			lent := bytes.Clone(data[n:end])
			s.Data = lent
			k, err := p.Parse(s, emit)
			clear(lent)
			if err != nil {
				return append(out, err.Error())
			}
			skip = max(0, k-len(lent))
			n += k - skip
		}
	}
	return out
}

// FuzzRedact checks that of literals nothing is shown.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{"a", `it\`, "''", `\'`, "$$", "/*", "--", "\x8e\\"} {
		f.Add("SELECT ", s, " FROM t", uint8(0))
	}
	f.Fuzz(func(t *testing.T, before, secret, after string, kind uint8) {
		// Where a statement that is known to end outside of literals is followed by a
		// literal, the literal is not shown.
		const canary = "c4n4ry"
		if strings.ContainsAny(before, "'\"$-/\\") || strings.Contains(before, canary) || strings.Contains(after, canary) || strings.Contains(secret, "\x00") {
			return
		}
		if n := len(before); n > 0 && (isLetter(before[n-1]) || isDigit(before[n-1])) {
			before += " "
		}
		literal := ""
		switch kind % 4 {
		case 0:
			literal = "'" + strings.ReplaceAll(secret, "'", "''") + canary + "'"
		case 1:
			literal = "E'" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(secret) + canary + "'"
		case 2:
			literal = "$x$" + strings.ReplaceAll(secret, "$", "") + canary + "$x$"
		case 3:
			literal = "/*" + strings.NewReplacer("*", "", "/", "").Replace(secret) + canary + "*/"
		}
		for _, esc := range []escapes{escapesUnknown, escapesNot} {
			got, _ := appendRedacted(nil, []byte(before+literal+after), esc, 1<<20)
			if bytes.Contains(got, []byte(canary)) {
				t.Errorf("%q is shown as %q", before+literal+after, got)
			}
		}
	})
}
