//go:build linux && (amd64 || arm64)

package live

import (
	"testing"
	"time"

	"flowscope/sensor"
)

// TestVerdictIsRemembered: a flow of which no more payload is wanted is silent
// until the kernel has forgotten that, and goes on. All but what comes at once is
// bypassed again. A new connection with the same ports is not.
func TestVerdictIsRemembered(t *testing.T) {
	s := bench(t, Options{Interval: 100 * time.Millisecond})
	done := make(chan struct{})
	var sum total
	go func() {
		defer close(done)
		sum, _ = s.readAll(t)
	}()
	silent := func() { // until every map has been emptied, however busy the machine is
		t.Helper()
		for until, deadline := s.k.running()+4, time.Now().Add(10*time.Second); s.k.running() < until; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the maps do not turn")
			}
		}
	}
	answer := func() { time.Sleep(60 * time.Millisecond) } // less than an interval
	s.pass(t, tcpFrame(1, 1, sensor.ACK, 100), 1)
	k, from := flowKey(1)
	if err := s.Bypass(k); err != nil {
		t.Fatal(err)
	}
	silent()
	s.pass(t, tcpFrame(1, 101, sensor.ACK, 100), 1) // the kernel asks
	answer()
	s.pass(t, tcpFrame(1, 201, sensor.ACK, 100), 1) // and knows
	silent()
	s.pass(t, tcpFrame(1, 1000, sensor.SYN, 0), 1)
	silent()
	s.pass(t, tcpFrame(1, 1001, sensor.ACK, 100), 1)
	answer()
	s.pass(t, tcpFrame(1, 1101, sensor.ACK, 100), 1)
	s.Stop()
	<-done
	if sum.payload != 400 || sum.lost[sensor.LossBypass] != 100 || sum.counts[direction{k, from}].PayloadBytes != 500 {
		t.Errorf("%d bytes crossed, lost %v; want 400, and 100 bypassed", sum.payload, sum.lost)
	}
}

// TestMemoryForgets: what is silent for long is another flow, and goes when there
// is no room.
func TestMemoryForgets(t *testing.T) {
	m := memory{most: 2, idle: [2]time.Duration{time.Hour, time.Minute}}
	at := func(d time.Duration) sensor.Timestamp { return sensor.Timestamp(d) }
	a, from := flowKey(1)
	b, _ := flowKey(2)
	c, _ := flowKey(3)
	u := b
	u.Proto = sensor.ProtoUDP
	packet := func(k sensor.Key, d time.Duration) *sensor.Record {
		return &sensor.Record{Kind: sensor.Packet, Key: k, From: from, Time: at(d), Payload: []byte{1}}
	}
	m.add(&a, at(0))
	m.add(&u, at(0))
	m.add(&c, at(time.Second))
	tests := []struct {
		name string
		k    sensor.Key
		when time.Duration
		want bool
	}{
		{"at once", a, 50 * time.Millisecond, false},
		{"later", a, time.Second, true},
		{"told a moment ago", a, time.Second + 50*time.Millisecond, false},
		{"no room", c, 10 * time.Second, false},
		{"tcp after an idle half hour", a, 30 * time.Minute, true},
		{"udp after an idle half hour", u, 30 * time.Minute, false},
		{"tcp after more than an hour", a, 100 * time.Minute, false},
		{"and from then on", a, 101 * time.Minute, false},
	}
	for _, tt := range tests {
		if got := m.hear(packet(tt.k, tt.when)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	m.add(&a, at(0))
	r := packet(a, time.Second)
	if n := testing.AllocsPerRun(100, func() { m.hear(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
