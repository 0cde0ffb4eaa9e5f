package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"flowscope/sensor"
)

// parcels is a protocol of a digit and ten times as many bytes, which it does
// not want to see; "@" hands the stream to words.
type parcels struct {
	msg        text
	size, left [2]int64
	calls      int
}

func (p *parcels) say(emit func(sensor.Message), format string, args ...any) {
	p.msg.Text = fmt.Appendf(nil, format, args...)
	emit(&p.msg)
}

func (p *parcels) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	size, left := &p.size[s.Side], &p.left[s.Side]
	*left -= s.Skipped
	p.calls++
	for {
		k := int(min(*left, int64(len(s.Data)-n)))
		n += k
		if *left -= int64(k); *left > 0 {
			break
		}
		if *size > 0 {
			p.say(emit, "%d ends at %d", *size, s.Offset+int64(n))
			*size = 0
		}
		if n == len(s.Data) {
			return n, nil
		}
		if s.Data[n] == '@' {
			return n + 1, sensor.HandTo("words")
		}
		*size = 10 * int64(s.Data[n]-'0')
		*left = *size
		n++
	}
	if s.EOF {
		p.say(emit, "%d of %d, aborted=%v", *size-*left, *size, s.Aborted)
		return n, nil
	}
	return n + int(*left), nil
}

func (p *parcels) Resync(side sensor.Side, lost int64) bool {
	p.left[side] -= lost
	return p.left[side] >= 0
}

var parcelsOnPort8 = sensor.Protocol{Name: "parcels", Transport: sensor.ProtoTCP, Ports: []uint16{8},
	NewStream: func() sensor.StreamParser { return &parcels{} }}

// TestPassOver says what a parser hears that is not shown everything.
func TestPassOver(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name   string
		script func(c *conn)
		want   []string
	}{
		{"whole", func(c *conn) {
			c.say(client, "2"+x(20)+"1"+x(10))
			c.close()
		}, []string{"initiator parcels 20 ends at 21", "initiator parcels 10 ends at 32"}},
		{"byte by byte", func(c *conn) {
			for _, b := range "2" + x(20) + "1" + x(10) {
				c.say(client, string(b))
			}
			c.close()
		}, []string{"initiator parcels 20 ends at 21", "initiator parcels 10 ends at 32"}},
		{"the next begins in the segment that ends one", func(c *conn) {
			c.say(client, "2"+x(15))
			c.say(client, x(5)+"1"+x(3))
			c.say(client, x(7))
			c.close()
		}, []string{"initiator parcels 20 ends at 21", "initiator parcels 10 ends at 32"}},
		{"a gap within", func(c *conn) {
			c.say(client, "2"+x(3))
			c.say(client, x(2))
			c.seq[client] += 10
			c.say(client, x(5)+"1"+x(10))
			c.close()
		}, []string{"gap initiator 10 at 6: missing", "initiator parcels 20 ends at 21", "initiator parcels 10 ends at 32"}},
		{"a gap up to the end", func(c *conn) {
			c.say(client, "2"+x(3))
			c.seq[client] += 17
			c.say(client, "1"+x(10))
			c.close()
		}, []string{"gap initiator 17 at 4: missing", "initiator parcels 20 ends at 21", "initiator parcels 10 ends at 32"}},
		{"a gap beyond the end", func(c *conn) {
			c.say(client, "2"+x(3))
			c.say(client, x(2))
			c.seq[client] += 16
			c.say(client, "1"+x(10))
			c.close()
		}, []string{"gap initiator 16 at 6: missing"}},
		{"cut off by the snap length", func(c *conn) {
			c.say(client, "2"+x(3))
			r := c.send(client, sensor.ACK, x(17))
			r.Payload = r.Payload[:4]
			c.say(client, "1"+x(10))
			c.close()
		}, []string{"gap initiator 13 at 8: cut", "initiator parcels 20 ends at 21", "initiator parcels 10 ends at 32"}},
		{"the end within, in order", func(c *conn) {
			c.say(client, "2"+x(3))
			c.say(client, x(3))
			c.close()
		}, []string{"initiator parcels 6 of 20, aborted=false"}},
		{"the end within", func(c *conn) {
			c.say(client, "2"+x(3))
			c.say(client, x(3))
		}, []string{"initiator parcels 6 of 20, aborted=true"}},
		{"handed on by the other side: what has not come is not consumed", func(c *conn) {
			c.say(client, "2"+x(3))
			c.say(server, "@")
			c.say(client, "a.b.")
			c.close()
		}, []string{"initiator words a", "initiator words b", "initiator words eof aborted=false left=0", "responder words eof aborted=false left=0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			tt.script(s.tcp(4000, 8).open())
			cfg := Config{Protocols: []sensor.Protocol{parcelsOnPort8, wordsOnPort7}}
			want(t, play(t, s, cfg, sensor.FlowMessage, sensor.FlowGap, sensor.FlowError), tt.want...)
		})
	}
}

// TestPassedOverIsDelivered looks at the books, and counts calls.
func TestPassedOverIsDelivered(t *testing.T) {
	s := newScript()
	c := s.tcp(4000, 8).open()
	c.say(client, "9")
	for range 9 {
		c.say(client, "0123456789")
	}
	c.close()
	p := &parcels{}
	l, err := Run(context.Background(), s, Config{Protocols: []sensor.Protocol{{Name: "parcels", Transport: sensor.ProtoTCP, Ports: []uint16{8},
		NewStream: func() sensor.StreamParser { return p }}}}, 1, sinkFunc(func(*sensor.Event) error { return nil }))
	if err != nil || l.Check() != nil {
		t.Fatal(err, l.Check())
	}
	if a := l.Account("tcp_payload"); a.Total != 91 || a.Row("delivered") != 91 {
		t.Errorf("books: %+v, want 91 bytes delivered", a)
	}
	if p.calls != 4 {
		t.Errorf("%d calls, want 4: the first byte, the last, and two ends", p.calls)
	}
}
