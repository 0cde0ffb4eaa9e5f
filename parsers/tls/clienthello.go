package tls

import (
	"encoding/binary"
	"errors"
)

// maxList is how many values of a list are shown.
const maxList = 64

// Numbers of extensions (IANA, TLS ExtensionType Values).
const (
	extServerName        = 0
	extGroups            = 10
	extPointFormats      = 11
	extSignatures        = 13
	extALPN              = 16
	extSessionTicket     = 35
	extPreSharedKey      = 41
	extEarlyData         = 42
	extSupportedVersions = 43
	extKeyShare          = 51
	extECH               = 0xfe0d
	extESNI              = 0xffce // what ECH was before
)

// seen is what fingerprints need of a ClientHello and no export shows. The
// slices are lent.
type seen struct {
	suites, groups, points, algorithms []byte // lists as on the wire
	firstALPN                          []byte
	highest                            Version // of supported_versions
	serverName, versions, alpn         bool
}

// scratch is memory that is used again for the next hello.
type scratch struct {
	extensions []uint16
	sorted     []uint16
	spare      []uint16
	own        print
	known      *known // nil: nothing is remembered
}

var (
	errHelloShort = errors.New("hello is too short")
	errHelloList  = errors.New("hello has a list of a length that is not possible")
)

// Transport is how a ClientHello travels, the first letter of JA4.
type Transport byte

// The transports.
const (
	OverTCP  Transport = 't'
	OverQUIC Transport = 'q'
	OverDTLS Transport = 'd'
)

// Decode reads the body of a ClientHello, which is what follows the four bytes
// of type and length. What m holds afterwards points into body, and into memory
// that the next Decode uses again. Extensions whose contents make no sense are
// taken as empty; lists that go beyond the body are an error.
func (m *ClientHello) Decode(body []byte, transport Transport) error {
	m.reset()
	r := reader{b: body}
	m.LegacyVersion = Version(r.uint16())
	m.Random = r.bytes(32)
	m.SessionID = len(r.vector8()) > 0
	suites := r.vector16()
	r.vector8() // compression methods
	if r.bad {
		return errHelloShort
	}
	if len(suites)%2 != 0 {
		return errHelloList
	}
	m.seen.suites = suites
	m.CipherSuites = shown(m.CipherSuites, suites, &m.Truncated)
	if len(r.b) > 0 { // SSL 3.0 and early TLS 1.0 have no extensions
		ext := reader{b: r.vector16()}
		if r.bad {
			return errHelloShort
		}
		for len(ext.b) > 0 {
			id := ext.uint16()
			data := ext.vector16()
			if ext.bad {
				return errHelloList
			}
			m.scratch.extensions = append(m.scratch.extensions, id)
			m.extension(id, data)
		}
	}
	m.Version = m.LegacyVersion
	if m.seen.versions && m.seen.highest != 0 {
		m.Version = m.seen.highest
	}
	m.fingerprint(transport)
	return nil
}

// forget forgets what was lent.
func (m *ClientHello) forget() {
	clear(m.ALPN)
	m.SNI, m.Random, m.seen = nil, nil, seen{}
}

// reset forgets everything but memory that can be used again.
func (m *ClientHello) reset() {
	*m = ClientHello{
		Kind:                KindClientHello,
		Versions:            m.Versions[:0],
		ALPN:                m.ALPN[:0],
		CipherSuites:        m.CipherSuites[:0],
		Groups:              m.Groups[:0],
		KeyShares:           m.KeyShares[:0],
		SignatureAlgorithms: m.SignatureAlgorithms[:0],
		scratch:             m.scratch,
	}
	m.scratch.extensions = m.scratch.extensions[:0]
}

