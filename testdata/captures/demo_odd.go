package captures

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"flowscope/testdata/build"
)

// trouble is TCP that goes wrong.
func (o *office) trouble() {
	// Overlapping segments with different bytes.
	t := o.at(58*time.Second, time.Millisecond).TCP(o.from("10.1.0.66"), "10.1.0.2:80").Open()
	get := request(t, "GET", "intranet.example", "/harmless", "", "")
	evil := bytes.ReplaceAll(get, []byte("harmless"), []byte("/../../x"))
	t.Data(fwd, get[:10]).Again(fwd, 5, evil[5:20]).Lose(fwd, get[10:20]).Data(fwd, get[20:])
	// What came first is kept: of bytes 10 to 20 that is the second segment.
	t.Flow.Messages = nil
	t.Send(rev, response(t, 400, "Bad Request", "text/plain", nil)).Close(rev)
	t.Flow.Note = "a part of the request was sent again with other bytes, in order; what came first is kept"

	// A forged RST, then a real one.
	c := o.at(61*time.Second, 2*time.Millisecond)
	t = c.TCP(o.from("10.1.0.8"), "203.0.113.50:6667").Open()
	t.Send(rev, []byte(":irc.example NOTICE * :*** Looking up your hostname\r\n"))
	t.Packet(rev, build.RST, 900_000_000, nil)
	t.Flow.Odd("rst_out_of_window")
	t.Send(fwd, []byte("NICK demo\r\nUSER demo 0 * :Demo\r\n"))
	c.After(1500 * time.Millisecond)
	t.Send(rev, []byte(":irc.example 001 demo :Welcome\r\n")).Reset(rev)

	// Nobody there; refused; the same ports again.
	t = o.at(63*time.Second, time.Second).TCP(o.from("10.1.0.8"), "203.0.113.99:443")
	for range 3 {
		t.Packet(fwd, build.SYN, -1, nil)
	}
	t.Flow.State = "S0"
	t = o.at(66*time.Second, time.Millisecond).TCP(o.from("10.1.0.8"), "10.1.0.2:3306")
	t.Packet(fwd, build.SYN, -1, nil).Reset(rev)
	t.Flow.State = "REJ"
	for i := range 2 {
		t = o.at(time.Duration(68+i*20)*time.Second, time.Millisecond).TCP("10.1.0.12:40000", "10.1.0.2:9100")
		t.ISN = [2]uint32{uint32(i) * 70_000_000, uint32(i)*80_000_000 + 9}
		t.Open().Send(fwd, build.Text("print job", 9000)).Close(fwd)
	}
	// Half closed: the answer comes after the question's FIN.
	c = o.at(74*time.Second, time.Millisecond)
	t = c.TCP(o.from("10.1.0.11"), "198.51.100.43:43").Open()
	t.Send(fwd, []byte("example.org\r\n")).Fin(fwd, nil).Ack(rev)
	c.After(120 * time.Millisecond)
	t.Send(rev, build.Text("whois", 2300)).Fin(rev, nil).Ack(fwd)
	t.Flow.State, t.Flow.EndReason = "SF", "fin"
}

func (o *office) ipv6() {
	o.resolve(44*time.Second, "10.1.0.9", "www.example.com", "2001:db8:1::80")
	for i := range 3 {
		c := o.at(time.Duration(44100+900*i)*time.Millisecond, 300*time.Microsecond)
		t := c.TCP(o.from("[2001:db8:a::9]"), "[2001:db8:1::80]:80").Open()
		t.Send(fwd, request(t, "GET", "www.example.com", fmt.Sprintf("/v6/%d", i), "", ""))
		c.After(18 * time.Millisecond)
		t.Send(rev, response(t, 200, "OK", "text/html", build.Text("six", 12_000))).Close(fwd)
	}
	o.tls(47*time.Second, "tls13_pq", "[2001:db8:a::7]", "[2001:db8:113::10]:443", 800, 240_000)
	u := o.at(48*time.Second, 12*time.Millisecond).UDP(o.from("[2001:db8:a::9]"), "[2001:db8:a::1]:53")
	lookup(u, 4711, "www.example.com.", "2001:db8:1::80")
	hop := build.Extension{Type: 0, Body: []byte{5, 2, 0, 0, 1, 0}}
	web(o.at(49*time.Second, time.Millisecond), o.from("[2001:db8:a::9]"), "[2001:db8:1::81]:80", build.Extensions(hop))
	p := o.at(50*time.Second, 7*time.Millisecond).ICMP("[2001:db8:a::9]:128", "[2001:db8:1::80]:129")
	for i := range uint16(5) {
		p.Echo(0x99, i, build.Text("ping", 56), true)
	}
	u = o.at(51*time.Second, time.Millisecond).UDP(o.from("[2001:db8:a::9]"), "[2001:db8:1::99]:4500")
	p6 := u.Cut(fwd, build.Text("large datagram", 3900), 1400, 2800)
	u.Put(fwd, p6[2], p6[0], p6[1])
}

