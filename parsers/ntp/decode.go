package ntp

import (
	"encoding/binary"
	"strconv"
	"time"

	"flowscope/sensor"
)

// Sizes of the format (RFC 5905, 7.3; RFC 9327, 2; and the distribution's
// ntp_request.h for private messages).
const (
	headerSize  = 48
	controlSize = 12
	privateSize = 8
	// maxExtensions is how many types of extension fields are told.
	maxExtensions = 16
	// maxMAC is the longest digest behind a key id (RFC 7822, 7.5).
	maxMAC = 20
)

// The modes.
const (
	modeActive = 1 + iota
	modePassive
	modeClient
	modeServer
	modeBroadcast
	modeControl
	modePrivate
)

var kinds = [8]string{"", KindActive, KindPassive, KindRequest, KindResponse, KindBroadcast, KindControl, KindPrivate}

// Types of extension fields of NTS (RFC 8915, 5): the unique identifier and the
// authenticator.
const (
	extNTSUnique        = 0x0104
	extNTSAuthenticator = 0x0404
)

// decode reads a datagram that came at t.
func (m *Message) decode(b []byte, t sensor.Timestamp) error {
	*m = Message{}
	if len(b) < 1 {
		return &Error{0, "the datagram is empty"}
	}
	m.Version, m.Mode = b[0]>>3&7, b[0]&7
	m.Kind = kinds[m.Mode]
	switch {
	case m.Mode == 0 || m.Version == 0 || m.Version > 4:
		return &Error{0, "mode or version is not known"}
	case m.Mode == modeControl:
		return m.control(b)
	case m.Mode == modePrivate:
		return m.private(b)
	case len(b) < headerSize:
		return &Error{len(b), "a header has 48 bytes"}
	}
	m.Leap, m.Stratum, m.Poll, m.Precision = b[0]>>6, b[1], int8(b[2]), int8(b[3])
	m.RootDelay, m.RootDispersion = short(b[4:]), short(b[8:])
	m.origin, m.transmit = binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint64(b[40:])
	m.reference(b[12:16])
	if m.Mode != modeClient {
		m.Reference = stamp(binary.BigEndian.Uint64(b[16:]), t)
		m.Receive = stamp(binary.BigEndian.Uint64(b[32:]), t)
		m.Transmit = stamp(m.transmit, t)
	}
	return m.rest(b)
}

// reference reads the reference id, whose meaning is the stratum's.
func (m *Message) reference(b []byte) {
	if binary.BigEndian.Uint32(b) == 0 {
		return
	}
	if m.Stratum > 1 || m.Mode == modeClient && m.Stratum == 0 {
		text := m.refText[:0]
		for i, c := range b {
			if i > 0 {
				text = append(text, '.')
			}
			text = strconv.AppendUint(text, uint64(c), 10)
		}
		m.RefID = text
		return
	}
	text := append(m.refText[:0], b...)
	for len(text) > 0 && text[len(text)-1] == 0 {
		text = text[:len(text)-1]
	}
	if m.Stratum == 0 && (m.Mode == modeServer || m.Mode == modeBroadcast) {
		m.Kiss = text
	} else {
		m.RefID = text
	}
}

// rest reads what is behind the header: extension fields, of version 4, and a
// MAC (RFC 7822, 7.5).
func (m *Message) rest(b []byte) error {
	at := headerSize
	for m.Version == 4 && len(b)-at > 4+maxMAC {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if size < 16 || size%4 != 0 || size > len(b)-at {
			return &Error{at, "the length of an extension field is not possible"}
		}
		if len(m.Extensions) < maxExtensions {
			m.Extensions = append(m.list[:len(m.Extensions)], kind)
		}
		m.NTS = m.NTS || kind == extNTSUnique || kind == extNTSAuthenticator
		at += size
	}
	switch left := len(b) - at; {
	case left == 0:
	case left == 4 && m.Version == 4:
		m.CryptoNAK = binary.BigEndian.Uint32(b[at:]) == 0
		if !m.CryptoNAK {
			return &Error{at, "a key without a digest"}
		}
	case left == 16 && m.Version == 4 || left == 12 && m.Version < 4 || left == 4+16 || left == 4+maxMAC:
		return m.mac(b[at:], at)
	default:
		return &Error{at, "what is behind the header is neither an extension nor a MAC"}
	}
	return nil
}

// mac reads a key id and a digest; or, of 16 bytes, the shortest of extension
// fields.
func (m *Message) mac(b []byte, at int) error {
	if len(b) == 16 && len(m.Extensions) < maxExtensions {
		if binary.BigEndian.Uint16(b[2:]) != 16 {
			return &Error{at, "the length of an extension field is not possible"}
		}
		m.Extensions = append(m.list[:len(m.Extensions)], binary.BigEndian.Uint16(b))
		return nil
	}
	m.KeyID, m.MACBytes = binary.BigEndian.Uint32(b), len(b)-4
	return nil
}

func (m *Message) control(b []byte) error {
	if len(b) < controlSize {
		return &Error{len(b), "a control message has 12 bytes"}
	}
	m.Response, m.Failed, m.More, m.Opcode = b[1]&0x80 != 0, b[1]&0x40 != 0, b[1]&0x20 != 0, b[1]&0x1f
	m.Sequence, m.DataBytes = binary.BigEndian.Uint16(b[2:]), int(binary.BigEndian.Uint16(b[10:]))
	if controlSize+m.DataBytes > len(b) {
		return &Error{10, "more data than the datagram has"}
	}
	return nil
}

func (m *Message) private(b []byte) error {
	if len(b) < privateSize {
		return &Error{len(b), "a private message has 8 bytes"}
	}
	m.Response, m.More = b[0]&0x80 != 0, b[0]&0x40 != 0
	m.Sequence, m.Opcode = uint16(b[1]&0x7f), b[3]
	items, size := int(binary.BigEndian.Uint16(b[4:])), int(binary.BigEndian.Uint16(b[6:])&0xfff)
	m.Failed = items>>12 != 0
	if m.DataBytes = (items & 0xfff) * size; privateSize+m.DataBytes > len(b) {
		return &Error{4, "more items than the datagram has"}
	}
	return nil
}

// short reads a number of seconds with 16 bits before and behind the point.
func short(b []byte) time.Duration {
	return time.Duration(uint64(binary.BigEndian.Uint32(b)) * uint64(time.Second) >> 16)
}

// eraSeconds is how many seconds a time stamp can tell apart, epoch the Unix time
// of 1 January 1900.
const (
	eraSeconds = 1 << 32
	epoch      = -2208988800
)

// stamp returns the time that is meant by a time stamp, of those it can mean the
// one next to near.
func stamp(v uint64, near sensor.Timestamp) sensor.Timestamp {
	if v == 0 {
		return 0
	}
	seconds := int64(v>>32) + epoch
	now := int64(near) / int64(time.Second)
	seconds += (now - seconds + eraSeconds/2) &^ (eraSeconds - 1)
	return sensor.UnixTimestamp(seconds, int64(v&0xffffffff)*int64(time.Second)>>32)
}
