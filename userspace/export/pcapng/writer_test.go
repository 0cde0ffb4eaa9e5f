package pcapng_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket/pcapgo"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/export/pcapng"
)

// write writes a packet of each kind that a length, time or link type makes.
func write(t testing.TB) []byte {
	var file bytes.Buffer
	w := pcapng.NewWriter(&file)
	for i, link := range []uint16{1, 1, 101, 1} {
		data := bytes.Repeat([]byte{0x45, byte(i)}, 10)[:16+i]
		if err := w.Packet(sensor.UnixTimestamp(1700000000+int64(i), 123456789), link, 1000+i, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Packet(-1, 1, 0, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestReadByGopacket(t *testing.T) {
	r, err := pcapgo.NewNgReader(bytes.NewReader(write(t)), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		data, info, err := r.ReadPacketData()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		in, _ := r.Interface(info.InterfaceIndex)
		got = append(got, fmt.Sprintf("%d.%09d link %d, %d of %d: %x", info.Timestamp.Unix(), info.Timestamp.Nanosecond(), in.LinkType, info.CaptureLength, info.Length, data))
	}
	want := []string{
		"1700000000.123456789 link 1, 16 of 1000: 45004500450045004500450045004500",
		"1700000001.123456789 link 1, 17 of 1001: 4501450145014501450145014501450145",
		"1700000002.123456789 link 101, 18 of 1002: 450245024502450245024502450245024502",
		"1700000003.123456789 link 1, 19 of 1003: 45034503450345034503450345034503450345",
		"0.000000000 link 1, 0 of 0: ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
}

func TestReadByTshark(t *testing.T) {
	tshark := testenv.Need(t, "tshark")
	path := filepath.Join(t.TempDir(), "x.pcapng")
	if err := os.WriteFile(path, write(t), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-r", path, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.cap_len", "-e", "frame.len").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "1700000000.123456789\t16\t1000\n1700000001.123456789\t17\t1001\n1700000002.123456789\t18\t1002\n" +
		"1700000003.123456789\t19\t1003\n0.000000000\t0\t0\n"
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("tshark (-want +got):\n%s", diff)
	}
}

var errFull = errors.New("disk full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestErrorStays(t *testing.T) {
	w := pcapng.NewWriter(full{})
	var err error
	for range 1000 {
		if err = w.Packet(0, 1, 1500, make([]byte, 1500)); err != nil {
			break
		}
	}
	if !errors.Is(err, errFull) {
		t.Errorf("Packet = %v, want %v", err, errFull)
	}
	if err := w.Flush(); !errors.Is(err, errFull) {
		t.Errorf("Flush = %v, want %v", err, errFull)
	}
}

func TestNoAllocations(t *testing.T) {
	w := pcapng.NewWriter(io.Discard)
	data := make([]byte, 1499)
	if n := testing.AllocsPerRun(10000, func() { _ = w.Packet(1, 1, 1499, data) }); n != 0 {
		t.Errorf("Packet: %v allocations, want 0", n)
	}
}

func ExampleWriter() {
	var file strings.Builder
	w := pcapng.NewWriter(&file)
	_ = w.Packet(sensor.UnixTimestamp(1700000000, 0), 1, 60, make([]byte, 60))
	_ = w.Flush()
	fmt.Println(file.Len(), "bytes")
	// Output: 152 bytes
}
