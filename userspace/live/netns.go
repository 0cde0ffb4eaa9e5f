//go:build linux && (amd64 || arm64)

package live

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// namespace is a thread in the network namespace whose interfaces are watched:
// the kernel takes an interface's number for that of the caller's namespace.
type namespace struct {
	work chan func() // nil: that of the process, where any thread is
	done sync.WaitGroup
	once sync.Once
}

// enter returns the namespace of a name, as of ip-netns(8), or of a path; the
// empty name is the namespace that the process is in.
func enter(name string) (*namespace, error) {
	if name == "" {
		return &namespace{}, nil
	}
	path := name
	if !strings.Contains(name, "/") {
		path = "/run/netns/" + name
	}
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("network namespace %s: there is none: ip netns list shows those with a name; /proc/PID/ns/net is that of a process: %w", name, err)
		}
		return nil, fmt.Errorf("network namespace %s: %w", name, err)
	}
	n := &namespace{work: make(chan func())}
	entered := make(chan error)
	n.done.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		defer f.Close()
		const newNet = 0x40000000                                                // CLONE_NEWNET
		number := map[string]uintptr{"amd64": 308, "arm64": 268}[runtime.GOARCH] // of setns(2)
		_, _, errno := syscall.RawSyscall(number, f.Fd(), newNet, 0)
		if errno != 0 {
			entered <- errno
			return
		}
		entered <- nil
		for f := range n.work {
			f()
		}
	})
	switch err := <-entered; {
	case errors.Is(err, syscall.EPERM):
		return nil, fmt.Errorf("enter network namespace %s: %w: run as root, or with CAP_SYS_ADMIN beside CAP_BPF and CAP_NET_ADMIN", name, err)
	case errors.Is(err, syscall.EINVAL):
		return nil, fmt.Errorf("enter network namespace %s: %w: this file is not a network namespace", name, err)
	case err != nil:
		return nil, fmt.Errorf("enter network namespace %s: %w", name, err)
	}
	return n, nil
}

// do runs f in the namespace.
func (n *namespace) do(f func() error) (err error) {
	if n.work == nil {
		return f()
	}
	done := make(chan struct{})
	n.work <- func() {
		defer close(done)
		err = f()
	}
	<-done
	return err
}

// leave ends the thread. There is no do after it.
func (n *namespace) leave() {
	if n.work != nil {
		n.once.Do(func() { close(n.work) })
		n.done.Wait()
	}
}
