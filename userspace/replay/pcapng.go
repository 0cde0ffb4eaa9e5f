package replay

import (
	"encoding/binary"
	"errors"
	"fmt"

	"flowscope/sensor"
	"flowscope/userspace/internal/frame"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng, section 4).
const (
	blockSection   = 0x0a0d0d0a // reads the same in both byte orders
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6

	byteOrderMagic = 0x1a2b3c4d

	minBlock        = 12 // type, length, length again
	minSection      = 28
	minInterface    = 20
	minSimple       = 16
	minEnhanced     = 32 // also of the obsolete Packet Block
	enhancedPayload = 28 // where the packet begins
)

// pcapngReader walks over a pcapng file.
type pcapngReader struct {
	little bool // byte order of the section
	ifaces []iface
	last   sensor.Timestamp // of the packet before, for Simple Packet Blocks
}

// start reads the first section header.
func (p *pcapngReader) start(w *window) error {
	p.ifaces = p.ifaces[:0]
	p.last = 0
	return p.section(w)
}

// firstLink returns the link type of the first interface, if its block is the
// next one and can be seen.
func (p *pcapngReader) firstLink(w *window) (link frame.LinkType, ok bool) {
	if b := w.rest(); len(b) >= minInterface && p.uint32(b) == blockInterface {
		return frame.LinkType(p.uint16(b[8:])), true
	}
	return 0, false
}

// next fills f with the next packet, or returns io.EOF at a clean end.
func (p *pcapngReader) next(w *window, f *frame.Frame) error {
	for {
		if p.inView(w, f) {
			return nil
		}
		if !w.need(minBlock) {
			return w.short("block", minBlock, true)
		}
		b := w.rest()
		kind, size := p.uint32(b), p.uint32(b[4:])
		if kind == blockSection {
			if err := p.section(w); err != nil {
				return err
			}
			continue
		}
		if err := checkBlock(size); err != nil {
			return err
		}
		n := int(size)
		switch kind {
		case blockEnhanced, blockPacket, blockSimple, blockInterface:
		default:
			if err := p.skip(w, n); err != nil {
				return err
			}
			continue
		}
		if len(b) < n {
			if !w.need(n) {
				return w.short("block", n, false)
			}
			continue
		}
		b = b[:n:n]
		if tail := p.uint32(b[n-4:]); tail != size {
			return fmt.Errorf("block: expected its length %d again at its end, found %d", size, tail)
		}
		if err := p.block(kind, b, f); err != nil {
			return err
		}
		w.pos += n
		if kind != blockInterface {
			return nil
		}
	}
}

// inView fills f with the next packet if its block is next and wholly in view,
// and reports whether it is. It does not move the window. What is wrong with a
// block is for next to say.
func (p *pcapngReader) inView(w *window, f *frame.Frame) bool {
	b := w.buf[w.pos:]
	if len(b) < minBlock {
		return false
	}
	kind, size := p.uint32(b), p.uint32(b[4:])
	if kind != blockEnhanced && kind != blockPacket && kind != blockSimple ||
		size < minBlock || size > MaxBlock || size%4 != 0 || uint64(size) > uint64(len(b)) {
		return false
	}
	b = b[:size:size]
	if p.uint32(b[size-4:]) != size || p.block(kind, b, f) != nil {
		return false
	}
	w.pos += int(size)
	return true
}

func (p *pcapngReader) uint32(b []byte) uint32 {
	if p.little {
		return binary.LittleEndian.Uint32(b)
	}
	return binary.BigEndian.Uint32(b)
}

// checkBlock checks the length of a block.
func checkBlock(size uint32) error {
	if size < minBlock || size > MaxBlock || size%4 != 0 {
		return fmt.Errorf("block: expected a length of %d to %d that is a multiple of 4, found %d", minBlock, MaxBlock, size)
	}
	return nil
}

