package jsonl

import (
	"strconv"

	"flowscope/sensor"
	"flowscope/userspace/export/internal/jsonenc"
)

func (e *encoder) appendFlow(b []byte, ev *sensor.Event) []byte {
	f := ev.Flow
	b = append(b, flowStart...)
	b = e.appendTime(b, `,"ts_start":"`, f.First)
	b = e.appendTime(b, `,"ts_end":"`, f.Last)
	b = e.ids.append(b, f)

	final := ev.Kind == sensor.FlowEnd
	b = appendUint(b, `,"record_seq":`, uint64(f.RecordSeq))
	b = appendBool(b, `,"final":`, final)
	b = appendName(b, `,"end_reason":"`, f.End.String())
	b = appendName(b, `,"state":"`, f.State.String())
	if h := f.History.String(); h != "" {
		b = appendName(b, `,"history":"`, h)
	}
	b = appendName(b, `,"dir_evidence":"`, f.Evidence.String())
	isTCP := f.Key.Kind == sensor.FiveTuple && f.Key.Proto == sensor.ProtoTCP
	if isTCP {
		b = appendBool(b, `,"midstream":`, f.Midstream)
		if f.RTT != 0 {
			b = jsonenc.AppendSeconds(append(b, `,"rtt":`...), f.RTT)
		}
	}
	for i, name := range f.Interfaces {
		b = e.enc.AppendString(append(b, [...]string{`,"interfaces":[`, `,`}[min(i, 1)]...), name)
	}
	if len(f.Interfaces) > 0 {
		b = append(b, ']')
	}
	b = appendEncap(b, &f.Encap)
	b = appendTotals(b, &f.Counters)
	if isTCP {
		b = appendTCP(b, &f.TCP)
	}
	if !final || f.RecordSeq > 0 {
		b = appendDeltas(b, &f.Delta)
	}
	if f.App != "" {
		b = e.enc.AppendString(append(b, `,"app":`...), f.App)
	}
	if f.Headline != "" {
		b = e.enc.AppendString(append(b, `,"headline":`...), f.Headline)
	}
	return b
}

func appendEncap(b []byte, e *sensor.Encap) []byte {
	if e.VLAN[0] != 0 || e.VLAN[1] != 0 {
		b = appendUint(b, `,"vlan":[`, uint64(e.VLAN[0]))
		if e.VLAN[1] != 0 {
			b = appendUint(b, `,`, uint64(e.VLAN[1]))
		}
		b = append(b, ']')
	}
	if e.Tunnel != sensor.NoTunnel {
		b = appendName(b, `,"tunnel":"`, e.Tunnel.String())
		if e.TunnelID != 0 {
			b = appendUint(b, `,"tunnel_id":`, uint64(e.TunnelID))
		}
	}
	return b
}

func appendTotals(b []byte, c *[2]sensor.Counters) []byte {
	b = appendUint(b, `,"pkts_fwd":`, c[0].Packets)
	b = appendUint(b, `,"pkts_rev":`, c[1].Packets)
	b = appendUint(b, `,"bytes_fwd":`, c[0].Bytes)
	b = appendUint(b, `,"bytes_rev":`, c[1].Bytes)
	b = appendUint(b, `,"frame_bytes_fwd":`, c[0].FrameBytes)
	b = appendUint(b, `,"frame_bytes_rev":`, c[1].FrameBytes)
	b = appendUint(b, `,"payload_bytes_fwd":`, c[0].PayloadBytes)
	return appendUint(b, `,"payload_bytes_rev":`, c[1].PayloadBytes)
}

func appendDeltas(b []byte, c *[2]sensor.Counters) []byte {
	b = appendUint(b, `,"pkts_fwd_delta":`, c[0].Packets)
	b = appendUint(b, `,"pkts_rev_delta":`, c[1].Packets)
	b = appendUint(b, `,"bytes_fwd_delta":`, c[0].Bytes)
	b = appendUint(b, `,"bytes_rev_delta":`, c[1].Bytes)
	b = appendUint(b, `,"frame_bytes_fwd_delta":`, c[0].FrameBytes)
	b = appendUint(b, `,"frame_bytes_rev_delta":`, c[1].FrameBytes)
	b = appendUint(b, `,"payload_bytes_fwd_delta":`, c[0].PayloadBytes)
	return appendUint(b, `,"payload_bytes_rev_delta":`, c[1].PayloadBytes)
}

func appendTCP(b []byte, t *[2]sensor.TCPStats) []byte {
	b = appendUint(b, `,"gap_bytes_fwd":`, t[0].GapBytes)
	b = appendUint(b, `,"gap_bytes_rev":`, t[1].GapBytes)
	b = appendUint(b, `,"tcp_flags_fwd":`, uint64(t[0].Flags))
	b = appendUint(b, `,"tcp_flags_rev":`, uint64(t[1].Flags))
	b = appendUint(b, `,"retrans_fwd":`, uint64(t[0].Retransmissions))
	b = appendUint(b, `,"retrans_rev":`, uint64(t[1].Retransmissions))
	b = appendUint(b, `,"out_of_order_fwd":`, uint64(t[0].OutOfOrder))
	return appendUint(b, `,"out_of_order_rev":`, uint64(t[1].OutOfOrder))
}

func hasPorts(k *sensor.Key) bool {
	switch k.Proto {
	case sensor.ProtoTCP, sensor.ProtoUDP, sensor.ProtoICMP, sensor.ProtoICMPv6, sensor.ProtoSCTP, sensor.ProtoUDPLite:
		return true
	}
	return k.Port != [2]uint16{}
}

func (e *encoder) appendTime(b []byte, key string, t sensor.Timestamp) []byte {
	return append(e.enc.Clock.Append(append(b, key...), t), '"')
}

func appendUint(b []byte, key string, n uint64) []byte {
	return strconv.AppendUint(append(b, key...), n, 10)
}

func appendBool(b []byte, key string, v bool) []byte {
	return strconv.AppendBool(append(b, key...), v)
}

// appendName appends a text that comes from a closed set of this program.
func appendName(b []byte, key, name string) []byte {
	return append(append(append(b, key...), name...), '"')
}

func appendMAC(b []byte, key string, addr [16]byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, key...)
	for i, c := range addr[:6] {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hex[c>>4], hex[c&15])
	}
	return append(b, '"')
}
