// Command quic records the transcripts of parsers/quic: what two QUIC
// implementations in Go (quic-go, and golang.org/x/net/quic) say to themselves
// over the loopback. Keys and randoms are new each time.
//
//	(cd testdata/record && go run ./quic ../../parsers/quic/testdata)
//
// Afterwards, SENSORTEST_UPDATE=1 go test writes what the parser makes of it;
// read the difference.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	quicgo "github.com/quic-go/quic-go"
	xquic "golang.org/x/net/quic"
)

// kept is how many datagrams of a conversation are kept, and keptBytes how many
// bytes of them: the handshake is over by then.
const (
	kept      = 12
	keptBytes = 9000
)

const name = "shop.example.test"

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: quic DIRECTORY")
	}
	v1, v2 := []quicgo.Version{quicgo.Version1}, []quicgo.Version{quicgo.Version2}
	both := []quicgo.Version{quicgo.Version2, quicgo.Version1}
	for _, c := range []conversation{
		{file: "quicgo", about: "version 1, a hello in two packets", versions: v1},
		{file: "quicgo_v2", about: "version 2", versions: v2},
		{file: "quicgo_retry", about: "a Retry", versions: v1, retry: true},
		{file: "quicgo_versions", about: "a server without version 2", versions: both, offered: v1},
		{file: "quicgo_refused", about: "no protocol in common", versions: v1, protocol: "other"},
		{file: "quicgo_hello_retry", about: "a HelloRetryRequest", versions: v1, curves: []tls.CurveID{tls.CurveP384}},
		{file: "quicgo_early", about: "a resumed session with 0-RTT", versions: v1, early: true},
	} {
		c.write(os.Args[1], module("github.com/quic-go/quic-go"), c.record())
	}
	c := conversation{file: "xnet", about: "version 1"}
	c.write(os.Args[1], module("golang.org/x/net")+" (quic)", recordX())
}

// module returns a module's path and version.
func module(path string) string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == path {
			return path + " " + m.Version
		}
	}
	return path
}

type conversation struct {
	file, about       string
	versions, offered []quicgo.Version
	retry, early      bool
	protocol          string
	curves            []tls.CurveID
}

// datagram is what one side sent.
type datagram struct {
	side byte
	time time.Time
	data []byte
}

// tape is what both sides sent, in order.
type tape struct {
	mu   sync.Mutex
	list []datagram
}

// end is a socket that writes down what it sends.
type end struct {
	net.PacketConn
	tape *tape
	side byte
}

func (e end) WriteTo(b []byte, a net.Addr) (int, error) {
	e.tape.mu.Lock()
	e.tape.list = append(e.tape.list, datagram{e.side, time.Now(), append([]byte(nil), b...)})
	e.tape.mu.Unlock()
	return e.PacketConn.WriteTo(b, a)
}

func (t *tape) socket(side byte) end {
	p, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	return end{p, t, side}
}

func (c *conversation) record() *tape {
	t := &tape{}
	cert, pool := certificate()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	offered := c.versions
	if c.offered != nil {
		offered = c.offered
	}
	server := &quicgo.Transport{Conn: t.socket('<')}
	if c.retry {
		server.VerifySourceAddress = func(net.Addr) bool { return true }
	}
	l, err := server.ListenEarly(&tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h3"}, CurvePreferences: c.curves},
		&quicgo.Config{Versions: offered, Allow0RTT: true})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for {
			conn, err := l.Accept(ctx)
			if err != nil {
				return
			}
			if s, err := conn.AcceptStream(ctx); err == nil {
				_, _ = io.Copy(s, s)
				_ = s.Close()
			}
		}
	}()
	config := &tls.Config{RootCAs: pool, ServerName: name, NextProtos: []string{"h3"}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	if c.protocol != "" {
		config.NextProtos = []string{c.protocol}
	}
	address := server.Conn.LocalAddr()
	say := func(t *tape) {
		client := &quicgo.Transport{Conn: t.socket('>')}
		conn, err := client.DialEarly(ctx, address, config, &quicgo.Config{Versions: c.versions})
		if err != nil {
			log.Printf("%s: %v", c.file, err)
			return
		}
		s, err := conn.OpenStreamSync(ctx)
		if err != nil {
			log.Printf("%s: %v", c.file, err)
			return
		}
		fmt.Fprintln(s, "hello")
		_ = s.Close()
		_, _ = io.ReadAll(s)
		time.Sleep(50 * time.Millisecond) // for the session ticket
		_ = conn.CloseWithError(0, "")
	}
	if c.early {
		say(&tape{})
		t.mu.Lock()
		t.list = nil
		t.mu.Unlock()
	}
	say(t)
	t.mu.Lock()
	defer t.mu.Unlock()
	return &tape{list: t.list}
}

// recordX records golang.org/x/net/quic.
func recordX() *tape {
	t := &tape{}
	cert, pool := certificate()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var ends [2]*xquic.Endpoint
	var sockets [2]end
	server := &xquic.Config{TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS13}}
	for i, config := range []*xquic.Config{nil, server} {
		sockets[i] = t.socket("><"[i])
		var err error
		if ends[i], err = xquic.NewEndpoint(sockets[i], config); err != nil {
			log.Fatal(err)
		}
	}
	go func() { _, _ = ends[1].Accept(ctx) }()
	conn, err := ends[0].Dial(ctx, "udp4", sockets[1].LocalAddr().String(), &xquic.Config{
		TLSConfig: &tls.Config{RootCAs: pool, ServerName: name, NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS13}})
	if err != nil {
		log.Fatal(err)
	}
	_ = conn.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	return &tape{list: t.list}
}

func (c *conversation) write(folder, program string, t *tape) {
	var b strings.Builder
	fmt.Fprintf(&b, "# Recorded by testdata/record/quic with %s: %s.\ndatagram\n", program, c.about)
	bytes := 0
	for i, d := range t.list {
		if bytes += len(d.data); i >= kept || bytes > keptBytes {
			break
		}
		if i > 0 {
			if gap := d.time.Sub(t.list[i-1].time).Round(time.Microsecond); gap > 0 {
				fmt.Fprintf(&b, "+%v\n", gap)
			}
		}
		side := string(d.side)
		for at := 0; at < len(d.data); at += 48 {
			fmt.Fprintf(&b, "%s %x\n", side, d.data[at:min(at+48, len(d.data))])
			side = " "
		}
	}
	if err := os.WriteFile(filepath.Join(folder, c.file+".transcript"), []byte(b.String()), 0o644); err != nil {
		log.Fatal(err)
	}
}

func certificate() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
