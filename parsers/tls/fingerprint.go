package tls

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// fingerprint computes JA3 and JA4.
func (m *ClientHello) fingerprint(transport Transport) {
	p, there := m.place(transport)
	if !there {
		p.text = m.appendJA3(p.text[:0])
		sum := md5.Sum(p.text)
		p.out = m.appendJA4(appendHex(p.out[:0], sum[:]), transport)
	}
	const n = 2 * md5.Size
	m.JA3, m.JA4, m.JA3Full = p.out[:n:n], p.out[n:len(p.out):len(p.out)], p.text[:len(p.text):len(p.text)]
}

// appendJA3 appends version, suites, extensions, groups and point formats in
// decimal.
func (m *ClientHello) appendJA3(b []byte) []byte {
	b = appendNumber(b, uint16(m.LegacyVersion))
	b = appendDecimals(append(b, ','), m.seen.suites)
	b = appendDecimalList(append(b, ','), m.scratch.extensions)
	b = appendDecimals(append(b, ','), m.seen.groups)
	b = append(b, ',')
	for i, v := range m.seen.points {
		if i > 0 {
			b = append(b, '-')
		}
		b = appendNumber(b, uint16(v))
	}
	return b
}

func appendDecimals(b, list []byte) []byte {
	start := len(b)
	for i := 0; i+1 < len(list); i += 2 {
		b = appendDecimal(b, start, binary.BigEndian.Uint16(list[i:]))
	}
	return b
}

func appendDecimalList(b []byte, list []uint16) []byte {
	start := len(b)
	for _, v := range list {
		b = appendDecimal(b, start, v)
	}
	return b
}

// appendDecimal appends a value of a list that begins at start.
func appendDecimal(b []byte, start int, v uint16) []byte {
	if isGREASE(v) {
		return b
	}
	if len(b) > start {
		b = append(b, '-')
	}
	return appendNumber(b, v)
}

// appendNumber appends v in decimal.
func appendNumber(b []byte, v uint16) []byte {
	switch {
	case v < 10:
		return append(b, '0'+byte(v))
	case v < 100:
		return append(b, '0'+byte(v/10), '0'+byte(v%10))
	case v < 1000:
		return append(b, '0'+byte(v/100), '0'+byte(v/10%10), '0'+byte(v%10))
	case v < 10000:
		return append(b, '0'+byte(v/1000), '0'+byte(v/100%10), '0'+byte(v/10%10), '0'+byte(v%10))
	}
	return append(b, '0'+byte(v/10000), '0'+byte(v/1000%10), '0'+byte(v/100%10), '0'+byte(v/10%10), '0'+byte(v%10))
}

// emptyHash stands in JA4 for the hash of nothing.
const emptyHash = "000000000000"

// appendJA4 appends JA4 by the text of its specification (FoxIO, technical_details/JA4.md).
func (m *ClientHello) appendJA4(b []byte, transport Transport) []byte {
	s := &m.scratch
	b = append(b, byte(transport))
	b = append(b, ja4Version(m.Version)...)
	if m.seen.serverName {
		b = append(b, 'd')
	} else {
		b = append(b, 'i')
	}
	suites, extensions := 0, 0
	for i := 0; i+1 < len(m.seen.suites); i += 2 {
		if !isGREASE(binary.BigEndian.Uint16(m.seen.suites[i:])) {
			suites++
		}
	}
	for _, v := range s.extensions {
		if !isGREASE(v) {
			extensions++
		}
	}
	b = appendTwoDigits(appendTwoDigits(b, suites), extensions)
	b = appendALPN(b, m.seen.firstALPN)

	s.sorted = s.sorted[:0]
	for i := 0; i+1 < len(m.seen.suites); i += 2 {
		if v := binary.BigEndian.Uint16(m.seen.suites[i:]); !isGREASE(v) {
			s.sorted = append(s.sorted, v)
		}
	}
	b = s.appendListHash(append(b, '_'), nil)

	s.sorted = s.sorted[:0]
	for _, v := range s.extensions {
		if !isGREASE(v) && v != extServerName && v != extALPN {
			s.sorted = append(s.sorted, v)
		}
	}
	return s.appendListHash(append(b, '_'), m.seen.algorithms)
}

