package captures

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"flowscope/testdata/build"
)

// office is the making of the demo capture: a small office over four minutes,
// and one connection that lasts for more than an hour. Each conversation has a
// Capture, and so a clock, of its own; all are merged at the end.
type office struct {
	parts []*build.Capture
	port  int // last client port
	id    uint16
}

// at returns a Capture for a conversation that begins d after the start and
// whose packets are step apart.
func (o *office) at(d, step time.Duration) *build.Capture {
	c := build.New()
	c.At(d)
	c.Step = step
	o.parts = append(o.parts, c)
	return c
}

// from returns address and a new port of a client.
func (o *office) from(ip string) string {
	o.port += 37
	return addr(ip, 49152+o.port%16000)
}

// resolve asks the office's resolver and takes 2 to 30 ms.
func (o *office) resolve(d time.Duration, client, name string, addrs ...string) {
	o.id += 4099
	for i, a := range addrs {
		lookup(o.at(d+time.Duration(i)*time.Millisecond, time.Duration(2+o.id%28)*time.Millisecond).
			UDP(o.from(client), "10.1.0.1:53"), o.id+uint16(i), name+".", a)
	}
}

func demo() *build.Capture {
	o := &office{}
	for _, scene := range []func(){
		o.names, o.browsing, o.shop, o.encrypted, o.records, o.trouble, o.ipv6, o.tunnels,
		o.datagrams, o.link, o.middle, o.scan, o.heartbeat,
	} {
		scene()
	}
	all := build.New()
	all.Merge(o.parts...)
	return all
}

// names are lookups that lead nowhere.
func (o *office) names() {
	kinds := []struct {
		kind dnsmessage.Type
		name string
		add  func(b *dnsmessage.Builder, h dnsmessage.ResourceHeader)
	}{
		{dnsmessage.TypeMX, "example.org.", func(b *dnsmessage.Builder, h dnsmessage.ResourceHeader) {
			b.MXResource(h, dnsmessage.MXResource{Pref: 10, MX: dnsmessage.MustNewName("mail.example.org.")})
		}},
		{dnsmessage.TypeTXT, "example.org.", func(b *dnsmessage.Builder, h dnsmessage.ResourceHeader) {
			b.TXTResource(h, dnsmessage.TXTResource{TXT: []string{"v=spf1 mx -all"}})
		}},
		{dnsmessage.TypePTR, "10.113.0.203.in-addr.arpa.", func(b *dnsmessage.Builder, h dnsmessage.ResourceHeader) {
			b.PTRResource(h, dnsmessage.PTRResource{PTR: dnsmessage.MustNewName("shop.example.")})
		}},
		{dnsmessage.TypeSRV, "_xmpp._tcp.example.net.", func(b *dnsmessage.Builder, h dnsmessage.ResourceHeader) {
			b.SRVResource(h, dnsmessage.SRVResource{Priority: 5, Port: 5222, Target: dnsmessage.MustNewName("chat.example.net.")})
		}},
		{65, "shop.example.", func(b *dnsmessage.Builder, h dnsmessage.ResourceHeader) { // HTTPS, RFC 9460
			b.UnknownResource(h, dnsmessage.UnknownResource{Type: 65, Data: []byte{0, 1, 0, 0, 1, 0, 6, 2, 'h', '2', 2, 'h', '3'}})
		}},
	}
	for i, k := range kinds {
		u := o.at(time.Duration(3+11*i)*time.Second, 9*time.Millisecond).UDP(o.from("10.1.0.11"), "10.1.0.1:53")
		ask(u, uint16(900+i), k.name, k.kind)
		reply(u, uint16(900+i), k.name, k.kind, dnsmessage.RCodeSuccess, k.add)
	}
	u := o.at(70*time.Second, 14*time.Millisecond).UDP(o.from("10.1.0.7"), "10.1.0.1:53")
	ask(u, 77, "wpad.office.example.", dnsmessage.TypeA)
	reply(u, 77, "wpad.office.example.", dnsmessage.TypeA, dnsmessage.RCodeNameError, nil)
	u = o.at(80*time.Second, 5*time.Second).UDP("10.1.0.12:50505", "203.0.113.253:53")
	for range 3 { // nobody answers
		ask(u, 78, "printer.example.", dnsmessage.TypeA)
	}
	t := o.at(95*time.Second, 8*time.Millisecond).TCP(o.from("10.1.0.7"), "10.1.0.1:53").Open()
	framed := func(m []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...) }
	t.Flow.Say(fwd, "dns", map[string]any{"id": 5, "name": "big.example", "type": "TXT"})
	t.Flow.Say(rev, "dns", map[string]any{"id": 5, "name": "big.example", "type": "TXT"})
	t.Send(fwd, framed(question(5, "big.example.", dnsmessage.TypeTXT)))
	t.Send(rev, framed(answer(5, "big.example.", dnsmessage.TypeTXT, 0, manyTexts))).Close(fwd)
}

