//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/cilium/ebpf"
)

// waiter waits for any of the rings, or to be woken.
type waiter struct {
	epoll int
	pipe  [2]int
	ready [8]syscall.EpollEvent
}

func newWaiter(rings []*ebpf.Map) (w *waiter, err error) {
	w = &waiter{epoll: -1, pipe: [2]int{-1, -1}}
	defer func() {
		if err != nil {
			w.close()
			w, err = nil, fmt.Errorf("wait for the rings: %w", err)
		}
	}()
	if w.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return w, err
	}
	if err = syscall.Pipe2(w.pipe[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return w, err
	}
	fds := []int{w.pipe[0]}
	for _, m := range rings {
		fds = append(fds, m.FD())
	}
	for _, fd := range fds {
		ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}
		if err = syscall.EpollCtl(w.epoll, syscall.EPOLL_CTL_ADD, fd, &ev); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *waiter) wait(d time.Duration) error {
	n, err := syscall.EpollWait(w.epoll, w.ready[:], int(d.Milliseconds()))
	if err != nil && !errors.Is(err, syscall.EINTR) {
		return fmt.Errorf("wait for the rings: %w", err)
	}
	for _, ev := range w.ready[:max(n, 0)] {
		if int(ev.Fd) == w.pipe[0] {
			var b [64]byte
			_, _ = syscall.Read(w.pipe[0], b[:])
		}
	}
	return nil
}

// wake ends the wait that is, or the next.
func (w *waiter) wake() { _, _ = syscall.Write(w.pipe[1], []byte{0}) }

func (w *waiter) close() {
	for _, fd := range []int{w.epoll, w.pipe[0], w.pipe[1]} {
		if fd >= 0 {
			_ = syscall.Close(fd)
		}
	}
	w.epoll, w.pipe = -1, [2]int{-1, -1}
}
