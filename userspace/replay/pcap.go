package replay

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"flowscope/sensor"
	"flowscope/userspace/internal/frame"
)

// Magic numbers of pcap, as read in the byte order of the file
// (draft-ietf-opsawg-pcap, section 4; the modified one: Linux 2.2's patched
// libpcap).
const (
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34
)

const (
	pcapFileHeader     = 24
	pcapRecordHeader   = 16
	pcapModifiedHeader = 24 // plus interface, protocol and packet type
)

// pcapReader walks over a pcap file.
type pcapReader struct {
	swapped bool // big endian
	header  int  // bytes of a record's header
	scale   int64
	fcs     int // bytes of frame check sequence at the end of each packet
	link    frame.LinkType
	lengths lengthOrder
	odd     bool // swapped, or the lengths are not in order
}

// lengthOrder says where a record's captured length is. Before version 2.3 it
// came second; in 2.3 both happen, and the smaller is the captured one
// (libpcap, savefile.c).
type lengthOrder uint8

const (
	capturedFirst lengthOrder = iota
	capturedSecond
	capturedSmaller
)

// pcapHeader is the header of a record.
type pcapHeader struct{ sec, frac, captured, wire uint32 }

// isPcap reports whether b begins with a magic number of pcap, and what it is.
func isPcap(b []byte) (magic uint32, swapped, ok bool) {
	magic = binary.LittleEndian.Uint32(b)
	for range 2 {
		if magic == magicMicro || magic == magicNano || magic == magicModified {
			return magic, swapped, true
		}
		magic, swapped = bits.ReverseBytes32(magic), true
	}
	return 0, false, false
}

// start reads the file header.
func (p *pcapReader) start(w *window) error {
	if !w.need(pcapFileHeader) {
		return w.short("pcap file header", pcapFileHeader, false)
	}
	h := w.rest()[:pcapFileHeader]
	magic, swapped, _ := isPcap(h)
	var order binary.ByteOrder = binary.LittleEndian
	if swapped {
		order = binary.BigEndian
	}
	*p = pcapReader{swapped: swapped, header: pcapRecordHeader, scale: 1000}
	switch magic {
	case magicNano:
		p.scale = 1
	case magicModified:
		p.header = pcapModifiedHeader
	}
	major, minor := order.Uint16(h[4:]), order.Uint16(h[6:])
	switch {
	case major < 2 || major == 2 && minor < 3:
		p.lengths = capturedSecond
	case major == 2 && minor == 3:
		p.lengths = capturedSmaller
	}
	p.odd = swapped || p.lengths != capturedFirst
	// The upper half of the word: 4 bits FCS length in units of 2 bytes, 1 bit
	// whether they say something, and class bits that the link type is apart from.
	word := order.Uint32(h[20:])
	p.link = frame.LinkType(word)
	if word&0x04000000 != 0 {
		p.fcs = int(word>>28) * 2
	}
	w.pos += pcapFileHeader
	return nil
}

// next fills f with the next packet, or returns io.EOF at a clean end. f.Link
// is the same for the whole file, and set by start.
func (p *pcapReader) next(w *window, f *frame.Frame) error {
	if p.inView(w, f) {
		return nil
	}
	if !w.need(p.header) {
		return w.short("packet header", p.header, true)
	}
	var h pcapHeader
	h.read(w.rest())
	p.order(&h)
	if h.captured > MaxFrame {
		return fmt.Errorf("packet header: expected a captured length of at most %d, found %d", MaxFrame, h.captured)
	}
	if n := p.header + int(h.captured); !w.need(n) {
		return w.short("packet", n, false)
	}
	p.inView(w, f)
	return nil
}

// inView fills f with the next packet if that is wholly in view, and reports
// whether it is. It does not move the window.
func (p *pcapReader) inView(w *window, f *frame.Frame) bool {
	b := w.rest()
	if len(b) < p.header || len(b) < pcapRecordHeader {
		return false
	}
	var h pcapHeader
	if h.read(b); p.odd {
		p.order(&h)
	}
	n := p.header + int(h.captured)
	if h.captured > MaxFrame || n > len(b) {
		return false
	}
	// 2^32 seconds and 2^32 microseconds fit.
	f.Time = sensor.Timestamp(int64(h.sec)*1e9 + int64(h.frac)*p.scale)
	f.WireLen = int(h.wire)
	f.Data = b[p.header:n:n]
	if p.fcs != 0 {
		cutFCS(f, p.fcs)
	}
	w.pos += n
	return true
}

// read reads a record's header.
func (h *pcapHeader) read(b []byte) {
	w := (*[pcapRecordHeader]byte)(b)
	h.sec, h.frac = binary.LittleEndian.Uint32(w[0:]), binary.LittleEndian.Uint32(w[4:])
	h.captured, h.wire = binary.LittleEndian.Uint32(w[8:]), binary.LittleEndian.Uint32(w[12:])
}

// order makes what they mean of the fields of a header, where those are not as in
// almost every file.
func (p *pcapReader) order(h *pcapHeader) {
	if p.swapped {
		h.sec, h.frac = bits.ReverseBytes32(h.sec), bits.ReverseBytes32(h.frac)
		h.captured, h.wire = bits.ReverseBytes32(h.captured), bits.ReverseBytes32(h.wire)
	}
	if p.lengths == capturedSecond || p.lengths == capturedSmaller && h.captured > h.wire {
		h.captured, h.wire = h.wire, h.captured
	}
}

// cutFCS takes a frame check sequence of n bytes off f. A capture that was cut
// may hold a part of it, or none.
func cutFCS(f *frame.Frame, n int) {
	f.WireLen = max(0, f.WireLen-n)
	if len(f.Data) > f.WireLen {
		f.Data = f.Data[:f.WireLen]
	}
}
