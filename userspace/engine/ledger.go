package engine

import "flowscope/sensor"

// books are what one shard counts for the ledger.
type books struct {
	created      uint64
	ended        [sensor.EndShutdown + 1]uint64
	packets      uint64 // counted in flows
	packetsEnded uint64 // of them, in flows that have ended

	// Every payload byte of TCP that was seen, or is known to be missing, is
	// in one of these.
	tcpSeen, tcpMissing uint64

	tcpDelivered, tcpUnparsed, tcpBypassed, tcpDuplicate, tcpGap uint64
	tcpOutOfWindow, afterClose, tcpChecksum, tcpFragment         uint64
	tcpHeld, tcpBuffered, tcpLost                                uint64

	udpSeen                                                     uint64
	udpDelivered, udpBypassed, udpCut, udpChecksum, udpFragment uint64
	udpHeld, udpLost                                            uint64

	sessions uint64 // begun
	left     [leftWays]uint64
}

// account adds the accounts of the worker's shards to l.
func (w *worker) account(l *sensor.Ledger) {
	for _, s := range w.shards {
		if s != nil {
			s.account(l)
		}
	}
}

// account adds the shard's accounts to l.
func (s *shard) account(l *sensor.Ledger) {
	b := &s.books
	flows := sensor.Account{Stage: "flows", Unit: "flows", Total: b.created, Rows: []sensor.Row{
		{Name: "live", Count: uint64(s.tab.Len())},
	}}
	for why := sensor.EndFIN; why <= sensor.EndShutdown; why++ {
		if why != sensor.EndActive {
			flows.Rows = append(flows.Rows, sensor.Row{Name: why.String(), Count: b.ended[why]})
		}
	}
	l.Add(flows)

	var live uint64
	for _, ref := range s.tab.Refs(nil) {
		f := s.tab.At(ref)
		live += f.Dir[0].Packets + f.Dir[1].Packets
	}
	l.Add(sensor.Account{Stage: "flow_packets", Unit: "packets", Total: b.packets, Rows: []sensor.Row{
		{Name: "ended", Count: b.packetsEnded},
		{Name: "live", Count: live},
	}})
	l.Add(sensor.Account{Stage: "tcp_payload", Unit: "bytes", Total: b.tcpSeen + b.tcpMissing, Rows: []sensor.Row{
		{Name: "delivered", Count: b.tcpDelivered},
		{Name: "unparsed", Count: b.tcpUnparsed},
		{Name: "bypassed", Count: b.tcpBypassed},
		{Name: "duplicate", Count: b.tcpDuplicate},
		{Name: "gap", Count: b.tcpGap},
		{Name: "out_of_window", Count: b.tcpOutOfWindow},
		{Name: "after_close", Count: b.afterClose},
		{Name: "bad_checksum", Count: b.tcpChecksum},
		{Name: "fragment", Count: b.tcpFragment},
		{Name: "lost", Count: b.tcpLost},
		{Name: "held", Count: b.tcpHeld},
		{Name: "buffered", Count: b.tcpBuffered},
	}})
	l.Add(sensor.Account{Stage: "udp_payload", Unit: "bytes", Total: b.udpSeen, Rows: []sensor.Row{
		{Name: "delivered", Count: b.udpDelivered},
		{Name: "bypassed", Count: b.udpBypassed},
		{Name: "cut", Count: b.udpCut},
		{Name: "bad_checksum", Count: b.udpChecksum},
		{Name: "fragment", Count: b.udpFragment},
		{Name: "lost", Count: b.udpLost},
		{Name: "held", Count: b.udpHeld},
	}})

	sessions := sensor.Account{Stage: "sessions", Unit: "sessions", Total: b.sessions, Rows: []sensor.Row{
		{Name: "live", Count: uint64(len(s.sessions.items) - len(s.sessions.free))},
	}}
	for why, n := range b.left {
		sessions.Rows = append(sessions.Rows, sensor.Row{Name: leftNames[why], Count: n})
	}
	l.Add(sessions)
}
