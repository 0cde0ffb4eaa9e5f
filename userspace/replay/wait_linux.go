package replay

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// waiter reads a file that may have to be waited for (a pipe, a terminal, a
// socket), such that interrupt ends the wait. os.File can do that only for files
// that are in non-blocking mode, a mode that standard input would share with the
// processes on its other end.
type waiter struct {
	fd   int
	own  bool // close fd in the end
	wake int  // an eventfd, readable after interrupt

	mu     sync.Mutex // held while the descriptors are in use
	closed bool
}

// openWaiter opens a file that is not a regular one. The open itself does not
// wait for the other end of a FIFO.
func openWaiter(path string) (*waiter, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	return newWaiter(fd, true)
}

// openWaiting opens an input that is not a regular file.
func openWaiting(in *input) (io.ReadCloser, error) {
	if in.stdin {
		return newWaiter(int(os.Stdin.Fd()), false)
	}
	return openWaiter(in.name)
}

func newWaiter(fd int, own bool) (*waiter, error) {
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		if own {
			_ = unix.Close(fd)
		}
		return nil, err
	}
	return &waiter{fd: fd, own: own, wake: wake}, nil
}

func (f *waiter) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.closed {
		fds := []unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLIN}, {Fd: int32(f.wake), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return 0, err
		}
		if fds[1].Revents != 0 {
			break
		}
		if fds[0].Revents == 0 {
			continue
		}
		n, err := unix.Read(f.fd, p)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
	return 0, net.ErrClosed
}

// Close ends a Read that waits, then releases the descriptors.
func (f *waiter) Close() error {
	// The descriptor is only closed under the lock, after closed is set.
	_, _ = unix.Write(f.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	_ = unix.Close(f.wake)
	if f.own {
		return unix.Close(f.fd)
	}
	return nil
}

// duplicate returns another descriptor of an open file.
func duplicate(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
