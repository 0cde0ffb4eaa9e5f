package replay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/sensor"
)

// TestCutAnywhere cuts valid files at every offset: what is before the cut is
// read as if nothing had happened, and the error says where it ended.
func TestCutAnywhere(t *testing.T) {
	ps := packets(40)
	le := binary.LittleEndian
	var ngEnds, pcapEnds []int
	ng := append(sectionBlock(le), interfaceBlock(le, 1, 0)...)
	quiet := len(ng) // between blocks a file may end
	ngEnds = append(ngEnds, 28, quiet)
	pcap := makePcap(le, magicMicro)
	pcapEnds = append(pcapEnds, len(pcap))
	for _, p := range ps {
		ng = append(ng, enhancedBlock(le, p, option(le, 1, []byte("comment")))...)
		ngEnds = append(ngEnds, len(ng))
		pcap = append(pcap, makePcap(le, magicMicro, p)[24:]...)
		pcapEnds = append(pcapEnds, len(pcap))
	}
	for _, c := range []struct {
		name  string
		b     []byte
		ends  []int
		empty int // ends without a packet
	}{{"pcap", pcap, pcapEnds, 1}, {"pcapng", ng, ngEnds, 2}} {
		all := want(ps)
		for n := range c.b {
			whole, last := 0, 0 // ends at or before the cut
			for whole < len(c.ends) && c.ends[whole] <= n {
				last = c.ends[whole]
				whole++
			}
			for _, stable := range []bool{false, true} {
				if stable && n%16 != 0 {
					continue
				}
				s, err := NewReader(Options{Stable: stable}, "cut", bytes.NewReader(c.b[:n]))
				if err != nil {
					t.Fatal(err)
				}
				got, err := drain(t, s)
				if packets := max(0, whole-c.empty); !slices.Equal(all[:packets], got) {
					t.Fatalf("%s cut at %d: read %d records, want the first %d", c.name, n, len(got), packets)
				}
				checkCut(t, fmt.Sprintf("%s cut at %d", c.name, n), err, n, last)
			}
		}
	}
}

// checkCut checks the error of a file that was cut at n, with last as the end of
// its last whole piece, 0 if even the beginning was cut.
func checkCut(t *testing.T, name string, err error, n, last int) {
	t.Helper()
	if n == last && n > 0 {
		if err != nil {
			t.Errorf("%s: %v, want no error between packets", name, err)
		}
		return
	}
	fe := fileError(t, err)
	if errors.Is(err, ErrPartial) != (last > 0) {
		t.Errorf("%s: %v: ErrPartial is %t, want %t", name, err, last == 0, last > 0)
	}
	if fe.Offset != int64(last) {
		t.Errorf("%s: offset %d, want %d", name, fe.Offset, last)
	}
	if n >= 4 && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%s: %v, want an unexpected EOF", name, err)
	}
}

// TestLyingLengths sets each length field of each format to extreme values.
// Nothing panics, and memory stays that of the input and one block.
func TestLyingLengths(t *testing.T) {
	ps := packets(4)
	le := binary.LittleEndian
	pcap := makePcap(le, magicMicro, ps...)
	ng := makePcapng(le, ps...)
	ng = append(ng, block(le, blockSimple, append(le.AppendUint32(nil, 44), ps[1].data[:44:44]...))...)
	ng = append(ng, block(le, 0x777, make([]byte, 32))...)
	ng = append(ng, interfaceBlock(le, 1, 0, option(le, optTsresol, []byte{6}))...)
	values := []uint32{0, 1, math.MaxInt32, math.MaxUint32 / 2, math.MaxUint32 - 1, math.MaxUint32,
		MaxFrame, MaxFrame + 1, MaxBlock, MaxBlock - 4, MaxBlock + 4, 1 << 28}
	for _, c := range []struct {
		name string
		b    []byte
	}{{"pcap", pcap}, {"pcapng", ng}} {
		for at := 0; at+4 <= len(c.b); at += 4 { // all length fields are aligned in pcapng, and pcap's first
			for _, v := range values {
				b := bytes.Clone(c.b)
				le.PutUint32(b[at:], v)
				readHostile(t, fmt.Sprintf("%s with %#x at %d", c.name, v, at), b)
			}
		}
		for at := 0; at+2 <= len(c.b); at += 2 {
			for _, v := range []uint16{0, 1, 0x7fff, 0xfffe, 0xffff} {
				b := bytes.Clone(c.b)
				le.PutUint16(b[at:], v)
				readHostile(t, fmt.Sprintf("%s with %#x at %d", c.name, v, at), b)
			}
		}
	}
}

