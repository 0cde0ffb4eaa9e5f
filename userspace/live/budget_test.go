//go:build linux && (amd64 || arm64)

package live

import (
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"flowscope/gen"
	"flowscope/sensor"
)

// TestMore: what a parser asks for later comes beyond the budget, in this epoch
// and the next, and no more than that.
func TestMore(t *testing.T) {
	s := bench(t, Options{Interval: time.Hour, Budget: 1000})
	seq := uint32(1)
	send := func(n int) {
		for range n {
			s.pass(t, tcpFrame(1, seq, sensor.ACK, 100), 1)
			seq += 100
		}
	}
	send(20)
	k, from := flowKey(1)
	s.verdicts.more(&k, from, 1500)
	s.verdicts.more(&k, 1-from, 5000) // of the other direction
	if err := s.verdicts.tell(s.k.verdicts); err != nil {
		t.Fatal(err)
	}
	send(20)
	got, l := s.rest(t)
	if got.payload != 1000+1500 || got.lost[sensor.LossBudget] != 1500 {
		t.Errorf("%d bytes crossed, lost %v, %+v", got.payload, got.lost, l.Account("kernel_payload"))
	}
}

// TestSkip: what ends before a sequence number stays, and what follows comes.
func TestSkip(t *testing.T) {
	s := bench(t, Options{Interval: time.Hour})
	start := uint32(0xffffff00) // the numbers wrap
	k, from := flowKey(1)
	s.pass(t, tcpFrame(1, start, sensor.ACK, 100), 1)
	s.verdicts.skip(&k, from, start+950)
	if err := s.verdicts.tell(s.k.verdicts); err != nil {
		t.Fatal(err)
	}
	for i := range uint32(19) {
		s.pass(t, tcpFrame(1, start+100*(i+1), sensor.ACK, 100), 1)
	}
	s.pass(t, tcpFrame(1, start, sensor.ACK, 100), 1)
	s.verdicts.more(&k, from, 1) // takes it back
	if err := s.verdicts.tell(s.k.verdicts); err != nil {
		t.Fatal(err)
	}
	s.pass(t, tcpFrame(1, start, sensor.ACK, 100), 1)
	got, l := s.rest(t)
	if got.payload != 100+1100+100 || got.lost[sensor.LossBypass] != 800+100 {
		t.Errorf("%d bytes crossed, lost %v, %+v; want those but 900, which end before", got.payload, got.lost, l.Account("kernel_payload"))
	}
}

// TestBudgetShrinks: a ring that fills makes flows shorter, before it is full, and
// the budget comes back when it is read.
func TestBudgetShrinks(t *testing.T) {
	const budget = 64 << 10
	s := bench(t, Options{Interval: time.Hour, Budget: budget, Rings: 1, RingSize: 1 << 20})
	// later lets time pass since the budget was changed, and says how often it is halved.
	later := func(d time.Duration) uint64 {
		var g gen.Control
		if err := s.k.control.Lookup(uint32(0), &g); err != nil {
			t.Fatal(err)
		}
		g.Squeezed -= min(g.Squeezed, uint64(d))
		if err := s.k.control.Put(uint32(0), g); err != nil {
			t.Fatal(err)
		}
		return g.Squeeze
	}
	before := uint64(0)
	// A flow after the other wants all of its budget, and nobody reads.
	for n := range uint32(60) {
		for i := range uint32(budget / 1024) {
			s.pass(t, tcpFrame(n+1, 1+i*1024, sensor.ACK, 1024), 1)
		}
		before = later(10 * time.Millisecond)
	}
	if before == 0 {
		t.Error("the budget has not shrunk")
	}
	var l sensor.Ledger
	s.Account(&l)
	p := l.Account("kernel_payload")
	if p.Row("over_budget") == 0 || p.Row("ring_full") > p.Total/20 {
		t.Errorf("%+v: want what is lost chosen by the budget", p)
	}
	var r sensor.Record
	for {
		if err := s.Read(&r); err != nil {
			t.Fatal(err)
		}
		if r.Kind == sensor.Tick {
			break
		}
	}
	later(time.Second)
	for range 3 {
		s.pass(t, tcpFrame(1, 1, sensor.ACK, 1024), 1) // over its budget: nothing is sent
	}
	if n := later(0); n != before-1 {
		t.Errorf("the budget is halved %d times a second after the ring was read, want %d", n, before-1)
	}
	s.rest(t)
}

