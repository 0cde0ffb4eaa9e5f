package tls

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

// render leaves out the time since a hello, which is not known where the hello
// was lost.
func render(m sensor.Message) string {
	if s, ok := m.(*ServerHello); ok {
		c := *s
		c.RTT = 0
		return sensortest.Render(&c)
	}
	return sensortest.Render(m)
}

func TestTranscripts(t *testing.T) {
	sensortest.Test{Protocol: Protocol(), Render: render}.Files(t, "testdata/*.transcript")
}

// hello returns the body of a ClientHello with one cipher suite and these
// extensions.
func hello(extensions ...[]byte) []byte {
	b := append([]byte{3, 3}, make([]byte, 32)...)
	b = append(b, 0, 0, 2, 0x13, 0x01, 1, 0)
	all := bytes.Join(extensions, nil)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(all))), all...)
}

func extension(id uint16, data []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...)
}

func alpnOf(names ...string) []byte {
	var list []byte
	for _, n := range names {
		list = append(append(list, byte(len(n))), n...)
	}
	return extension(extALPN, append(binary.BigEndian.AppendUint16(nil, uint16(len(list))), list...))
}

// message returns a handshake message, records returns it in records of at most
// n bytes.
func message(kind byte, body []byte) []byte {
	return append([]byte{kind, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
}

func records(n int, contents []byte) (b []byte) {
	for len(contents) > 0 {
		k := min(n, len(contents))
		b = append(b, recordHandshake, 3, 1, byte(k>>8), byte(k))
		b = append(b, contents[:k]...)
		contents = contents[k:]
	}
	return b
}

// parse gives data of the initiator to a new parser.
func parse(data []byte) (messages []string, err error) {
	_, err = Protocol().NewStream().Parse(sensor.Segment{Data: data}, func(m sensor.Message) {
		messages = append(messages, sensortest.Render(m))
	})
	return messages, err
}

func TestJA4ByItsText(t *testing.T) {
	var many []byte
	for i := range uint16(120) {
		many = append(many, extension(1000+i, nil)...)
	}
	tests := []struct {
		name       string
		extensions []byte
		want       string // part a
	}{
		{"no extensions", nil, "t12i010000"},
		{"one value", alpnOf("h2", "http/1.1"), "t12i0101h2"},
		{"first and last character", alpnOf("http/1.1"), "t12i0101h1"},
		{"a single character counts twice", alpnOf("q"), "t12i0101qq"},
		{"an empty value", alpnOf(""), "t12i010100"},
		{"no values", alpnOf(), "t12i010100"},
		{"one byte that is no character", alpnOf("\xab"), "t12i0101ab"},
		{"two of them", alpnOf("\xab\xcd"), "t12i0101ad"},
		{"the last of two", alpnOf("0\xab"), "t12i01013b"},
		{"the last of four", alpnOf("01\xab\xcd"), "t12i01013d"},
		{"in the middle", alpnOf("0\xab\xcd1"), "t12i010101"},
		{"punctuation", alpnOf("h-"), "t12i01016d"},
		{"GREASE in front", alpnOf("\x0a\x0a", "h2"), "t12i0101h2"},
		{"GREASE is not counted", extension(0x1a1a, nil), "t12i010000"},
		{"a server name that says nothing", extension(extServerName, nil), "t12d010100"},
		{"the highest version", extension(extSupportedVersions, []byte{6, 0x1a, 0x1a, 3, 4, 3, 3}), "t13i010100"},
		{"a draft", extension(extSupportedVersions, []byte{4, 0x7f, 0x1c, 3, 3}), "t00i010100"},
		{"versions that are all GREASE", extension(extSupportedVersions, []byte{2, 0x1a, 0x1a}), "t12i010100"},
		{"counts stop at 99", many, "t12i019900"},
	}
	for _, tt := range tests {
		var m ClientHello
		if err := m.Decode(hello(tt.extensions), OverTCP); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := string(m.JA4[:10]); got != tt.want {
			t.Errorf("%s: JA4 begins with %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestEveryALPN is CVE-2024-47522 and its neighbours: a fingerprint is total.
func TestEveryALPN(t *testing.T) {
	var m ClientHello
	check := func(name string) {
		if err := m.Decode(hello(alpnOf(name)), OverQUIC); err != nil || len(m.JA4) != 36 || m.JA4[0] != 'q' {
			t.Fatalf("ALPN %q: %q, %v", name, m.JA4, err)
		}
		for _, c := range m.JA4[8:10] {
			if !isAlphanumeric(c) {
				t.Fatalf("ALPN %q: %q", name, m.JA4)
			}
		}
	}
	for i := range 256 {
		check(string([]byte{byte(i)}))
		for j := range 256 {
			check(string([]byte{byte(i), byte(j)}))
		}
	}
}

func TestErrors(t *testing.T) {
	short := hello()
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"not TLS", []byte("GET / HTTP/1.1\r\n"), "tls: at offset 0: this is no TLS record"},
		{"a version of the future", []byte{22, 3, 5, 0, 1, 0}, "tls: at offset 0: this is no TLS record"},
		{"a record that is too long", []byte{22, 3, 3, 0x49, 0, 0}, "tls: at offset 0: this is no TLS record"},
		{"a hello that ends early", records(1000, message(1, short[:30])), "tls: at offset 0: client hello is too short"},
		{"an extension that goes on behind the hello", records(1000, message(1, hello([]byte{0, 0, 0, 9}))), "tls: at offset 0: client hello has a list of a length that is not possible"},
		{"half a cipher suite", records(1000, message(1, append(append([]byte{3, 3}, make([]byte, 33)...), 0, 1, 0, 1, 0))), "tls: at offset 0: client hello has a list of a length that is not possible"},
		{"a hello of 64 KiB", records(16384, message(1, make([]byte, 1<<16))), "tls: at offset 49167: a handshake message is too long"},
		{"an alert within a message", append(records(10, message(1, short))[:15], 21, 3, 3, 0, 2, 2, 40), "tls: at offset 15: another record within a handshake message"},
		{"certificates that are longer than their message", records(100, message(11, []byte{0, 0, 9, 0, 0, 1})), "tls: at offset 0: certificates with a length that is not possible"},
		{"a certificate that is longer than its chain", records(100, message(11, []byte{0, 0, 4, 0, 0, 2, 0})), "tls: at offset 0: a certificate with a length that is not possible"},
	}
	for _, tt := range tests {
		_, err := parse(tt.data)
		if got := fmt.Sprint(err); got != tt.want {
			t.Errorf("%s: error %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSSLv2Hello(t *testing.T) {
	b := []byte{0x80, 0, 1, 3, 1, 0, 9, 0, 0, 0, 16, 0, 0, 0x2f, 1, 0, 0x80, 0, 0, 0xff}
	b = append(b, make([]byte, 16)...)
	b[1] = byte(len(b) - 2)
	if v := probe(sensor.Initiator, b); v != sensor.MatchInitiator {
		t.Errorf("verdict %d", v)
	}
	got, err := parse(b)
	want := []string{`{"type":"client_hello","version":"TLS 1.0","ciphers":["TLS_RSA_WITH_AES_128_CBC_SHA","TLS_EMPTY_RENEGOTIATION_INFO_SCSV"],"sslv2":true}`}
	if !slices.Equal(got, want) || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestCertificateThatIsNone(t *testing.T) {
	garbage := message(11, append([]byte{0, 0, 8, 0, 0, 5}, "12345"...))
	got, err := parse(records(100, garbage))
	want := []string{`{"type":"certificate","index":0,"sha256":"5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5","malformed":true,"bytes":5}`}
	if !slices.Equal(got, want) || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestJoinedInTheMiddle(t *testing.T) {
	data := append([]byte{23, 3, 3, 0, 17}, make([]byte, 17)...)
	data = append(data, data...)
	if v := probe(sensor.Responder, data); v != sensor.Match {
		t.Errorf("verdict %d of application data", v)
	}
	if got, err := parse(data); err != sensor.ErrDone || len(got) > 0 {
		t.Errorf("got %s, %v, want to be done", got, err)
	}
}

func TestProbe(t *testing.T) {
	whole := records(1000, message(1, hello()))
	answer := records(1000, message(2, append([]byte{3, 3}, make([]byte, 40)...)))
	tests := []struct {
		name string
		data []byte
		want sensor.Verdict
	}{
		{"nothing", nil, sensor.Unsure},
		{"client hello", whole, sensor.MatchInitiator},
		{"the first 10 bytes of one", whole[:10], sensor.Unsure},
		{"the first 11", whole[:11], sensor.MatchInitiator},
		{"in records of one byte", records(1, message(1, hello())), sensor.MatchInitiator},
		{"server hello", answer, sensor.MatchResponder},
		{"a hello of 16 MiB", []byte{22, 3, 1, 1, 0, 1, 0xff, 0xff, 0xff}, sensor.No},
		{"a hello of 4 bytes", []byte{22, 3, 1, 0, 8, 1, 0, 0, 4, 3}, sensor.No},
		{"another handshake message", []byte{22, 3, 1, 0, 8, 20}, sensor.No},
		{"an alert", []byte{21, 3, 1, 0, 2, 2, 40}, sensor.No},
		{"text", []byte("hello"), sensor.No},
		{"one record of data", append([]byte{23, 3, 3, 0, 17}, make([]byte, 17)...), sensor.Unsure},
		{"records of data of two versions", append(append([]byte{23, 3, 3, 0, 17}, make([]byte, 17)...), 23, 3, 2), sensor.No},
	}
	for _, tt := range tests {
		if got := probe(sensor.Initiator, tt.data); got != tt.want {
			t.Errorf("%s: verdict %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestResponseTime(t *testing.T) {
	var got time.Duration
	p := Protocol().NewStream()
	emit := func(m sensor.Message) {
		if m, ok := m.(*ServerHello); ok {
			got = m.RTT
		}
	}
	for i, data := range [][]byte{records(100, message(1, hello())), records(100, message(2, append([]byte{3, 3}, make([]byte, 40)...)))} {
		if _, err := p.Parse(sensor.Segment{Side: sensor.Side(i), Time: sensor.Timestamp(i * 5000), Data: data}, emit); err != nil {
			t.Fatal(err)
		}
	}
	if got != 5*time.Microsecond {
		t.Errorf("RTT = %v, want 5µs", got)
	}
}
