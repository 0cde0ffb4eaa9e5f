package dns

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// seeds adds the datagrams of all transcripts.
func seeds(f *testing.F, add func([]byte)) {
	for _, path := range []string{"dig_dnsmasq", "dig_dnsmasq_tcp", "types", "refused", "cut", "mdns", "pairing"} {
		for _, s := range sensortest.Load(f, "testdata/"+path+".transcript").Steps {
			if path == "dig_dnsmasq_tcp" && len(s.Data) > 2 {
				s.Data = s.Data[2:]
			}
			add(s.Data)
		}
	}
}

// FuzzDecode compares with another decoder: what both accept is the same.
func FuzzDecode(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxMessage {
			return
		}
		d := &decoder{}
		err := d.decode(data, 0)
		var bad *Error
		if err != nil && (!errors.As(err, &bad) || bad.Offset < 0 || bad.Offset > len(data)) {
			t.Fatalf("decode = %v for %d bytes", err, len(data))
		}
		checkSizes(t, d)
		if err == nil {
			compare(t, d, data)
		}
		// A message that is cut, and said to be, is a beginning of the whole.
		for _, n := range []int{len(data) / 3, len(data) / 2, len(data) * 9 / 10} {
			cut := &decoder{}
			if cutErr := cut.decode(data[:n], len(data)-n); cutErr == nil && err == nil && n >= headerSize {
				prefix(t, cut.msg.Answers, d.msg.Answers)
				prefix(t, cut.msg.Authorities, d.msg.Authorities)
				prefix(t, cut.msg.Additionals, d.msg.Additionals)
			}
		}
	})
}

func prefix(t *testing.T, short, long []Record) {
	t.Helper()
	if len(short) > len(long) {
		t.Fatalf("%d records of a message that was cut, %d of the whole", len(short), len(long))
	}
	for i := range short {
		if got, want := sensortest.Render(short[i]), sensortest.Render(long[i]); got != want {
			t.Fatalf("record %d of a message that was cut is %s, of the whole %s", i, got, want)
		}
	}
}

func checkSizes(t *testing.T, d *decoder) {
	t.Helper()
	m := &d.msg
	records := len(m.Answers) + len(m.Authorities) + len(m.Additionals)
	if records > MaxRecords || len(m.Questions) > MaxRecords || d.used+len(d.text) > maxText+16*4*maxOption {
		t.Fatalf("%d records, %d bytes of text", records, d.used+len(d.text))
	}
	if i := bytes.IndexFunc(d.text, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
		t.Fatalf("text has the byte %q", d.text[i])
	}
}

// compare holds d.msg to what golang.org/x/net makes of the same bytes.
func compare(t *testing.T, d *decoder, data []byte) {
	var p dnsmessage.Parser
	h, err := p.Start(data)
	if err != nil {
		t.Fatalf("the other decoder refuses the header: %v", err)
	}
	m := &d.msg
	if h.ID != m.ID || h.Response != (m.Kind == KindResponse) || h.Authoritative != m.Authoritative || h.Truncated != m.Truncated ||
		h.RecursionDesired != m.RecursionDesired || h.RecursionAvailable != m.RecursionAvailable ||
		h.AuthenticData != m.AuthenticData || h.CheckingDisabled != m.CheckingDisabled || Opcode(h.OpCode) != m.Opcode {
		t.Fatalf("header %+v, want %+v", m, h)
	}
	questions, err := p.AllQuestions()
	if err != nil || len(questions) > MaxRecords || m.Omitted > 0 {
		return // it has names of at most 254 octets and follows 10 pointers
	}
	for i, q := range questions {
		if len(questions) > 1 {
			sameQuestion(t, m.Questions[i], q)
		} else {
			sameQuestion(t, Question{Name: m.Name, Type: m.Type, Class: m.Class}, q)
		}
	}
	answers, err := p.AllAnswers()
	if err != nil || len(answers) != len(m.Answers) {
		return // its types are strict where ours are not
	}
	for i, a := range answers {
		sameRecord(t, &m.Answers[i], &a)
	}
}

