package tls

import "bytes"

// retryRandom is the random of a HelloRetryRequest (RFC 8446, 4.1.3).
var retryRandom = []byte{
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
}

// Decode reads the body of a ServerHello, as [ClientHello.Decode] does.
func (m *ServerHello) Decode(body []byte) error {
	*m = ServerHello{Kind: KindServerHello, scratch: m.scratch}
	m.scratch.extensions = m.scratch.extensions[:0]
	r := reader{b: body}
	m.LegacyVersion = Version(r.uint16())
	m.Version = m.LegacyVersion
	m.Random = r.bytes(32)
	old := m.LegacyVersion>>8 == 0x7f // drafts of TLS 1.3 before 22 left two fields out
	if !old {
		m.SID = len(r.vector8()) > 0
	}
	m.Cipher = CipherSuite(r.uint16())
	if !old {
		r.uint8() // compression method
	}
	if r.bad {
		return errHelloShort
	}
	if bytes.Equal(m.Random, retryRandom) {
		m.Kind = KindHelloRetryRequest
	}
	if len(r.b) > 0 {
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
	m.fingerprint()
	return nil
}

func (m *ServerHello) extension(id uint16, data []byte) {
	r := reader{b: data}
	switch id {
	case extALPN:
		names := reader{b: r.vector16()}
		if name := names.vector8(); !names.bad {
			m.ALPN = name
		}
	case extSupportedVersions:
		if v := r.uint16(); !r.bad {
			m.Version = Version(v)
		}
	case extKeyShare:
		m.Group = Group(r.uint16())
	case extPreSharedKey:
		m.PSK = true
	case extECH:
		m.ECH = true
	}
}
