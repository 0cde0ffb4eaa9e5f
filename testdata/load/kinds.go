package load

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/net/dns/dnsmessage"

	"flowscope/testdata/captures"
)

// name returns a host name of a fixed set of a thousand.
func (m *mixer) name() string { return fmt.Sprintf("h%03d.example.com.", m.r.IntN(1000)) }

// messages returns a DNS query and its answer.
func (m *mixer) messages() (query, answer []byte) {
	id, name := uint16(m.r.Uint32()), dnsmessage.MustNewName(m.name())
	for response := range 2 {
		b := dnsmessage.NewBuilder(make([]byte, 0, 160), dnsmessage.Header{ID: id, Response: response == 1, RecursionDesired: true, RecursionAvailable: response == 1})
		b.EnableCompression()
		b.StartQuestions()
		b.Question(dnsmessage.Question{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET})
		if response == 0 {
			query, _ = b.Finish() // the names are valid
			continue
		}
		b.StartAnswers()
		for i := range 1 + m.r.IntN(4) {
			b.AResource(dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 60}, dnsmessage.AResource{A: [4]byte{192, 0, 2, byte(i)}})
		}
		answer, _ = b.Finish()
	}
	return query, answer
}

func (m *mixer) dns(c *conv) {
	c.udp, c.port[1] = true, 53
	q, a := m.messages()
	c.add(0, 0, 0, q)
	c.add(c.rtt, 1, 0, a)
}

func (m *mixer) dnsTCP(c *conv) {
	c.port[1] = 53
	q, a := m.messages()
	framed := func(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }
	c.open()
	c.send(0, framed(q))
	c.send(1, framed(a))
	c.close(0)
}

func (m *mixer) scan(c *conv) {
	c.port[1] = uint16(1 + m.r.IntN(3000))
	c.add(0, 0, flagSYN, nil)
	c.add(c.rtt, 1, flagRST|flagACK, nil)
}

// http sends requests on one connection; responses have mean bytes on average.
func (m *mixer) http(c *conv, requests, mean int) {
	c.port[1] = 80
	if m.r.IntN(8) == 0 {
		c.port[1] = 8080
	}
	c.open()
	host := m.name()
	for range requests {
		c.send(0, fmt.Appendf(nil, "GET /static/%x/item-%d.html?v=%d HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) flowscope-load/1.0\r\n"+
			"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Encoding: identity\r\nConnection: keep-alive\r\n\r\n",
			m.r.Uint32(), m.r.IntN(10_000), m.r.IntN(10), host[:len(host)-1]))
		size := m.r.IntN(2 * mean)
		at := m.r.IntN(len(m.text) - size)
		head := "HTTP/1.1 200 OK\r\nServer: example/1.2\r\nDate: Fri, 01 Mar 2024 12:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: max-age=60\r\n"
		if m.r.IntN(10) > 0 || size == 0 {
			c.send(1, fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n", head, size), m.text[at:at+size])
			continue
		}
		c.send(1, fmt.Appendf(nil, "%sTransfer-Encoding: chunked\r\n\r\n%x\r\n", head, size), m.text[at:at+size], []byte("\r\n0\r\n\r\n"))
	}
	c.close(uint8(m.r.IntN(2)))
}

// tls plays a recorded handshake under another name, and more data.
func (m *mixer) tls(c *conv, fixture string) {
	c.port[1] = 443
	f := m.fixture(fixture)
	c.open()
	for i, w := range f.Flights {
		data := w.Data
		if i == 0 {
			data = bytes.Clone(data)
			m.noisy(data[11:43])                                 // random
			if at := bytes.Index(data, []byte(f.SNI)); at >= 0 { // the same length
				copy(data[at:], fmt.Sprintf("%03d", m.r.IntN(1000)))
			}
		}
		if i == len(f.Flights)-2 {
			for range 1 + m.r.IntN(2) {
				c.send(0, m.record(200+m.r.IntN(600)))
				c.send(1, m.record(1000+m.r.IntN(12_000)))
			}
		}
		c.send(uint8(w.Side), data)
	}
	c.close(0)
}

func (m *mixer) noisy(b []byte) { copy(b, m.noise[m.r.IntN(len(m.noise)-len(b)):]) }

// record returns a TLS application data record.
func (m *mixer) record(n int) []byte {
	b := make([]byte, 5+n)
	copy(b, []byte{0x17, 3, 3, byte(n >> 8), byte(n)})
	m.noisy(b[5:])
	return b
}

func (m *mixer) fixture(name string) *captures.Fixture {
	if m.fixtures == nil {
		m.fixtures = map[string]*captures.Fixture{}
	}
	f := m.fixtures[name]
	if f == nil {
		f = captures.Recorded(name)
		m.fixtures[name] = f
	}
	return f
}

// bulk is a long transfer, of about as many packets at any scale of the mix.
func (m *mixer) bulk(c *conv) {
	c.port[1] = 5201
	c.open()
	for range 420 {
		at := m.r.IntN(len(m.noise) - 16*1460)
		c.send(0, m.noise[at:at+16*1460])
	}
	c.spread(m.duration / 2)
	c.close(0)
}

func (m *mixer) bulkUDP(c *conv) {
	c.udp, c.port[1] = true, 5202
	for range 10_000 {
		at := m.r.IntN(len(m.noise) - 1400)
		c.add(0, 0, 0, m.noise[at:at+1400])
	}
	c.spread(m.duration / 2)
}

// spread makes the conversation so far last for d, without a pause in it.
func (c *conv) spread(d int64) {
	for i := range c.steps {
		c.steps[i].wait = int32(d / int64(len(c.steps)))
	}
}