// readHostile reads b and checks the memory it took, apart from what a
// Classifier takes.
func readHostile(t *testing.T, name string, b []byte) {
	t.Helper()
	s, err := NewReader(Options{}, "hostile", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	before := allocated()
	_, err = drain(t, s)
	if used, limit := allocated()-before, uint64(1<<20+16*len(b)); used > limit {
		t.Errorf("%s: %d bytes allocated, want at most %d", name, used, limit)
	}
	if err != nil {
		fileError(t, err)
	}
}

// TestLargeBlocks reads what is just within the caps, from a stream.
func TestLargeBlocks(t *testing.T) {
	le := binary.LittleEndian
	largest := packet{data: udp(1, make([]byte, 65000))}
	largest.data = append(largest.data, make([]byte, MaxFrame-len(largest.data))...)
	comment := option(le, 1, make([]byte, 65532))
	var comments [][]byte
	for range 200 {
		comments = append(comments, comment)
	}
	b := append(sectionBlock(le), interfaceBlock(le, 1, 0)...)
	for range 3 {
		b = append(b, enhancedBlock(le, largest, comments...)...)
	}
	got, err := readAll(t, Options{}, b)
	if err != nil || len(got) != 3 {
		t.Errorf("pcapng: %d records, %v", len(got), err)
	}
	got, err = readAll(t, Options{}, makePcap(le, magicMicro, largest, largest))
	if err != nil || len(got) != 2 {
		t.Errorf("pcap: %d records, %v", len(got), err)
	}
	over := packet{data: append(largest.data, 0)}
	got, err = readAll(t, Options{}, makePcap(le, magicMicro, largest, over))
	if len(got) != 1 || err == nil || !strings.Contains(err.Error(), "expected a captured length of at most 262144, found 262145") {
		t.Errorf("pcap over the cap: %d records, %v", len(got), err)
	}
}

// TestManyDamagedFiles keeps the error short.
func TestManyDamagedFiles(t *testing.T) {
	var d damage
	for i := range 5000 {
		d.add(&FileError{Path: fmt.Sprint(i), Err: io.ErrUnexpectedEOF})
	}
	msg := d.final(true).Error()
	if lines := strings.Split(msg, "\n"); len(lines) != maxErrors+1 || lines[maxErrors] != "and 4900 more" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func addSeeds(f *testing.F, seeds ...[]byte) {
	for _, b := range seeds {
		f.Add(b)
		if len(b) > 40 {
			f.Add(b[:len(b)-7])
		}
	}
}

func FuzzPcap(f *testing.F) {
	ps := packets(3)
	for _, o := range orders {
		addSeeds(f, makePcap(o.order, magicMicro, ps...), makePcap(o.order, magicNano, ps...), makePcap(o.order, magicModified, ps...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if formatOf(b) != pcapngFormat && compressionOf(b) == uncompressed {
			fuzz(t, b)
		}
	})
}

func FuzzPcapng(f *testing.F) {
	ps := packets(3)
	for _, o := range orders {
		b := makePcapng(o.order, ps...)
		addSeeds(f, b, append(b, b...), append(b, interfaceBlock(o.order, 101, 9, option(o.order, optTsresol, []byte{0x83}), option(o.order, optTsoffset, make([]byte, 8)))...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if formatOf(b) == pcapngFormat {
			fuzz(t, b)
		}
	})
}

func FuzzSource(f *testing.F) {
	b := makePcap(binary.LittleEndian, magicMicro, packets(3)...)
	addSeeds(f, b, makePcapng(binary.BigEndian, packets(3)...), gzipped1(b), zstandard1(b))
	f.Fuzz(fuzz)
}

// fuzz reads b whole and in small pieces, which must give the same, with books
// that balance at every record and memory in proportion.
func fuzz(t *testing.T, b []byte) {
	opt := Options{Classify: sensor.Classify{Tunnels: sensor.Both}, MaxBytes: 1 << 20}
	read := func(name string, r io.Reader, opt Options) ([]seen, error) {
		s, err := NewReader(opt, "fuzz", r)
		if err != nil {
			t.Fatal(err)
		}
		return drain(t, s)
	}
	whole, wholeErr := read("whole", bytes.NewReader(b), opt)
	opt.Stable = true
	pieces, piecesErr := read("pieces", &oneByte{b}, opt)
	if diff := cmp.Diff(whole, pieces); diff != "" {
		t.Errorf("whole and byte by byte differ:\n%s", diff)
	}
	if errText(wholeErr) != errText(piecesErr) {
		t.Errorf("errors %q and %q", errText(wholeErr), errText(piecesErr))
	}
}
