package quic

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestKeys has the examples of RFC 9001, A.1, and RFC 9369, A.1.
func TestKeys(t *testing.T) {
	dcid := unhex(t, "8394c8f03e515708")
	for _, tt := range []struct {
		version Version
		side    sensor.Side
		iv      string
	}{
		{Version1, sensor.Initiator, "fa044b2f42a3fd3b46fb255c"},
		{Version1, sensor.Responder, "0ac1493ca1905853b0bba03e"},
		{Version2, sensor.Initiator, "91f73e2351d8fa91660e909f"},
		{Version2, sensor.Responder, "dd13c276499c0249d3310652"},
	} {
		if got := hex.EncodeToString(func() []byte { o := newOpener(tt.version, dcid, tt.side); return o.iv[:] }()); got != tt.iv {
			t.Errorf("%v of the %v: iv %s, want %s", tt.version, tt.side, got, tt.iv)
		}
	}
}

// TestRetryTag has the examples of RFC 9001, A.4, and RFC 9369, A.4.
func TestRetryTag(t *testing.T) {
	dcid := unhex(t, "8394c8f03e515708")
	for _, s := range []string{
		"ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba",
		"cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6",
	} {
		b := unhex(t, s)
		h, ok := readLong(b)
		if d := (&decoder{}); !ok || h.kind != retry || !d.sealed(&h, dcid) {
			t.Errorf("%s is not sealed for %x", s, dcid)
		}
		b[len(b)-1]++
		if d := (&decoder{}); d.sealed(&h, dcid) {
			t.Error("a tag that was changed is taken")
		}
	}
}

func TestFullNumber(t *testing.T) {
	for _, tt := range []struct {
		largest, low int64
		size         int
		want         int64
	}{
		{-1, 0, 1, 0}, {-1, 5, 4, 5}, {0xa82f30ea, 0x9b32, 2, 0xa82f9b32}, {255, 0, 1, 256}, {256, 255, 1, 255}, {-1, 0xff, 1, 0xff},
	} {
		if got := fullNumber(tt.largest, tt.low, tt.size); got != tt.want {
			t.Errorf("fullNumber(%#x, %#x, %d) = %#x, want %#x", tt.largest, tt.low, tt.size, got, tt.want)
		}
	}
}

// play gives datagrams to a parser and returns what it says.
func play(datagrams ...[]byte) (out []string) { return playTo(Protocol().NewDatagram(), datagrams...) }

// playTo takes datagrams whose first byte says who sends them: "<" the server,
// ">" the client.
func playTo(p sensor.DatagramParser, datagrams ...[]byte) (out []string) {
	for i, b := range datagrams {
		s := sensor.Segment{Time: sensortest.Start + sensor.Timestamp(i)*1e6, Data: b[1:]}
		if b[0] == '<' {
			s.Side = sensor.Responder
		}
		err := p.Parse(s, func(m sensor.Message) {
			switch m := m.(type) {
			case *ClientHello:
				out = append(out, fmt.Sprintf("client %s retry=%v packets=%d token=%d", m.SNI, m.Retry, m.Packets, m.TokenBytes))
			case *ServerHello:
				out = append(out, fmt.Sprintf("server %s %v", m.Kind, m.RTT))
			case *Retry:
				out = append(out, fmt.Sprintf("retry %s %d", m.SCID, m.TokenBytes))
			case *VersionNegotiation:
				out = append(out, fmt.Sprintf("versions %v asked %v", m.Versions, m.Asked))
			case *Close:
				out = append(out, fmt.Sprintf("close %s %q", m.Reason, m.Text))
			}
		})
		if err == sensor.ErrDone {
			return append(out, "done")
		}
		if err != nil {
			out = append(out, err.Error())
		}
	}
	return out
}

func from(side byte, packets ...[]byte) []byte {
	return append([]byte{side}, bytes.Join(packets, nil)...)
}

var (
	cidA = []byte("AAAAAAAA")
	cidB = []byte("BBBBBBBB")
	cidC = []byte("client")
	cidS = []byte("server")
)

