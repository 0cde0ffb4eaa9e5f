package engine

import "flowscope/sensor"

// direction tells from the first packet of a flow which endpoint is the
// initiator, and how that is known.
func direction(r *sensor.Record) (initiator uint8, by sensor.Evidence) {
	from, to := r.From&1, r.From&1^1
	k := &r.Key
	if k.Kind != sensor.FiveTuple {
		return from, sensor.ByFirst
	}
	if k.Proto != sensor.ProtoTCP && k.IP(to).IsMulticast() {
		return from, sensor.ByFirst // what is sent to many is no answer, and a group never asks
	}
	switch k.Proto {
	case sensor.ProtoTCP:
		if r.Kind != sensor.Packet {
			break // its flags are those of several packets
		}
		switch r.TCPFlags & (sensor.SYN | sensor.ACK) {
		case sensor.SYN:
			return from, sensor.BySYN
		case sensor.SYN | sensor.ACK:
			return to, sensor.BySYNACK
		}
	case sensor.ProtoUDP, sensor.ProtoSCTP:
	case sensor.ProtoICMP, sensor.ProtoICMPv6:
		return icmpDirection(k, from)
	default:
		return from, sensor.ByFirst
	}
	if wellKnown(k.Port[from]) != wellKnown(k.Port[to]) {
		if wellKnown(k.Port[from]) {
			return to, sensor.ByPort
		}
		return from, sensor.ByPort
	}
	return from, sensor.ByFirst
}

// icmpDirection: of a request and its reply, the request's sender is the
// initiator, whichever is seen first.
func icmpDirection(k *sensor.Key, from uint8) (uint8, sensor.Evidence) {
	t := uint8(k.Port[from])
	if _, ok := sensor.ICMPCounterpart(k.Proto, t); !ok {
		return from, sensor.ByFirst
	}
	reply := false
	if k.Proto == sensor.ProtoICMP {
		switch t {
		case 0, 9, 14, 16, 18:
			reply = true
		}
	} else {
		switch t {
		case 129, 131, 134, 136, 140, 145:
			reply = true
		}
	}
	if reply {
		return from ^ 1, sensor.ByICMP
	}
	return from, sensor.ByICMP
}

// wellKnown reports whether a server is likely to listen on the port: the
// system ports of RFC 6335, and the registered ones that are met most.
func wellKnown(port uint16) bool {
	switch port {
	case 0:
		return false
	case 1433, 1521, 1883, 2049, 3128, 3306, 3389, 4789, 5060, 5432, 5672, 5900, 6379, 6443,
		8000, 8080, 8443, 8883, 9000, 9090, 9092, 9200, 11211, 27017:
		return true
	}
	return port < 1024
}