func manyTexts(b *dnsmessage.Builder, h dnsmessage.ResourceHeader) {
	for range 12 {
		b.TXTResource(h, dnsmessage.TXTResource{TXT: []string{string(build.Text("txt", 220))}})
	}
}

// browsing is HTTP in the clear: keep-alive, a download, an upload, errors.
func (o *office) browsing() {
	o.resolve(time.Second, "10.1.0.9", "intranet.example", "10.1.0.2")
	c := o.at(1100*time.Millisecond, 300*time.Microsecond)
	t := c.TCP("10.1.0.9:40110", "10.1.0.2:80").Open()
	for i, page := range []string{"/", "/style.css", "/logo.svg", "/api/cart", "/api/cart", "/news", "/news/1", "/news/2", "/search?q=flow", "/missing", "/api/cart", "/bye"} {
		t.Send(fwd, request(t, "GET", "intranet.example", page, "Accept: */*\r\n", ""))
		c.After(time.Duration(8+7*i%23) * time.Millisecond)
		if page == "/missing" {
			t.Send(rev, response(t, 404, "Not Found", "text/html", build.Text("no such page", 320)))
		} else {
			t.Send(rev, response(t, 200, "OK", "text/html", build.Text("page"+page, 900+1500*i)))
		}
		c.After(700 * time.Millisecond)
	}
	t.Close(fwd)

	// A download with a bad link: a loss in the capture, retransmissions,
	// reordering, a repeated segment.
	o.resolve(12*time.Second, "10.1.0.7", "mirror.example.net", "198.51.100.80")
	c = o.at(12200*time.Millisecond, 250*time.Microsecond)
	t = c.TCP(o.from("10.1.0.7"), "198.51.100.80:80").Open()
	t.Send(fwd, request(t, "GET", "mirror.example.net", "/images/disk.img", "", ""))
	c.After(24 * time.Millisecond)
	body := response(t, 200, "OK", "application/octet-stream", build.Text("block", 1_400_000))
	for n := 0; len(body) > 0; n++ {
		piece := body[:min(8*1448, len(body))]
		body = body[len(piece):]
		start := t.Sent(rev)
		part := func(i int) []byte { return piece[min(i*1448, len(piece)):min((i+1)*1448, len(piece))] }
		switch {
		case n == 40 && len(piece) == 8*1448: // sent, acknowledged, not captured
			t.Data(rev, part(0)).Data(rev, part(1)).Lose(rev, part(2))
			t.Pieces(rev, piece[3*1448:], 1448, 1448, 1448, 1448)
		case n%25 == 7 && len(piece) == 8*1448: // lost on the way, sent again
			t.Lose(rev, part(0)).Hold(rev, start).Pieces(rev, piece[1448:], 1448, 1448, 1448, 1448, 1448, 1448)
			t.Ack(fwd).Ack(fwd).Ack(fwd)
			c.After(30 * time.Millisecond)
			t.Again(rev, start, part(0)).Hold(rev, -1)
		case n%25 == 16 && len(piece) == 8*1448: // out of order
			t.Lose(rev, piece)
			for _, i := range []int{1, 0, 2, 4, 5, 3, 7, 6} {
				t.Again(rev, start+int64(i)*1448, part(i))
			}
			t.Again(rev, start, part(0))
		default:
			t.Send(rev, piece)
		}
		t.Ack(fwd)
		c.After(40 * time.Millisecond)
	}
	t.Close(rev)

	c = o.at(31*time.Second, 400*time.Microsecond)
	t = c.TCP(o.from("10.1.0.8"), "10.1.0.2:8080").Open() // not on its port
	form := string(build.Text("field=value&", 4000))
	t.Send(fwd, request(t, "POST", "intranet.example", "/upload", "Content-Type: application/x-www-form-urlencoded\r\n", form))
	c.After(40 * time.Millisecond)
	t.Send(rev, response(t, 303, "See Other", "text/plain", nil)).Close(fwd)

	c = o.at(36*time.Second, 400*time.Microsecond)
	t = c.TCP(o.from("10.1.0.10"), "10.1.0.2:80").Open()
	t.Send(fwd, request(t, "GET", "intranet.example", "/slow-report", "", ""))
	c.After(9 * time.Second)
	t.Reset(fwd)
	for i := range 8 { // a monitor, every 20 s
		c := o.at(time.Duration(5+20*i)*time.Second, 300*time.Microsecond)
		t := c.TCP(o.from("10.1.0.5"), "10.1.0.2:80").Open()
		t.Send(fwd, request(t, "HEAD", "intranet.example", "/healthz", "Connection: close\r\n", ""))
		t.Flow.Say(rev, "http", map[string]any{"status": 200, "body_bytes": 0})
		t.Send(rev, []byte("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\n")).Close(rev)
	}
}