// TestBudgetIsExact: what a packet carries beyond the budget stays, to the byte of
// TCP and to the datagram of UDP; the end of the connection crosses without it.
func TestBudgetIsExact(t *testing.T) {
	udp := tcpFrame(1, 0, 0, 2512) // of 2524 bytes
	udp[23] = 17
	binary.BigEndian.PutUint16(udp[38:], 2532)
	tests := []struct {
		name          string
		budget        int64
		entry         string
		frame         []byte
		gso           uint32
		crossed, lost uint64
		packets       int
		flags         uint8  // of the last
		next          uint32 // sequence number behind it
	}{
		{"a part of a packet", 1000, "fs_ingress", tcpFrame(1, 1, sensor.ACK, 2500), 0, 1000, 1500, 1, sensor.ACK, 1001},
		{"all of it", 2500, "fs_ingress", tcpFrame(1, 1, sensor.ACK, 2500), 0, 2500, 0, 1, sensor.ACK, 2501},
		{"and its fin", 2500, "fs_ingress", tcpFrame(1, 1, sensor.ACK|sensor.FIN, 2500), 0, 2500, 0, 1, sensor.ACK | sensor.FIN, 2501},
		{"a part of it, and its fin", 1000, "fs_ingress", tcpFrame(1, 1, sensor.ACK|sensor.FIN, 2500), 0, 1000, 1500, 2, sensor.ACK | sensor.FIN, 2501},
		{"a super-packet", 2499, "fs_ingress", tcpFrame(1, 1, sensor.ACK, 2500), 1000, 2499, 1, 1, sensor.ACK, 2500},
		{"in the second slice", 5000, "fs_xdp", tcpFrame(1, 1, sensor.ACK, 9000), 0, 5000, 4000, 2, sensor.ACK, 5001},
		{"between two slices", 4096, "fs_xdp", tcpFrame(1, 1, sensor.ACK, 9000), 0, 4096, 9000 - 4096, 1, sensor.ACK, 4097},
		{"between them, and its fin", 4096, "fs_xdp", tcpFrame(1, 1, sensor.ACK|sensor.FIN, 9000), 0, 4096, 9000 - 4096, 2, sensor.ACK | sensor.FIN, 9001},
		{"whole datagrams of several", 1500, "fs_ingress", udp, 1000, 2000, 524, 2, 0, 0},
		{"a whole datagram", 1500, "fs_ingress", udp, 0, 2524, 0, 1, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := bench(t, Options{Interval: time.Hour, Budget: tt.budget})
			p := s.k.hooks[0].program
			o := &ebpf.RunOptions{Data: tt.frame}
			if tt.entry == "fs_xdp" {
				if probeXDP() != nil {
					t.Skip("this kernel has no bpf_xdp_load_bytes, which came with Linux 5.18")
				}
				var err error
				if p, err = s.k.load(tt.entry, 0, beginsEthernet); err != nil {
					t.Fatal(err)
				}
				defer p.Close()
			}
			if tt.gso > 0 {
				const gsoSegs, gsoSize = 164, 176 // struct __sk_buff
				ctx := make([]byte, 192)
				binary.NativeEndian.PutUint32(ctx[gsoSegs:], 3)
				binary.NativeEndian.PutUint32(ctx[gsoSize:], tt.gso)
				o.Context = ctx
			}
			if _, err := p.Run(o); err != nil {
				t.Fatal(err)
			}
			s.Stop()
			got, last, r := total{lost: map[sensor.Loss]uint64{}}, sensor.Record{}, sensor.Record{}
			for {
				if err := s.Read(&r); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				switch r.Kind {
				case sensor.Packet:
					got.packets++
					got.payload += uint64(len(r.Payload))
					last = r
				case sensor.Lost:
					got.lost[r.Reason] += r.Count.PayloadBytes
				}
			}
			l := &sensor.Ledger{}
			s.Account(l)
			if err := l.Check(); err != nil || l.Account("kernel_payload").Row("over_budget") != tt.lost || l.Account("kernel_payload").Row("forwarded") != tt.crossed {
				t.Errorf("%v, %+v", err, l.Account("kernel_payload"))
			}
			if got.payload != tt.crossed || got.lost[sensor.LossBudget] != tt.lost || len(got.lost) > 1 || got.packets != tt.packets {
				t.Errorf("%d bytes in %d packets, lost %v; want %d in %d and %d", got.payload, got.packets, got.lost, tt.crossed, tt.packets, tt.lost)
			}
			if last.TCPFlags != tt.flags || last.Key.Proto == sensor.ProtoTCP && last.Seq+uint32(last.WireLen) != tt.next {
				t.Errorf("the last has flags %#x and ends at %d, want %#x and %d", last.TCPFlags, last.Seq+uint32(last.WireLen), tt.flags, tt.next)
			}
		})
	}
}
