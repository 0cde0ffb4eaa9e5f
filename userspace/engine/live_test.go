package engine

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"
)

// TestSnapshotsAlone: a flow of which no packet was handed out, only what it was
// counted as. The flags of a Snapshot are those of many packets and tell nothing
// about who began.
func TestSnapshotsAlone(t *testing.T) {
	s := newScript()
	c := s.tcp(40000, 443)
	for _, from := range []int{client, server} {
		k, f := sensor.NewKey(sensor.ProtoTCP, c.addr[from], c.addr[1-from])
		s.add(sensor.Record{Kind: sensor.Snapshot, Key: k, From: f, TCPFlags: sensor.SYN | sensor.ACK | sensor.FIN,
			Count: sensor.Counters{Packets: 10, Bytes: 1000, FrameBytes: 1140, PayloadBytes: 600}})
	}
	var end *sensor.Flow
	books, err := Run(context.Background(), s, Config{}, 1, sinkFunc(func(ev *sensor.Event) error {
		if ev.Kind == sensor.FlowEnd {
			f := *ev.Flow
			end = &f
		}
		return nil
	}))
	if err != nil || books.Check() != nil {
		t.Fatal(err, books.Check())
	}
	if end == nil || end.Counters[0].Packets != 10 || end.Counters[1].Packets != 10 {
		t.Fatalf("got %+v, want one flow with 10 packets each way", end)
	}
	if _, port := end.Endpoint(sensor.Responder); port != 443 || end.Evidence != sensor.ByPort {
		t.Errorf("responder has port %d by %v, want 443 by port", port, end.Evidence)
	}
}

// TestBypassedIsNotLost: what the source did not copy because nobody wanted it
// is in its own row.
func TestBypassedIsNotLost(t *testing.T) {
	for _, proto := range []sensor.Proto{sensor.ProtoTCP, sensor.ProtoUDP} {
		s := newScript()
		c := s.tcp(40000, 443)
		k, f := sensor.NewKey(proto, c.addr[client], c.addr[server])
		s.add(sensor.Record{Kind: sensor.Lost, Key: k, From: f, Reason: sensor.LossBypass, Count: sensor.Counters{PayloadBytes: 77}})
		books, err := Run(context.Background(), s, Config{}, 1, sinkFunc(func(ev *sensor.Event) error {
			if ev.Kind == sensor.FlowGap {
				t.Errorf("%v: a gap of %d", proto, ev.Lost)
			}
			return nil
		}))
		if err != nil || books.Check() != nil {
			t.Fatal(err, books.Check())
		}
		a := books.Account(proto.String() + "_payload")
		if a.Total != 77 || a.Row("bypassed") != 77 {
			t.Errorf("%+v, want 77 bytes bypassed", a)
		}
	}
}

// slow is a Source that has nothing for a while: it says so with a Tick.
type slow struct {
	script
	wait chan struct{}
}

func (s *slow) Read(r *sensor.Record) error {
	if s.next == len(s.recs) {
		<-s.wait
	}
	return s.script.Read(r)
}

