package replay

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"pgregory.net/rapid"

	"flowscope/sensor"
)

func TestPcapngOrders(t *testing.T) {
	ps := packets(20)
	for _, o := range orders {
		got, err := readAll(t, Options{}, makePcapng(o.order, ps...))
		if err != nil {
			t.Errorf("%s: %v", o.name, err)
		}
		if diff := cmp.Diff(want(ps), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", o.name, diff)
		}
	}
}

func TestPcapngWriter(t *testing.T) {
	ps := packets(50)
	var b bytes.Buffer
	w, err := pcapgo.NewNgWriter(&b, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		writePacket(t, w.WritePacket, p)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	got, err := readAll(t, Options{}, b.Bytes())
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want(ps), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPcapngBlocks reads a file with everything that may be in one: two
// sections of different byte order, interfaces of different link types and
// clocks, each kind of packet block, options, and blocks to be skipped.
func TestPcapngBlocks(t *testing.T) {
	frame := udp(9, []byte("hello"))
	ip := frame[14:]
	comment := option(binary.LittleEndian, 1, []byte("a comment"))
	end := option(binary.LittleEndian, 0, nil)
	le, be := binary.LittleEndian, binary.BigEndian

	var b []byte
	add := func(blocks ...[]byte) { b = append(b, bytes.Join(blocks, nil)...) }
	add(sectionBlock(le),
		block(le, 0x80000001, []byte("local use")),
		interfaceBlock(le, 1, 0, comment, end),
		interfaceBlock(le, 101, 50, option(le, optTsresol, []byte{9}), option(le, optTsoffset, le.AppendUint64(nil, 1000)), end),
		enhancedBlock(le, packet{ticks: 5e6, data: frame}, comment, end),
		enhancedBlock(le, packet{ticks: 7e9 + 1, iface: 1, data: ip}),
		block(le, 4, []byte("name resolution")),
	)
	simple := append(le.AppendUint32(nil, uint32(len(frame))), frame...)
	add(block(le, blockSimple, simple))
	obsolete := le.AppendUint16(nil, 1)
	obsolete = le.AppendUint16(obsolete, 77)
	for _, v := range []uint32{0, 3, uint32(len(ip)), uint32(len(ip)) + 9} {
		obsolete = le.AppendUint32(obsolete, v)
	}
	add(block(le, blockPacket, append(obsolete, ip...)))
	add(sectionBlock(be),
		interfaceBlock(be, 113, 0, option(be, optTsresol, []byte{0x80 | 1})),
		enhancedBlock(be, packet{ticks: 3, data: append([]byte("\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00"), ip...)}),
		block(be, 0x0bad, make([]byte, 300<<10)),
		block(be, 5, nil),
	)
	got, err := readAll(t, Options{}, b)
	if err != nil {
		t.Fatal(err)
	}
	n := uint64(len(ip))
	row := func(at sensor.Timestamp, ordinal, frameBytes uint64) seen {
		return seen{at, ordinal, sensor.Counters{Packets: 1, Bytes: n, FrameBytes: frameBytes, PayloadBytes: 5}, "hello"}
	}
	want := []seen{
		row(5e9, 1, n+14),
		row(1007e9+1, 2, n),
		row(1007e9+1, 3, n+14), // a simple packet has the time of the one before
		row(1000e9+3, 4, n+9),
		row(1.5e9, 5, n+16),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPcapngSimpleSnaplen(t *testing.T) {
	o := binary.LittleEndian
	frame := udp(9, []byte("hello"))
	body := append(o.AppendUint32(nil, uint32(len(frame))), frame[:44]...)
	b := bytes.Join([][]byte{sectionBlock(o), interfaceBlock(o, 1, 44), block(o, blockSimple, body)}, nil)
	got, err := readAll(t, Options{}, b)
	if err != nil || len(got) != 1 || got[0].Payload != "he" || got[0].Count.FrameBytes != uint64(len(frame)) {
		t.Errorf("read %+v, %v; want one record cut after 44 bytes", got, err)
	}
}

func TestPcapngFCS(t *testing.T) {
	o := binary.LittleEndian
	frame := append(udp(9, []byte("hello")), 1, 2, 3, 4)
	b := bytes.Join([][]byte{sectionBlock(o), interfaceBlock(o, 1, 0, option(o, optFCSLen, []byte{4})), enhancedBlock(o, packet{data: frame})}, nil)
	got, err := readAll(t, Options{}, b)
	if err != nil || len(got) != 1 || got[0].Count.FrameBytes != uint64(len(frame)-4) {
		t.Errorf("read %+v, %v; want one record of %d frame bytes", got, err, len(frame)-4)
	}
}

func TestPcapngErrors(t *testing.T) {
	o := binary.LittleEndian
	head := append(sectionBlock(o), interfaceBlock(o, 1, 0)...)
	good := enhancedBlock(o, packet{data: udp(9, nil)})
	with := func(offset int, v uint32) []byte {
		b := bytes.Clone(good)
		o.PutUint32(b[offset:], v)
		return b
	}
	interfaces := func(n int) []byte { return bytes.Repeat(interfaceBlock(o, 1, 0), n) }
	big := make([]byte, MaxFrame+4)
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"length 8", with(4, 8), "block: expected a length of 12 to 16777216 that is a multiple of 4, found 8"},
		{"length not a multiple", with(4, 73), "block: expected a length of 12 to 16777216 that is a multiple of 4, found 73"},
		{"length huge", with(4, 1<<31), "block: expected a length of 12 to 16777216 that is a multiple of 4, found 2147483648"},
		{"length 28", bytes.Clone(block(o, blockEnhanced, make([]byte, 16))), "packet block: expected a length of at least 32, found 28"},
		{"trailing length", with(len(good)-4, 80), "block: expected its length 76 again at its end, found 80"},
		{"interface", with(8, 1), "packet block: expected one of the 1 interfaces of the section, found 1"},
		{"captured length", with(20, 45), "packet block: expected a captured length of at most 44, found 45"},
		{"captured length over the cap", enhancedBlock(o, packet{data: big}), "packet block: expected a captured length of at most 262144, found 262148"},
		{"section without its magic", append(block(o, blockSection, make([]byte, 16)), good...), "section header: expected the byte-order magic 1a2b3c4d, found 00000000"},
		{"packet of an interface of the section before", append(sectionBlock(o), good...), "packet block: expected one of the 0 interfaces of the section, found 0"},
		{"simple packet without interface", append(sectionBlock(o), block(o, blockSimple, make([]byte, 8))...), "simple packet block: expected an interface before it, found none"},
		{"simple packet larger than its block", block(o, blockSimple, []byte{9, 0, 0, 0, 1, 2, 3, 4}), "simple packet block: expected room for 9 bytes, found 4"},
		{"option longer than the block", interfaceBlock(o, 1, 0, []byte{9, 0, 40, 0}), "interface block: expected option 9 to have at most 0 bytes, found 40"},
		{"resolution of two bytes", interfaceBlock(o, 1, 0, option(o, optTsresol, []byte{1, 2})), "interface block: expected option 9 to have 1 bytes, found 2"},
		{"resolution too fine", interfaceBlock(o, 1, 0, option(o, optTsresol, []byte{19})), "interface block: expected a time resolution of at most 10^-18 or 2^-63 s, found if_tsresol 0x13"},
		{"binary resolution too fine", interfaceBlock(o, 1, 0, option(o, optTsresol, []byte{0xff&0x80 | 64})), "interface block: expected a time resolution of at most 10^-18 or 2^-63 s, found if_tsresol 0xc0"},
		{"interface block too short", block(o, blockInterface, make([]byte, 4)), "interface block: expected a length of at least 20, found 16"},
		{"too many interfaces", interfaces(MaxInterfaces), "interface block: expected at most 65536 interfaces in a section, found one more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := bytes.Join([][]byte{head, good, c.b}, nil)
			s, err := NewReader(Options{}, "test", bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			got, err := drain(t, s)
			if len(got) != 1 {
				t.Errorf("read %d records before the damage, want 1", len(got))
			}
			if msg := fileError(t, err).Err.Error(); msg != c.want {
				t.Errorf("error %q, want %q", msg, c.want)
			}
		})
	}
}

// TestTicks compares the conversion of ticks with exact arithmetic.
func TestTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := iface{
			binary: rapid.Bool().Draw(t, "binary"),
			offset: rapid.OneOf(rapid.Just(int64(0)), rapid.Int64(), rapid.Int64Range(-2e9, 2e9)).Draw(t, "offset"),
		}
		limit := uint8(18)
		if in.binary {
			limit = 63
		}
		in.exp = rapid.Uint8Range(0, limit).Draw(t, "exp")
		in.prepare()
		ticks := rapid.OneOf(rapid.Uint64(), rapid.Just(in.exact), rapid.Just(in.exact+1)).Draw(t, "ticks")

		base := big.NewInt(10)
		if in.binary {
			base.SetInt64(2)
		}
		second := new(big.Int).Exp(base, big.NewInt(int64(in.exp)), nil)
		ns := new(big.Int).Mul(new(big.Int).SetUint64(ticks), big.NewInt(1e9))
		ns.Div(ns, second)
		ns.Add(ns, new(big.Int).Mul(big.NewInt(in.offset), big.NewInt(1e9)))

		got := in.time(ticks)
		const clampAt = math.MaxInt64 - 2e9
		switch {
		case ns.Cmp(big.NewInt(clampAt)) > 0:
			if got < clampAt {
				t.Fatalf("time(%d) = %d, want it clamped at the end", ticks, got)
			}
		case ns.Cmp(big.NewInt(-clampAt)) < 0:
			if got > -clampAt {
				t.Fatalf("time(%d) = %d, want it clamped at the beginning", ticks, got)
			}
		default:
			if int64(got) != ns.Int64() {
				t.Fatalf("time(%d) = %d, want %d", ticks, got, ns.Int64())
			}
		}
	})
}