// cipher returns TLS application data records. All are made of the same random
// block, for the sake of the size of the demo.
func cipher(n int) []byte {
	block := build.Bytes(1, 4096)
	var b []byte
	for n > 0 {
		size := min(n, len(block))
		b = append(b, 0x17, 3, 3, byte(size>>8), byte(size))
		b = append(b, block[:size]...)
		n -= size
	}
	return b
}

// tls plays a recorded handshake with more data behind it.
func (o *office) tls(d time.Duration, name, client, server string, up, down int, options ...build.Option) *build.TCP {
	c := o.at(d, 200*time.Microsecond)
	t := c.TCP(o.from(client), server, options...).Open()
	c.After(11 * time.Millisecond)
	fixture(name).playWith(t, func() {
		for down > 0 {
			t.Send(fwd, cipher(up))
			c.After(35 * time.Millisecond)
			t.Send(rev, cipher(min(down, 120_000)))
			down -= 120_000
			c.After(300 * time.Millisecond)
		}
	})
	t.Close(fwd)
	return t
}

// shop is what one does with a shop: names, QUIC, TLS.
func (o *office) shop() {
	o.resolve(16*time.Second, "10.1.0.7", "shop.example", "203.0.113.10", "2001:db8:113::10")
	o.tls(16100*time.Millisecond, "tls13_pq", "10.1.0.7", "203.0.113.10:443", 900, 600_000)
	o.resolve(17*time.Second, "10.1.0.7", "cdn.example.net", "203.0.113.20")
	o.tls(17100*time.Millisecond, "tls13_h2", "10.1.0.7", "203.0.113.20:443", 300, 900_000)
	o.resolve(18*time.Second, "10.1.0.7", "video.example.com", "203.0.113.30")
	c := o.at(18100*time.Millisecond, 900*time.Microsecond)
	u := c.UDP(o.from("10.1.0.7"), "203.0.113.30:443")
	playQUIC(u)
	for i := range 120 { // short header packets
		u.Send(rev, append([]byte{0x45}, cipher(1195)[5:]...))
		if i%4 == 0 {
			u.Send(fwd, append([]byte{0x47}, cipher(35)[5:]...))
		}
	}
	o.resolve(24*time.Second, "10.1.0.7", "bank.example", "203.0.113.40")
	o.tls(24100*time.Millisecond, "tls13_retry", "10.1.0.7", "203.0.113.40:443", 700, 50_000)
}