func (o *office) tunnels() {
	vlan := build.VLAN(20)
	for i := range 3 {
		c := o.at(time.Duration(54+i)*time.Second, 400*time.Microsecond)
		t := c.TCP(o.from("10.20.0.31"), "10.20.0.2:80", vlan).Open()
		t.Send(fwd, request(t, "GET", "phones.example", "/provision.xml", "", ""))
		t.Send(rev, response(t, 200, "OK", "text/xml", build.Text("phone", 3000))).Close(rev)
	}
	lookup(o.at(54*time.Second, 3*time.Millisecond).UDP(o.from("10.20.0.31"), "10.20.0.1:53", vlan), 99, "phones.example.", "10.20.0.2")
	web(o.at(57*time.Second, time.Millisecond), o.from("10.30.0.5"), "10.30.0.6:80", build.VLAN(300, 42))

	for i, way := range []build.Option{
		build.VXLAN("192.0.2.11", "192.0.2.12", 5001),
		build.Geneve("192.0.2.11", "192.0.2.13", 6001),
		build.GRE("192.0.2.21", "192.0.2.22", 77),
		build.IPIP("192.0.2.31", "192.0.2.32"),
		build.MPLS(16001, 24017),
		build.GTPU("192.0.2.41", "192.0.2.42", 0xc0ffee),
		build.PPPoE(17),
	} {
		d := time.Duration(60+3*i) * time.Second
		a, b := fmt.Sprintf("172.16.%d.5", i), fmt.Sprintf("172.16.%d.80:80", i)
		web(o.at(d, 800*time.Microsecond), o.from(a), b, way)
		lookup(o.at(d-time.Second, 2*time.Millisecond).UDP(o.from(a), fmt.Sprintf("172.16.%d.53:53", i), way), uint16(3000+i), "inside.example.", b[:len(b)-3])
	}
	o.tls(82*time.Second, "tls13_small", "172.16.0.9", "172.16.0.25:993", 200, 30_000, build.VXLAN("192.0.2.11", "192.0.2.12", 5001))
}

func (o *office) datagrams() {
	// A DNS answer in three fragments, the last first.
	u := o.at(85*time.Second, 2*time.Millisecond).UDP(o.from("10.1.0.11"), "10.1.0.1:53")
	ask(u, 600, "large.example.", dnsmessage.TypeTXT)
	u.Flow.Say(rev, "dns", map[string]any{"id": 600, "rcode": 0})
	p := u.Cut(rev, answer(600, "large.example.", dnsmessage.TypeTXT, 0, manyTexts), 1200, 2400)
	slices.Reverse(p)
	u.Put(rev, p...)

	// One whose end never comes.
	u = o.at(87*time.Second, time.Millisecond).UDP("10.1.0.5:2049", "10.1.0.2:790")
	u.Put(fwd, u.Cut(fwd, build.Text("reply", 4000), 1480, 2960)[:2]...)

	ntp := append([]byte{0x23, 0, 6, 0xec}, make([]byte, 44)...)
	for i := range 3 {
		u = o.at(time.Duration(20+64*i)*time.Second, 15*time.Millisecond).UDP(o.from("10.1.0.9"), "198.51.100.123:123")
		u.Send(fwd, ntp).Send(rev, append([]byte{0x24, 1}, ntp[2:]...))
	}
	u = o.at(30*time.Second, 4*time.Second).UDP("10.1.0.5:50514", "10.1.0.2:514")
	for i := range 15 {
		u.Send(fwd, fmt.Appendf(nil, "<30>1 2024-03-01T12:00:%02dZ door.example lock - - - badge %d ok", 30+2*i, 4000+i))
	}
	ask(o.at(39*time.Second, 0).UDP("10.1.0.9:5353", "224.0.0.251:5353"), 0, "_ipp._tcp.local.", dnsmessage.TypePTR)

	ping := o.at(15*time.Second, 6*time.Millisecond)
	i := ping.ICMP("10.1.0.5:8", "203.0.113.10:0")
	for n := range uint16(20) {
		i.Echo(0x1f, n, build.Text("ping", 56), n != 11)
		ping.After(988 * time.Millisecond)
	}
	c := o.at(90*time.Second, time.Millisecond)
	u = c.UDP(o.from("10.1.0.5"), "10.1.0.2:33434")
	u.Send(fwd, build.Text("traceroute", 32))
	quoted := slices.Clone(c.Frames()[0].Data[14:][:28])
	c.ICMP("10.1.0.2:3", "10.1.0.5:3").Send(fwd, 3, 3, append(make([]byte, 4), quoted...))
	s := o.at(91*time.Second, 5*time.Millisecond).SCTP(o.from("10.1.0.5"), "10.1.0.6:3868")
	for n := range 4 {
		s.Chunk(build.Side(n%2), 0x77, 0, 3, append([]byte{0, 0, 0, byte(n), 0, 0, 0, 0, 0, 0, 0, 0}, build.Text("diameter", 200)...))
	}
}

