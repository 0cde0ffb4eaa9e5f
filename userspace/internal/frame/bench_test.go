package frame

import (
	"testing"

	"flowscope/sensor"
)

var benchFrames = []struct {
	name  string
	frame []byte
}{
	{"TCP4", eth(etherIPv4, ip4("10.1.2.3", "192.0.2.1", sensor.ProtoTCP, tcp(40000, 443, 1, sensor.ACK, payloadBytes(600))))},
	{"UDP4", eth(etherIPv4, ip4("10.1.2.3", "192.0.2.1", sensor.ProtoUDP, udp(40000, 53, payloadBytes(40))))},
	{"TCP6", eth(etherIPv6, ip6("2001:db8::1", "2001:db8::2", sensor.ProtoTCP, tcp(40000, 443, 1, sensor.ACK, payloadBytes(600))))},
	{"VLAN+UDP", eth(etherVLAN, tag(7, etherIPv4, ip4("10.1.2.3", "192.0.2.1", sensor.ProtoUDP, udp(40000, 53, payloadBytes(40)))))},
	{"ICMP", eth(etherIPv4, ip4("10.1.2.3", "192.0.2.1", sensor.ProtoICMP, join([]byte{8, 0, 0, 0, 0, 0, 0, 0}, payloadBytes(40))))},
	{"VXLAN", eth(etherIPv4, ip4("10.1.2.3", "10.1.2.4", sensor.ProtoUDP, udp(40000, 4789, vxlan(5, eth(etherIPv4,
		ip4("10.9.9.1", "192.0.2.1", sensor.ProtoTCP, tcp(40000, 443, 1, sensor.ACK, payloadBytes(600))))))))},
	{"GTPU", eth(etherIPv4, ip4("10.1.2.3", "10.1.2.4", sensor.ProtoUDP, udp(2152, 2152, gtpu(5,
		ip4("10.9.9.1", "192.0.2.1", sensor.ProtoTCP, tcp(40000, 443, 1, sensor.ACK, payloadBytes(600)))))))},
	{"ARP", eth(etherARP, make([]byte, 28))},
}

func BenchmarkClassify(b *testing.B) {
	for _, bb := range benchFrames {
		b.Run(bb.name, func(b *testing.B) {
			c := New(sensor.Classify{})
			f := Frame{Link: LinkEthernet, WireLen: len(bb.frame), Data: bb.frame, Ordinal: 1}
			var r sensor.Record
			b.ReportAllocs()
			for b.Loop() {
				c.Classify(&f, &r)
			}
		})
	}
}

func TestNoAllocations(t *testing.T) {
	for _, level := range []sensor.TunnelLevel{sensor.Inner, sensor.Outer, sensor.Both} {
		c := New(sensor.Classify{Tunnels: level, VerifyChecksums: level == sensor.Both})
		var r sensor.Record
		for _, bb := range benchFrames {
			f := Frame{Link: LinkEthernet, WireLen: len(bb.frame), Data: bb.frame, Ordinal: 1}
			got := testing.AllocsPerRun(100, func() {
				for ok := c.Classify(&f, &r); ok; ok = c.Next(&r) {
				}
			})
			if got != 0 {
				t.Errorf("%s at level %d: %v allocations per frame, want 0", bb.name, level, got)
			}
		}
	}
}
