package replay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/userspace/internal/filter"
)

func TestFilter(t *testing.T) {
	ps := packets(20) // from ports 1000 to 1019
	all := want(ps)
	for _, c := range []struct {
		expr string
		max  uint64
		want []seen
	}{
		{"udp port 1003", 0, all[3:4]},
		{"udp portrange 1005-1014 and port 53", 0, all[5:15]},
		{"udp portrange 1005-1014", 3, all[5:8]},
		{"tcp", 0, nil},
		{"", 0, all},
	} {
		for _, b := range [][]byte{makePcap(binary.LittleEndian, magicMicro, ps...), makePcapng(binary.BigEndian, ps...)} {
			got, err := readAll(t, Options{Filter: c.expr, MaxPackets: c.max}, b)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("filter %q, at most %d: %d records, %v; want %d", c.expr, c.max, len(got), err, len(c.want))
			}
		}
	}
}

func TestTee(t *testing.T) {
	ps := packets(20)
	var got []uint64
	tee := func(f *Frame) {
		if !bytes.Equal(f.Data, ps[f.Ordinal-1].data) {
			t.Errorf("frame %d has other bytes", f.Ordinal)
		}
		got = append(got, f.Ordinal)
	}
	path := file(t, "x", makePcap(binary.LittleEndian, magicMicro, ps...))
	s, err := Open(Options{Filter: "udp portrange 1005-1014", MaxPackets: 3, Tee: tee}, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := drain(t, s); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []uint64{6, 7, 8}) {
		t.Errorf("Tee got %v, want 6, 7 and 8", got)
	}
}

func TestFilterBooks(t *testing.T) {
	s, err := NewReader(Options{Filter: "udp port 1003"}, "test", bytes.NewReader(makePcap(binary.LittleEndian, magicMicro, packets(20)...)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := drain(t, s); err != nil {
		t.Fatal(err)
	}
	var l sensor.Ledger
	s.Account(&l)
	if a := l.Account("frames"); a.Row("filtered") != 19 || a.Row("accounted") != 1 {
		t.Errorf("frames %+v, want 19 filtered and 1 accounted", a)
	}
}

func TestFilterOfSeveralLinkTypes(t *testing.T) {
	le := binary.LittleEndian
	p := packets(1)[0]
	raw := packet{ticks: p.ticks, iface: 1, data: p.data[14:]}
	radiotap := packet{ticks: p.ticks, iface: 2, data: p.data}
	b := bytes.Join([][]byte{sectionBlock(le), interfaceBlock(le, 1, 0), interfaceBlock(le, 101, 0), interfaceBlock(le, 127, 0),
		enhancedBlock(le, p), enhancedBlock(le, raw), enhancedBlock(le, p), enhancedBlock(le, radiotap)}, nil)
	got, err := readAll(t, Options{Filter: "udp port 1000"}, b)
	if len(got) != 3 {
		t.Errorf("%d records, want 3", len(got))
	}
	var fe *filter.Error
	if !errors.As(err, &fe) || !errors.Is(err, ErrPartial) || fileError(t, err).Frame != 3 {
		t.Errorf("error %v, want that of the filter for link type 127, after 3 packets", err)
	}
}

func TestFilterErrors(t *testing.T) {
	b := makePcap(binary.LittleEndian, magicMicro, packets(1)...)
	ip := bytes.Clone(b)
	ip[20] = 101
	ng := append(sectionBlock(binary.LittleEndian), interfaceBlock(binary.LittleEndian, 101, 0)...)
	for _, c := range []struct {
		name, expr string
		b          []byte
		want       string
	}{
		{"syntax", "udp port", b, "filter"},
		{"not for raw IP", "ether host 2:0:0:0:0:1", ip, "link type 101"},
		{"not for raw IP in pcapng", "ether host 2:0:0:0:0:1", ng, "link type 101"},
	} {
		var fe *filter.Error
		if _, err := Open(Options{Filter: c.expr}, file(t, "x", c.b)); !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Open: %v, want a filter.Error with %q", c.name, err, c.want)
		}
	}
	if _, err := NewReader(Options{Filter: "udp port"}, "x", bytes.NewReader(b)); err == nil {
		t.Error("NewReader took a filter with a syntax error")
	}
	for expr, link := range map[string]LinkType{"udp port": 1, "ether host 2:0:0:0:0:1": 101} {
		s := FromPacketSource(Options{Filter: expr}, brokenSource{}, link)
		var fe *filter.Error
		if err := s.Read(new(sensor.Record)); !errors.As(err, &fe) {
			t.Errorf("FromPacketSource with %q: Read = %v, want a filter.Error", expr, err)
		}
	}
}
