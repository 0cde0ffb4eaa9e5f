package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

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

// costly returns what the client, and behind it the server, says: about n bytes
// made to cost much.
func costly(n int) map[string][2]string {
	fill := func(unit string) string { return strings.Repeat(unit, max(1, n/len(unit))) }
	query := func(text string) [2]string { return [2]string{fill(msg('Q', text, nul)), ""} }
	long := func(unit string) [2]string { return query(strings.Repeat(unit, 16000/len(unit))) }
	named := func(i int) string { return msg('P', fmt.Sprintf("s%d", i), nul, "SELECT 1", nul, "\x00\x00") }
	var many strings.Builder
	for i := 0; many.Len() < n; i++ {
		many.WriteString(named(i))
	}
	return map[string][2]string{
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
		"syncs":               {fill(syncNow), fill(ready)},
		"executions":          {fill(bindNull + execute + syncNow), fill(bound + "C\x00\x00\x00\x0dSELECT 1\x00" + ready)},
		"parses":              {many.String(), fill(parsed)},
		"ends of COPY":        {fill("c\x00\x00\x00\x04"), fill("G\x00\x00\x00\x07\x00\x00\x00")},
		"COPY in a pipeline":  {fill(execute + syncNow), fill("G\x00\x00\x00\x07\x00\x00\x00" + msg('C', "COPY 1", nul))},
		"COPY of executions":  {fill(execute), fill("G\x00\x00\x00\x07\x00\x00\x00")},
		"rows":                {"", "Z\x00\x00\x00\x05I" + fill("D\x00\x00\x00\x06\x00\x00")},
		"tags of commands":    {"", fill(msg('C', strings.Repeat("1 ", 60), nul))},
		"errors":              {fill(execute), fill(msg('E', "SERROR\x00C42P01\x00M", strings.Repeat("\"1", 3000), "\x00\x00"))},
		"notices":             {"", fill(msg('N', strings.Repeat("C\x00", 3000), "\x00"))},
		"small notices":       {"", fill(msg('N', "\x00"))},
		"encryption":          {fill("\x00\x00\x00\x08\x04\xd2\x16\x2f"), fill("N")},
	}
}

// parseIn gives both sides to a parser in pieces.
func parseIn(x [2]string, size int) (allocated uint64) {
	var before, after runtime.MemStats
	sides := [2][]byte{[]byte(x[0]), []byte(x[1])}
	runtime.ReadMemStats(&before)
	p := Protocol().NewStream()
	emit := func(sensor.Message) {}
	var start, end, skip [2]int
	for i := 0; i < 2 && (end[0] < len(sides[0]) || end[1] < len(sides[1])); i ^= 1 {
		if end[i] == len(sides[i]) {
			continue
		}
		end[i] = min(end[i]+size, len(sides[i]))
		s := sensor.Segment{Side: sensor.Side(i)}
		if k := min(skip[i], end[i]-start[i]); k > 0 {
			start[i], skip[i] = start[i]+k, skip[i]-k
			if skip[i] > 0 {
				s.Skipped = 0
			}
			s.Skipped = int64(k)
		}
		s.Data = sides[i][start[i]:end[i]]
		n, err := p.Parse(s, emit)
		if err != nil {
			break
		}
		k := min(n, len(s.Data))
		start[i], skip[i] = start[i]+k, n-k
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestLinear holds the growth of the cost against the length, and against what
// honest bytes cost.
func TestLinear(t *testing.T) {
	cost := func(x [2]string, size int) float64 {
		least := time.Hour
		for range 4 {
			start := time.Now()
			parseIn(x, size)
			least = min(least, time.Since(start))
		}
		return float64(least) / float64(len(x[0])+len(x[1]))
	}
	before, after := costly(32<<10), costly(512<<10)
	one := [2]string{msg('Q', "SELECT id, name FROM item WHERE name = 'tea' AND id < 10", nul), msg('T', "\x00\x00") + msg('D', "\x00\x00") + msg('C', "SELECT 1", nul) + ready}
	honest := [2]string{strings.Repeat(one[0], 4000), strings.Repeat(one[1], 4000)}
	for name := range before {
		for _, size := range []int{1460, 1} {
			var a, b, price float64
			for range 3 { // other processes run too
				a, b, price = cost(before[name], size), cost(after[name], size), cost(honest, size)
				if b/a <= 4 && b/price <= 10 {
					break
				}
			}
			t.Logf("%s in pieces of %d: %.1f ns/B, %.2f times that of 32 KiB, %.1f times that of honest queries", name, size, b, b/a, b/price)
			if b/a > 4 || b/price > 10 {
				t.Errorf("%s in pieces of %d: %.1f ns/B, %.1f times that of 32 KiB, %.1f times that of honest queries", name, size, b, b/a, b/price)
			}
		}
	}
}

func TestAllocatesByWhatArrives(t *testing.T) {
	for name, x := range costly(256 << 10) {
		size := len(x[0]) + len(x[1])
		if n, limit := parseIn(x, 1460), uint64(16*size+1<<20); n > limit {
			t.Errorf("%s: %d bytes allocated for %d, more than %d", name, n, size, limit)
		}
	}
}

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
