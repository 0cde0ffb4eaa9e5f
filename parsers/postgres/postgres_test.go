package postgres

import (
	"slices"
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// damaged reports whether a message says that bytes, or other messages, are
// missing.
func damaged(m sensor.Message) bool {
	switch m := m.(type) {
	case *Statement:
		return m.Missing > 0 || m.Incomplete || m.Pairing != "" || m.Unseen
	case *Login:
		return m.Missing > 0 || m.Incomplete
	case *Unanswered:
		return m.Missing > 0 || m.Unseen
	case *Notice:
		return m.Missing > 0 || m.Pairing != ""
	}
	return false
}

func TestTranscripts(t *testing.T) {
	sensortest.Test{Protocol: Protocol(), Damaged: damaged}.Files(t, "testdata/*.transcript")
}

func TestRedact(t *testing.T) {
	tests := []struct{ in, want string }{
		{"SELECT 1", "SELECT ?"},
		{"select 'a''b', \"c\"\"'\" from t1", `select ?, "c""'" from t1`},
		{`SELECT E'a\'b', e'\\', 'x'`, "SELECT ?, ?, ?"},
		{`SELECT 'C:\', 'x'`, "SELECT ?, ?"},
		{"SELECT $$a'b$$, $x$ $$ $y$ $x$, $1, a$b$c", "SELECT ?, ?, $1, a$b$c"},
		{"SELECT B'01', x'ff', U&'d!0061' UESCAPE '!', N'n'", "SELECT ?, ?, ? UESCAPE ?, N?"},
		{"SELECT -1.5e-10, .5, 0x1F, 1_000, 12abc, t1.c2, 5.", "SELECT -?, ?, ?, ?, ?, t1.c2, ?"},
		{"SELECT a[1:2], 1..2", "SELECT a[?:?], ?..?"},
		{"/* a /* b */ 'c' */ SELECT -- 'd\n 1 --", "SELECT ?"},
		{"  SELECT\n\t1  ;  ", "SELECT ? ;"},
		{"SELECT date'2020-01-01'", "SELECT date?"},
		{"SELECT 'not closed", "SELECT ?"},
		{"SELECT $$not closed", "SELECT ?"},
		{"SELECT a#>>'{b}', c->>'d' @> e", "SELECT a#>>?, c->>? @> e"},
		{"SELECT naïve, 'é'", "SELECT naïve, ?"},
	}
	for _, tt := range tests {
		if got, cut := appendRedacted(nil, []byte(tt.in), escapesNot, maxStatement); string(got) != tt.want || cut {
			t.Errorf("%s\ngot  %s\nwant %s", tt.in, got, tt.want)
		}
	}
	for _, tt := range []struct {
		in, want string
		esc      escapes
		cut      bool
	}{
		{`SELECT 'a\' || secret || '`, "SELECT ?", escapesUnknown, true},
		{`SELECT 'a\\' || secret || '`, "SELECT ?", escapesUnknown, true},
		{`SELECT 'a\n' || b`, "SELECT ? || b", escapesUnknown, false},
		{`SELECT 'a\'b' || c`, "SELECT ? || c", escapesDo, false},
		{"SELECT E'\x95\\' || secret || '", "SELECT ?", escapesNot, true}, // SJIS
	} {
		if got, cut := appendRedacted(nil, []byte(tt.in), tt.esc, maxStatement); string(got) != tt.want || cut != tt.cut {
			t.Errorf("%q: got %s, %v, want %s, %v", tt.in, got, cut, tt.want, tt.cut)
		}
	}
	if got, cut := appendRedacted(nil, []byte("SELECT "+strings.Repeat("a", 2000)), escapesNot, maxStatement); len(got) != maxStatement || !cut {
		t.Errorf("%d bytes, %v", len(got), cut)
	}
}

func TestMessageOfError(t *testing.T) {
	for in, want := range map[string]string{
		`relation "a" does not exist`:                     `relation "?" does not exist`,
		`value "a"b" of "c" is 12`:                        `value "?" is ?`,
		`value too long for type character varying(20)`:   `value too long for type character varying(?)`,
		`la relation « a » n'existe pas`:                  `la relation "?"existe pas`,
		`Relation »a« existiert nicht`:                    `Relation "?" existiert nicht`,
		`unterminated quoted string at or near "'secret"`: `unterminated quoted string at or near "?"`,
		`it ends with "secret`:                            `it ends with "?"`,
		`invalid byte sequence for encoding "UTF8": 0xff`: `invalid byte sequence for encoding "?": ?`,
	} {
		if got := appendMessage(nil, []byte(in)); string(got) != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// TestCanary puts one word wherever a secret, or a value, stands.
func TestCanary(t *testing.T) {
	const canary = "c4n4ry"
	fault := func(code, file string) string {
		return msg('E', "SERROR\x00C", code, "\x00M", canary, " failed: \"", canary, "\"\x00D", canary, "\x00H", canary, "\x00W", canary, "\x00n", canary, "\x00F", file, "\x00\x00")
	}
	steps := []string{
		startup("user", "a", "options", canary) + msg('p', canary, nul), authOK + scsOn + msg('K', canary) + ready,
		msg('Q', "ALTER ROLE a PASSWORD '"+canary+"' -- "+canary, nul), msg('D', canary) + fault("P0001", "pl_exec.c") + ready,
		msg('P', nul, "SELECT $1, '", canary, "'", nul, "\x00\x00") + msg('B', nul, nul, "\x00\x00\x00\x01\x00\x00\x00\x06", canary, "\x00\x00") + execute + syncNow, parsed + bound + msg('D', canary) + msg('C', "SELECT 1", nul) + ready,
		msg('Q', "COPY a FROM STDIN", nul), msg('G', "\x00\x00\x00"),
		msg('d', canary) + msg('f', canary, nul), fault("XX000", "plpy_elog.c") + ready,
		msg('Q', "NOTIFY a", nul), msg('C', "NOTIFY", nul) + msg('A', "\x00\x00\x00\x01", "channel", nul, canary, nul) + ready,
	}
	got := play(t, Protocol(), steps...)
	if len(got) != 7 {
		t.Errorf("got %q", got)
	}
	for _, m := range got {
		if strings.Contains(m, canary) {
			t.Errorf("shown: %s", m)
		}
	}
	shown := strings.Join(play(t, Config{Literals: true}.Protocol(), steps...), "\n")
	if !strings.Contains(shown, "PASSWORD '"+canary) || !strings.Contains(shown, canary+" failed") {
		t.Errorf("with Literals: %s", shown)
	}
}

func TestConversations(t *testing.T) {
	in := []string{startup("user", "a"), authOK + scsOn + ready}
	parse := func(name, text string) string { return msg('P', name, nul, text, nul, "\x00\x00") }
	bind := func(portal, name string) string { return msg('B', portal, nul, name, nul, "\x00\x00\x00\x00\x00\x00") }
	run := func(portal string) string { return msg('E', portal, nul, "\x00\x00\x00\x00") }
	done := func(tag string) string { return msg('C', tag, nul) }
	failure := msg('E', "SERROR\x00C42601\x00Mno\x00\x00")
	tests := []struct {
		name  string
		steps []string
		want  []string // parts of what comes behind the Login
	}{
		{"a statement is replaced while its execution waits",
			[]string{parse("", "SELECT a") + bind("", "") + run("") + parse("", "SELECT b") + bind("", "") + run("") + syncNow, parsed + bound + done("SELECT 1") + parsed + bound + done("SELECT 2") + ready},
			[]string{`"statement":"SELECT a"`, `"statement":"SELECT b","command":"SELECT","rows":2,"transaction":"idle"`}},
		{"a Parse that fails does not replace a statement",
			[]string{parse("s", "SELECT a") + syncNow, parsed + ready, parse("s", "SELECT b") + bind("", "s") + run("") + syncNow, failure + ready, bind("", "s") + run("") + syncNow, bound + done("SELECT 1") + ready},
			[]string{`"statement":"SELECT b","name":"s","rows":0,"error":{"severity":"ERROR","code":"42601","text":"no"},"stage":"parse","skipped":1`, `"statement":"SELECT a","name":"s"`}},
		{"DEALLOCATE forgets statements",
			[]string{parse("s", "SELECT a") + syncNow, parsed + ready, msg('Q', "DEALLOCATE ALL", nul), done("DEALLOCATE ALL") + ready, bind("", "s") + run("") + syncNow, bound + done("SELECT 1") + ready},
			[]string{`"command":"DEALLOCATE ALL"`, `"name":"s","unseen":true`}},
		{"rows in portions",
			[]string{parse("", "SELECT a") + bind("p", "") + run("p") + syncNow, parsed + bound + msg('D', "\x00\x00") + "s\x00\x00\x00\x04" + msg('Z', "T"), run("p") + syncNow, msg('D', "\x00\x00") + done("SELECT 1") + ready},
			[]string{`"rows":1,"row_bytes":2,"suspended":true,"transaction":"open"`, `"statement":"SELECT a","command":"SELECT","rows":1`}},
		{"requests behind an error are skipped, whenever they come",
			[]string{parse("", "x"), failure, run("") + msg('Q', "SELECT 1", nul) + run("") + syncNow, ready, msg('Q', "SELECT a", nul), done("SELECT 0") + ready},
			[]string{`"stage":"parse","skipped":2,"transaction":"idle"`, `"statement":"SELECT a","command":"SELECT","rows":0`}},
		{"an error at Sync",
			[]string{parse("", "INSERT INTO t") + bind("", "") + run("") + syncNow, parsed + bound + done("INSERT 0 1") + failure + ready},
			[]string{`"command":"INSERT","rows":1`, `"error":{"severity":"ERROR","code":"42601","text":"no"},"stage":"sync","transaction":"idle"`}},
		{"COPY by Execute, with a Sync that the server ignores",
			[]string{parse("", "COPY t FROM STDIN") + bind("", "") + run("") + syncNow, parsed + bound + msg('G', "\x00\x00\x00"), msg('d', "abc") + "c\x00\x00\x00\x04" + syncNow, done("COPY 1") + ready, msg('Q', "SELECT a", nul), done("SELECT 0") + ready},
			[]string{`"copy":"in","copy_bytes":3,"transaction":"idle"`, `"statement":"SELECT a","command":"SELECT"`}},
		{"COPY by Execute in one go",
			[]string{parse("", "COPY t FROM STDIN") + bind("", "") + run("") + msg('d', "abc") + "c\x00\x00\x00\x04" + syncNow, parsed + bound + msg('G', "\x00\x00\x00") + done("COPY 1") + ready, msg('Q', "SELECT a", nul), done("SELECT 0") + ready},
			[]string{`"command":"COPY","rows":1,"copy":"in","transaction":"idle"`, `"statement":"SELECT a","command":"SELECT"`}},
		{"an error out of the blue", []string{"", msg('E', "SFATAL\x00C57P01\x00Mbye\x00\x00")}, []string{`{"type":"error","severity":"FATAL","code":"57P01","text":"bye"}`}},
		{"a function call", []string{msg('F', "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"), msg('V', "\xff\xff\xff\xff") + ready}, []string{`"protocol":"function","rows":0,"transaction":"idle"`}},
		{"a text of over 16 KiB", []string{msg('Q', "SELECT '"+strings.Repeat("x", 20000)+"'", nul), done("SELECT 1") + ready}, []string{`"statement":"SELECT ?","truncated":true`}},
		{"strings whose escapes are not known any more", []string{msg('Q', "SET STANDARD_CONFORMING_STRINGS = off", nul) + msg('Q', `SELECT 'a\' || secret || '`, nul), ""}, nil},
		{"no message", []string{"!\x00\x00\x00\x04"}, []string{"postgres: at offset 0: this is no message of PostgreSQL"}},
		{"a length of 3", []string{"Q\x00\x00\x00\x03"}, []string{"postgres: at offset 0: this is no message of PostgreSQL"}},
		{"a length of 2^31", []string{"Q\x80\x00\x00\x00"}, []string{"postgres: at offset 0: this is no message of PostgreSQL"}},
	}
	for _, tt := range tests {
		got := play(t, Protocol(), append(slices.Clone(in), tt.steps...)...)[2:]
		if len(got) != len(tt.want) {
			t.Errorf("%s: got %d messages: %s", tt.name, len(got), strings.Join(got, "\n"))
			continue
		}
		for i, want := range tt.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s: got %s, want %s", tt.name, got[i], want)
			}
		}
	}
}

// TestManyRequests leaves more requests unanswered than are kept, and is exact
// again when all are answered.
func TestManyRequests(t *testing.T) {
	in := []string{startup("user", "a"), authOK + scsOn + ready}
	const n = maxPending + 10
	one, answer := msg('Q', "SELECT a", nul), msg('C', "SELECT 1", nul)+ready
	got := play(t, Protocol(), append(in, strings.Repeat(one, n), strings.Repeat(answer, n), one, answer)...)[2:]
	if len(got) != n+1 {
		t.Fatalf("%d messages", len(got))
	}
	for i, m := range got {
		if none := strings.Contains(m, `"pairing":"none"`); none != (i >= maxPending && i < n) {
			t.Fatalf("message %d: %s", i, m)
		}
	}
}

func TestProbe(t *testing.T) {
	row := msg('D', "\x00\x01\x00\x00\x00\x011")
	tests := map[string]sensor.Verdict{
		"": sensor.Unsure, "\x00\x00\x00\x08\x04\xd2\x16": sensor.Unsure, "\x00\x00\x00\x08\x04\xd2\x16\x2f": sensor.MatchInitiator,
		"\x00\x00\x00\x08\x04\xd2\x16\x30": sensor.MatchInitiator, "\x00\x00\x00\x09\x04\xd2\x16\x2f": sensor.No,
		startup("user", "a"): sensor.MatchInitiator, "\x00\x00\x00\x10\x00\x03\x00\x00us": sensor.Unsure, "\x00\x00\x00\x10\x00\x02\x00\x00user\x00": sensor.No,
		"\x00\x00\x00\x10\x00\x03\x00\x00\x01\x02": sensor.No, "\x00\x01": sensor.No,
		msg('Q', "select 1", nul): sensor.MatchInitiator, msg('Q', "hello", nul): sensor.No, msg('P', "s", nul, "SELECT 1", nul): sensor.MatchInitiator,
		msg('B', nul, "s", nul, "\x00\x00\x00\x01\x00\x00\x00\x011\x00\x00"): sensor.MatchInitiator, msg('B', nul, "s", nul, "\x00\x00\x00\x01\x00\x00\x00\x021\x00\x00"): sensor.No,
		msg('T', "\x00\x01a\x00", strings.Repeat("x", 18)): sensor.MatchResponder, row: sensor.Unsure, row + msg('C', "SELECT 1", nul): sensor.MatchResponder,
		bound + row + row + msg('C', "SELECT 2", nul): sensor.MatchResponder, parsed + bound: sensor.Unsure, msg('E', "SERROR\x00"): sensor.MatchResponder,
		msg('C', "x1", nul): sensor.No, "GET / HTTP/1.1\r\n": sensor.No, "SSH-2.0-x\r\n": sensor.No, "EHLO example\r\n": sensor.No, "*1\r\n$4\r\nPING\r\n": sensor.No,
		"\x16\x03\x01\x02\x00": sensor.No, authOK + msg('C', "BEGIN", nul): sensor.MatchResponder,
	}
	for data, want := range tests {
		if got := probe(sensor.Initiator, []byte(data)); got != want {
			t.Errorf("probe(%q) = %d, want %d", data, got, want)
		}
	}
}