// TestTickHandsOver: with several workers records are handled in batches, and a
// Tick ends one, so that nobody waits for a packet that comes tomorrow.
func TestTickHandsOver(t *testing.T) {
	s := &slow{script: *newScript(), wait: make(chan struct{})}
	s.tcp(40000, 443).open()
	s.add(sensor.Record{Kind: sensor.Tick})
	seen := make(chan struct{}, 10)
	done := make(chan error)
	go func() {
		_, err := Run(context.Background(), s, Config{}, 2, sinkFunc(func(*sensor.Event) error {
			seen <- struct{}{}
			return nil
		}))
		done <- err
	}()
	select {
	case <-seen:
	case <-time.After(10 * time.Second):
		t.Error("no event while the source waits")
	}
	close(s.wait)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestEndOfBypassed: a download of which the source copied only the beginning
// ends with its FIN, however long it was, and nothing of it is missing.
func TestEndOfBypassed(t *testing.T) {
	for _, n := range []uint32{100, 100 << 20, 3 << 30} {
		s := newScript()
		c := s.tcp(40000, 443).open()
		c.say(server, "hello")
		k, f := sensor.NewKey(sensor.ProtoTCP, c.addr[server], c.addr[client])
		s.add(sensor.Record{Kind: sensor.Lost, Key: k, From: f, Reason: sensor.LossBypass, Count: sensor.Counters{PayloadBytes: uint64(n)}})
		c.seq[server] += n
		c.send(server, sensor.FIN|sensor.ACK, "")
		c.send(client, sensor.FIN|sensor.ACK, "")
		var state sensor.ConnState
		books, err := Run(context.Background(), s, Config{}, 1, sinkFunc(func(ev *sensor.Event) error {
			switch ev.Kind {
			case sensor.FlowEnd:
				state = ev.Flow.State
			case sensor.FlowGap:
				t.Errorf("%d bytes bypassed: a gap of %d: %v", n, ev.Lost, ev.Reason)
			}
			return nil
		}))
		if err != nil || books.Check() != nil {
			t.Fatal(err, books.Check())
		}
		if a := books.Account("tcp_payload"); state != sensor.SF || a.Total != uint64(n)+5 || a.Row("bypassed") < uint64(n) {
			t.Errorf("%d bytes bypassed: state %v, %+v", n, state, a)
		}
	}
}

// notCopied says that the next n bytes of a direction were seen but not copied.
func (c *conn) notCopied(from int, n uint32, why sensor.Loss) {
	k, f := sensor.NewKey(sensor.ProtoTCP, c.addr[from], c.addr[1-from])
	c.s.add(sensor.Record{Kind: sensor.Lost, Key: k, From: f, Reason: why, Count: sensor.Counters{PayloadBytes: uint64(n)}})
	c.seq[from] += n
}

// TestNotCopied: what was not copied is a gap only to a parser that wanted it.
func TestNotCopied(t *testing.T) {
	kinds := []sensor.EventKind{sensor.FlowMessage, sensor.FlowGap, sensor.FlowAnomaly}
	for _, why := range []sensor.Loss{sensor.LossBudget, sensor.LossRing, sensor.LossBypass} {
		tests := []struct {
			name   string
			script func(c *conn)
			lines  []string
		}{
			{"within what is passed over", func(c *conn) {
				c.say(client, "9xxx")
				c.notCopied(client, 80, why)
				c.say(client, "xxxxxxx1xxxxxxxxxx")
				c.close()
			}, []string{"initiator parcels 90 ends at 91", "initiator parcels 10 ends at 102"}},
			{"to the end of it, and the peer says that it has it", func(c *conn) {
				c.say(client, "9xxx")
				c.notCopied(client, 87, why)
				c.say(server, "2") // acknowledges
				c.close()
			}, []string{"initiator parcels 90 ends at 91", "responder parcels 0 of 20, aborted=false"}},
			{"to the end of the connection", func(c *conn) {
				c.say(client, "9xxx")
				c.s.wait(time.Minute)
				c.send(server, sensor.FIN|sensor.ACK, "")
				c.notCopied(client, 87, why)
				c.send(client, sensor.FIN|sensor.ACK, "")
			}, []string{"initiator parcels 90 ends at 91"}},
		}
		for _, tt := range tests {
			t.Run(tt.name+", "+why.String(), func(t *testing.T) {
				s := newScript()
				tt.script(s.tcp(4000, 8).open())
				want(t, play(t, s, Config{Protocols: []sensor.Protocol{parcelsOnPort8}}, kinds...), tt.lines...)
			})
		}
	}
}

// TestNotCopiedOfNobody: of a flow that no parser wants, nothing is lost, however
// the source calls it.
func TestNotCopiedOfNobody(t *testing.T) {
	for _, n := range []uint32{100, 100 << 20} {
		s := newScript()
		c := s.tcp(4000, 9).open()
		c.say(client, "nobody knows this"+string(make([]byte, 5000)))
		c.notCopied(client, n, sensor.LossBudget)
		c.close()
		var state sensor.ConnState
		books, err := Run(context.Background(), s, Config{Protocols: []sensor.Protocol{parcelsOnPort8}}, 1, sinkFunc(func(ev *sensor.Event) error {
			switch ev.Kind {
			case sensor.FlowGap, sensor.FlowAnomaly:
				t.Errorf("%v: %v %v", ev.Kind, ev.Reason, ev.Anomaly)
			case sensor.FlowEnd:
				state = ev.Flow.State
			}
			return nil
		}))
		if err != nil || books.Check() != nil {
			t.Fatal(err, books.Check())
		}
		if a := books.Account("tcp_payload"); state != sensor.SF || a.Row("lost") != 0 || a.Row("gap") != 0 || a.Row("bypassed") < uint64(n) {
			t.Errorf("%d bytes: state %v, %+v", n, state, a)
		}
	}
}

// TestEndOverBudget: a connection whose rest was wanted but not copied ends with
// its FIN, with one gap, for the reason that the source gave, and at once.
func TestEndOverBudget(t *testing.T) {
	s := newScript()
	c := s.tcp(4000, 8).open()
	c.say(server, "1xxxxxxxxxx")
	c.seq[server] += 100 << 20
	c.send(client, sensor.FIN|sensor.ACK, "") // acknowledges what is not known of yet
	c.seq[server] -= 100 << 20
	c.notCopied(server, 100<<20, sensor.LossBudget)
	c.send(server, sensor.FIN|sensor.ACK, "")
	c.s.wait(time.Minute)
	c.s.tcp(1, 2).open()
	want(t, play(t, s, Config{Protocols: []sensor.Protocol{parcelsOnPort8}}, sensor.FlowGap, sensor.FlowAnomaly),
		"gap responder 104857600 at 11: over_budget")
}

// located is a Source that knows where flows were.
type located struct{ *script }

func (located) Locate(where uint16) []string {
	return [][]string{nil, {"eth0"}, {"eth0", "br0"}, {"eth0"}, {"eth1", "br0"}, {"1", "2", "3", "4", "5", "6"}}[where]
}

// TestInterfaces: a flow is where its latest Snapshot says, and was where the
// others said; one without is nowhere.
func TestInterfaces(t *testing.T) {
	s := newScript()
	flow := func(port uint16, where ...uint16) {
		c := s.tcp(port, 80).open()
		k, f := sensor.NewKey(sensor.ProtoTCP, c.addr[client], c.addr[server])
		for _, where := range where {
			s.add(sensor.Record{Kind: sensor.Snapshot, Key: k, From: f, Where: where, Count: sensor.Counters{Packets: 1}})
		}
		c.close()
	}
	want := map[uint16]string{4000: "", 4001: "eth0 br0", 4002: "eth1 br0 eth0", 4003: "1 2 3 4 5 6 eth1 br0", 4004: ""}
	flow(4000)
	flow(4001, 0, 1, 2, 3, 0)
	flow(4002, 2, 4)
	flow(4003, 2, 4, 5, 5)
	flow(4004, 0)
	for _, workers := range []int{1, 2} {
		got := map[uint16]string{}
		_, err := Run(context.Background(), located{s.rewind()}, Config{}, workers, sinkFunc(func(ev *sensor.Event) error {
			if ev.Kind == sensor.FlowEnd {
				_, port := ev.Flow.Endpoint(sensor.Initiator)
				got[port] = strings.Join(ev.Flow.Interfaces, " ")
			}
			return nil
		}))
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
}

// TestLostAtTheEnd: what the source lost at the end of a stream without a FIN is
// known to the parser before the end is.
func TestLostAtTheEnd(t *testing.T) {
	s := newScript()
	c := s.tcp(4000, 8).open()
	c.say(client, "1"+strings.Repeat("x", 5))
	c.leaveOut(client, 300, sensor.LossRing)
	want(t, play(t, s, Config{Protocols: []sensor.Protocol{parcelsOnPort8}}, sensor.FlowMessage, sensor.FlowGap))
	s = newScript()
	c = s.tcp(4000, 8).open()
	c.say(client, "1"+strings.Repeat("x", 5))
	want(t, play(t, s, Config{Protocols: []sensor.Protocol{parcelsOnPort8}}, sensor.FlowMessage), "initiator parcels 5 of 10, aborted=true")
}
