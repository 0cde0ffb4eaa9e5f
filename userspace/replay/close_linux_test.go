package replay

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flowscope/sensor"
)

// blocked starts a Read that has to wait, and returns what it will return.
func blocked(t *testing.T, s *Source, records int) chan error {
	t.Helper()
	result := make(chan error, 1)
	reached := make(chan struct{})
	go func() {
		var r sensor.Record
		for range records {
			if err := s.Read(&r); err != nil {
				t.Errorf("Read before the wait: %v", err)
			}
		}
		close(reached)
		result <- s.Read(&r)
	}()
	<-reached
	return result
}

func mustEnd(t *testing.T, result chan error) {
	t.Helper()
	select {
	case err := <-result:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read returned %v, want net.ErrClosed", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Close did not end Read")
	}
}

func closeTwice(t *testing.T, s *Source) {
	t.Helper()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func TestReadAfterClose(t *testing.T) {
	path := file(t, "pcap", makePcap(binary.LittleEndian, magicMicro, packets(2)...))
	for _, paths := range [][]string{{path}, {path, path}} {
		s, err := Open(Options{}, paths...)
		if err != nil {
			t.Fatal(err)
		}
		closeTwice(t, s)
		var r sensor.Record
		if err := s.Read(&r); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read after Close: %v, want net.ErrClosed", err)
		}
	}
}

func TestCloseEndsReadOfFIFO(t *testing.T) {
	b := makePcap(binary.LittleEndian, magicMicro, packets(2)...)
	for _, writer := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "fifo")
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(Options{}, path)
		if err != nil {
			t.Fatal(err)
		}
		records := 0
		if writer {
			w, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if _, err := w.Write(b); err != nil {
				t.Fatal(err)
			}
			records = 2
		}
		result := blocked(t, s, records)
		closeTwice(t, s)
		mustEnd(t, result)
	}
}

func TestCloseEndsReadOfStdin(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	if _, err := w.Write(makePcap(binary.LittleEndian, magicMicro, packets(2)...)); err != nil {
		t.Fatal(err)
	}
	replaceStdin(t, r)
	s, err := Open(Options{}, "-")
	if err != nil {
		t.Fatal(err)
	}
	result := blocked(t, s, 2)
	closeTwice(t, s)
	mustEnd(t, result)
	if _, err := r.Stat(); err != nil {
		t.Errorf("standard input was closed: %v", err)
	}
}

// replaceStdin makes f the standard input for a test.
func replaceStdin(t *testing.T, f *os.File) {
	old := os.Stdin
	os.Stdin = f
	t.Cleanup(func() { os.Stdin = old })
}

func TestStdin(t *testing.T) {
	ps := packets(30)
	b := makePcap(binary.LittleEndian, magicMicro, ps...)
	for _, content := range [][]byte{b, gzipped1(b)} {
		path := file(t, "capture", content)
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		go func() { w.Write(content); w.Close() }()
		for _, stdin := range []*os.File{f, r} {
			replaceStdin(t, stdin)
			s, err := Open(Options{}, "-")
			if err != nil {
				t.Fatal(err)
			}
			got, err := drain(t, s)
			if err != nil || !slices.Equal(got, want(ps)) {
				t.Errorf("%d records, %v; want %d", len(got), err, len(ps))
			}
			if done, total := s.Progress(); done != int64(len(content)) || total != 0 && total != done {
				t.Errorf("Progress() = %d, %d, want %d done", done, total, len(content))
			}
			if _, err := stdin.Stat(); err != nil {
				t.Errorf("standard input was closed: %v", err)
			}
		}
	}
	if _, err := Open(Options{}, "-", "-"); err == nil {
		t.Error("Open took standard input twice")
	}
}

func TestCloseEndsReadOfCloser(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	s, err := NewReader(Options{}, "pipe", r)
	if err != nil {
		t.Fatal(err)
	}
	go w.Write(makePcap(binary.LittleEndian, magicMicro, packets(2)...))
	result := blocked(t, s, 2)
	closeTwice(t, s)
	mustEnd(t, result)
}

// TestCloseDuringMappedRead closes while another goroutine walks over the file.
func TestCloseDuringMappedRead(t *testing.T) {
	path := file(t, "pcap", makePcap(binary.LittleEndian, magicMicro, packets(50000)...))
	for range 20 {
		s, err := Open(Options{Stable: true}, path)
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan error)
		started := make(chan struct{})
		go func() {
			var r sensor.Record
			err := s.Read(&r)
			close(started)
			for err == nil {
				err = s.Read(&r)
			}
			result <- err
		}()
		<-started
		closeTwice(t, s)
		if err := <-result; err != io.EOF && !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read returned %v", err)
		}
	}
}

// TestTruncatedWhileMapped cuts a file under a Source that has mapped it.
func TestTruncatedWhileMapped(t *testing.T) {
	ps := packets(20000)
	b := makePcap(binary.LittleEndian, magicMicro, ps...)
	path := file(t, "pcap", b)
	next := file(t, "next", makePcap(binary.LittleEndian, magicMicro, ps[:5]...))
	s, err := Open(Options{Stable: true}, path, next)
	if err != nil {
		t.Fatal(err)
	}
	var r sensor.Record
	for range 10 {
		if err := s.Read(&r); err != nil {
			t.Fatal(err)
		}
	}
	const left = 64 << 10
	if err := os.Truncate(path, left); err != nil {
		t.Fatal(err)
	}
	n := uint64(10)
	for err = s.Read(&r); err == nil; err = s.Read(&r) {
		n++
	}
	fe := fileError(t, err)
	if !errors.Is(err, ErrPartial) || !errors.Is(err, errTruncated) || fe.Path != path {
		t.Errorf("error %v, want that the file was truncated", err)
	}
	whole, offset := 0, 24
	for offset+16+len(ps[whole].data) <= left {
		offset += 16 + len(ps[whole].data)
		whole++
	}
	if fe.Offset != int64(offset) || fe.Frame != uint64(whole) {
		t.Errorf("error at offset %d after %d packets, want %d after %d", fe.Offset, fe.Frame, offset, whole)
	}
	if n != uint64(whole)+5 {
		t.Errorf("%d records, want %d and 5 of the next file", n, whole)
	}
	checkBooks(t, s, n)
	s.Close()
}

// TestDescriptors opens and reads many files, and leaves none open.
func TestDescriptors(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("needs /proc")
		}
		return len(entries)
	}
	b := makePcap(binary.LittleEndian, magicMicro, packets(3)...)
	var paths []string
	for _, content := range [][]byte{b, gzipped1(b), zstandard1(b), b[:50], []byte("none"), nil} {
		paths = append(paths, file(t, "x", content))
	}
	before := count()
	for _, stable := range []bool{false, true} {
		for _, stopEarly := range []bool{false, true} {
			s, err := Open(Options{Stable: stable}, paths...)
			if err != nil {
				t.Fatal(err)
			}
			var r sensor.Record
			for i := 0; !(stopEarly && i == 4); i++ {
				if s.Read(&r) != nil {
					break
				}
			}
			s.Close()
		}
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors open, want %d", after, before)
	}
}