// section reads a section header block: from here on there is another byte
// order, and no interface.
func (p *pcapngReader) section(w *window) error {
	if !w.need(minSection) {
		return w.short("section header", minSection, false)
	}
	b := w.rest()
	little := binary.LittleEndian.Uint32(b[8:]) == byteOrderMagic
	if !little && binary.BigEndian.Uint32(b[8:]) != byteOrderMagic {
		return fmt.Errorf("section header: expected the byte-order magic 1a2b3c4d, found %x", b[8:12])
	}
	p.little = little
	size := p.uint32(b[4:])
	if err := checkBlock(size); err != nil {
		return err
	}
	if size < minSection {
		return fmt.Errorf("section header: expected a length of at least %d, found %d", minSection, size)
	}
	// 1.2 was written by some and is the same (draft-ietf-opsawg-pcapng, 4.1).
	major, minor := p.uint16(b[12:]), p.uint16(b[14:])
	if major != 1 || minor != 0 && minor != 2 {
		return fmt.Errorf("section header: expected version 1.0, found %d.%d", major, minor)
	}
	p.ifaces = p.ifaces[:0]
	return p.skip(w, int(size))
}

func (p *pcapngReader) uint16(b []byte) uint16 {
	if p.little {
		return binary.LittleEndian.Uint16(b)
	}
	return binary.BigEndian.Uint16(b)
}

// skip consumes a block of n bytes that is of no interest, but for its last
// four.
func (p *pcapngReader) skip(w *window, n int) error {
	if !w.skip(n - 4) {
		return w.short("end of a block", 4, false)
	}
	if !w.need(4) {
		return w.short("end of a block", 4, false)
	}
	if tail := p.uint32(w.rest()); int(tail) != n {
		return fmt.Errorf("block: expected its length %d again at its end, found %d", n, tail)
	}
	w.pos += 4
	return nil
}

// block reads a whole block of a kind that matters.
func (p *pcapngReader) block(kind uint32, b []byte, f *frame.Frame) error {
	switch kind {
	case blockInterface:
		return p.addInterface(b)
	case blockSimple:
		return p.simple(b, f)
	}
	if len(b) < minEnhanced {
		return fmt.Errorf("packet block: expected a length of at least %d, found %d", minEnhanced, len(b))
	}
	id := p.uint32(b[8:])
	if kind == blockPacket {
		id = uint32(p.uint16(b[8:])) // and 2 bytes of drops
	}
	if int64(id) >= int64(len(p.ifaces)) {
		return fmt.Errorf("packet block: expected one of the %d interfaces of the section, found %d", len(p.ifaces), id)
	}
	in := &p.ifaces[id]
	ticks := uint64(p.uint32(b[12:]))<<32 | uint64(p.uint32(b[16:]))
	captured := p.uint32(b[20:])
	room := len(b) - minEnhanced
	if int64(captured) > int64(room) {
		return fmt.Errorf("packet block: expected a captured length of at most %d, found %d", room, captured)
	}
	if captured > MaxFrame {
		return fmt.Errorf("packet block: expected a captured length of at most %d, found %d", MaxFrame, captured)
	}
	f.Time = in.time(ticks)
	p.last = f.Time
	in.fill(f, b[enhancedPayload:], int(captured), p.uint32(b[24:]))
	return nil
}

// simple reads a Simple Packet Block, which is of interface 0, has no time, and
// has no captured length but what the snap length leaves.
func (p *pcapngReader) simple(b []byte, f *frame.Frame) error {
	if len(b) < minSimple {
		return fmt.Errorf("simple packet block: expected a length of at least %d, found %d", minSimple, len(b))
	}
	if len(p.ifaces) == 0 {
		return errors.New("simple packet block: expected an interface before it, found none")
	}
	in := &p.ifaces[0]
	wire, room := p.uint32(b[8:]), len(b)-minSimple
	captured := wire
	if in.snaplen != 0 {
		captured = min(captured, in.snaplen)
	}
	if int64(captured) > int64(room) {
		return fmt.Errorf("simple packet block: expected room for %d bytes, found %d", captured, room)
	}
	if captured > MaxFrame {
		return fmt.Errorf("simple packet block: expected at most %d bytes, found %d", MaxFrame, captured)
	}
	f.Time = p.last
	in.fill(f, b[12:], int(captured), wire)
	return nil
}
