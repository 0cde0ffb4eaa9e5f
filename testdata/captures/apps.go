package captures

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"flowscope/testdata/build"
)

// pfx returns a length-prefixed record and notes it in the truth.
func pfx(t *build.TCP, s build.Side, body []byte, wide bool) []byte {
	b := []byte("PFX2,")
	if wide {
		b = binary.BigEndian.AppendUint32([]byte("PFX4,"), uint32(len(body)))
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	}
	fields := map[string]any{"marker": string(b[:4]), "length": len(body)}
	if len(body) <= 32 {
		fields["body"] = string(body)
	}
	t.Flow.Say(s, "lengthprefixed", fields)
	return append(b, body...)
}

// request returns an HTTP request and notes it in the truth.
func request(t *build.TCP, method, host, target, more, body string) []byte {
	t.Flow.Say(build.Fwd, "http", map[string]any{"method": method, "target": target, "host": host, "body_bytes": len(body)})
	if body != "" && !strings.Contains(more, "Content-Length") {
		more += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: flowscope-testdata/1.0\r\n%s\r\n%s", method, target, host, more, body)
}

// response returns an HTTP response with a Content-Length and notes it in the
// truth.
func response(t *build.TCP, status int, reason, kind string, body []byte) []byte {
	t.Flow.Say(build.Rev, "http", map[string]any{"status": status, "body_bytes": len(body)})
	head := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nServer: example\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", status, reason, kind, len(body))
	return append(head, body...)
}

// web is a short HTTP connection, from SYN to FIN.
func web(c *build.Capture, a, b string, options ...build.Option) *build.TCP {
	t := c.TCP(a, b, options...).Open()
	t.Send(build.Fwd, request(t, "GET", "www.example.com", "/hello", "", ""))
	t.Send(build.Rev, response(t, 200, "OK", "text/plain", build.Text("hello", 2000)))
	return t.Close(build.Fwd)
}

// question returns a DNS query.
func question(id uint16, name string, kind dnsmessage.Type) []byte {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true})
	b.StartQuestions()
	b.Question(dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET})
	return finish(&b)
}

// answer returns the response to a DNS query: the records of resources, which
// are appended by the callback.
func answer(id uint16, name string, kind dnsmessage.Type, code dnsmessage.RCode, add func(b *dnsmessage.Builder, h dnsmessage.ResourceHeader)) []byte {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, Response: true, RecursionDesired: true, RecursionAvailable: true, RCode: code})
	b.EnableCompression()
	b.StartQuestions()
	b.Question(dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET})
	b.StartAnswers()
	if add != nil {
		add(&b, dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 300})
	}
	return finish(&b)
}

// addresses returns a callback that answers with A and AAAA records.
func addresses(list ...string) func(*dnsmessage.Builder, dnsmessage.ResourceHeader) {
	return func(b *dnsmessage.Builder, h dnsmessage.ResourceHeader) {
		for _, s := range list {
			a := netip.MustParseAddr(s)
			if a.Is4() {
				b.AResource(h, dnsmessage.AResource{A: a.As4()})
			} else {
				b.AAAAResource(h, dnsmessage.AAAAResource{AAAA: a.As16()})
			}
		}
	}
}

func finish(b *dnsmessage.Builder) []byte {
	m, err := b.Finish()
	if err != nil {
		panic(err) // the script asked for something impossible
	}
	return m
}

// lookup is a DNS exchange over UDP that is noted in the truth.
func lookup(u *build.UDP, id uint16, name, addr string) {
	kind := dnsmessage.TypeA
	if netip.MustParseAddr(addr).Is6() {
		kind = dnsmessage.TypeAAAA
	}
	ask(u, id, name, kind)
	reply(u, id, name, kind, dnsmessage.RCodeSuccess, addresses(addr), addr)
}

func ask(u *build.UDP, id uint16, name string, kind dnsmessage.Type) {
	u.Flow.Say(build.Fwd, "dns", map[string]any{"id": int(id), "name": strings.TrimSuffix(name, "."), "type": strings.TrimPrefix(kind.String(), "Type")})
	u.Send(build.Fwd, question(id, name, kind))
}

func reply(u *build.UDP, id uint16, name string, kind dnsmessage.Type, code dnsmessage.RCode, add func(*dnsmessage.Builder, dnsmessage.ResourceHeader), answers ...string) {
	f := map[string]any{"id": int(id), "rcode": int(code)}
	if len(answers) > 0 {
		f["answers"] = answers
	}
	u.Flow.Say(build.Rev, "dns", f)
	u.Send(build.Rev, answer(id, name, kind, code, add))
}
