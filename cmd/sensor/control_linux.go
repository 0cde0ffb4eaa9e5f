package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"flowscope/sensor"
	"flowscope/userspace/export/jsonl"
	"flowscope/userspace/export/table"
)

// A running sensor answers at a Unix socket whose name is not in the file
// system, so that it is gone with the process however that ends.
const controlPrefix = "@flowscope/"

// answerTime is how long an exchange may take.
const answerTime = 5 * time.Second

func controlName(pid int) *net.UnixAddr {
	return &net.UnixAddr{Net: "unix", Name: controlPrefix + strconv.Itoa(pid)}
}

// control answers questions about the books of this process, one at a time.
type control struct {
	listener *net.UnixListener
	asks     chan func(sensor.Ledger)
}

// newControl listens. A sensor that cannot, watches nevertheless.
func newControl(log *slog.Logger) *control {
	c := &control{asks: make(chan func(sensor.Ledger))}
	l, err := net.ListenUnix("unix", controlName(os.Getpid()))
	if err != nil {
		log.Warn("sensor stats will not work", "error", err)
		return c
	}
	c.listener = l
	go c.serve()
	return c
}

func (c *control) close() {
	if c.listener != nil {
		c.listener.Close()
	}
}

func (c *control) serve() {
	for {
		conn, err := c.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many files
			time.Sleep(100 * time.Millisecond)
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(answerTime))
		_ = c.answer(conn)
		conn.Close()
	}
}

// answer serves one connection.
func (c *control) answer(conn *net.UnixConn) error {
	if err := checkPeer(conn); err != nil {
		return err
	}
	var q question
	if err := json.NewDecoder(io.LimitReader(conn, 1024)).Decode(&q); err != nil {
		return err
	}
	books := make(chan sensor.Ledger, 1)
	late := time.After(answerTime)
	select {
	case c.asks <- func(l sensor.Ledger) { books <- l }:
	case <-late:
		return os.ErrDeadlineExceeded
	}
	var text bytes.Buffer
	select {
	case l := <-books:
		if err := q.write(&text, &l); err != nil {
			return err
		}
	case <-late:
		return os.ErrDeadlineExceeded
	}
	_, err := conn.Write(text.Bytes())
	return err
}

// write writes books as they were asked for.
func (q *question) write(w io.Writer, l *sensor.Ledger) error {
	if !q.JSON {
		return table.Books(w, l, table.Options{Width: min(max(q.Width, 0), 1000), Color: q.Color})
	}
	s := jsonl.New(w, jsonl.Options{})
	return errors.Join(s.Ledger(l), s.Close())
}

// checkPeer lets nobody in, and believes nobody, but root and this user.
func checkPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	if cerr := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); cerr != nil {
		return cerr
	}
	switch {
	case err != nil:
		return err
	case peer.Uid != 0 && int(peer.Uid) != os.Geteuid():
		return fmt.Errorf("the process there is of user %d: %w", peer.Uid, os.ErrPermission)
	}
	return nil
}

// runningSensors returns the process ids of the sensors in this network
// namespace.
func runningSensors() (pids []int, err error) {
	b, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	seen := map[int]bool{}
	for line := range strings.Lines(string(b)) {
		_, name, found := strings.Cut(strings.TrimSpace(line), " "+controlPrefix)
		if pid, err := strconv.Atoi(name); found && err == nil && !seen[pid] {
			seen[pid] = true // connections to it have lines, too
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// askSensor writes what a sensor answers.
func askSensor(pid int, q question, w io.Writer) error {
	conn, err := net.DialUnix("unix", nil, controlName(pid))
	if errors.Is(err, unix.ECONNREFUSED) {
		return errors.New("there is none in this network namespace")
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(answerTime + time.Second))
	if err := checkPeer(conn); err != nil {
		return err
	}
	if err := json.NewEncoder(conn).Encode(q); err != nil {
		return err
	}
	n, err := io.Copy(w, conn)
	if err == nil && n == 0 || errors.Is(err, unix.ECONNRESET) {
		return errors.New("it did not answer: only root and its own user may ask, and it must not be ending")
	}
	return err
}
