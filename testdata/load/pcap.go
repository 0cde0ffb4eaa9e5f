package load

import (
	"bufio"
	"encoding/binary"
	"io"
	"net/netip"
)

// Sums say what was written.
type Sums struct {
	Packets, Bytes, Flows uint64
	Lost                  uint64 // packets that were sent and left out
}

// start is the time of the first packet: 2024-03-01 12:00 UTC, in µs.
const start = 1709294400 * 1_000_000

// writer writes Ethernet frames to a pcap file.
type writer struct {
	*bufio.Writer
	Sums
	buf [16 + 14 + 40 + 60 + 1500]byte
}

func newWriter(w io.Writer) *writer {
	out := &writer{Writer: bufio.NewWriterSize(w, 4<<20)}
	h := make([]byte, 24)
	binary.LittleEndian.PutUint32(h, 0xa1b2c3d4)
	h[4], h[6] = 2, 4
	binary.LittleEndian.PutUint32(h[16:], 262144)
	h[20] = 1
	out.Write(h)
	return out
}

// ends are the two endpoints of a flow.
type ends struct {
	ip   [2]netip.Addr
	port [2]uint16
	v6   bool
}

// segment is what differs between the packets of a flow.
type segment struct {
	side     uint8
	flags    uint8
	seq, ack uint32
	payload  []byte
}

// tcp writes one segment; of SYNs it writes the options that Linux sends.
func (w *writer) tcp(us int64, e *ends, s segment) {
	n := 20
	if s.flags&flagSYN != 0 {
		n = 40
	}
	b := w.ip(us, e, s.side, 6, n+len(s.payload))
	binary.BigEndian.PutUint16(b, e.port[s.side])
	binary.BigEndian.PutUint16(b[2:], e.port[1-s.side])
	binary.BigEndian.PutUint32(b[4:], s.seq)
	binary.BigEndian.PutUint32(b[8:], s.ack)
	b[12], b[13] = byte(n<<2), s.flags
	binary.BigEndian.PutUint32(b[14:], 0xfaf0_0000) // window, checksum
	b[18], b[19] = 0, 0
	if n == 40 {
		copy(b[20:], "\x02\x04\x05\xb4\x04\x02\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x00\x01\x03\x03\x07")
	}
	copy(b[n:], s.payload)
	binary.BigEndian.PutUint16(b[16:], e.checksum(6, b))
	w.emit(b)
}

func (w *writer) udp(us int64, e *ends, side uint8, payload []byte) {
	b := w.ip(us, e, side, 17, 8+len(payload))
	binary.BigEndian.PutUint16(b, e.port[side])
	binary.BigEndian.PutUint16(b[2:], e.port[1-side])
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	b[6], b[7] = 0, 0
	copy(b[8:], payload)
	binary.BigEndian.PutUint16(b[6:], e.checksum(17, b))
	w.emit(b)
}

// ip puts everything up to the IP payload into the buffer and returns where
// that goes.
func (w *writer) ip(us int64, e *ends, side, proto uint8, size int) []byte {
	us += start
	header := 20
	if e.v6 {
		header = 40
	}
	wire := 14 + header + size
	b := w.buf[:16+wire]
	binary.LittleEndian.PutUint32(b, uint32(us/1_000_000))
	binary.LittleEndian.PutUint32(b[4:], uint32(us%1_000_000))
	binary.LittleEndian.PutUint32(b[8:], uint32(wire))
	binary.LittleEndian.PutUint32(b[12:], uint32(wire))
	copy(b[16:], "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00")
	b[21], b[27] = 2-side, 1+side
	b = b[30:]
	if e.v6 {
		w.buf[28], w.buf[29] = 0x86, 0xdd
		binary.BigEndian.PutUint32(b, 0x60000000)
		binary.BigEndian.PutUint16(b[4:], uint16(size))
		b[6], b[7] = proto, 64
		src, dst := e.ip[side].As16(), e.ip[1-side].As16()
		copy(b[8:], src[:])
		copy(b[24:], dst[:])
		return b[40:]
	}
	copy(b, "\x45\x00\x00\x00\x00\x00\x40\x00\x40\x00\x00\x00")
	binary.BigEndian.PutUint16(b[2:], uint16(20+size))
	binary.BigEndian.PutUint16(b[4:], uint16(w.Packets))
	b[9] = proto
	src, dst := e.ip[side].As4(), e.ip[1-side].As4()
	copy(b[12:], src[:])
	copy(b[16:], dst[:])
	binary.BigEndian.PutUint16(b[10:], ^fold(sum(0, b[:20])))
	return b[20:]
}

func (w *writer) emit(rest []byte) {
	n := cap(w.buf[:]) - cap(rest) + len(rest)
	w.Packets++
	w.Bytes += uint64(n - 16)
	w.Write(w.buf[:n]) // an error is found by Flush
}

func (e *ends) checksum(proto uint8, b []byte) uint16 {
	s := uint64(proto) + uint64(len(b))
	for _, a := range e.ip {
		if e.v6 {
			x := a.As16()
			s = sum(s, x[:])
		} else {
			x := a.As4()
			s = sum(s, x[:])
		}
	}
	c := ^fold(sum(s, b))
	if c == 0 && proto == 17 {
		return 0xffff
	}
	return c
}

// sum adds the 16-bit words of b, eight bytes at a time (RFC 1071, 2).
func sum(s uint64, b []byte) uint64 {
	for ; len(b) >= 8; b = b[8:] {
		v := binary.BigEndian.Uint64(b)
		s += v>>32 + v&0xffffffff
	}
	for ; len(b) >= 2; b = b[2:] {
		s += uint64(b[0])<<8 | uint64(b[1])
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	return s
}

func fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
