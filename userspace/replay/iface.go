package replay

import (
	"fmt"
	"math"
	"math/bits"

	"flowscope/sensor"
	"flowscope/userspace/internal/frame"
)

// Options of an interface that matter (draft-ietf-opsawg-pcapng, 4.2).
const (
	optEnd      = 0
	optTsresol  = 9
	optFCSLen   = 13
	optTsoffset = 14
)

// iface is an interface of a pcapng section.
type iface struct {
	link    frame.LinkType
	fcs     uint8
	snaplen uint32

	// A tick of the clock is 10^-exp or 2^-exp seconds, and the count of them
	// begins offset seconds after 1970.
	binary bool
	exp    uint8
	offset int64

	// For most files a tick is scale nanoseconds, for counts below exact.
	scale, exact uint64
}

// addInterface reads an Interface Description Block.
func (p *pcapngReader) addInterface(b []byte) error {
	if len(b) < minInterface {
		return fmt.Errorf("interface block: expected a length of at least %d, found %d", minInterface, len(b))
	}
	if len(p.ifaces) >= MaxInterfaces {
		return fmt.Errorf("interface block: expected at most %d interfaces in a section, found one more", MaxInterfaces)
	}
	in := iface{link: frame.LinkType(p.uint16(b[8:])), snaplen: p.uint32(b[12:]), exp: 6}
	for opts := b[16 : len(b)-4]; len(opts) >= 4; {
		code, size := p.uint16(opts), int(p.uint16(opts[2:]))
		if code == optEnd {
			break
		}
		padded := (size + 3) &^ 3
		if padded > len(opts)-4 {
			return fmt.Errorf("interface block: expected option %d to have at most %d bytes, found %d", code, len(opts)-4, size)
		}
		if err := in.option(p, code, opts[4:4+size]); err != nil {
			return err
		}
		opts = opts[4+padded:]
	}
	in.prepare()
	p.ifaces = append(p.ifaces, in)
	return nil
}

// option takes in one option.
func (in *iface) option(p *pcapngReader, code uint16, v []byte) error {
	want := 1
	switch code {
	case optTsoffset:
		want = 8
	case optTsresol, optFCSLen:
	default:
		return nil
	}
	if len(v) != want {
		return fmt.Errorf("interface block: expected option %d to have %d bytes, found %d", code, want, len(v))
	}
	switch code {
	case optTsresol:
		in.binary, in.exp = v[0]&0x80 != 0, v[0]&0x7f
		limit := uint8(18)
		if in.binary {
			limit = 63
		}
		if in.exp > limit {
			return fmt.Errorf("interface block: expected a time resolution of at most 10^-18 or 2^-63 s, found if_tsresol %#02x", v[0])
		}
	case optFCSLen:
		// The draft says bits, Wireshark takes bytes; only 4 bytes are in use.
		if v[0] == 4 || v[0] == 32 {
			in.fcs = 4
		}
	case optTsoffset:
		hi, lo := p.uint32(v), p.uint32(v[4:])
		if p.little {
			hi, lo = lo, hi
		}
		in.offset = int64(uint64(hi)<<32 | uint64(lo))
	}
	return nil
}

// prepare computes the shortcut for the usual clocks.
func (in *iface) prepare() {
	if in.binary || in.exp > 9 || in.offset != 0 {
		return
	}
	in.scale = pow10[9-in.exp]
	in.exact = (math.MaxInt64 - 1e9) / in.scale
}

var pow10 = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// time returns the time of a count of ticks, rounded down to nanoseconds.
func (in *iface) time(ticks uint64) sensor.Timestamp {
	if ticks < in.exact {
		return sensor.Timestamp(ticks * in.scale)
	}
	return in.anyTime(ticks)
}

// anyTime is time for any clock.
func (in *iface) anyTime(ticks uint64) sensor.Timestamp {
	var sec, part, nsec uint64
	switch {
	case in.binary:
		sec, part = ticks>>in.exp, ticks&(1<<in.exp-1)
		hi, lo := bits.Mul64(part, 1e9)
		nsec, _ = bits.Div64(hi, lo, 1<<in.exp) // hi < 2^exp, because part is
	case in.exp <= 9:
		sec, part = ticks/pow10[in.exp], ticks%pow10[in.exp]
		nsec = part * pow10[9-in.exp]
	default:
		sec, part = ticks/pow10[in.exp], ticks%pow10[in.exp]
		nsec = part / pow10[in.exp-9]
	}
	// sec+offset, saturating: beyond these bounds the Timestamp is clamped anyway.
	const far = 1 << 61
	return sensor.UnixTimestamp(int64(min(sec, far))+max(-far, min(far, in.offset)), int64(nsec))
}

// fill sets what f has of a packet of captured bytes at the beginning of b.
func (in *iface) fill(f *frame.Frame, b []byte, captured int, wire uint32) {
	f.Link = in.link
	f.WireLen = int(wire)
	f.Data = b[:captured:captured]
	if in.fcs != 0 {
		cutFCS(f, int(in.fcs))
	}
}
