package pcapng

import (
	"encoding/binary"
	"io"

	"flowscope/sensor"
)

// Block types and options (draft-ietf-opsawg-pcapng, 4).
const (
	sectionHeader   = 0x0a0d0d0a
	interfaceBlock  = 1
	enhancedPacket  = 6
	byteOrderMagic  = 0x1a2b3c4d
	optionTsResol   = 9
	nanoseconds     = 9 // as a power of ten
	enhancedHeader  = 28
	lengthUnknown   = 0xffffffff_ffffffff
	blockTail       = 4
	bufferedAtMost  = 64 << 10
	interfaceLength = 32
)

// Writer writes packets to an io.Writer as a pcapng file. It belongs to one
// goroutine.
type Writer struct {
	w     io.Writer
	buf   []byte // blocks not written yet
	links []uint16
	err   error
}

// NewWriter returns a Writer that writes to w, which it does not close.
func NewWriter(w io.Writer) *Writer {
	out := &Writer{w: w, buf: make([]byte, 0, bufferedAtMost)}
	b := binary.LittleEndian.AppendUint32(out.buf, sectionHeader)
	b = binary.LittleEndian.AppendUint32(b, 28)
	b = binary.LittleEndian.AppendUint32(b, byteOrderMagic)
	b = binary.LittleEndian.AppendUint32(b, 1) // version 1.0
	b = binary.LittleEndian.AppendUint64(b, lengthUnknown)
	out.buf = binary.LittleEndian.AppendUint32(b, 28)
	return out
}

// Packet writes one packet: when it was seen, its link type (as the LINKTYPE_
// numbers of pcap), its length on the wire and what was captured of it. A time
// before 1970, which the format cannot express, becomes 1970. Packets are
// written in batches; an error is returned by all later calls.
func (w *Writer) Packet(t sensor.Timestamp, link uint16, wireLen int, data []byte) error {
	if w.err != nil {
		return w.err
	}
	i := w.interfaceOf(link)
	padded := (len(data) + 3) &^ 3
	length := uint32(enhancedHeader + padded + blockTail)
	stamp := uint64(max(t, 0))
	b := binary.LittleEndian.AppendUint32(w.buf, enhancedPacket)
	b = binary.LittleEndian.AppendUint32(b, length)
	b = binary.LittleEndian.AppendUint32(b, i)
	b = binary.LittleEndian.AppendUint32(b, uint32(stamp>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(stamp))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(wireLen))
	b = append(b, data...)
	b = append(b, make([]byte, padded-len(data))...)
	w.buf = binary.LittleEndian.AppendUint32(b, length)
	if len(w.buf) >= bufferedAtMost {
		return w.Flush()
	}
	return nil
}

// interfaceOf returns the number of the interface of that link type, which is
// described first if it is new.
func (w *Writer) interfaceOf(link uint16) uint32 {
	for i, l := range w.links {
		if l == link {
			return uint32(i)
		}
	}
	w.links = append(w.links, link)
	b := binary.LittleEndian.AppendUint32(w.buf, interfaceBlock)
	b = binary.LittleEndian.AppendUint32(b, interfaceLength)
	b = binary.LittleEndian.AppendUint16(b, link)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint32(b, 0) // no limit of the captured length
	b = binary.LittleEndian.AppendUint16(b, optionTsResol)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = append(b, nanoseconds, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, 0) // end of options
	w.buf = binary.LittleEndian.AppendUint32(b, interfaceLength)
	return uint32(len(w.links) - 1)
}

// Flush writes the packets that are still in memory. Without it the file is
// not complete.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.w.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}