// encrypted is more TLS, and SSH.
func (o *office) encrypted() {
	o.resolve(28*time.Second, "10.1.0.8", "api.example.com", "198.51.100.30")
	for i := range 4 {
		o.tls(time.Duration(28100+7000*i)*time.Millisecond, "tls12", "10.1.0.8", "198.51.100.30:443", 450, 9000*(i+1))
	}
	o.resolve(33*time.Second, "10.1.0.9", "mail.example.org", "198.51.100.25")
	o.tls(33100*time.Millisecond, "tls13_small", "10.1.0.9", "198.51.100.25:993", 120, 60_000)
	c := o.at(40*time.Second, 2*time.Millisecond)
	t := c.TCP(o.from("10.1.0.10"), "10.1.0.4:443").Open()
	fixture("tls_refused").play(t)
	t.Reset(fwd)

	c = o.at(42*time.Second, 3*time.Millisecond)
	t = c.TCP(o.from("10.1.0.5"), "10.1.0.2:22").Open()
	t.Send(rev, []byte("SSH-2.0-OpenSSH_9.6\r\n")).Send(fwd, []byte("SSH-2.0-OpenSSH_9.7\r\n"))
	const offer = "curve25519-sha256 ssh-ed25519 chacha20-poly1305@openssh.com chacha20-poly1305@openssh.com hmac-sha2-256 hmac-sha2-256 none none"
	t.Send(fwd, sshPacket(sshOffer(offer+",zlib@openssh.com"))).Send(rev, sshPacket(sshOffer(offer)))
	t.Send(fwd, sshPacket(append([]byte{30, 0, 0, 0, 32}, build.Bytes(2, 32)...))) // ECDH_INIT
	t.Send(rev, append(sshPacket(append([]byte{31}, build.Bytes(3, 187)...)), sshPacket([]byte{21})...))
	t.Send(fwd, sshPacket([]byte{21})) // NEWKEYS
	for i := range 60 {
		t.Send(build.Side(i%2), cipher(36 + 16*(i%5))[5:])
		c.After(time.Duration(90+i%7*40) * time.Millisecond)
	}
	t.Close(fwd)
}

// sshPacket is a packet before there are keys (RFC 4253, 6).
func sshPacket(payload []byte) []byte {
	pad := 16 - (5+len(payload))%8 // at least 4, to a multiple of 8
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+pad))
	b = append(append(b, byte(pad)), payload...)
	return append(b, make([]byte, pad)...)
}

// sshOffer is a KEXINIT of one algorithm for each purpose (RFC 4253, 7.1).
func sshOffer(names string) []byte {
	b := append([]byte{20}, build.Bytes(4, 16)...)
	for _, name := range append(strings.Fields(names), "", "") { // no languages
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(name))), name...)
	}
	return append(b, 0, 0, 0, 0, 0)
}

// records are length-prefixed records, the protocol of docs/write-a-parser.md.
func (o *office) records() {
	c := o.at(20*time.Second, 500*time.Microsecond)
	t := c.TCP("10.0.0.1:4321", "10.0.0.2:5678").Open()
	for i := range 20 {
		t.Send(fwd, pfx(t, fwd, fmt.Appendf(nil, `{"sensor":%d,"celsius":%d.%d}`, i%4, 18+i%5, i%10), false))
		c.After(150 * time.Millisecond)
		t.Send(rev, pfx(t, rev, []byte("ok"), false))
	}
	t.Send(rev, pfx(t, rev, build.Text("summary", 20_000), true)).Close(fwd)

	// The same with a segment missing: the parser finds the next record.
	c = o.at(52*time.Second, 500*time.Microsecond)
	t = c.TCP("10.0.0.1:4322", "10.0.0.2:5678").Open()
	for i := range 12 {
		body := fmt.Appendf(nil, `{"sensor":7,"reading":%d}`, i)
		if i == 5 {
			t.Lose(fwd, append(append([]byte("PFX2,"), 0, byte(len(body))), body...))
			continue
		}
		t.Send(fwd, pfx(t, fwd, body, false))
		c.After(200 * time.Millisecond)
	}
	t.Close(fwd)
}
