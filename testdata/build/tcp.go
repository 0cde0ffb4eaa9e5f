package build

import "encoding/binary"

// TCP flags as they are on the wire.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
)

// TCP is a scripted connection. Offsets count the bytes that a side sends,
// from 0; sequence numbers are ISN + 1 + offset. The connection remembers what
// was sent, so that acknowledgements and closing come out right; everything
// can be overridden with Packet.
type TCP struct {
	*wire
	// Flow is the truth of this connection.
	Flow *Flow
	// MSS is how Send cuts. The default is 1448.
	MSS int
	// AckEvery is after how many segments the peer of Send sends an ACK. The
	// default is 2; the last segment is always followed by one. Negative: never.
	AckEvery int
	// Window of all segments. The default is 64240.
	Window uint16
	// ISN are the initial sequence numbers by side, set before the first packet.
	ISN [2]uint32
	// Urgent is the urgent pointer of segments with URG.
	Urgent uint16

	sent  [2]int64 // offset behind the last byte sent, and 1 for a FIN
	acked [2]int64 // what the peer acknowledges of it; -1: all that was sent
	model [2]model
	over  bool // a RST was sent: nothing counts as stream any more
}

// TCP begins a connection from a to b ("address:port"); it sends nothing yet.
func (c *Capture) TCP(a, b string, options ...Option) *TCP {
	w := c.wire("tcp", a, b, options)
	t := &TCP{wire: w, Flow: w.flow, MSS: 1448, AckEvery: 2, Window: 64240}
	h := uint32(w.end[0].Port())<<16 | uint32(w.end[1].Port())
	t.ISN = [2]uint32{h * 2654435761, h*2246822519 + 1}
	t.acked = [2]int64{-1, -1}
	t.model[0].shut, t.model[1].shut = -1, -1
	t.Flow.State = "OTH"
	c.tcp = append(c.tcp, t)
	return t
}

// Open sends the three packets of a handshake.
func (t *TCP) Open() *TCP {
	t.Packet(Fwd, SYN, -1, nil)
	t.Packet(Rev, SYN|ACK, -1, nil)
	t.Ack(Fwd)
	t.Flow.State = "S1"
	return t
}

// Send sends data in segments and has the peer acknowledge it.
func (t *TCP) Send(s Side, data []byte) *TCP {
	for n := 1; len(data) > 0; n++ {
		size := min(t.MSS, len(data))
		t.Data(s, data[:size])
		data = data[size:]
		if t.AckEvery > 0 && (len(data) == 0 || n%t.AckEvery == 0) {
			t.Ack(s.Other())
		}
	}
	return t
}

// Data sends data as one segment, and no ACK.
func (t *TCP) Data(s Side, data []byte) *TCP {
	off := t.sent[s]
	t.sent[s] += int64(len(data))
	return t.Packet(s, PSH|ACK, off, data)
}

// Pieces sends data in segments of the given sizes, and the rest as one.
func (t *TCP) Pieces(s Side, data []byte, sizes ...int) *TCP {
	for _, n := range sizes {
		t.Data(s, data[:n])
		data = data[n:]
	}
	if len(data) > 0 {
		t.Data(s, data)
	}
	return t
}

// Lose sends data that is not in the capture.
func (t *TCP) Lose(s Side, data []byte) *TCP {
	t.sent[s] += int64(len(data))
	return t
}

// Again sends data at an offset of its own, without moving on: what was lost,
// comes late, overlaps or is sent twice.
func (t *TCP) Again(s Side, off int64, data []byte) *TCP { return t.Packet(s, PSH|ACK, off, data) }

// Sent returns the offset of the next byte that s sends.
func (t *TCP) Sent(s Side) int64 { return t.sent[s] }

// Hold makes the peer of s acknowledge no more than off bytes from now on;
// with a negative off, all that was sent again.
func (t *TCP) Hold(s Side, off int64) *TCP { t.acked[s] = off; return t }

// Ack sends an empty ACK.
func (t *TCP) Ack(s Side) *TCP { return t.Packet(s, ACK, t.sent[s], nil) }

// Fin sends a FIN and, with it, data (which may be nil).
func (t *TCP) Fin(s Side, data []byte) *TCP {
	off := t.sent[s]
	t.model[s].shut = off + int64(len(data))
	t.sent[s] += int64(len(data))
	t.Packet(s, FIN|ACK, off, data)
	t.sent[s]++
	return t
}

// Close closes both directions, s first, and acknowledges it.
func (t *TCP) Close(s Side) *TCP {
	t.Fin(s, nil).Fin(s.Other(), nil).Ack(s)
	t.Flow.State, t.Flow.EndReason = "SF", "fin"
	return t
}

// Reset sends a RST at the next sequence number.
func (t *TCP) Reset(s Side) *TCP {
	t.Packet(s, RST|ACK, t.sent[s], nil)
	t.Flow.State, t.Flow.EndReason = [...]string{"RSTO", "RSTR"}[s], "rst"
	t.over = true
	return t
}

// Packet sends one segment whose sequence number is ISN + 1 + off; a SYN has
// off -1. It moves nothing.
func (t *TCP) Packet(s Side, flags uint8, off int64, data []byte) *TCP {
	o := s.Other()
	ack := t.acked[o]
	if ack < 0 {
		ack = t.sent[o]
	}
	h := make([]byte, 20, 32+len(data))
	binary.BigEndian.PutUint16(h, t.end[s].Port())
	binary.BigEndian.PutUint16(h[2:], t.end[o].Port())
	binary.BigEndian.PutUint32(h[4:], t.ISN[s]+1+uint32(off))
	if flags&ACK != 0 {
		binary.BigEndian.PutUint32(h[8:], t.ISN[o]+1+uint32(ack))
	}
	if flags&SYN != 0 {
		h = append(h, 2, 4, 0x05, 0xb4, 4, 2, 1, 1, 1, 3, 3, 7) // MSS 1460, SACK, scale 7
	}
	h[12] = byte(len(h) / 4 << 4)
	h[13] = flags
	binary.BigEndian.PutUint16(h[14:], t.Window)
	if flags&URG != 0 {
		binary.BigEndian.PutUint16(h[18:], t.Urgent)
	}
	segment := append(h, data...)
	src, dst := t.end[s].Addr(), t.end[o].Addr()
	transport(src, dst, protoTCP, segment, 16)
	captured := t.packet(s, t.ipPacket(s, protoTCP, segment), len(data))
	if t.c.Hidden {
		return t
	}
	if flags&URG != 0 {
		t.Flow.Odd("urgent_data")
	}
	if shut := t.model[s].shut; len(data) > 0 && (t.over || shut >= 0 && off+int64(len(data)) > shut) {
		t.Flow.Odd("data_after_close")
	}
	if t.over {
		return t
	}
	first := off
	if flags&SYN != 0 {
		first++
	}
	if t.model[s].put(first, data, captured) {
		t.Flow.Odd("inconsistent_overlap")
	}
	return t
}

// seal computes the truth of the streams.
func (t *TCP) seal() {
	for s := range t.model {
		t.Flow.Direction(Side(s)).Stream = t.model[s].stream()
	}
}

// ipPacket returns a whole IP packet from s with the conversation's options.
func (w *wire) ipPacket(s Side, proto uint8, payload []byte) []byte {
	w.c.ident++
	return w.ip.packet(w.end[s].Addr(), w.end[s.Other()].Addr(), proto, payload, fragment{id: uint32(w.c.ident)})
}
