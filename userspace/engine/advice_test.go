package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"flowscope/sensor"
)

// sparing is a Source that notes what it is told.
type sparing struct {
	*script
	t    *testing.T
	told []string
}

func (s *sparing) Budget() int64 { return 400 }

func (s *sparing) note(k sensor.Key, format string, args ...any) error {
	if k.Proto != sensor.ProtoTCP && k.Proto != sensor.ProtoUDP {
		s.t.Errorf("advice for %v", k)
	}
	s.told = append(s.told, fmt.Sprintf(format, args...))
	return nil
}

func (s *sparing) Bypass(k sensor.Key) error { return s.note(k, "bypass") }

func (s *sparing) More(k sensor.Key, from uint8, n uint32) error {
	return s.note(k, "%d more of %d", n, from)
}

func (s *sparing) Skip(k sensor.Key, from uint8, until uint32) error {
	return s.note(k, "skip %d until %d", from, until-0xfffff001) // where the client begins
}

// leaveOut makes c count payload that is not copied.
func (c *conn) leaveOut(side, n int, why sensor.Loss) {
	k, from := sensor.NewKey(sensor.ProtoTCP, c.addr[side], c.addr[1-side])
	c.s.add(sensor.Record{Kind: sensor.Lost, Key: k, From: from, Reason: why, Count: sensor.Counters{PayloadBytes: uint64(n)}})
	c.seq[side] += uint32(n)
}

// TestAdvice says what a source is told that copies payload under a budget, and
// what becomes of a stream of which it leaves out what it may.
func TestAdvice(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name   string
		script func(c *conn)
		told   string
		want   []string
		stream bool
	}{
		{"more, as it is read", func(c *conn) {
			for range 9 {
				c.say(client, "1"+x(10)+"1"+x(10)) // 22
			}
		}, "110 more of 0", nil, false},
		{"for each direction", func(c *conn) {
			c.say(client, "1"+x(10))
			for range 9 {
				c.say(server, "1"+x(10)+"1"+x(10))
			}
		}, "110 more of 1", nil, false},
		{"nothing of what is passed over", func(c *conn) {
			c.say(client, "1"+x(10)+"9"+x(5))  // 85 to come: too little to say so
			c.say(client, x(85)+"9"+x(90)+"9") // of 207, and 90 to come
			c.say(client, x(90)+"1"+x(10))
		}, "194 more of 0, 101 more of 0", []string{"initiator parcels 10 ends at 11", "initiator parcels 90 ends at 102",
			"initiator parcels 90 ends at 193", "initiator parcels 90 ends at 284", "initiator parcels 10 ends at 295"}, false},
		{"a long body is left out", func(c *conn) {
			c.say(client, "1"+x(10)+"D"+x(5)) // 195 to come
			c.leaveOut(client, 150, sensor.LossBypass)
			c.say(client, x(45)+"1"+x(10))
		}, "skip 0 until 212", []string{"initiator parcels 10 ends at 11", "initiator parcels 200 ends at 212", "initiator parcels 10 ends at 223"}, false},
		{"all of it, and the answer says so", func(c *conn) {
			c.say(client, "D"+x(5))
			c.seq[client] += 195
			c.say(server, "1"+x(10))
			c.seq[client] -= 195
			c.leaveOut(client, 100, sensor.LossBudget) // is told later
			c.leaveOut(client, 95, sensor.LossBypass)
			c.say(client, "1"+x(10))
		}, "skip 0 until 201", []string{"initiator parcels 200 ends at 201", "responder parcels 10 ends at 11", "initiator parcels 10 ends at 212"}, false},
		{"what was read is asked for behind it, too", func(c *conn) {
			c.say(client, "1"+x(10))
			c.say(client, "D"+x(5))
		}, "11 more of 0, skip 0 until 212", nil, false},
		{"whoever wants the streams wants all", func(c *conn) {
			c.say(client, "D"+x(5))
			c.say(client, x(295))
			c.say(client, x(95))
		}, "6 more of 0, 295 more of 0", nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &sparing{script: newScript(), t: t}
			tt.script(s.tcp(4000, 8).open())
			var got []string
			l, err := Run(context.Background(), s, Config{Protocols: []sensor.Protocol{parcelsOnPort8}, StreamData: tt.stream}, 1, sinkFunc(func(ev *sensor.Event) error {
				switch ev.Kind {
				case sensor.FlowMessage:
					if m := string(ev.Msg.(*text).Text); strings.Contains(m, "ends") {
						got = append(got, fmt.Sprintf("%v %s %s", ev.Side, ev.App, m))
					}
				case sensor.FlowEnd:
					if n := ev.Flow.TCP[0].OutOfOrder + ev.Flow.TCP[1].OutOfOrder; n > 0 {
						t.Errorf("%d segments are out of order", n)
					}
				case sensor.FlowGap, sensor.FlowError, sensor.FlowAnomaly:
					t.Errorf("%v: %v", ev.Kind, ev)
				}
				return nil
			}))
			if err != nil || l.Check() != nil {
				t.Fatal(err, l.Check())
			}
			if told := strings.Join(s.told, ", "); told != tt.told {
				t.Errorf("the source is told\n%s, want\n%s", told, tt.told)
			}
			if tt.want != nil {
				want(t, got, tt.want...)
			}
			if a := l.Account("tcp_payload"); a.Row("gap")+a.Row("lost")+a.Row("missing") > 0 {
				t.Errorf("%+v", a)
			}
		})
	}
}
