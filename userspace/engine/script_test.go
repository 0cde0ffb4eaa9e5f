package engine

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"
)

// script is a Source made by hand: a list of records, with a clock.
type script struct {
	recs []sensor.Record
	now  sensor.Timestamp
	next int
}

func newScript() *script { return &script{now: sensor.UnixTimestamp(1_000_000_000, 0)} }

func (s *script) Read(r *sensor.Record) error {
	if s.next == len(s.recs) {
		return io.EOF
	}
	*r = s.recs[s.next]
	s.next++
	return nil
}

func (s *script) Close() error { return nil }

func (s *script) rewind() *script { return &script{recs: s.recs, now: s.now} }

func (s *script) wait(d time.Duration) { s.now = s.now.Add(d) }

func (s *script) add(r sensor.Record) *sensor.Record {
	s.now++
	r.Time = s.now
	r.Ordinal = uint64(len(s.recs) + 1)
	if r.Kind == 0 {
		r.Kind = sensor.Packet
	}
	s.recs = append(s.recs, r)
	return &s.recs[len(s.recs)-1]
}

// conn is one connection of a script; client and server have their own next
// sequence numbers.
type conn struct {
	s    *script
	addr [2]netip.AddrPort
	seq  [2]uint32
}

const (
	client = 0
	server = 1
)

func (s *script) tcp(clientPort, serverPort uint16) *conn {
	return &conn{s: s, seq: [2]uint32{0xfffff000, 0x100},
		addr: [2]netip.AddrPort{
			netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), clientPort),
			netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), serverPort)}}
}

// at sends a segment at a distance from the next sequence number, which it does
// not move.
func (c *conn) at(from int, off int, flags uint8, payload string) *sensor.Record {
	k, f := sensor.NewKey(sensor.ProtoTCP, c.addr[from], c.addr[1-from])
	n := uint64(len(payload))
	return c.s.add(sensor.Record{Key: k, From: f, TCPFlags: flags, Window: 1000,
		Seq: c.seq[from] + uint32(off), Ack: c.seq[1-from],
		Payload: []byte(payload), WireLen: len(payload),
		Count: sensor.Counters{Packets: 1, Bytes: 40 + n, FrameBytes: 54 + n, PayloadBytes: n}})
}

// send sends the next segment.
func (c *conn) send(from int, flags uint8, payload string) *sensor.Record {
	r := c.at(from, 0, flags, payload)
	c.seq[from] += uint32(len(payload))
	if flags&(sensor.SYN|sensor.FIN) != 0 {
		c.seq[from]++
	}
	return r
}

func (c *conn) say(from int, payload string) { c.send(from, sensor.ACK|sensor.PSH, payload) }

func (c *conn) open() *conn {
	c.send(client, sensor.SYN, "")
	c.send(server, sensor.SYN|sensor.ACK, "")
	c.send(client, sensor.ACK, "")
	return c
}

func (c *conn) close() {
	c.send(client, sensor.FIN|sensor.ACK, "")
	c.send(server, sensor.FIN|sensor.ACK, "")
	c.send(client, sensor.ACK, "")
}

func (s *script) udp(from, to string, payload string) *sensor.Record {
	k, f := sensor.NewKey(sensor.ProtoUDP, netip.MustParseAddrPort(from), netip.MustParseAddrPort(to))
	n := uint64(len(payload))
	return s.add(sensor.Record{Key: k, From: f, Payload: []byte(payload), WireLen: len(payload),
		Count: sensor.Counters{Packets: 1, Bytes: 28 + n, FrameBytes: 42 + n, PayloadBytes: n}})
}

// play runs a script and returns a line for each event that is asked for, and
// checks the books.
func play(t testing.TB, src sensor.Source, cfg Config, kinds ...sensor.EventKind) []string {
	t.Helper()
	return playOn(t, src, cfg, 1, kinds...)
}

func playOn(t testing.TB, src sensor.Source, cfg Config, workers int, kinds ...sensor.EventKind) []string {
	t.Helper()
	var lines []string
	l, err := Run(context.Background(), src, cfg, workers, sinkFunc(func(ev *sensor.Event) error {
		for _, k := range kinds {
			if ev.Kind == k {
				lines = append(lines, describe(ev))
			}
		}
		return nil
	}))
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := l.Check(); err != nil {
		t.Errorf("books: %v\n%+v", err, l)
	}
	if f := l.Account("flows"); f.Row("live") != 0 {
		t.Errorf("%d flows live at the end", f.Row("live"))
	}
	return lines
}

func describe(ev *sensor.Event) string {
	f := ev.Flow
	switch ev.Kind {
	case sensor.FlowEnd, sensor.FlowUpdate:
		_, port := f.Endpoint(sensor.Initiator)
		return fmt.Sprintf("%v %d %v %v %v %v pkts=%d/%d payload=%d/%d app=%s", ev.Kind, port, f.End, f.State, f.History, f.Evidence,
			f.Counters[0].Packets, f.Counters[1].Packets, f.Counters[0].PayloadBytes, f.Counters[1].PayloadBytes, f.App)
	case sensor.FlowMessage:
		return fmt.Sprintf("%v %v %v", ev.Side, ev.App, *ev.Msg.(*text))
	case sensor.FlowGap:
		return fmt.Sprintf("gap %v %d at %d: %v", ev.Side, ev.Lost, ev.Offset, ev.Reason)
	case sensor.FlowAnomaly:
		return fmt.Sprintf("anomaly %v %v", ev.Side, ev.Anomaly)
	case sensor.FlowError:
		return fmt.Sprintf("error %v %s at %d: %v", ev.Side, ev.App, ev.Offset, ev.Err)
	case sensor.FlowData:
		return fmt.Sprintf("data %v %d %q", ev.Side, ev.Offset, ev.Data)
	}
	return ev.Kind.String()
}

// text is the message of lines, a protocol of words that end in '.'; "!" is an
// error, "?" ends the parser, "@x." hands the stream to protocol x, "#" panics.
type text struct{ Text []byte }

func (t text) String() string { return string(t.Text) }

type lines struct{ msg text }

func (p *lines) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	for {
		i := strings.IndexAny(string(s.Data[n:]), ".!?#")
		if i < 0 {
			break
		}
		word := s.Data[n : n+i]
		switch s.Data[n+i] {
		case '!':
			return n, fmt.Errorf("bad word")
		case '?':
			return n, sensor.ErrDone
		case '#':
			panic("ouch")
		}
		n += i + 1
		if len(word) > 0 && word[0] == '@' {
			return n, sensor.HandTo(string(word[1:]))
		}
		p.msg.Text = word
		emit(&p.msg)
	}
	if s.EOF {
		p.msg.Text = fmt.Appendf(nil, "eof aborted=%v left=%d", s.Aborted, len(s.Data)-n)
		emit(&p.msg)
	}
	return n, nil
}

type resyncLines struct{ lines }

func (p *resyncLines) Resync(_ sensor.Side, lost int64) bool { return true }

var wordsOnPort7 = sensor.Protocol{Name: "words", Transport: sensor.ProtoTCP, Ports: []uint16{7},
	NewStream: func() sensor.StreamParser { return &resyncLines{} }}

func want(t testing.TB, got []string, want ...string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}

// take handles one record as pump does.
func (w *worker) take(r *sensor.Record, now int64) {
	n := shardOf(&r.Key, len(w.shards))
	w.handle(n, r, place{hash: w.shards[n].tab.Hash(&r.Key)}, now)
}
