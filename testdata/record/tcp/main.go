// Command tcp records what two programs say to one another over TCP and writes it
// as a transcript of sensortest: it stands between them, on loopback, and passes
// on what each writes, piece by piece. It is not a capture: what the kernel makes
// of the pieces is not seen.
//
//	go run ./tcp LISTEN CONNECT FILE ABOUT [LIMIT]
//
// It takes one connection and ends with it. With a limit, only that many bytes of
// each side are written. The records of SSH, SMTP and Redis
// are made with it, by the record.sh of each parser.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

func main() {
	log.SetFlags(0)
	limit := 1 << 30
	if len(os.Args) == 6 {
		limit, _ = strconv.Atoi(os.Args[5])
	}
	if len(os.Args) < 5 || len(os.Args) > 6 || limit <= 0 {
		log.Fatal("usage: tcp LISTEN CONNECT FILE ABOUT [LIMIT]")
	}
	if err := record(os.Args[1], os.Args[2], os.Args[3], os.Args[4], limit); err != nil {
		log.Fatal(err)
	}
}

// tape is the transcript, as it is written by both directions.
type tape struct {
	mu   sync.Mutex
	text bytes.Buffer
	last time.Time
}

func record(listen, connect, file, about string, limit int) error {
	for _, address := range []string{listen, connect} {
		if host, _, err := net.SplitHostPort(address); err != nil || !net.ParseIP(host).IsLoopback() {
			return fmt.Errorf("%s is no address and port of loopback", address)
		}
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	client, err := l.Accept()
	if err != nil {
		return err
	}
	_ = l.Close()
	server, err := net.Dial("tcp", connect)
	if err != nil {
		return err
	}
	t := &tape{last: time.Now()}
	fmt.Fprintf(&t.text, "# Recorded by record.sh: %s\nstream\n", about)
	var wg sync.WaitGroup
	for side, c := range map[string][2]net.Conn{">": {client, server}, "<": {server, client}} {
		wg.Go(func() { t.pass(side, c[0], c[1], limit) })
	}
	wg.Wait()
	return os.WriteFile(file, t.text.Bytes(), 0o644)
}

// pass copies one direction.
func (t *tape) pass(side string, from, to net.Conn, limit int) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if k := min(n, limit); k > 0 {
				t.note(side, buf[:k])
				limit -= k
			}
			if _, err := to.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			end := "abort"
			if err == io.EOF {
				end = "eof"
			}
			t.mu.Lock()
			t.time()
			fmt.Fprintln(&t.text, side, end)
			t.mu.Unlock()
			break
		}
	}
	if c, ok := to.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
}

// time writes what has passed since the last entry.
func (t *tape) time() {
	now := time.Now()
	if us := now.Sub(t.last).Microseconds(); us > 0 {
		fmt.Fprintf(&t.text, "+%dus\n", us)
	}
	t.last = now
}

// note writes what was said: text in lines, other bytes in hexadecimal.
func (t *tape) note(side string, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.time()
	for _, line := range bytes.SplitAfter(b, []byte("\n")) {
		for len(line) > 0 {
			n := min(len(line), 120)
			piece := strconv.QuoteToASCII(string(line[:n]))
			if !printable(line[:n]) {
				n = min(len(line), 40)
				piece = fmt.Sprintf("%x", line[:n])
			}
			fmt.Fprintln(&t.text, side, piece)
			side, line = " ", line[n:]
		}
	}
}

func printable(b []byte) bool {
	for _, c := range b {
		if c >= 0x7f || c < ' ' && c != '\r' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}
