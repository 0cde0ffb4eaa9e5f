package build

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"

	"github.com/klauspost/compress/zstd"
)

// Format says how a Capture is written. The zero value is pcap, little endian,
// microseconds, Ethernet, not compressed.
type Format struct {
	NG        bool
	BigEndian bool
	Nano      bool   // pcap: nanoseconds
	Link      uint32 // pcap: link type if it is not Ethernet
	Snaplen   uint32 // 262144 if it is 0
	// Interfaces of a pcapng file; none is one of Ethernet and nanoseconds.
	Interfaces []Interface
	Compress   string // "", "gz" or "zst"
	Cut        int    // bytes to leave off at the end, before compression
	Comment    string // pcapng: of the section
}

// Interface describes an interface of a pcapng file.
type Interface struct {
	Name  string
	Link  uint16
	Power uint8 // timestamps are in units of 10^-Power seconds, or 2^-(Power&0x7f) with the top bit
}

// File returns the capture in a file format.
func (c *Capture) File(f Format) []byte {
	var b bytes.Buffer
	if f.NG {
		writeNG(&b, c.frames, f)
	} else {
		writePcap(&b, c.frames, f)
	}
	out := b.Bytes()[:b.Len()-f.Cut]
	switch f.Compress {
	case "gz":
		var z bytes.Buffer
		w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression) // the level is valid
		w.Write(out)
		w.Close()
		return z.Bytes()
	case "zst":
		// One goroutine, so that the bytes do not depend on the machine.
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBestCompression))
		if err != nil {
			panic(err) // the options are constant
		}
		return w.EncodeAll(out, nil)
	}
	return out
}

func (f Format) order() interface {
	binary.ByteOrder
	binary.AppendByteOrder
} {
	if f.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (f Format) snaplen() uint32 {
	if f.Snaplen == 0 {
		return 262144
	}
	return f.Snaplen
}

func writePcap(b *bytes.Buffer, frames []Frame, f Format) {
	magic, unit := uint32(0xa1b2c3d4), int64(1000)
	if f.Nano {
		magic, unit = 0xa1b23c4d, 1
	}
	link := f.Link
	if link == 0 {
		link = LinkEthernet
	}
	if f.Link == LinkBSDNull {
		link = LinkNull
	}
	o := f.order()
	h := o.AppendUint32(nil, magic)
	h = o.AppendUint16(h, 2)
	h = o.AppendUint16(h, 4)
	h = o.AppendUint64(h, 0)
	h = o.AppendUint32(h, f.snaplen())
	h = o.AppendUint32(h, link)
	b.Write(h)
	for _, r := range frames {
		h = o.AppendUint32(h[:0], uint32(r.Time/1e9))
		h = o.AppendUint32(h, uint32(r.Time%1e9/unit))
		h = o.AppendUint32(h, uint32(len(r.Data)))
		h = o.AppendUint32(h, uint32(r.Wire))
		b.Write(h)
		b.Write(r.Data)
	}
}

// LinkBSDNull is LinkNull in a Format, whose zero value means Ethernet.
const LinkBSDNull = 1 << 31

func writeNG(b *bytes.Buffer, frames []Frame, f Format) {
	o := f.order()
	interfaces := f.Interfaces
	if len(interfaces) == 0 {
		interfaces = []Interface{{"eth0", LinkEthernet, 9}}
	}
	block := func(kind uint32, body []byte) {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		n := uint32(12 + len(body))
		b.Write(o.AppendUint32(o.AppendUint32(nil, kind), n))
		b.Write(body)
		b.Write(o.AppendUint32(nil, n))
	}
	option := func(body []byte, code uint16, value []byte) []byte {
		body = o.AppendUint16(body, code)
		body = append(o.AppendUint16(body, uint16(len(value))), value...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		return body
	}
	section := o.AppendUint32(nil, 0x1a2b3c4d)
	section = append(o.AppendUint16(section, 1), 0, 0)
	section = o.AppendUint64(section, ^uint64(0))
	if f.Comment != "" {
		section = option(section, 1, []byte(f.Comment))
		section = option(section, 0, nil)
	}
	block(0x0a0d0d0a, section)
	for _, i := range interfaces {
		body := append(o.AppendUint16(nil, i.Link), 0, 0)
		body = o.AppendUint32(body, f.snaplen())
		body = option(body, 2, []byte(i.Name))
		if i.Power != 6 { // 6 is the default, left out
			body = option(body, 9, []byte{i.Power})
		}
		block(1, option(body, 0, nil))
	}
	// A block type nobody knows; readers skip it.
	block(0x0bad0001, []byte("not a packet"))
	for _, r := range frames {
		t := units(r.Time, interfaces[r.Interface].Power)
		body := o.AppendUint32(nil, uint32(r.Interface))
		body = o.AppendUint32(body, uint32(t>>32))
		body = o.AppendUint32(body, uint32(t))
		body = o.AppendUint32(body, uint32(len(r.Data)))
		body = o.AppendUint32(body, uint32(r.Wire))
		body = append(body, r.Data...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		block(6, body)
	}
}

// units converts nanoseconds to the units of an interface.
func units(ns int64, power uint8) uint64 {
	sec, frac := uint64(ns/1e9), uint64(ns%1e9)
	if power&0x80 != 0 {
		bits := power & 0x7f
		return sec<<bits + (frac<<bits+1e9-1)/1e9
	}
	unit := uint64(1)
	for range power {
		unit *= 10
	}
	if unit <= 1e9 {
		return sec*unit + frac/(1e9/unit)
	}
	return sec*unit + frac*(unit/1e9)
}
