// Command record makes the files of testdata/captures/fixtures: real conversations of
// crypto/tls, net/http and golang.org/x/net/quic with themselves, in one
// process. It was run once; its output is not reproducible, because keys and
// randoms are fresh each time, and is committed. The generator only reads it.
//
//	(cd testdata/record && go run . ../captures/fixtures)
package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/quic"

	"flowscope/testdata/captures"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: record DIRECTORY")
	}
	for name, record := range map[string]func() (*captures.Fixture, error){
		"tls13_pq": func() (*captures.Fixture, error) { return https("shop.example", &tls.Config{}, &tls.Config{}) },
		"tls13_h2": func() (*captures.Fixture, error) {
			return https("cdn.example.net", &tls.Config{NextProtos: []string{"h2"}}, &tls.Config{})
		},
		"tls13_small": func() (*captures.Fixture, error) { return https("mail.example.org", &tls.Config{}, x25519()) },
		"tls13_retry": func() (*captures.Fixture, error) {
			return https("bank.example", &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP384}}, &tls.Config{})
		},
		"tls12": func() (*captures.Fixture, error) {
			return https("api.example.com", &tls.Config{MaxVersion: tls.VersionTLS12}, x25519())
		},
		"tls_refused": refused,
		"quic":        quicEcho,
	} {
		f, err := record()
		if err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		b, _ := json.MarshalIndent(f, "", " ") // a struct of strings and bytes
		if err := os.WriteFile(filepath.Join(os.Args[1], name+".json"), append(b, '\n'), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

func x25519() *tls.Config {
	return &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
}

// tape is what both ends of a conversation wrote, in order.
type tape struct {
	mu sync.Mutex
	captures.Fixture
}

func (t *tape) add(side int, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Flights = append(t.Flights, captures.Flight{Side: side, Data: append([]byte(nil), b...)})
}

type conn struct {
	net.Conn
	tape *tape
	side int
}

func (c conn) Write(b []byte) (int, error) {
	c.tape.add(c.side, b)
	return c.Conn.Write(b)
}

func certificate(name string) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Example"}},
		DNSNames:     []string{name},
		NotBefore:    time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2044, 1, 1, 0, 0, 0, 0, time.UTC),
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

// https records one request and response.
func https(name string, server, client *tls.Config) (*captures.Fixture, error) {
	cert, pool := certificate(name)
	server.Certificates = []tls.Certificate{cert}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &tape{}
	t.SNI = name
	srv := &http.Server{TLSConfig: server, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<html>%s</html>\n", strings.Repeat("Example. ", 200))
	})}
	if server.NextProtos == nil {
		srv.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	go srv.ServeTLS(side{listener, t}, "", "")
	client.RootCAs = pool
	client.ServerName = name
	transport := &http.Transport{
		TLSClientConfig:   client,
		ForceAttemptHTTP2: server.NextProtos != nil,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			c, err := net.Dial("tcp", listener.Addr().String())
			return conn{c, t, 0}, err
		},
	}
	res, err := (&http.Client{Transport: transport}).Get("https://" + name + "/index.html")
	if err != nil {
		return nil, err
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	t.Version, t.ALPN = tls.VersionName(res.TLS.Version), res.TLS.NegotiatedProtocol
	transport.CloseIdleConnections()
	time.Sleep(100 * time.Millisecond) // close_notify of both sides
	srv.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	return &t.Fixture, nil
}

type side struct {
	net.Listener
	tape *tape
}

func (l side) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return conn{c, l.tape, 1}, err
}

// refused records a handshake that the client ends with an alert, because it
// does not know the server's certificate. TLS 1.2, where alerts are readable.
func refused() (*captures.Fixture, error) {
	cert, _ := certificate("intranet.example")
	a, b := net.Pipe()
	t := &tape{}
	t.SNI, t.Version = "intranet.example", "TLS 1.2"
	go tls.Server(conn{b, t, 1}, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12}).Handshake()
	c := x25519()
	c.ServerName = t.SNI
	if err := tls.Client(conn{a, t, 0}, c).Handshake(); err == nil {
		return nil, fmt.Errorf("the handshake succeeded")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return &t.Fixture, nil
}

type packetConn struct {
	net.PacketConn
	tape *tape
	side int
}

func (c packetConn) WriteTo(b []byte, a net.Addr) (int, error) {
	c.tape.add(c.side, b)
	return c.PacketConn.WriteTo(b, a)
}

// quicEcho records a QUIC connection with one stream.
func quicEcho() (*captures.Fixture, error) {
	cert, pool := certificate("video.example.com")
	t := &tape{}
	t.SNI, t.Version, t.ALPN = "video.example.com", "QUIC v1", "h3"
	var ends [2]*quic.Endpoint
	var addr [2]net.Addr
	server := &quic.Config{TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS13}}
	for i, config := range []*quic.Config{nil, server} {
		p, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		addr[i] = p.LocalAddr()
		if ends[i], err = quic.NewEndpoint(packetConn{p, t, i}, config); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	go func() {
		c, err := ends[1].Accept(ctx)
		if err != nil {
			return
		}
		s, err := c.AcceptStream(ctx)
		if err != nil {
			return
		}
		line, _ := bufio.NewReader(s).ReadString('\n')
		fmt.Fprint(s, strings.Repeat(line, 40))
		s.Close()
	}()
	c, err := ends[0].Dial(ctx, "udp4", addr[1].String(), &quic.Config{TLSConfig: &tls.Config{RootCAs: pool, ServerName: t.SNI, NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS13}})
	if err != nil {
		return nil, err
	}
	s, err := c.NewStream(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(s, "not really HTTP/3")
	s.CloseWrite()
	io.ReadAll(s)
	c.Close()
	ends[0].Close(ctx)
	ends[1].Close(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	return &t.Fixture, nil
}
