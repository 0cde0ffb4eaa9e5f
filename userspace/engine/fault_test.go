package engine

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"

	"flowscope/sensor"
)

// TestTruncatedWhileRead: payload whose pages are gone is an error of the run,
// for any number of workers, and what came before is told.
func TestTruncatedWhileRead(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	page := os.Getpagesize()
	if err := file.Truncate(int64(page)); err != nil {
		t.Fatal(err)
	}
	mem, err := syscall.Mmap(int(file.Fd()), 0, page, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mem) //nolint:errcheck // the test is over
	if err := file.Truncate(0); err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{1, 2} {
		s := newScript()
		s.udp("10.0.0.1:1100", "10.0.0.2:2000", "x")
		c := s.tcp(4000, 7).open()
		c.at(client, 10, sensor.ACK, "later")
		s.recs[len(s.recs)-1].Payload = mem[:5] // is copied, to wait for what is before it
		ends := 0
		_, err := Run(context.Background(), s, Config{}, workers, sinkFunc(func(ev *sensor.Event) error {
			if ev.Kind == sensor.FlowEnd {
				ends++
			}
			return nil
		}))
		if !errors.Is(err, ErrFault) {
			t.Errorf("%d workers: error %v, want ErrFault", workers, err)
		}
		if workers == 1 && ends != 2 {
			t.Errorf("%d flows told, want 2", ends)
		}
	}
}
