package main

import (
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"flowscope/sensor"
	"flowscope/userspace/live"
)

// notify tells the service manager how the process is, where one asked for it:
// sd_notify(3). What it does not hear it finds out by waiting.
func notify(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"}) // "@" is an abstract one, in Go too
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}

// watched is a live Source that knows whether it is read.
type watched struct {
	*live.Source
	reads atomic.Uint64
}

// Read implements sensor.Source. Ticks come several times a second where
// nothing else does.
func (w *watched) Read(r *sensor.Record) error {
	w.reads.Add(1)
	return w.Source.Read(r)
}

// keepAlive tells the service manager that packets are being read, until done is
// closed, where it has a watchdog: sd_watchdog_enabled(3). A pipeline that
// stands still says nothing, and is restarted.
func (w *watched) keepAlive(done <-chan struct{}) {
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if pid := os.Getenv("WATCHDOG_PID"); err != nil || usec <= 0 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return
	}
	tick := time.NewTicker(time.Duration(usec) * time.Microsecond / 2)
	defer tick.Stop()
	for last := uint64(0); ; {
		select {
		case <-done:
			return
		case <-tick.C:
			if n := w.reads.Load(); n != last {
				last = n
				notify("WATCHDOG=1")
			}
		}
	}
}
