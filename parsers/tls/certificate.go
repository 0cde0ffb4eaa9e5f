package tls

import (
	"crypto/sha256"
	"math/bits"
	"net/netip"
)

// maxNames is how many alternative names of a certificate are shown.
const maxNames = 64

// Decode reads a certificate in DER. If it is no certificate, m is Malformed
// and holds what could be read before the fault, and the fingerprint.
func (m *Certificate) Decode(certificate []byte) { m.decode(certificate, len(certificate)) }

// decode reads the first bytes of a certificate of length bytes.
func (m *Certificate) decode(b []byte, length int) {
	*m = Certificate{Kind: KindCertificate, Bytes: length, Truncated: len(b) < length, Names: m.Names[:0], text: m.text[:0]}
	if !m.Truncated {
		sum := sha256.Sum256(b)
		m.SHA256 = m.keep(func(t []byte) []byte { return appendHex(t, sum[:]) })
	}
	outer := der{b: b, cut: m.Truncated}
	whole := outer.into(tagSequence)
	tbs := whole.into(tagSequence)
	m.Malformed = !m.head(&tbs) || !m.key(&tbs)
	if m.Malformed || m.Truncated {
		m.Malformed = m.Malformed && !m.Truncated
		return
	}
	m.Malformed = !m.extensions(&tbs)
	algorithm := whole.into(tagSequence)
	oid := algorithm.element(tagOID)
	if whole.bad || algorithm.bad {
		m.Malformed = true
		return
	}
	m.Signature = oidName(signatureNames, oid)
}

// keep appends something to the certificate's text and returns it.
func (m *Certificate) keep(add func([]byte) []byte) []byte {
	n := len(m.text)
	m.text = add(m.text)
	return m.text[n:len(m.text):len(m.text)]
}

// head reads a TBSCertificate up to the subject (RFC 5280, 4.1).
func (m *Certificate) head(tbs *der) bool {
	version := 1
	if explicit, ok := tbs.optional(tagConstruct0); ok {
		d := der{b: explicit}
		if v := d.element(tagInteger); len(v) == 1 && v[0] < 8 {
			version = int(v[0]) + 1
		}
	}
	serial := tbs.element(tagInteger)
	if tbs.bad {
		return false
	}
	m.Version = version
	m.Serial = m.keep(func(t []byte) []byte { return appendHex(t, serial) })
	tbs.element(tagSequence) // algorithm of the signature, said again outside
	var ok bool
	issuer := tbs.element(tagSequence)
	if m.Issuer = m.keep(func(t []byte) []byte { t, ok = appendDN(t, issuer); return t }); tbs.bad || !ok {
		m.Issuer = nil
		return false
	}
	validity := tbs.into(tagSequence)
	tag, from, _ := validity.next()
	m.NotBefore = m.keep(func(t []byte) []byte { return appendTime(t, tag, from) })
	tag, to, _ := validity.next()
	m.NotAfter = m.keep(func(t []byte) []byte { return appendTime(t, tag, to) })
	if tbs.bad || validity.bad {
		return false
	}
	subject := tbs.element(tagSequence)
	if m.Subject = m.keep(func(t []byte) []byte { t, ok = appendDN(t, subject); return t }); tbs.bad || !ok {
		m.Subject = nil
		return false
	}
	return true
}

// key reads the SubjectPublicKeyInfo.
func (m *Certificate) key(tbs *der) bool {
	info := tbs.into(tagSequence)
	algorithm := info.into(tagSequence)
	oid := algorithm.element(tagOID)
	bitstring := info.element(tagBitString)
	if tbs.bad || info.bad || algorithm.bad || len(bitstring) == 0 {
		return false
	}
	key := bitstring[1:]
	m.Key = oidName(keyNames, oid)
	switch m.Key {
	case "rsa":
		d := der{b: key}
		rsa := d.into(tagSequence)
		m.KeyBits = bitLen(rsa.element(tagInteger))
	case "dsa":
		parameters := algorithm.into(tagSequence)
		m.KeyBits = bitLen(parameters.element(tagInteger))
	case "ecdsa":
		curve, ok := algorithm.optional(tagOID)
		if !ok {
			m.Curve = "explicit" // parameters in place of a name, as in CVE-2020-0601
			break
		}
		m.Curve = oidName(curveNames, curve)
		m.KeyBits = curveBits[m.Curve]
	case "ed25519":
		m.KeyBits = 256
	case "ed448":
		m.KeyBits = 456
	}
	return true
}

func bitLen(integer []byte) int {
	for len(integer) > 0 && integer[0] == 0 {
		integer = integer[1:]
	}
	if len(integer) == 0 {
		return 0
	}
	return 8*(len(integer)-1) + bits.Len8(integer[0])
}

// Contents of the object identifiers of extensions (RFC 5280, 4.2.1).
const (
	oidAlternativeName  = "\x55\x1d\x11"
	oidBasicConstraints = "\x55\x1d\x13"
)

func (m *Certificate) extensions(tbs *der) bool {
	tbs.optional(tagContext0 | 1) // unique identifiers
	tbs.optional(tagContext0 | 2)
	explicit, ok := tbs.optional(tagConstruct0 | 3)
	if !ok {
		return !tbs.bad
	}
	outer := der{b: explicit}
	list := outer.into(tagSequence)
	for len(list.b) > 0 {
		e := list.into(tagSequence)
		oid := e.element(tagOID)
		e.optional(tagBoolean)
		value := e.element(tagOctets)
		if list.bad || e.bad {
			return false
		}
		switch string(oid) {
		case oidAlternativeName:
			m.alternativeNames(value)
		case oidBasicConstraints:
			d := der{b: value}
			constraints := d.into(tagSequence)
			ca, ok := constraints.optional(tagBoolean)
			m.CA = ok && len(ca) == 1 && ca[0] != 0
		}
	}
	return !outer.bad
}

// alternativeNames reads GeneralNames (RFC 5280, 4.2.1.6).
func (m *Certificate) alternativeNames(value []byte) {
	d := der{b: value}
	list := d.into(tagSequence)
	for len(list.b) > 0 && !list.bad {
		tag, name, _ := list.next()
		switch tag {
		case tagContext0 | 1, tagContext0 | 2, tagContext0 | 6: // rfc822Name, dNSName, uniformResourceIdentifier
		case tagContext0 | 7:
			addr, ok := netip.AddrFromSlice(name)
			if !ok {
				continue
			}
			name = m.keep(addr.AppendTo)
		default:
			continue
		}
		if len(m.Names) == maxNames {
			m.Truncated = true
			return
		}
		m.Names = append(m.Names, name)
	}
}
