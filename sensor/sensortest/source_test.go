package sensortest

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"flowscope/sensor"
)

// list is a good Source of a fixed list of records.
type list struct {
	records []sensor.Record
	odd     func(*sensor.Record) // what makes it a bad one
	final   error

	mu     sync.Mutex
	next   int
	closed bool
}

func (s *list) Read(r *sensor.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return net.ErrClosed
	case s.next == len(s.records):
		if s.final != nil {
			return s.final
		}
		return io.EOF
	}
	*r = s.records[s.next]
	s.next++
	if s.odd != nil {
		s.odd(r)
	}
	return nil
}

func (s *list) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *list) Account(l *sensor.Ledger) {
	l.Add(sensor.Account{Stage: "records", Unit: "packets", Total: uint64(s.next), Rows: []sensor.Row{{Name: "read", Count: uint64(s.next)}}})
}

func someRecords() []sensor.Record {
	k, from := sensor.NewKey(sensor.ProtoTCP, netip.MustParseAddrPort("10.0.0.2:9"), netip.MustParseAddrPort("10.0.0.1:80"))
	udp, _ := sensor.NewKey(sensor.ProtoUDP, netip.MustParseAddrPort("10.0.0.2:9"), netip.MustParseAddrPort("10.0.0.1:53"))
	one := sensor.Counters{Packets: 1, Bytes: 42, FrameBytes: 56, PayloadBytes: 2}
	return []sensor.Record{
		{Kind: sensor.Packet, Ordinal: 1, Time: Start, Key: k, From: from, TCPFlags: sensor.SYN, WireLen: 5, Payload: []byte("abc"), Count: one},
		{Kind: sensor.Packet, Ordinal: 2, Time: Start, Key: udp, WireLen: 0},
		{Kind: sensor.Tick, Time: Start},
		{Kind: sensor.Lost, Ordinal: 2, Time: Start, Key: k, Reason: sensor.LossRing, Count: sensor.Counters{PayloadBytes: 7}},
		{Kind: sensor.Snapshot, Ordinal: 2, Time: Start, Key: k, TCPFlags: sensor.ACK, Count: one},
	}
}

func TestGoodSource(t *testing.T) {
	for _, final := range []error{nil, errors.New("byte 7: want a magic number")} {
		kinds := Source(t, func() sensor.Source { return &list{records: someRecords(), final: final} })
		if kinds[sensor.Packet] != 2 || kinds[sensor.Tick] != 1 || kinds[sensor.Lost] != 1 || kinds[sensor.Snapshot] != 1 {
			t.Errorf("records by kind: %v", kinds)
		}
	}
	Source(t, func() sensor.Source { return &list{} })
}

func TestBadRecords(t *testing.T) {
	tests := []struct {
		want string
		odd  func(*sensor.Record)
	}{
		{"record 1: its Kind is kind-9", func(r *sensor.Record) { r.Kind = 9 }},
		{"record 1: its From is 2", func(r *sensor.Record) { r.From = 2 }},
		{"record 1: its Key 10.0.0.2:9 <-> 10.0.0.1:80 tcp is not canonical", func(r *sensor.Record) {
			r.Key.Addr[0], r.Key.Addr[1] = r.Key.Addr[1], r.Key.Addr[0]
			r.Key.Port[0], r.Key.Port[1] = r.Key.Port[1], r.Key.Port[0]
		}},
		{"record 1: 3 bytes of Payload, but WireLen is 2", func(r *sensor.Record) { r.WireLen = 2 }},
		{"record 1: its WireLen is -1", func(r *sensor.Record) { r.WireLen, r.Payload = -1, nil }},
		{"record 1: the Ordinal of a Packet is not set", func(r *sensor.Record) { r.Ordinal = 0 }},
		{"record 1: its Time is not set", func(r *sensor.Record) { r.Time = dirty().Time }},
		{"record 1: its Count is not set", func(r *sensor.Record) { r.Count = dirty().Count }},
		{"record 1: its Count has bytes but no packets", func(r *sensor.Record) { r.Count.Packets = 0 }},
		{"record 1: its Flags are 0x80", func(r *sensor.Record) { r.Flags = 0x80 }},
		{"record 1: its Encap is", func(r *sensor.Record) { r.Encap.Tunnel = 99 }},
		{"record 1: its Key.Kind is key-kind-7", func(r *sensor.Record) { r.Key.Kind = 7 }},
		{"record 1: a Key of kind ip-pair has ports or a protocol", func(r *sensor.Record) { r.Key.Kind = sensor.IPPair }},
		{"record 2: the TCPFlags of udp are 0x2", func(r *sensor.Record) { r.TCPFlags = sensor.SYN }},
		{"record 3: a Tick has Ordinal 3", func(r *sensor.Record) {
			if r.Kind == sensor.Tick {
				r.Ordinal = 3
			}
		}},
		{"record 4: the Reason of a Lost record is", func(r *sensor.Record) { r.Reason = sensor.LossNone }},
		{"record 4: a Lost record says that nothing was lost", func(r *sensor.Record) {
			if r.Kind == sensor.Lost {
				r.Count.PayloadBytes = 0
			}
		}},
	}
	for _, tt := range tests {
		got := failure(func(t testing.TB) {
			Source(t, func() sensor.Source { return &list{records: someRecords(), odd: tt.odd} })
		})
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("the kit says %.80q, want %q", got, tt.want)
		}
	}
}

// forgetful breaks one promise of a Source.
type forgetful struct {
	list
	ends    int
	again   bool // end, then go on
	reopens bool // Read works after Close
	once    bool // Close works once
	books   bool // they do not balance
}

func (s *forgetful) Read(r *sensor.Record) error {
	err := s.list.Read(r)
	if err == io.EOF {
		if s.ends++; s.ends == 2 && s.again {
			return errors.New("other")
		}
	}
	if err == net.ErrClosed && s.reopens {
		*r = someRecords()[0]
		s.ends++
		if s.ends > 2 {
			return io.EOF
		}
		return nil
	}
	return err
}

func (s *forgetful) Close() error {
	if s.closed && s.once {
		return errors.New("closed already")
	}
	return s.list.Close()
}

func (s *forgetful) Account(l *sensor.Ledger) {
	s.list.Account(l)
	if s.books && s.next > 2 {
		l.Add(sensor.Account{Stage: "bytes", Unit: "bytes", Total: 1})
	}
}

func TestBadSources(t *testing.T) {
	tests := map[string]func() *forgetful{
		`Read after the final error "EOF" = other`:          func() *forgetful { return &forgetful{again: true} },
		`Read after Close = <nil>, want net.ErrClosed`:      func() *forgetful { return &forgetful{reopens: true} },
		`second Close = closed already`:                     func() *forgetful { return &forgetful{once: true} },
		`after record 3: ledger bytes: 1 bytes in, 0 accou`: func() *forgetful { return &forgetful{books: true} },
	}
	for want, open := range tests {
		got := failure(func(t testing.TB) {
			Source(t, func() sensor.Source {
				s := open()
				s.records = someRecords()
				if s.reopens {
					s.ends = -5
				}
				return s
			})
		})
		if !strings.HasPrefix(got, want) {
			t.Errorf("the kit says %.90q, want %q", got, want)
		}
	}
}