// link is what is no IP, and one frame that only claims to be.
func (o *office) link() {
	for i := range 12 {
		c := o.at(time.Duration(2+17*i)*time.Second, 400*time.Microsecond)
		question, reply := bytes.Clone(arp), bytes.Clone(arp)
		question[41], reply[31], reply[21] = byte(5+i), byte(5+i), 2
		c.Dropped("arp", question, 0)
		c.Dropped("arp", reply, 0)
	}
	for i := range 7 {
		o.at(time.Duration(6+30*i)*time.Second, 0).Dropped("non_ip", lldp, 0)
	}
	short := ether(0x0800, []byte{0x42, 0, 0, 60, 0, 1, 0, 0, 64, 6, 0, 0, 10, 1, 0, 66, 10, 1, 0, 2, 0, 0, 0, 0})
	o.at(59*time.Second, 0).Dropped("malformed_ip", short, 0) // header length of 8
}

// middle is what began before the capture.
func (o *office) middle() {
	c := o.at(200*time.Millisecond, 2*time.Millisecond)
	t := c.TCP("10.1.0.10:50110", "198.51.100.44:443")
	for i := range 12 {
		t.Send(build.Side((i+1)%2), cipher(200+700*(i%3)))
		c.After(1300 * time.Millisecond)
	}
	t.Flow.State = "OTH"

	c = o.at(700*time.Millisecond, time.Millisecond)
	t = c.TCP("10.1.0.11:50222", "10.1.0.2:80")
	t.Send(rev, build.Text("the rest of a page", 5000))
	t.Send(fwd, request(t, "GET", "intranet.example", "/favicon.ico", "", ""))
	t.Send(rev, response(t, 200, "OK", "image/png", build.Text("icon", 700))).Close(rev)
}

func (o *office) scan() {
	for i := range 30 {
		t := o.at(100*time.Second+time.Duration(i)*40*time.Millisecond, time.Millisecond).TCP("10.1.0.66:61234", addr("10.1.0.4", 20+i*3))
		t.Packet(fwd, build.SYN, -1, nil)
		t.Flow.State = "S0"
		if i%2 == 0 {
			t.Reset(rev)
			t.Flow.State = "REJ"
		}
	}
}

// heartbeat is a connection of 70 minutes, longer than the active timeout.
func (o *office) heartbeat() {
	c := o.at(4*time.Second, 3*time.Millisecond)
	t := c.TCP(o.from("10.1.0.6"), "198.51.100.90:1883").Open()
	t.Send(fwd, []byte("\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04demo")).Send(rev, []byte{0x20, 2, 0, 0})
	for i := range 70 {
		c.At(4*time.Second + time.Duration(i+1)*time.Minute)
		t.Send(fwd, []byte{0xc0, 0}).Send(rev, []byte{0xd0, 0}) // PINGREQ, PINGRESP
		if i%10 == 5 {
			t.Send(fwd, append([]byte{0x30, 29, 0, 4, 't', 'e', 'm', 'p'}, fmt.Appendf(nil, `{"celsius":%02d.5,"n":%02d}`, 18+i%9, i)...))
		}
	}
	t.Close(fwd)
	t.Flow.Note = "longer than the active timeout: interim records"
}
