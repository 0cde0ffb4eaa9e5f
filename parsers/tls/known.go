package tls

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
)

// Clients of one kind offer the same, and servers show the same certificates, so
// that what was computed last is likely to be asked for again.
const (
	knownPrints       = 32      // fingerprints that are remembered
	maxPrintKey       = 1 << 10 // bytes of a hello that they depend on
	knownCertificates = 16      // certificates that are remembered
	maxKnown          = 4 << 10 // bytes of one
)

// known is what a decoder remembers. Whatever it finds was compared byte for
// byte; a place has room for one, and the newest stays.
type known struct {
	seed         maphash.Seed
	key          []byte // of what is looked for
	prints       [knownPrints]print
	certificates [knownCertificates]knownCertificate
}

// print is the fingerprints of a hello.
type print struct {
	key  []byte // what they are made of
	text []byte // JA3Full or JA3SFull
	out  []byte // JA3, and JA4 behind it; or JA3S
}

type knownCertificate struct {
	der  []byte
	cert Certificate // its slices are of der, and of its own text
}

func newKnown() *known { return &known{seed: maphash.MakeSeed()} }

// print returns the place of the fingerprints for k.key, and whether they are
// there.
func (k *known) print() (p *print, there bool) {
	p = &k.prints[maphash.Bytes(k.seed, k.key)%knownPrints]
	if there = bytes.Equal(p.key, k.key); !there {
		p.key = append(p.key[:0], k.key...)
	}
	return p, there
}

// certificate returns what is said of a certificate, which is valid until the
// next call.
func (k *known) certificate(der []byte) *Certificate {
	const tail = 64 // of the signature, in which certificates differ most
	c := &k.certificates[maphash.Bytes(k.seed, der[max(len(der)-tail, 0):])%knownCertificates]
	if len(der) == 0 || !bytes.Equal(c.der, der) {
		c.der = append(c.der[:0], der...)
		c.cert.decode(c.der, len(c.der))
	}
	return &c.cert
}

// place returns the place of the fingerprints for known.key, and whether they are
// there. Those of a hello that is too long are not remembered.
func (s *scratch) place() (p *print, there bool) {
	if len(s.known.key) > maxPrintKey {
		return &s.own, false
	}
	return s.known.print()
}

// place returns the place of the fingerprints of m, and whether they are there.
func (m *ClientHello) place(transport Transport) (p *print, there bool) {
	s := &m.scratch
	if s.known == nil {
		return &s.own, false
	}
	b := append(s.known.key[:0], typeClientHello, byte(transport), 0, 0, 0)
	if m.seen.serverName {
		b[2] = 1
	}
	appendALPN(b[:3], m.seen.firstALPN)
	b = binary.BigEndian.AppendUint16(b, uint16(m.LegacyVersion))
	b = binary.BigEndian.AppendUint16(b, uint16(m.Version))
	b = appendKey(b, m.seen.suites)
	b = appendKey(b, m.seen.groups)
	b = appendKey(b, m.seen.algorithms)
	b = append(append(b, byte(len(m.seen.points))), m.seen.points...)
	for _, v := range s.extensions {
		if !isGREASE(v) {
			b = binary.BigEndian.AppendUint16(b, v)
		}
	}
	s.known.key = b
	return s.place()
}

// appendKey appends a list, without the values of GREASE, and its length.
func appendKey(b, list []byte) []byte {
	start := len(b)
	b = append(b, 0, 0)
	for i := 0; i+1 < len(list); i += 2 {
		if !isGREASE(binary.BigEndian.Uint16(list[i:])) {
			b = append(b, list[i], list[i+1])
		}
	}
	binary.BigEndian.PutUint16(b[start:], uint16(len(b)-start-2))
	return b
}

// place returns the place of the fingerprint of m, and whether it is there.
func (m *ServerHello) place() (p *print, there bool) {
	s := &m.scratch
	if s.known == nil {
		return &s.own, false
	}
	b := append(s.known.key[:0], typeServerHello)
	b = binary.BigEndian.AppendUint16(b, uint16(m.LegacyVersion))
	b = binary.BigEndian.AppendUint16(b, uint16(m.Cipher))
	for _, v := range s.extensions {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	s.known.key = b
	return s.place()
}
