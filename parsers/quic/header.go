package quic

import (
	"encoding/binary"

	"flowscope/parsers/internal/wire"
	"flowscope/sensor"
)

// maxCID is the longest connection id of the versions known here (RFC 9000,
// 17.2).
const maxCID = 20

// kind is what a packet with a long header is.
type kind uint8

const (
	unknownVersion kind = iota
	versionNegotiation
	initial
	zeroRTT
	handshake
	retry
)

// kindsV1 and kindsV2 are the kinds by the two type bits of the first byte (RFC
// 9000, 17.2; RFC 9369, 3.2).
var (
	kindsV1 = [4]kind{initial, zeroRTT, handshake, retry}
	kindsV2 = [4]kind{retry, initial, zeroRTT, handshake}
)

// header is the part of a packet with a long header that is not encrypted. The
// slices are lent.
type header struct {
	kind       kind
	version    Version
	dcid, scid []byte
	token      []byte
	// packet is the packet up to where its Length says it ends, or what the
	// datagram has of it; number is the offset of the packet number.
	packet []byte
	number int
	whole  bool // packet is all of it
}

// readLong reads the header of the packet at the front of b, which has the bit
// of a long header, and reports whether it can be one.
func readLong(b []byte) (h header, ok bool) {
	r := reader{wire.Cursor{B: b}}
	first := r.Uint8()
	h.version = Version(r.Uint32())
	h.dcid = r.Take(int(r.Uint8()))
	h.scid = r.Take(int(r.Uint8()))
	if r.Bad || len(h.dcid) > maxCID || len(h.scid) > maxCID {
		return h, false
	}
	h.packet, h.whole = b, true
	h.number = len(b) - len(r.B)
	switch h.version {
	case 0:
		h.kind = versionNegotiation
		return h, true
	case Version1:
		h.kind = kindsV1[first>>4&3]
	case Version2:
		h.kind = kindsV2[first>>4&3]
	default:
		return h, true
	}
	if first&0x40 == 0 { // the fixed bit; who greases it (RFC 9287) does so later
		return h, false
	}
	if h.kind == retry {
		return h, len(r.B) >= retryTag
	}
	if h.kind == initial {
		h.token = r.bytes64(r.varint())
	}
	size := r.varint()
	if r.Bad {
		return h, false
	}
	h.number = len(b) - len(r.B)
	if size > uint64(len(r.B)) {
		h.whole = false
	} else {
		h.packet = b[:h.number+int(size)]
	}
	return h, true
}

// versions returns how many versions the packet of version negotiation offers,
// and reports whether it can be one.
func (h *header) versions() (list []byte, ok bool) {
	list = h.packet[h.number:]
	return list, len(list) > 0 && len(list)%4 == 0
}

// reader is a cursor over a packet.
type reader struct{ wire.Cursor }

func (r *reader) bytes64(n uint64) []byte {
	if n > uint64(len(r.B)) {
		r.Fail()
		return nil
	}
	return r.Take(int(n))
}

// varint reads a variable-length integer (RFC 9000, 16).
func (r *reader) varint() uint64 {
	if len(r.B) == 0 {
		r.Bad = true
		return 0
	}
	n := 1 << (r.B[0] >> 6)
	b := r.Take(n)
	if b == nil {
		return 0
	}
	v := uint64(b[0] & 0x3f)
	for _, c := range b[1:] {
		v = v<<8 | uint64(c)
	}
	return v
}

// probe recognises a client's Initial packet by decrypting it, and an offer of
// versions that has one known here. What else has a long header may be
// explained by the next datagrams.
func (c *codec) probe(_ sensor.Side, data []byte) sensor.Verdict {
	if len(data) < 7 || data[0]&0x80 == 0 {
		return sensor.No
	}
	h, ok := readLong(data)
	switch {
	case h.version == Version1 || h.version == Version2:
		if len(h.dcid) > maxCID || len(h.scid) > maxCID || data[0]&0x40 == 0 {
			return sensor.No
		}
	case !ok:
		return sensor.No
	case h.kind == versionNegotiation:
		return probeVersions(&h)
	case len(data) < minInitial || len(h.dcid) < 8:
		return sensor.No
	}
	if !ok || h.kind != initial || !h.whole || len(data) < minInitial {
		return sensor.Unsure
	}
	d := c.pool.Get().(*decoder)
	defer c.pool.Put(d)
	if _, _, ok := d.open(d.keys(h.version, h.dcid, sensor.Initiator), &h, -1); !ok {
		return sensor.Unsure
	}
	return sensor.MatchInitiator
}

func probeVersions(h *header) sensor.Verdict {
	list, ok := h.versions()
	if !ok || len(list) > 4*maxVersions {
		return sensor.No
	}
	for ; len(list) > 0; list = list[4:] {
		if v := Version(binary.BigEndian.Uint32(list)); v == Version1 || v == Version2 {
			return sensor.MatchResponder
		}
	}
	return sensor.No
}
