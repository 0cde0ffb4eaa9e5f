package engine

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"flowscope/sensor"
)

// tagged is a protocol that is recognised by its first word, on any port.
func tagged(name string, v sensor.Verdict) sensor.Protocol {
	return sensor.Protocol{Name: name, Transport: sensor.ProtoTCP,
		Probe: func(_ sensor.Side, b []byte) sensor.Verdict {
			tag := []byte(name + ".")
			switch {
			case bytes.HasPrefix(b, tag):
				return v
			case bytes.HasPrefix(tag, b):
				return sensor.Unsure
			}
			return sensor.No
		},
		NewStream: func() sensor.StreamParser { return &lines{} }}
}

func TestRecognition(t *testing.T) {
	abc, abd := tagged("abc", sensor.Match), tagged("abd", sensor.MatchResponder)
	long := strings.Repeat("long", 60)
	tests := []struct {
		name   string
		with   []sensor.Protocol
		cfg    Config
		script func(s *script)
		want   []string
	}{
		{"on any port, the probed bytes go to the winner", []sensor.Protocol{abc, abd}, Config{}, func(s *script) {
			c := s.tcp(4000, 9999).open()
			c.say(client, "a")
			c.say(client, "bc.on")
			c.say(client, "e.")
			c.close()
		}, []string{"initiator abc abc", "initiator abc one", "initiator abc eof aborted=false left=0", "responder abc eof aborted=false left=0",
			"end 4000 fin SF ShADFf syn pkts=7/2 payload=8/0 app=abc"}},
		{"by what comes in 240 segments", []sensor.Protocol{tagged(long, sensor.Match)}, Config{}, func(s *script) {
			c := s.tcp(4000, 9999).open()
			for _, b := range long + ".on" {
				c.say(client, string(b))
			}
			c.say(client, "e.")
		}, []string{"initiator " + long + " " + long, "initiator " + long + " one",
			"initiator " + long + " eof aborted=true left=0", "responder " + long + " eof aborted=true left=0",
			"end 4000 shutdown S1 ShAD syn pkts=246/1 payload=245/0 app=" + long}},
		{"who spoke first is parsed first", []sensor.Protocol{abc}, Config{}, func(s *script) {
			c := s.tcp(4000, 9999).open()
			c.say(server, "ab")
			c.say(client, "abc.")
			c.say(server, "c.two.")
		}, []string{"initiator abc abc", "responder abc abc", "responder abc two", "initiator abc eof aborted=true left=0", "responder abc eof aborted=true left=0",
			"end 4000 shutdown S1 ShAdD syn pkts=3/3 payload=4/8 app=abc"}},
		{"joined within a message: each side is found at its next", []sensor.Protocol{abc, abd}, Config{}, func(s *script) {
			c := s.tcp(4000, 9999)
			c.say(server, "the rest.")
			c.say(server, "and more.")
			c.say(client, "abc.one.")
			c.say(server, "of this.")
			c.say(server, "ab")
			c.say(server, "c.two.")
			c.close()
		}, []string{"responder abc abc", "responder abc one", "initiator abc abc", "initiator abc two",
			"responder abc eof aborted=false left=0", "initiator abc eof aborted=false left=0",
			"end 9999 fin SF DdfFa first pkts=6/3 payload=34/8 app=abc"}},
		{"joined within a message that does not end", []sensor.Protocol{abc}, Config{ProbeBytes: 10}, func(s *script) {
			c := s.tcp(4000, 9999)
			for range 16 {
				c.say(server, "the rest.x")
			}
			c.say(client, "abc.one.")
		}, []string{"end 9999 shutdown OTH Dd first pkts=16/1 payload=160/8 app="}},
		{"nobody's", []sensor.Protocol{abc, abd}, Config{}, func(s *script) {
			c := s.tcp(4000, 9999).open()
			c.say(client, "xyz.")
			c.say(client, "abc.")
		}, []string{"end 4000 shutdown S1 ShAD syn pkts=4/1 payload=8/0 app="}},
		{"a probe that is never sure", []sensor.Protocol{{Name: "vague", Transport: sensor.ProtoTCP,
			Probe:     func(sensor.Side, []byte) sensor.Verdict { return sensor.Unsure },
			NewStream: func() sensor.StreamParser { return &lines{} }}}, Config{ProbeSegments: 2}, func(s *script) {
			c := s.tcp(4000, 9999).open()
			for range 5 {
				c.say(client, "what.")
			}
		}, []string{"end 4000 shutdown S1 ShAD syn pkts=7/1 payload=25/0 app="}},
		{"a probe that panics", []sensor.Protocol{{Name: "bad", Transport: sensor.ProtoTCP,
			Probe:     func(sensor.Side, []byte) sensor.Verdict { panic("ouch") },
			NewStream: func() sensor.StreamParser { return &lines{} }}, abc}, Config{}, func(s *script) {
			s.tcp(4000, 9999).open().say(client, "abc.")
		}, []string{"initiator abc abc", "initiator abc eof aborted=true left=0", "responder abc eof aborted=true left=0",
			"end 4000 shutdown S1 ShAD syn pkts=3/1 payload=4/0 app=abc"}},
		{"the bytes say who is who in a flow joined midway", []sensor.Protocol{abd}, Config{}, func(s *script) {
			s.tcp(4000, 9999).say(client, "abd.")
		}, []string{"responder abd abd", "responder abd eof aborted=true left=0",
			"end 9999 shutdown OTH ^d payload pkts=0/1 payload=0/4 app=abd"}},
		{"handed to another by name", []sensor.Protocol{abc, wordsOnPort7}, Config{}, func(s *script) {
			c := s.tcp(4000, 9999).open()
			c.say(client, "abc.@words.one.")
			c.say(server, "two.")
		}, []string{"initiator abc abc", "initiator words one", "responder words two", "initiator words eof aborted=true left=0", "responder words eof aborted=true left=0",
			"end 4000 shutdown S1 ShADd syn pkts=3/2 payload=15/4 app=abc"}},
		{"handed to whoever recognises it", []sensor.Protocol{abc, abd}, Config{}, func(s *script) {
			c := s.tcp(4000, 9999).open()
			c.say(client, "abc.@.")
			c.say(client, "abd.one.")
		}, []string{"initiator abc abc", "initiator abd abd", "initiator abd one", "initiator abd eof aborted=true left=0", "responder abd eof aborted=true left=0",
			"end 4000 shutdown S1 ShAD syn pkts=4/1 payload=14/0 app=abc"}},
		{"handed to whoever recognises it, which is the same protocol", []sensor.Protocol{abc, abd}, Config{}, func(s *script) {
			c := s.tcp(4000, 9999).open()
			c.say(client, "abc.@.")
			c.say(client, "abc.one.")
		}, []string{"initiator abc abc", "initiator abc abc", "initiator abc one", "initiator abc eof aborted=true left=0", "responder abc eof aborted=true left=0",
			"end 4000 shutdown S1 ShAD syn pkts=4/1 payload=14/0 app=abc"}},
		{"handed on after the other side's end: each parser is told once", []sensor.Protocol{abc, wordsOnPort7}, Config{}, func(s *script) {
			c := s.tcp(4000, 9999).open()
			c.send(server, sensor.ACK|sensor.FIN, "")
			c.say(client, "abc.@words.")
		}, []string{"initiator abc abc", "responder words eof aborted=false left=0", "initiator words eof aborted=true left=0",
			"end 4000 shutdown S3 ShAfD syn pkts=3/2 payload=11/0 app=abc"}},
		{"a SYN-ACK that comes late corrects the flow, not what its parser was told", []sensor.Protocol{abc}, Config{}, func(s *script) {
			c := s.tcp(4000, 4001)
			c.at(server, 1, sensor.ACK, "abc.")
			c.at(server, 0, sensor.SYN|sensor.ACK, "")
			c.at(server, 5, sensor.ACK, "one.")
		}, []string{"initiator abc abc", "responder abc one", "responder abc eof aborted=true left=0",
			"end 4000 shutdown OTH ^dh synack pkts=0/3 payload=0/8 app=abc"}},
		{"thrown to and fro", []sensor.Protocol{wordsOnPort7}, Config{}, func(s *script) {
			s.tcp(4000, 7).open().say(client, strings.Repeat("@words.", 100))
		}, []string{"end 4000 shutdown S1 ShAD syn pkts=3/1 payload=700/0 app=words"}},
		{"a parser that lets too much pile up", []sensor.Protocol{wordsOnPort7}, Config{MaxUnconsumed: 100}, func(s *script) {
			c := s.tcp(4000, 7).open()
			for range 5 {
				c.say(client, strings.Repeat("x", 40))
			}
		}, []string{"anomaly initiator parser_buffer_limit", "end 4000 shutdown S1 ShAD syn pkts=7/1 payload=200/0 app=words"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			tt.script(s)
			tt.cfg.Protocols = tt.with
			want(t, play(t, s, tt.cfg, sensor.FlowMessage, sensor.FlowEnd, sensor.FlowAnomaly, sensor.FlowError), tt.want...)
		})
	}
}

