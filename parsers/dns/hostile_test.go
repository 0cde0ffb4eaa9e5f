package dns

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"flowscope/sensor"
)

// message makes a response of counts and a body.
func message(questions, answers int, body []byte) []byte {
	b := []byte{0, 1, 0x81, 0x80}
	b = binary.BigEndian.AppendUint16(b, uint16(questions))
	b = binary.BigEndian.AppendUint16(b, uint16(answers))
	return append(append(b, 0, 0, 0, 0), body...)
}

// longName is 255 octets that all must be escaped.
var longName = func() (b []byte) {
	for _, n := range []int{63, 63, 63, 61} {
		b = append(append(b, byte(n)), bytes.Repeat([]byte{0xff}, n)...)
	}
	return append(b, 0)
}()

// hostile returns messages of 64 KiB that are made to cost much.
func hostile() map[string][]byte {
	fill := func(head, unit []byte) []byte {
		for len(head)+len(unit) <= maxMessage-headerSize {
			head = append(head, unit...)
		}
		return head
	}
	a := []byte{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4}
	question := append(bytes.Clone(longName), 0, 1, 0, 1)

	// A chain of 19 pointers behind a label, and records that begin it.
	chain := []byte{1, 'a', 0, 0, 1, 0, 1}
	at := headerSize + len(chain)
	chain = append(chain, 0, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 40) // a record whose data is the chain
	at += 11
	chain = append(chain, 0xc0, 12)
	for range 19 {
		chain = append(chain, 0xc0, byte(at))
		at += 2
	}
	deep := []byte{0xc0, byte(at), 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4}

	txt := append([]byte{0, 0, 16, 0, 1, 0, 0, 0, 0}, 0xff, 0x00)
	txt = append(txt, bytes.Repeat(append([]byte{255}, bytes.Repeat([]byte{0xff}, 255)...), 255)...)
	pointer := append([]byte{0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 0, 0, 2}, 0xc0, 12)
	nsec := append([]byte{0, 0, 47, 0, 1, 0, 0, 0, 0, 0, 35, 0, 0, 32}, bytes.Repeat([]byte{0xff}, 32)...)

	return map[string][]byte{
		"addresses":              message(1, 65535, fill(bytes.Clone(question), a)),
		"long names by pointers": message(1, 65535, fill(bytes.Clone(question), pointer)),
		"questions":              message(65535, 0, fill(nil, question)),
		"empty questions":        message(65535, 0, fill(nil, []byte{0, 0, 1, 0, 1})),
		"chains of pointers":     message(1, 65535, fill(chain, deep)),
		"text":                   message(0, 1, txt),
		"records of nothing":     message(0, 65535, fill(nil, make([]byte, 11))),
		"many types":             message(0, 65535, fill(nil, nsec)),
	}
}

// TestHostileMessages holds the promise of docs and threats: 64 KiB take less
// than a millisecond and 256 KiB.
func TestHostileMessages(t *testing.T) {
	for name, data := range hostile() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			least, fastest := ^uint64(0), time.Hour
			for range 20 {
				d := &decoder{}
				runtime.ReadMemStats(&before)
				start := time.Now()
				_ = d.decode(data, 0)
				fastest = min(fastest, time.Since(start))
				runtime.ReadMemStats(&after)
				least = min(least, after.TotalAlloc-before.TotalAlloc)
				if d.kept > MaxRecords || d.used+len(d.text) > maxText {
					t.Fatalf("%d records and %d bytes of text are kept", d.kept, d.used+len(d.text))
				}
			}
			t.Logf("%d bytes: %v, %d bytes allocated", len(data), fastest, least)
			if fastest > time.Millisecond && !race || least > 256<<10 {
				t.Errorf("%d bytes took %v and %d bytes, want at most 1ms and 256 KiB", len(data), fastest, least)
			}
		})
	}
}

func TestWhatIsKeptOfManyRecords(t *testing.T) {
	d := &decoder{}
	data := hostile()["addresses"]
	records := (len(data) - headerSize - len(longName) - 4) / 16
	binary.BigEndian.PutUint16(data[6:], uint16(records))
	if err := d.decode(data, 0); err != nil {
		t.Fatal(err)
	}
	if got := 1 + len(d.msg.Answers) + d.msg.Omitted; got != 1+records {
		t.Errorf("%d answers and %d omitted, want %d in all", len(d.msg.Answers), d.msg.Omitted, records)
	}
}

func TestPendingIsBounded(t *testing.T) {
	p := UDP().NewDatagram().(*datagramParser)
	overflows, unanswered := 0, 0
	emit := func(m sensor.Message) {
		if m := m.(*Message); m.Kind == KindUnanswered {
			unanswered++
			if m.Overflow {
				overflows++
			}
		}
	}
	query := message(1, 0, append(bytes.Clone(longName), 0, 1, 0, 1))
	query[2] = 1
	query[3] = 0
	const n = 10_000
	for i := range n {
		binary.BigEndian.PutUint16(query, uint16(i))
		if err := p.Parse(sensor.Segment{Data: query}, emit); err != nil {
			t.Fatal(err)
		}
		if len(p.exchange.queries) > MaxPending || p.exchange.bytes > maxPendingBytes {
			t.Fatalf("%d queries with %d bytes of names are pending", len(p.exchange.queries), p.exchange.bytes)
		}
	}
	kept := len(p.exchange.queries)
	if err := p.Parse(sensor.Segment{EOF: true}, emit); err != nil {
		t.Fatal(err)
	}
	if unanswered != n || overflows != n-kept {
		t.Errorf("%d unanswered, %d of them early, want %d and %d", unanswered, overflows, n, n-kept)
	}
}

// TestAnsweredLeaveFirst fills a flow with answered queries: none is reported.
func TestAnsweredLeaveFirst(t *testing.T) {
	p := UDP().NewDatagram()
	count := map[string]int{}
	emit := func(m sensor.Message) { count[m.(*Message).Kind]++ }
	b := message(1, 0, []byte{1, 'a', 0, 0, 1, 0, 1})
	const n = 1000
	for i := range n {
		binary.BigEndian.PutUint16(b, uint16(i))
		b[2], b[3] = 1, 0
		if err := p.Parse(sensor.Segment{Side: sensor.Initiator, Data: b}, emit); err != nil {
			t.Fatal(err)
		}
		b[2], b[3] = 0x81, 0x80
		if err := p.Parse(sensor.Segment{Side: sensor.Responder, Data: b}, emit); err != nil {
			t.Fatal(err)
		}
	}
	if count[KindQuery] != n || count[KindResponse] != n || count[KindUnanswered] != 0 {
		t.Errorf("messages: %v", count)
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, data := range hostile() {
		b.Run(name, func(b *testing.B) {
			d := &decoder{}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				_ = d.decode(data, 0)
			}
		})
	}
}