func sameQuestion(t *testing.T, got Question, want dnsmessage.Question) {
	t.Helper()
	if Type(want.Type) != got.Type || Class(want.Class) != got.Class || !sameText(got.Name, want.Name) {
		t.Fatalf("question %s %v %v, want %v", got.Name, got.Type, got.Class, want)
	}
}

func sameRecord(t *testing.T, got *Record, want *dnsmessage.Resource) {
	t.Helper()
	h := want.Header
	if Type(h.Type) != got.Type || Class(h.Class) != got.Class || h.TTL != got.TTL || !sameText(got.Name, h.Name) {
		t.Fatalf("record %+v, want %v", got, h)
	}
	switch body := want.Body.(type) {
	case *dnsmessage.AResource:
		if got.Addr.IsValid() && got.Addr != netip.AddrFrom4(body.A) {
			t.Fatalf("address %v, want %v", got.Addr, body.A)
		}
	case *dnsmessage.AAAAResource:
		if got.Addr.IsValid() && got.Addr != netip.AddrFrom16(body.AAAA) {
			t.Fatalf("address %v, want %v", got.Addr, body.AAAA)
		}
	case *dnsmessage.CNAMEResource:
		if len(got.Data) > 0 && !sameText(got.Data, body.CNAME) {
			t.Fatalf("target %s, want %v", got.Data, body.CNAME)
		}
	}
}

// sameText compares our text of a name with another's, where that is made of
// bytes that need no escape.
func sameText(got []byte, want dnsmessage.Name) bool {
	if bytes.ContainsRune(got, '\\') {
		return true
	}
	name := strings.TrimSuffix(want.String(), ".")
	return string(got) == name || string(got) == "." && name == ""
}

// FuzzExchange plays datagrams of both sides to one parser: whatever comes, each
// query is answered, unanswered or forgotten once, and nothing is kept beyond
// the caps.
func FuzzExchange(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(b, b, uint8(3)) })
	f.Fuzz(func(t *testing.T, a, b []byte, pattern uint8) {
		p := UDP().NewDatagram().(*datagramParser)
		queries, unanswered, answered := 0, 0, 0
		emit := func(m sensor.Message) {
			sensortest.Render(m)
			switch m := m.(*Message); {
			case m.Kind == KindUnanswered:
				unanswered++
			case m.Kind == KindQuery && !m.Repeated:
				queries++
			case m.Kind == KindResponse && !m.Repeated && !m.Unsolicited:
				answered++
			}
		}
		for i := range 16 {
			data := a
			if pattern>>(i%8)&1 == 1 {
				data = b
			}
			_ = p.Parse(sensor.Segment{Side: sensor.Side(i & 1), Data: data, Time: sensor.Timestamp(i) * 1e9}, emit)
		}
		_ = p.Parse(sensor.Segment{EOF: true}, emit)
		if unanswered+answered != queries || len(p.exchange.queries) != 0 {
			t.Fatalf("%d queries, %d answered, %d unanswered, %d left", queries, answered, unanswered, len(p.exchange.queries))
		}
	})
}

// FuzzStream holds the TCP framing to the same messages however it is cut.
func FuzzStream(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(append([]byte{byte(len(b) >> 8), byte(len(b))}, b...), uint16(7)) })
	f.Fuzz(func(t *testing.T, data []byte, at uint16) {
		cut := min(int(at), len(data))
		if got, want := stream(data[:cut], data[cut:]), stream(data); got != want {
			t.Fatalf("cut at %d:\n%swhole:\n%s", cut, got, want)
		}
	})
}

func stream(pieces ...[]byte) (out string) {
	p := TCP().NewStream()
	var left []byte
	for i, piece := range pieces {
		s := sensor.Segment{Data: append(left, piece...), EOF: i == len(pieces)-1}
		n, err := p.Parse(s, func(m sensor.Message) { out += sensortest.Render(m) + "\n" })
		if err != nil {
			return out + err.Error()
		}
		left = s.Data[n:]
	}
	return out
}
