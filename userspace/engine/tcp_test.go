package engine

import (
	"testing"
	"time"

	"flowscope/sensor"
)

func TestLifeOfAConnection(t *testing.T) {
	tests := []struct {
		name   string
		script func(s *script)
		kinds  []sensor.EventKind
		want   []string
	}{
		{"handshake, data both ways, FIN from each side", func(s *script) {
			c := s.tcp(4000, 7).open()
			c.say(client, "hi")
			c.say(server, "ho")
			c.close()
		}, nil, []string{"established", "end 4000 fin SF ShADdFf syn pkts=5/3 payload=2/2 app="}},
		{"attempt without a reply", func(s *script) {
			s.tcp(4000, 7).send(client, sensor.SYN, "")
		}, nil, []string{"end 4000 shutdown S0 S syn pkts=1/0 payload=0/0 app="}},
		{"attempt refused", func(s *script) {
			c := s.tcp(4000, 7)
			c.send(client, sensor.SYN, "")
			c.seq[server] = 0
			c.send(server, sensor.RST|sensor.ACK, "")
		}, nil, []string{"end 4000 rst REJ Sr syn pkts=1/1 payload=0/0 app="}},
		{"reset by the responder", func(s *script) {
			c := s.tcp(4000, 7).open()
			c.say(client, "hi")
			c.send(server, sensor.RST|sensor.ACK, "")
		}, nil, []string{"established", "end 4000 rst RSTR ShADr syn pkts=3/2 payload=2/0 app="}},
		{"forged RST out of the window", func(s *script) {
			c := s.tcp(4000, 7).open()
			c.at(server, 1_000_000, sensor.RST, "")
			c.say(client, "hi")
			c.close()
		}, []sensor.EventKind{sensor.FlowAnomaly, sensor.FlowEnd},
			[]string{"anomaly responder rst_out_of_window", "end 4000 fin SF ShADFf syn pkts=5/3 payload=2/0 app="}},
		{"only the SYN-ACK and what follows", func(s *script) {
			c := s.tcp(4000, 7)
			c.seq[client]++
			c.send(server, sensor.SYN|sensor.ACK, "")
			c.send(client, sensor.ACK, "")
			c.say(client, "hi")
		}, nil, []string{"end 4000 shutdown OTH ^hAD synack pkts=2/1 payload=2/0 app="}},
		{"midstream with a well-known port on the sender", func(s *script) {
			c := s.tcp(4000, 7)
			c.say(server, "ho")
			c.close()
		}, nil, []string{"end 4000 fin SF ^dFfA port pkts=2/2 payload=0/2 app="}},
		{"simultaneous open", func(s *script) {
			c := s.tcp(4000, 4001)
			c.send(client, sensor.SYN, "")
			c.send(server, sensor.SYN, "")
			c.at(client, -1, sensor.SYN|sensor.ACK, "")
			c.at(server, -1, sensor.SYN|sensor.ACK, "")
			c.close()
		}, []sensor.EventKind{sensor.FlowEnd}, []string{"end 4000 fin SF SsHhFfA syn pkts=4/3 payload=0/0 app="}},
		{"port reuse after close", func(s *script) {
			c := s.tcp(4000, 7).open()
			c.close()
			c.seq = [2]uint32{77, 88}
			c.open()
			c.say(client, "hi")
		}, []sensor.EventKind{sensor.FlowEnd}, []string{
			"end 4000 fin SF ShAFf syn pkts=4/2 payload=0/0 app=",
			"end 4000 shutdown S1 ShAD syn pkts=3/1 payload=2/0 app="}},
		{"port reuse while open, confirmed by the SYN-ACK", func(s *script) {
			c := s.tcp(4000, 7).open()
			c.say(client, "hi")
			c.seq = [2]uint32{77, 88}
			c.open()
		}, []sensor.EventKind{sensor.FlowEnd}, []string{
			"end 4000 reused S1 ShAD syn pkts=3/1 payload=2/0 app=",
			"end 4000 shutdown S1 ShA syn pkts=2/1 payload=0/0 app="}},
		{"a forged SYN on an open connection changes nothing", func(s *script) {
			c := s.tcp(4000, 7).open()
			c.at(client, 1<<20, sensor.SYN, "")
			c.say(client, "hi")
			c.close()
		}, []sensor.EventKind{sensor.FlowEnd}, []string{"end 4000 fin SF ShADFf syn pkts=6/2 payload=2/0 app="}},
		{"late segments after close do not begin a flow", func(s *script) {
			c := s.tcp(4000, 7).open()
			c.say(client, "hi")
			c.close()
			c.at(client, -3, sensor.ACK|sensor.PSH, "hi")
			c.at(server, -1, sensor.ACK|sensor.FIN, "")
		}, []sensor.EventKind{sensor.FlowEnd}, []string{"end 4000 fin SF ShADFfT syn pkts=6/3 payload=4/0 app="}},
		{"retransmitted SYN", func(s *script) {
			c := s.tcp(4000, 7)
			c.at(client, 0, sensor.SYN, "")
			c.wait(time.Second)
			c.open()
		}, []sensor.EventKind{sensor.FlowEnd}, []string{"end 4000 shutdown S1 ShA syn pkts=3/1 payload=0/0 app="}},
		{"a responder seen alone goes on after its SYN-ACK: no mere attempt", func(s *script) {
			c := s.tcp(4000, 7)
			c.seq[client]++
			c.send(server, sensor.SYN|sensor.ACK, "")
			c.send(server, sensor.ACK, "")
			c.wait(40 * time.Second)
			c.send(server, sensor.ACK|sensor.FIN, "")
		}, []sensor.EventKind{sensor.FlowEnd}, []string{"end 4000 shutdown SHR ^haf synack pkts=0/3 payload=0/0 app="}},
		{"a SYN-ACK that is acknowledged is no mere attempt, though the SYN is missing", func(s *script) {
			c := s.tcp(4000, 7)
			c.seq[client]++
			c.send(server, sensor.SYN|sensor.ACK, "")
			c.send(client, sensor.ACK, "")
			c.wait(40 * time.Second)
			c.say(client, "hi")
		}, []sensor.EventKind{sensor.FlowEnd}, []string{"end 4000 shutdown OTH ^hAD synack pkts=2/1 payload=2/0 app="}},
		{"both have closed, the bytes before a FIN are missing at the end of the capture", func(s *script) {
			c := s.tcp(4000, 7).open()
			c.seq[client] += 100
			c.close()
		}, []sensor.EventKind{sensor.FlowGap, sensor.FlowEnd},
			[]string{"gap initiator 100 at 0: missing", "end 4000 fin SF ShAFfG syn pkts=4/2 payload=0/0 app="}},
		{"a FIN that was not captured is no missing byte", func(s *script) {
			c := s.tcp(4000, 7).open()
			c.say(server, "ho")
			c.seq[server]++ // its FIN
			c.send(client, sensor.ACK|sensor.FIN, "")
			c.wait(5 * time.Second)
			s.udp("10.0.0.1:1", "10.0.0.2:2", "x")
			c.send(client, sensor.ACK, "")
		}, []sensor.EventKind{sensor.FlowGap, sensor.FlowEnd}, []string{
			"end 4000 shutdown S2 ShAdF syn pkts=4/2 payload=0/2 app=",
			"end 1 shutdown S0 D first pkts=1/0 payload=1/0 app="}},
		{"one missing byte that is followed by others was no FIN", func(s *script) {
			c := s.tcp(4000, 7).open()
			c.say(server, "ho")
			c.seq[server]++
			c.send(client, sensor.ACK, "")
			c.wait(5 * time.Second)
			c.say(server, "he")
			c.wait(3 * time.Second)
			s.udp("10.0.0.1:1", "10.0.0.2:2", "x")
			c.say(server, "ha")
		}, []sensor.EventKind{sensor.FlowGap}, []string{"gap responder 1 at 2: missing"}},
		{"nor was one missing byte with more acknowledged later", func(s *script) {
			c := s.tcp(4000, 7).open()
			c.seq[server]++
			c.send(client, sensor.ACK, "")
			c.seq[server] += 9
			c.send(client, sensor.ACK, "")
			c.wait(3 * time.Second)
			s.udp("10.0.0.1:1", "10.0.0.2:2", "x")
			c.say(server, "ha")
		}, []sensor.EventKind{sensor.FlowGap}, []string{"gap responder 10 at 0: missing"}},
		{"idle", func(s *script) {
			s.tcp(4000, 7).open()
			s.wait(59 * time.Minute)
			s.udp("10.0.0.1:1", "10.0.0.2:2", "x")
			s.wait(2 * time.Minute)
			s.udp("10.0.0.1:1", "10.0.0.2:2", "x")
		}, []sensor.EventKind{sensor.FlowEnd}, []string{
			"end 4000 idle S1 ShA syn pkts=2/1 payload=0/0 app=",
			"end 1 idle S0 D first pkts=1/0 payload=1/0 app=",
			"end 1 shutdown S0 D first pkts=1/0 payload=1/0 app="}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			tt.script(s)
			kinds := tt.kinds
			if kinds == nil {
				kinds = []sensor.EventKind{sensor.FlowEstablished, sensor.FlowEnd, sensor.FlowAnomaly, sensor.FlowGap}
			}
			want(t, play(t, s, Config{}, kinds...), tt.want...)
		})
	}
}

func (c *conn) wait(d time.Duration) { c.s.wait(d) }
