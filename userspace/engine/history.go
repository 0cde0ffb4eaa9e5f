package engine

import (
	"flowscope/sensor"
	"flowscope/userspace/internal/flowtab"
)

// Marks of a direction: history letters that are given once, then one bit for
// each sensor.Anomaly.
const (
	markSYN = 1 << iota
	markSYNACK
	markACK
	markData
	markFIN
	markRST
	markAnomaly
)

// once adds a history letter the first time it happens in a direction.
func once(f *flowtab.Flow, i uint8, mark uint16, letter byte) {
	if d := &f.Dir[i]; d.Marks&mark == 0 {
		d.Marks |= mark
		f.History.Append(cased(f, i, letter))
	}
}

// again adds a history letter for the nth time something happened, if n is 1,
// 10, 100, …
func again(f *flowtab.Flow, i uint8, n uint32, letter byte) {
	for n >= 10 && n%10 == 0 {
		n /= 10
	}
	if n == 1 {
		f.History.Append(cased(f, i, letter))
	}
}

func cased(f *flowtab.Flow, i uint8, letter byte) byte {
	if side(f, i) == sensor.Responder {
		return letter | 0x20
	}
	return letter
}

// endpoint is the state of one end of a connection, as Zeek names it.
type endpoint uint8

const (
	inactive endpoint = iota // sent nothing
	partial                  // sent something, but no SYN
	synSent
	established
	finished
	reset
)

// connState summarises the flow as Zeek's conn_state does
// (scripts/base/protocols/conn/main.zeek, function conn_state).
func connState(f *flowtab.Flow) sensor.ConnState {
	o, r := &f.Dir[f.Initiator&1], &f.Dir[f.Initiator&1^1]
	switch {
	case f.Key.Kind != sensor.FiveTuple:
		return sensor.OTH
	case f.Key.Proto == sensor.ProtoUDP:
		switch {
		case o.Packets > 0 && r.Packets > 0:
			return sensor.SF
		case o.Packets > 0:
			return sensor.S0
		}
		return sensor.SHR
	case f.Key.Proto != sensor.ProtoTCP:
		return sensor.OTH
	}

	os, rs := endpointState(o, r), endpointState(r, o)
	oQuiet, rQuiet := os <= partial, rs <= partial
	switch {
	case rs == reset:
		switch {
		case os == synSent || os == reset && o.PayloadBytes == 0 && r.PayloadBytes == 0:
			return sensor.REJ
		case oQuiet:
			return sensor.RSTRH
		}
		return sensor.RSTR
	case os == reset && rQuiet:
		return sensor.RSTOS0
	case os == reset:
		return sensor.RSTO
	case os == finished && rs == finished:
		return sensor.SF
	case os == finished && rQuiet:
		return sensor.SH
	case os == finished:
		return sensor.S2
	case rs == finished && oQuiet:
		return sensor.SHR
	case rs == finished:
		return sensor.S3
	case os == synSent && rs == inactive:
		return sensor.S0
	case os == established && rs == established:
		return sensor.S1
	}
	return sensor.OTH
}

func endpointState(d, peer *flowtab.Dir) endpoint {
	const syns = stSYN | stSYNACK
	switch {
	case d.State&stRST != 0:
		return reset
	case d.State&stFIN != 0:
		return finished
	case d.State&syns != 0 && peer.State&syns != 0:
		return established
	case d.State&stSYN != 0:
		return synSent
	case d.State&stSYNACK != 0:
		return established
	case d.Packets > 0:
		return partial
	}
	return inactive
}