// echoes is a datagram protocol.
type echoes struct {
	msg text
	n   int
}

func (p *echoes) Parse(s sensor.Segment, emit func(sensor.Message)) error {
	switch {
	case s.EOF:
		p.msg.Text = fmt.Appendf(nil, "eof after %d", p.n)
	case string(s.Data) == "bad":
		return fmt.Errorf("bad datagram")
	default:
		p.msg.Text = s.Data
		p.n++
	}
	emit(&p.msg)
	return nil
}

func TestDatagrams(t *testing.T) {
	echo := sensor.Protocol{Name: "echo", Transport: sensor.ProtoUDP,
		Probe: func(_ sensor.Side, b []byte) sensor.Verdict {
			switch {
			case bytes.HasPrefix(b, []byte("echo")):
				return sensor.Match
			case bytes.HasPrefix(b, []byte("maybe")):
				return sensor.Unsure
			}
			return sensor.No
		},
		NewDatagram: func() sensor.DatagramParser { return &echoes{} }}
	s := newScript()
	s.udp("10.0.0.1:1100", "10.0.0.2:2000", "maybe")
	s.udp("10.0.0.1:1100", "10.0.0.2:2000", "echo one")
	s.udp("10.0.0.2:2000", "10.0.0.1:1100", "two")
	for range 9 {
		s.udp("10.0.0.2:2000", "10.0.0.1:1100", "bad")
	}
	s.udp("10.0.0.2:2000", "10.0.0.1:1100", "too late")
	s.udp("10.0.0.1:53", "10.0.0.2:5000", "nobody's")
	s.udp("10.0.0.3:1", "10.0.0.4:2", "echo last")
	got := play(t, s, Config{Protocols: []sensor.Protocol{echo}}, sensor.FlowMessage, sensor.FlowError, sensor.FlowEnd)
	var errs []string
	for range sensor.MaxDatagramErrors {
		errs = append(errs, "error responder echo at 0: bad datagram")
	}
	wanted := append([]string{"initiator echo maybe", "initiator echo echo one", "responder echo two"}, errs...)
	wanted = append(wanted, "initiator echo echo last",
		"end 1100 shutdown SF Dd first pkts=2/11 payload=13/38 app=echo",
		"end 5000 shutdown SHR ^d port pkts=0/1 payload=0/8 app=",
		"initiator echo eof after 1", "responder echo eof after 1",
		"end 1 shutdown S0 D first pkts=1/0 payload=9/0 app=echo")
	want(t, got, wanted...)
}