func client(number int64, frames ...[]byte) packet {
	return packet{version: Version1, dcid: cidA, scid: cidC, number: number, frames: bytes.Join(frames, nil), pad: 1200}
}

func server(number int64, frames ...[]byte) packet {
	return packet{version: Version1, odcid: cidA, side: sensor.Responder, dcid: cidC, scid: cidS, number: number, frames: bytes.Join(frames, nil)}
}

// sealRetry makes a Retry packet as a server would.
func sealRetry(odcid, scid []byte, token string) []byte {
	b := append(long(Version1, retry, cidC, scid), token...)
	o := suiteV1
	g := gcmOf(o.retryKey)
	return append(b, g.Seal(nil, o.once, nil, append(append([]byte{byte(len(odcid))}, odcid...), b...))...)
}

func TestConversations(t *testing.T) {
	hello := clientHello("www.example.test", 1, 100)
	long2 := clientHello("long.example.test", 2, 3000)
	answer := cryptoFrame(0, serverHello(false))
	junk := bytes.Repeat([]byte{0x55}, 60)
	zero := append(append(long(Version1, zeroRTT, cidA, cidC), 0x40, 60), junk...)
	sealedHandshake := append(append(long(Version1, handshake, cidC, cidS), 0x40, 60), junk...)
	version := func(p packet, v Version) packet { p.version = v; return p }
	to := func(p packet, dcid []byte) packet { p.dcid = dcid; return p }
	keyed := func(p packet, odcid []byte) packet { p.odcid = odcid; return p }
	whole := "client www.example.test retry=false packets=1 token=0"
	cut := func(ranges ...int) (frames []byte) {
		for i := 0; i < len(ranges); i += 2 {
			frames = append(frames, cryptoFrame(uint64(ranges[i]), long2[ranges[i]:min(ranges[i+1], len(long2))])...)
			frames = append(frames, framePing, framePadding, framePadding)
		}
		return frames
	}
	for name, tt := range map[string]struct {
		datagrams [][]byte
		want      []string
	}{
		"client and server": {
			[][]byte{from('>', client(0, cryptoFrame(0, hello)).seal()), from('<', server(0, []byte{2, 0, 0, 0, 0}, answer).seal(), sealedHandshake)},
			[]string{whole, "server server_hello 1ms", "done"}},
		"version 2": {
			[][]byte{from('>', version(client(0, cryptoFrame(0, hello)), Version2).seal()), from('<', version(server(0, answer), Version2).seal())},
			[]string{whole, "server server_hello 1ms", "done"}},
		"a server that goes over to version 2": {
			[][]byte{from('>', client(0, cryptoFrame(0, hello)).seal()), from('<', version(server(0, answer), Version2).seal())},
			[]string{whole, "server server_hello 1ms", "done"}},
		"a hello over three packets, in disorder": {
			[][]byte{from('>', client(2, cut(2000, 9999)).seal()), from('>', client(0, cut(0, 1000)).seal()), from('>', client(1, cut(1000, 2000)).seal())},
			[]string{"client long.example.test retry=false packets=3 token=0"}},
		"pieces in any order, twice, overlapping": {
			[][]byte{from('>', client(0, cut(700, 800, 5, 40, 0, 6, 39, 300, 100, 720, 700, 800)).seal()),
				from('>', client(1, cut(1500, 2500, 0, 10)).seal()), from('>', client(2, cut(2400, 9999, 790, 1600)).seal())},
			[]string{"client long.example.test retry=false packets=3 token=0"}},
		"two Initial packets in one datagram": {
			[][]byte{from('>', client(0, cut(0, 1000)).seal(), client(1, cut(1000, 9999)).seal())},
			[]string{"client long.example.test retry=false packets=2 token=0"}},
		"0-RTT before and behind": {
			[][]byte{from('>', zero), from('>', client(0, cryptoFrame(0, hello)).seal(), zero)},
			[]string{whole}},
		"a packet that was lost": {
			[][]byte{from('>', client(0, cut(0, 1000)).seal()), from('>', client(2, cut(2000, 9999)).seal()), from('<', server(0, answer).seal())},
			[]string{"server server_hello 0s"}},
		"the server's answer was captured before a part of the hello": {
			[][]byte{from('>', client(0, cut(0, 1000)).seal()), from('<', server(0, answer).seal()), from('>', client(1, cut(1000, 9999)).seal())},
			[]string{"server server_hello 0s", "client long.example.test retry=false packets=2 token=0", "done"}},
		"a packet that was sent again": {
			[][]byte{from('>', client(0, cryptoFrame(0, hello)).seal()), from('>', client(1, cryptoFrame(0, hello)).seal())},
			[]string{whole}},
		"the client uses the server's connection id": {
			[][]byte{from('>', client(0, cut(0, 1000)).seal()), from('<', server(0, []byte{2, 0, 0, 0, 0}).seal()),
				from('>', keyed(to(client(1, cut(1000, 9999)), cidS), cidA).seal())},
			[]string{"client long.example.test retry=false packets=2 token=0"}},
		"Retry": {
			[][]byte{from('>', client(0, cryptoFrame(0, hello)).seal()), from('<', sealRetry(cidA, cidB, "token")),
				from('>', func() packet { p := to(client(1, cryptoFrame(0, hello)), cidB); p.token = []byte("token"); return p }().seal()),
				from('<', keyed(server(0, answer), cidB).seal())},
			[]string{whole, "retry 4242424242424242 5", "server server_hello 3ms", "done"}},
		"Retry while the hello is not complete": {
			[][]byte{from('>', client(0, cut(0, 1000)).seal()), from('<', sealRetry(cidA, cidB, "t")),
				from('>', to(client(1, cut(0, 1000)), cidB).seal()), from('>', to(client(2, cut(1000, 9999)), cidB).seal())},
			[]string{"retry 4242424242424242 1", "client long.example.test retry=false packets=2 token=0"}},
		"Retry of somebody else": {
			[][]byte{from('>', client(0, cryptoFrame(0, hello)).seal()), from('<', sealRetry(cidB, cidB, "token"))},
			[]string{whole}},
		"HelloRetryRequest": {
			[][]byte{from('>', client(0, cryptoFrame(0, hello)).seal()), from('<', server(0, cryptoFrame(0, serverHello(true))).seal()),
				from('>', client(1, cryptoFrame(uint64(len(hello)), hello)).seal()),
				from('<', server(1, cryptoFrame(uint64(len(serverHello(true))), serverHello(false))).seal())},
			[]string{whole, "server hello_retry_request 1ms", "client www.example.test retry=true packets=1 token=0", "server server_hello 1ms", "done"}},
		"version negotiation": {
			[][]byte{from('>', append(long(0x1a2a3a4a, initial, cidA, cidC), make([]byte, 1200)...)),
				from('<', append(long(0, initial, cidC, cidA), 0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf, 0xff, 0, 0, 29)),
				from('>', client(0, cryptoFrame(0, hello)).seal())},
			[]string{"versions [QUIC v1 QUIC v2 0xff00001d] asked 0x1a2a3a4a", whole}},
		"version negotiation of somebody else": {
			[][]byte{from('>', client(0, cryptoFrame(0, hello)).seal()), from('<', append(long(0, initial, cidC, cidB), 0, 0, 0, 1))},
			[]string{whole}},
		"a server that refuses": {
			[][]byte{from('>', client(0, cryptoFrame(0, hello)).seal()), from('<', server(0, []byte{frameClose, 0x41, 0x78, 6, 2, 'n', 'o'}).seal())},
			[]string{whole, `close CRYPTO_ERROR no_application_protocol "no"`}},
		"a second connection on the same ports": {
			[][]byte{from('>', client(0, cryptoFrame(0, hello)).seal()), from('>', to(client(0, cryptoFrame(0, clientHello("b.test", 9, 0))), cidB).seal())},
			[]string{whole, "client b.test retry=false packets=1 token=0"}},
		"two versions of the same bytes": {
			[][]byte{from('>', client(0, cut(0, 1000)).seal()), from('>', client(1, cryptoFrame(50, []byte("other")), cut(1000, 9999)).seal())},
			[]string{"quic: at offset 0: client hello has two versions of the same bytes"}},
		"a hello that is too long": {
			[][]byte{from('>', client(0, cryptoFrame(0, []byte{1, 0, 0x40, 0, 3})).seal()), from('>', client(1, cryptoFrame(5, []byte{3})).seal())},
			[]string{"quic: at offset 0: client hello is longer than 16 KiB"}},
		"an offset that is too far": {
			[][]byte{from('>', client(0, cryptoFrame(1<<62-1, []byte{1})).seal())},
			[]string{"quic: at offset 0: client hello is longer than 16 KiB"}},
		"no hello": {
			[][]byte{from('>', client(0, cryptoFrame(0, []byte{11, 0, 0, 0})).seal())},
			[]string{"quic: at offset 0: client handshake does not begin with a hello"}},
		"a frame of streams": {
			[][]byte{from('>', client(0, []byte{8, 0, 0}).seal())},
			[]string{"quic: at offset 0: a frame that does not belong in an Initial packet, or is cut short"}},
		"the server's packets with the client's keys": {
			[][]byte{from('>', client(0).seal()), from('<', client(0, cryptoFrame(0, hello)).seal())}, nil},
		"no QUIC at all": {
			[][]byte{from('>', bytes.Repeat([]byte{0xff}, 50))}, []string{"quic: at offset 0: this is no packet of QUIC"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := play(tt.datagrams...); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestDisorder gives a client's packets in any order, some of them lost or
// doubled: the name is the right one or none, and told once if all came.
func TestDisorder(t *testing.T) {
	hello := clientHello("www.example.test", 1, 2500)
	rapid.Check(t, func(t *rapid.T) {
		var frames [4][]byte
		for at := 0; at < len(hello); {
			n := rapid.IntRange(1, 400).Draw(t, "size")
			i := rapid.IntRange(0, len(frames)-1).Draw(t, "packet")
			frames[i] = append(frames[i], cryptoFrame(uint64(at), hello[at:min(at+n, len(hello))])...)
			frames[i] = append(frames[i], make([]byte, rapid.IntRange(0, 5).Draw(t, "padding"))...)
			at += n
		}
		var datagrams [][]byte
		come := map[int]bool{}
		for range rapid.IntRange(0, 8).Draw(t, "datagrams") {
			i := rapid.IntRange(0, len(frames)-1).Draw(t, "which")
			come[i] = true
			datagrams = append(datagrams, from('>', client(int64(i), frames[i]).seal()))
		}
		all := true
		for i := range frames {
			all = all && (come[i] || len(frames[i]) == 0)
		}
		got := play(datagrams...)
		if all && len(got) != 1 || !all && len(got) != 0 || all && !strings.HasPrefix(got[0], "client www.example.test ") {
			t.Fatalf("%q, and all came: %v", got, all)
		}
	})
}

// TestStream puts pieces together as a map of bytes does.
func TestStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message := clientHello("a.test", 7, rapid.IntRange(0, 900).Draw(t, "length"))
		var s stream
		have := map[uint64]bool{}
		got := []byte(nil)
		for i := 0; i < 400 && got == nil; i++ {
			at := rapid.IntRange(0, len(message)-1).Draw(t, "at")
			n := rapid.IntRange(1, 300).Draw(t, "n")
			if i > 300 {
				at, n = (i-301)*10, 10
			}
			if at >= len(message) {
				break
			}
			b := message[at:min(at+n, len(message))]
			if err := s.add(uint64(at), b); err != nil {
				t.Fatal(err)
			}
			for j := range b {
				have[uint64(at+j)] = true
			}
			if len(s.data) != len(have) {
				t.Fatalf("%d bytes are kept of %d", len(s.data), len(have))
			}
			m, err := s.message(nil, typeClientHello)
			if err != nil {
				t.Fatal(err)
			}
			if (len(m) > 0) != (len(have) == len(message)) {
				t.Fatalf("%d bytes came of %d, and the message has %d", len(have), len(message), len(m))
			}
			if len(m) > 0 && !bytes.Equal(m, message) {
				t.Fatal("the message is another one")
			}
		}
	})
}

func TestTranscripts(t *testing.T) {
	sensortest.Files(t, "testdata/*.transcript", Protocol())
}