func (m *ClientHello) extension(id uint16, data []byte) {
	r := reader{b: data}
	switch id {
	case extServerName:
		m.seen.serverName = true
		names := reader{b: r.vector16()}
		if kind, name := names.uint8(), names.vector16(); kind == 0 && !names.bad && m.SNI == nil {
			m.SNI = name
		}
	case extGroups:
		m.seen.groups = even(r.vector16())
		m.Groups = shown(m.Groups[:0], m.seen.groups, &m.Truncated)
	case extPointFormats:
		m.seen.points = r.vector8()
	case extSignatures:
		m.seen.algorithms = even(r.vector16())
		m.SignatureAlgorithms = shown(m.SignatureAlgorithms[:0], m.seen.algorithms, &m.Truncated)
	case extALPN:
		m.alpn(r.vector16())
	case extSupportedVersions:
		m.versions(even(r.vector8()))
	case extKeyShare:
		m.keyShares(r.vector16())
	case extSessionTicket:
		m.Ticket = len(data) > 0
	case extPreSharedKey:
		m.PSK = true
	case extEarlyData:
		m.EarlyData = true
	case extECH, extESNI, 0xfe08, 0xfe09, 0xfe0a: // drafts
		m.ECH = true
	}
}

func (m *ClientHello) alpn(list []byte) {
	r := reader{b: list}
	for len(r.b) > 0 {
		name := r.vector8()
		if r.bad {
			return
		}
		if len(name) == 2 && isGREASE(binary.BigEndian.Uint16(name)) {
			continue
		}
		if !m.seen.alpn {
			m.seen.alpn, m.seen.firstALPN = true, name
		}
		if len(m.ALPN) == maxList {
			m.Truncated = true
			return
		}
		m.ALPN = append(m.ALPN, name)
	}
}

func (m *ClientHello) versions(list []byte) {
	m.seen.versions = true
	m.Versions = shown(m.Versions[:0], list, &m.Truncated)
	for i := 0; i < len(list); i += 2 {
		if v := binary.BigEndian.Uint16(list[i:]); !isGREASE(v) {
			m.seen.highest = max(m.seen.highest, Version(v))
		}
	}
}

func (m *ClientHello) keyShares(list []byte) {
	r := reader{b: list}
	for len(r.b) > 0 {
		group := r.uint16()
		r.vector16()
		switch {
		case r.bad:
			return
		case isGREASE(group):
		case len(m.KeyShares) == maxList:
			m.Truncated = true
			return
		default:
			m.KeyShares = append(m.KeyShares, Group(group))
		}
	}
}

// even returns b without the last byte of an odd length.
func even(b []byte) []byte { return b[:len(b)&^1] }

// shown appends the values of a list, without those of GREASE, up to maxList.
func shown[T ~uint16](dst []T, list []byte, cut *bool) []T {
	for i := 0; i+1 < len(list); i += 2 {
		v := binary.BigEndian.Uint16(list[i:])
		if isGREASE(v) {
			continue
		}
		if len(dst) == maxList {
			*cut = true
			break
		}
		dst = append(dst, T(v))
	}
	return dst
}

// decodeSSL2 reads a CLIENT-HELLO in the format of SSL 2.0 without its record
// header (RFC 5246, E.2).
func (m *ClientHello) decodeSSL2(body []byte) error {
	m.reset()
	m.SSLv2 = true
	r := reader{b: body}
	r.uint8() // type
	m.LegacyVersion = Version(r.uint16())
	suites, sid, challenge := r.uint16(), r.uint16(), r.uint16()
	list := r.bytes(int(suites))
	m.SessionID = len(r.bytes(int(sid))) > 0
	m.Random = r.bytes(int(challenge))
	if r.bad || len(list)%3 != 0 {
		return errHelloShort
	}
	m.Version = m.LegacyVersion
	for ; len(list) > 0; list = list[3:] {
		if list[0] != 0 {
			continue // a suite of SSL 2.0
		}
		if len(m.CipherSuites) == maxList {
			m.Truncated = true
			break
		}
		m.CipherSuites = append(m.CipherSuites, CipherSuite(binary.BigEndian.Uint16(list[1:])))
	}
	return nil
}
