package captures

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"flowscope/testdata/build"
)

func httpKeepAlive() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.20.1:40001", "10.0.20.2:8080").Open()
	t.Send(fwd, request(t, "GET", "shop.example", "/", "", ""))
	t.Send(rev, response(t, 200, "OK", "text/html", build.Text("front", 5000)))

	// A pipelined pair, the second request cut in its head; answered in order.
	pair := append(request(t, "GET", "shop.example", "/a", "", ""), request(t, "HEAD", "shop.example", "/b", "", "")...)
	t.Pieces(fwd, pair, len(pair)-40).Ack(rev)
	t.Send(rev, response(t, 200, "OK", "text/plain", build.Text("a", 700)))
	t.Flow.Say(rev, "http", map[string]any{"status": 200, "body_bytes": 0})
	t.Send(rev, []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12345\r\n\r\n"))

	t.Send(fwd, request(t, "GET", "shop.example", "/chunked", "Accept-Encoding: identity\r\n", ""))
	t.Flow.Say(rev, "http", map[string]any{"status": 200, "body_bytes": 600})
	chunked := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
	for _, n := range []int{1, 255, 344} {
		chunked = append(fmt.Appendf(chunked, "%x;ext=1\r\n", n), build.Text("chunk", n)...)
		chunked = append(chunked, "\r\n"...)
	}
	chunked = append(chunked, "0\r\nX-Sum: 600\r\n\r\n"...)
	t.Pieces(rev, chunked, 95, 3, 200, 100).Ack(fwd)

	t.Send(fwd, request(t, "GET", "shop.example", "/cached", "If-None-Match: \"1\"\r\n", ""))
	t.Flow.Say(rev, "http", map[string]any{"status": 304, "body_bytes": 0})
	t.Send(rev, []byte("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 999\r\n\r\n"))

	post := request(t, "POST", "shop.example", "/cart", "Expect: 100-continue\r\n", `{"item":17,"count":2}`)
	t.Send(fwd, post[:len(post)-21])
	t.Flow.Say(rev, "http", map[string]any{"status": 100, "body_bytes": 0})
	t.Send(rev, []byte("HTTP/1.1 100 Continue\r\n\r\n"))
	t.Send(fwd, post[len(post)-21:])
	t.Send(rev, response(t, 201, "Created", "application/json", []byte(`{"ok":true}`)))

	t.Send(fwd, request(t, "GET", "shop.example", "/last", "Connection: close\r\n", ""))
	t.Flow.Say(rev, "http", map[string]any{"status": 200, "body_bytes": 3000})
	t.Send(rev, append([]byte("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), build.Text("until the end", 3000)...))
	t.Close(rev)
	return c
}

func tlsPostQuantum() *build.Capture {
	c := build.New()
	f := fixture("tls13_pq")
	t := c.TCP("10.0.21.1:40001", "10.0.21.2:443").Open()
	f.play(t)
	t.Close(fwd)
	c.After(time.Second)
	t = c.TCP("10.0.21.1:40002", "10.0.21.2:8443").Open() // not on its port
	hello := f.Flights[0].Data
	t.Pieces(fwd, hello, 5, 300, 700).Ack(rev) // the first cut is behind the record header
	rest := *f
	rest.Flights = f.Flights[1:]
	rest.play(t)
	t.Close(rev)
	return c
}

func tlsMore() *build.Capture {
	c := build.New()
	for i, name := range []string{"tls13_h2", "tls13_retry", "tls12", "tls13_small"} {
		t := c.TCP(addr("10.0.22.1", 40001+i), "10.0.22.2:443").Open()
		fixture(name).play(t)
		t.Close(fwd)
		c.After(time.Second)
	}
	t := c.TCP("10.0.22.1:40010", "10.0.22.3:443").Open()
	fixture("tls_refused").play(t)
	t.Reset(fwd)
	return c
}

func quic() *build.Capture {
	c := build.New()
	playQUIC(c.UDP("10.0.23.1:40001", "10.0.23.2:443"))
	return c
}

func playQUIC(u *build.UDP) {
	f := fixture("quic")
	for _, w := range f.Flights {
		u.Send(build.Side(w.Side), w.Data)
	}
	u.Flow.Say(fwd, "quic", map[string]any{"sni": f.SNI, "alpn": f.ALPN, "version": 1})
}

func dnsTCP() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.24.1:40001", "10.0.24.53:53").Open()
	framed := func(m []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...) }
	say := func(s build.Side, id int, name string) {
		t.Flow.Say(s, "dns", map[string]any{"id": id, "name": name, "type": "TXT"})
	}
	say(fwd, 1, "a.example")
	say(fwd, 2, "b.example")
	t.Send(fwd, append(framed(question(1, "a.example.", dnsmessage.TypeTXT)), framed(question(2, "b.example.", dnsmessage.TypeTXT))...))
	text := func(b *dnsmessage.Builder, h dnsmessage.ResourceHeader) {
		for i := range 20 {
			b.TXTResource(h, dnsmessage.TXTResource{TXT: []string{fmt.Sprintf("record %d", i), string(build.Text("txt", 200))}})
		}
	}
	say(rev, 2, "b.example") // out of order, as RFC 7766 allows
	say(rev, 1, "a.example")
	both := append(framed(answer(2, "b.example.", dnsmessage.TypeTXT, 0, text)), framed(answer(1, "a.example.", dnsmessage.TypeTXT, dnsmessage.RCodeNameError, nil))...)
	t.Pieces(rev, both, 1, 1400, 1400).Ack(fwd)
	t.Close(fwd)
	return c
}

func lengthPrefixedBad() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.25.1:40001", "10.0.25.2:5678").Open()
	t.Send(fwd, pfx(t, fwd, []byte("good"), false))
	t.Send(fwd, []byte("garbage PFX PF PFX3,"))
	t.Send(fwd, pfx(t, fwd, []byte("good again"), true))
	t.Send(rev, pfx(t, rev, nil, false))
	t.Close(fwd)

	t = c.TCP("10.0.25.1:40002", "10.0.25.2:5678").Open()
	t.Send(fwd, pfx(t, fwd, []byte("before the lie"), false))
	t.Send(fwd, []byte("PFX4,\xff\xff\xff\xffnot four gigabytes"))
	t.Send(rev, pfx(t, rev, []byte("the other side goes on"), false))
	t.Close(fwd)
	t.Flow.Note = "a length of 4 GiB - 1: an error, never an allocation"
	return c
}
