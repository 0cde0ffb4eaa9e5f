package replay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/pcapgo"

	"flowscope/sensor"
)

// fileError demands that err has one.
func fileError(t testing.TB, err error) *FileError {
	t.Helper()
	var fe *FileError
	if !errors.As(err, &fe) {
		t.Fatalf("error %v, want a FileError", err)
	}
	return fe
}

func TestOpenSeveral(t *testing.T) {
	ps := packets(30)
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := write("first", makePcap(binary.LittleEndian, magicMicro, ps[:10]...))
	write("d/1.pcapng", makePcapng(binary.BigEndian, ps[10:20]...))
	write("d/2.pcap", makePcap(binary.BigEndian, magicNano, ps[20:]...))
	write("d/.hidden", []byte("no capture"))
	write("d/README", []byte("no capture"))
	write("d/below/3.pcap", makePcap(binary.LittleEndian, magicMicro, ps...))

	s, err := Open(Options{}, first, filepath.Join(dir, "d"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := drain(t, s)
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want(ps), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := []string{filepath.Join(dir, "d", "README") + ": it looks like text"}; !cmp.Equal(s.Skipped(), want) {
		t.Errorf("Skipped() = %q, want %q", s.Skipped(), want)
	}
	if done, total := s.Progress(); done != total || total == 0 {
		t.Errorf("Progress() = %d, %d, want all of it", done, total)
	}
}

func TestDamagedFileLosesNoOther(t *testing.T) {
	ps := packets(30)
	a := makePcap(binary.LittleEndian, magicMicro, ps[:10]...)
	cut := file(t, "cut.pcap", a[:len(a)-1])
	text := file(t, "text", []byte("hello"))
	last := file(t, "last.pcap", makePcapng(binary.LittleEndian, ps[10:]...))
	s, err := Open(Options{}, cut, text, last)
	if err != nil {
		t.Fatal(err)
	}
	got, err := drain(t, s)
	expected := append(want(ps[:9]), want(ps)[10:]...)
	for i := range expected {
		expected[i].Ordinal = uint64(i + 1)
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !errors.Is(err, ErrPartial) {
		t.Errorf("error %v, want it to be ErrPartial", err)
	}
	if fe := fileError(t, err); fe.Path != cut || fe.Frame != 9 || fe.Offset != int64(len(a)-16-len(ps[9].data)) {
		t.Errorf("first error %+v", fe)
	}
	wantText := text + ": at offset 0, after 0 packets: not a capture file: it looks like text"
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 2 || lines[1] != wantText {
		t.Errorf("error %q, want a second line %q", err, wantText)
	}
}

func TestOpenErrors(t *testing.T) {
	empty := t.TempDir()
	for _, c := range []struct {
		name, content, want string
	}{
		{"empty", "", "the file is empty"},
		{"short", "\xd4\xc3", "expected at least 4 bytes, found 2"},
		{"header cut", "\xd4\xc3\xb2\xa1\x02\x00", "pcap file header: expected 24 bytes, found 6"},
		{"section cut", "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00", "section header: expected 28 bytes, found 8"},
		{"snoop", "snoop\x00\x00\x00\x00\x00\x00\x02", "it looks like snoop"},
		{"json", `{"a":1}`, "it looks like JSON"},
		{"unknown", "\x01\x02\x03\x04\x05", "expected the magic number of pcap or pcapng, found 01020304"},
		{"gzip of text", string(gzipped1([]byte("hello"))), "it looks like text"},
		{"gzip of gzip", string(gzipped1(gzipped1([]byte("hello")))), "gzip inside the compression"},
		{"gzip header cut", "\x1f\x8b\x08\x00", "gzip header: unexpected EOF"},
		{"zstd damaged", "\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "magic number: expected 4 bytes, found 0: "},
	} {
		_, err := Open(Options{}, file(t, "x", []byte(c.content)))
		fe := fileError(t, err)
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %q, want it to say %q", c.name, err, c.want)
		}
		if errors.Is(err, ErrPartial) {
			t.Errorf("%s: error %q is ErrPartial, but nothing was read", c.name, err)
		}
		if fe.Frame != 0 {
			t.Errorf("%s: after %d frames, want 0", c.name, fe.Frame)
		}
	}
	if _, err := Open(Options{}, filepath.Join(empty, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Open(Options{}, empty); err == nil || !strings.Contains(err.Error(), "no files in this directory") {
		t.Errorf("empty directory: %v", err)
	}
	if _, err := Open(Options{}); err == nil {
		t.Error("no path: no error")
	}
}

func TestDirectoryWithoutCapture(t *testing.T) {
	dir := filepath.Dir(file(t, "README", []byte("hello")))
	s, err := Open(Options{}, dir)
	if err == nil {
		_, err = drain(t, s)
	}
	if err == nil || errors.Is(err, ErrPartial) || !strings.Contains(err.Error(), "README") {
		t.Errorf("error %v, want one that says what README is", err)
	}
}

func TestMaxPackets(t *testing.T) {
	ps := packets(30)
	b := makePcap(binary.LittleEndian, magicMicro, ps...)
	for _, n := range []uint64{1, 29, 30, 31} {
		got, err := readAll(t, Options{MaxPackets: n}, b)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want(ps[:min(n, 30)]), got); diff != "" {
			t.Errorf("MaxPackets %d (-want +got):\n%s", n, diff)
		}
	}
}

func TestMaxBytes(t *testing.T) {
	ps := packets(3)
	b := makePcap(binary.LittleEndian, magicMicro, ps...)
	second := int64(24 + 16 + len(ps[0].data) + 16 + len(ps[1].data))
	for _, c := range []struct {
		max  int64
		want int
		err  string
	}{
		{int64(len(b)), 3, ""},
		{int64(len(b)) + 1, 3, ""},
		{int64(len(b)) - 1, 2, "MaxBytes"},
		{second, 2, "MaxBytes"},
		{second - 1, 1, "MaxBytes"},
	} {
		got, err := readAll(t, Options{MaxBytes: c.max}, b)
		if len(got) != c.want {
			t.Errorf("MaxBytes %d: %d records, want %d", c.max, len(got), c.want)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("MaxBytes %d: error %v, want %q", c.max, err, c.err)
		}
	}
	one := file(t, "one", b)
	s, err := Open(Options{MaxBytes: int64(len(b))}, one, one)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := drain(t, s); len(got) != 3 || !errors.Is(err, errMaxBytes) {
		t.Errorf("two files: %d records, %v; want 3 and errMaxBytes", len(got), err)
	}
}

func TestStable(t *testing.T) {
	ps := packets(20000)
	for name, b := range map[string][]byte{
		"pcap":   makePcap(binary.LittleEndian, magicMicro, ps...),
		"pcapng": makePcapng(binary.LittleEndian, ps...),
	} {
		for _, way := range ways {
			if way.name == "byte by byte" {
				continue
			}
			s, err := way.open(t, Options{Stable: true}, b)
			if err != nil {
				t.Fatal(err)
			}
			var lent [][]byte
			var r sensor.Record
			for err = s.Read(&r); err == nil; err = s.Read(&r) {
				lent = append(lent, r.Payload)
			}
			if err != io.EOF || len(lent) != len(ps) {
				t.Fatalf("%s %s: %d records, %v", name, way.name, len(lent), err)
			}
			for i, p := range ps {
				if !bytes.Equal(lent[i], p.data[42:]) {
					t.Fatalf("%s %s: payload %d changed after it was lent", name, way.name, i+1)
				}
			}
			s.Close()
		}
	}
}

func TestFromPacketSource(t *testing.T) {
	ps := packets(20)
	r, err := pcapgo.NewReader(bytes.NewReader(makePcap(binary.LittleEndian, magicMicro, ps...)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := drain(t, FromPacketSource(Options{}, r, LinkType(r.LinkType())))
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want(ps), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	broken := errors.New("broken")
	_, err = drain(t, FromPacketSource(Options{}, brokenSource{broken}, 1))
	if !errors.Is(err, broken) || fileError(t, err).Path != "packet source" {
		t.Errorf("error %v, want that of the packet source", err)
	}
}

type brokenSource struct{ err error }

func (b brokenSource) ReadPacketData() ([]byte, gopacket.CaptureInfo, error) {
	return nil, gopacket.CaptureInfo{}, b.err
}