func TestMessages(t *testing.T) {
	s := newScript()
	c := s.tcp(4000, 7).open()
	c.say(client, "one.two.")
	var got []string
	for m, err := range Messages[*text](s, wordsOnPort7) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(m.Side, " ", m.Msg))
		if len(got) == 2 {
			break
		}
	}
	want(t, got, "initiator one", "initiator two")
}

func TestNoAllocationPerPacket(t *testing.T) {
	cfg := Config{Protocols: []sensor.Protocol{wordsOnPort7}}.withDefaults()
	cat, _ := newCatalogue(cfg.Protocols)
	w := newWorkers(&cfg, cat, 1)[0]
	w.out.sink = sinkFunc(func(*sensor.Event) error { return nil })
	s := newScript()
	c := s.tcp(4000, 7).open()
	for i := range s.recs {
		w.take(&s.recs[i], int64(s.recs[i].Time))
	}
	data, ack := *c.at(client, 0, sensor.ACK, "one.two.thr"), *c.at(server, 0, sensor.ACK, "")
	rest := data
	rest.Payload, rest.WireLen = []byte("ee."), 3
	now := int64(s.now)
	if got := testing.AllocsPerRun(1000, func() {
		for _, r := range []*sensor.Record{&data, &rest, &ack} {
			if r != &ack {
				r.Seq = c.seq[client]
				c.seq[client] += uint32(r.WireLen)
			}
			w.take(r, now)
		}
	}); got != 0 {
		t.Errorf("%v allocations for three packets and three messages, one of them cut in two, want 0", got)
	}
}
