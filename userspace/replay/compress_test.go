package replay

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func gzipped1(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zstandard1(b []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	defer w.Close()
	return w.EncodeAll(b, nil)
}

func TestCompressed(t *testing.T) {
	ps := packets(3000)
	b := makePcap(binary.LittleEndian, magicMicro, ps...)
	half := len(b) / 2
	skippable := []byte("\x50\x2a\x4d\x18\x04\x00\x00\x00skip")
	for _, c := range []struct {
		name string
		b    []byte
	}{
		{"gzip", gzipped1(b)},
		{"gzip of two members", append(gzipped1(b[:half]), gzipped1(b[half:])...)},
		{"zstd", zstandard1(b)},
		{"zstd of two frames", append(zstandard1(b[:half]), zstandard1(b[half:])...)},
		{"zstd with a skippable frame first", append(skippable, zstandard1(b)...)},
	} {
		got, err := readAll(t, Options{}, c.b)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(want(ps), got); diff != "" {
			t.Errorf("%s (-want +got):\n%.1000s", c.name, diff)
		}
	}
}

func TestCompressedAndCut(t *testing.T) {
	ps := packets(3000)
	b := makePcap(binary.LittleEndian, magicMicro, ps...)
	for _, c := range []struct {
		name string
		b    []byte
	}{{"gzip", gzipped1(b)}, {"zstd", zstandard1(b)}} {
		for _, n := range []int{1, 4, 5, 9, len(c.b) / 2} {
			got, err := readAll(t, Options{}, c.b[:len(c.b)-n])
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s without its last %d bytes: %v, want an unexpected EOF", c.name, n, err)
			}
			if !slices.Equal(want(ps[:len(got)]), got) {
				t.Errorf("%s without its last %d bytes: records differ", c.name, n)
			}
			if n < 5 && c.name == "gzip" && len(got) != len(ps) {
				t.Errorf("%s without its last %d bytes: %d records, want all", c.name, n, len(got))
			}
		}
		damaged := bytes.Clone(c.b)
		damaged[len(damaged)-2] ^= 0x55 // length or checksum
		if _, err := readAll(t, Options{}, damaged); err == nil || !errors.Is(err, ErrPartial) {
			t.Errorf("%s with a wrong checksum: %v, want it to be partial", c.name, err)
		}
	}
}

func TestDecompressionBomb(t *testing.T) {
	// 64 MiB of empty packets.
	b := append(makePcap(binary.LittleEndian, magicMicro), make([]byte, 64<<20)...)
	for name, bomb := range map[string][]byte{"gzip": gzipped1(b), "zstd": zstandard1(b)} {
		s, err := NewReader(Options{MaxExpansion: 100}, name, bytes.NewReader(bomb))
		if err != nil {
			t.Fatal(err)
		}
		frames, _, _, err := sum(s)
		if err == nil || !strings.Contains(err.Error(), "MaxExpansion") || !errors.Is(err, ErrPartial) {
			t.Errorf("%s: error %v, want one about MaxExpansion", name, err)
		}
		most := (freeExpansion + 100*len(bomb)) / 16
		if frames == 0 || frames > uint64(most) {
			t.Errorf("%s: %d packets of %d compressed bytes, want at most %d", name, frames, len(bomb), most)
		}
		s, err = NewReader(Options{MaxExpansion: 1 << 40}, name, bytes.NewReader(bomb))
		if err != nil {
			t.Fatal(err)
		}
		if frames, _, _, err = sum(s); err != nil || frames != 4<<20 {
			t.Errorf("%s without a cap: %d packets, %v", name, frames, err)
		}
	}
}

// TestZstdWindow reads a frame that announces a large window and holds little.
func TestZstdWindow(t *testing.T) {
	b := makePcap(binary.LittleEndian, magicMicro, packets(1)...)
	head := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00}
	for _, c := range []struct {
		log  byte
		want string
	}{{17, ""}, {18, "window size exceeded"}, {31, "window size exceeded"}} {
		n := len(b)
		raw := append(bytes.Clone(head), c.log<<3, byte(n<<3|1), byte(n>>5), byte(n>>13))
		raw = append(raw, b...)
		before := allocated()
		s, err := NewReader(Options{}, "zstd", bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		_, _, _, err = sum(s)
		if got := errString(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
			t.Errorf("window of 2^%d: %v, want %q", 10+c.log, err, c.want)
		}
		t.Logf("window of 2^%d: %d KiB allocated", 10+c.log, (allocated()-before)>>10)
	}
}

func errString(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// allocated returns the bytes allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