// ja4Version returns the two characters of a version.
func ja4Version(v Version) string {
	switch v {
	case TLS13:
		return "13"
	case TLS12:
		return "12"
	case TLS11:
		return "11"
	case TLS10:
		return "10"
	case SSL3:
		return "s3"
	case SSL2:
		return "s2"
	case 0xfeff:
		return "d1"
	case 0xfefd:
		return "d2"
	case 0xfefc:
		return "d3"
	}
	return "00"
}

func appendTwoDigits(b []byte, n int) []byte {
	n = min(n, 99)
	return append(b, '0'+byte(n/10), '0'+byte(n%10))
}

// appendALPN appends the first and last character of an ALPN value or, if one
// of them is no letter and no digit, of its hexadecimal form.
func appendALPN(b, name []byte) []byte {
	if len(name) == 0 {
		return append(b, "00"...)
	}
	first, last := name[0], name[len(name)-1]
	if !isAlphanumeric(first) || !isAlphanumeric(last) {
		first, last = hexDigits[first>>4], hexDigits[last&15]
	}
	return append(b, first, last)
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// appendListHash sorts s.sorted and appends 12 digits of the SHA-256 of its
// hexadecimal form, with the signature algorithms behind it in their order.
func (s *scratch) appendListHash(b, algorithms []byte) []byte {
	if len(s.sorted) == 0 {
		return append(b, emptyHash...)
	}
	s.sort()
	start := len(b)
	for i, v := range s.sorted {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendHex16(b, v)
	}
	separator := byte('_')
	for i := 0; i+1 < len(algorithms); i += 2 {
		if v := binary.BigEndian.Uint16(algorithms[i:]); !isGREASE(v) {
			b = appendHex16(append(b, separator), v)
			separator = ','
		}
	}
	sum := sha256.Sum256(b[start:])
	return appendHex(b[:start], sum[:6])
}

// sort sorts s.sorted: what is long, which no honest hello is, in linear time.
func (s *scratch) sort() {
	if n := len(s.sorted); n <= 32 {
		for i := 1; i < n; i++ {
			v, j := s.sorted[i], i
			for ; j > 0 && s.sorted[j-1] > v; j-- {
				s.sorted[j] = s.sorted[j-1]
			}
			s.sorted[j] = v
		}
		return
	} else if n < 256 {
		slices.Sort(s.sorted)
		return
	}
	from, to := s.sorted, append(s.spare[:0], s.sorted...)
	for shift := 0; shift < 16; shift += 8 {
		var next [256]int // where the next value with that digit goes
		for _, v := range from {
			next[v>>shift&255]++
		}
		at := 0
		for digit, n := range next {
			next[digit], at = at, at+n
		}
		for _, v := range from {
			digit := v >> shift & 255
			to[next[digit]] = v
			next[digit]++
		}
		from, to = to, from
	}
	s.sorted, s.spare = from, to
}

// fingerprint computes JA3S.
func (m *ServerHello) fingerprint() {
	p, there := m.place()
	if !there {
		p.text = m.appendJA3S(p.text[:0])
		sum := md5.Sum(p.text)
		p.out = appendHex(p.out[:0], sum[:])
	}
	m.JA3SFull, m.JA3S = p.text[:len(p.text):len(p.text)], p.out[:len(p.out):len(p.out)]
}

// appendJA3S appends version, suite and extensions in decimal.
func (m *ServerHello) appendJA3S(b []byte) []byte {
	b = appendNumber(b, uint16(m.LegacyVersion))
	b = appendNumber(append(b, ','), uint16(m.Cipher))
	b = append(b, ',')
	for i, v := range m.scratch.extensions {
		if i > 0 {
			b = append(b, '-')
		}
		b = appendNumber(b, v)
	}
	return b
}
