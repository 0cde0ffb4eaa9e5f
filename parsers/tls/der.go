package tls

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// Tags of ASN.1 (X.690).
const (
	tagBoolean    = 0x01
	tagInteger    = 0x02
	tagBitString  = 0x03
	tagOctets     = 0x04
	tagOID        = 0x06
	tagUTF8       = 0x0c
	tagT61        = 0x14
	tagUTCTime    = 0x17
	tagTime       = 0x18
	tagUniversal  = 0x1c
	tagBMP        = 0x1e
	tagSequence   = 0x30
	tagSet        = 0x31
	tagContext0   = 0x80
	tagConstruct0 = 0xa0
)

// der is a cursor over DER. Once something is not what it should be, it is bad
// and returns nothing more.
type der struct {
	b   []byte
	bad bool
	// cut says that b is the beginning of something longer: lengths that go
	// beyond it are taken to be what is there.
	cut bool
}

// next returns tag, contents and whole of the next element.
func (d *der) next() (tag byte, contents, whole []byte) {
	head, size := 2, 0
	switch {
	case len(d.b) < 2:
		return d.fail()
	case d.b[0]&0x1f == 0x1f: // tags of several bytes occur nowhere in certificates
		return d.fail()
	case d.b[1] < 0x80:
		size = int(d.b[1])
	default:
		n := int(d.b[1] & 0x7f)
		if n == 0 || n > 4 || len(d.b) < 2+n {
			return d.fail()
		}
		var long [4]byte
		copy(long[4-n:], d.b[2:])
		if u := binary.BigEndian.Uint32(long[:]); u > 1<<24 {
			return d.fail()
		} else {
			size = int(u)
		}
		head += n
	}
	if size > len(d.b)-head {
		if !d.cut {
			return d.fail()
		}
		size = len(d.b) - head
	}
	tag, contents, whole = d.b[0], d.b[head:head+size:head+size], d.b[:head+size]
	d.b = d.b[head+size:]
	return tag, contents, whole
}

func (d *der) fail() (byte, []byte, []byte) {
	d.bad, d.b = true, nil
	return 0, nil, nil
}

// element returns the contents of the next element, which must have that tag.
func (d *der) element(tag byte) []byte {
	if t, contents, _ := d.next(); !d.bad && t == tag {
		return contents
	}
	d.fail()
	return nil
}

// into returns a cursor over the contents of the next element.
func (d *der) into(tag byte) der {
	contents := d.element(tag)
	return der{b: contents, bad: d.bad, cut: d.cut && len(d.b) == 0}
}

// optional returns the contents of the next element if it has that tag.
func (d *der) optional(tag byte) (contents []byte, ok bool) {
	if d.bad || len(d.b) == 0 || d.b[0] != tag {
		return nil, false
	}
	_, contents, _ = d.next()
	return contents, !d.bad
}

// appendOID appends the contents of an object identifier with dots.
func appendOID(b, oid []byte) []byte {
	v, first := uint64(0), true
	for _, c := range oid {
		if v > 1<<56 {
			return append(b, ".?"...) // no such number was ever given out
		}
		v = v<<7 | uint64(c&0x7f)
		if c&0x80 != 0 {
			continue
		}
		if first {
			top := min(v/40, 2)
			b = strconv.AppendUint(b, top, 10)
			v -= 40 * top
			first = false
		}
		b = strconv.AppendUint(append(b, '.'), v, 10)
		v = 0
	}
	return b
}

// appendTime appends a UTCTime or GeneralizedTime in RFC 3339 form, or nothing
// if it is none that a certificate may have (RFC 5280, 4.1.2.5).
func appendTime(b []byte, tag byte, t []byte) []byte {
	century := ""
	switch {
	case tag == tagUTCTime && len(t) == 13:
		century = "20"
		if t[0] >= '5' {
			century = "19"
		}
	case tag == tagTime && len(t) == 15:
	default:
		return b
	}
	digits := t[:len(t)-1]
	for _, c := range digits {
		if c < '0' || c > '9' {
			return b
		}
	}
	if t[len(t)-1] != 'Z' {
		return b
	}
	b = append(append(b, century...), digits[:len(digits)-10]...)
	d := digits[len(digits)-10:]
	return append(b, '-', d[0], d[1], '-', d[2], d[3], 'T', d[4], d[5], ':', d[6], d[7], ':', d[8], d[9], 'Z')
}

// attributeNames are the names of RFC 4514, 3 and those that are usual besides.
// The keys are contents of object identifiers.
var attributeNames = map[string]string{
	"\x55\x04\x03": "CN", "\x55\x04\x04": "SN", "\x55\x04\x05": "serialNumber", "\x55\x04\x06": "C", "\x55\x04\x07": "L",
	"\x55\x04\x08": "ST", "\x55\x04\x09": "STREET", "\x55\x04\x0a": "O", "\x55\x04\x0b": "OU", "\x55\x04\x0c": "title",
	"\x55\x04\x0d": "description", "\x55\x04\x0f": "businessCategory", "\x55\x04\x11": "postalCode", "\x55\x04\x2a": "GN",
	"\x55\x04\x61": "organizationIdentifier",
	"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01": "UID", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19": "DC",
	"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01":         "emailAddress",
	"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x01": "jurisdictionL",
	"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x02": "jurisdictionST",
	"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x03": "jurisdictionC",
}

// maxRDNs is how many elements of a name are shown.
const maxRDNs = 32

// appendDN appends a Name as RFC 4514 writes it: the last element first.
func appendDN(b, name []byte) (text []byte, ok bool) {
	var rdns [maxRDNs][]byte
	n := 0
	d := der{b: name}
	for len(d.b) > 0 && n < maxRDNs {
		rdns[n] = d.element(tagSet)
		n++
	}
	for i := n - 1; i >= 0 && !d.bad; i-- {
		set := der{b: rdns[i]}
		for first := true; len(set.b) > 0; first = false {
			pair := set.into(tagSequence)
			oid := pair.element(tagOID)
			tag, value, whole := pair.next()
			if set.bad || pair.bad {
				return b, false
			}
			switch {
			case !first:
				b = append(b, '+')
			case i < n-1:
				b = append(b, ',')
			}
			b = appendAttribute(b, oid, tag, value, whole)
		}
		d.bad = d.bad || set.bad
	}
	return b, !d.bad
}

func appendAttribute(b, oid []byte, tag byte, value, whole []byte) []byte {
	if name := attributeNames[string(oid)]; name != "" {
		b = append(b, name...)
	} else {
		b = appendOID(b, oid)
	}
	b = append(b, '=')
	switch {
	case tag == tagBMP && len(value)%2 == 0:
		for i := 0; i < len(value); i += 2 {
			b = appendEscaped(b, rune(binary.BigEndian.Uint16(value[i:])), i == 0, i == len(value)-2)
		}
	case tag == tagUniversal && len(value)%4 == 0:
		for i := 0; i < len(value); i += 4 {
			b = appendEscaped(b, rune(binary.BigEndian.Uint32(value[i:])), i == 0, i == len(value)-4)
		}
	case tag == tagT61 && !utf8.Valid(value): // taken as Latin-1, as everyone does
		for i, c := range value {
			b = appendEscaped(b, rune(c), i == 0, i == len(value)-1)
		}
	case tag == tagUTF8 || tag == tagT61 || tag >= 0x12 && tag <= 0x1a:
		for i, c := range value {
			if c < utf8.RuneSelf {
				b = appendEscaped(b, rune(c), i == 0, i == len(value)-1)
			} else {
				b = append(b, c)
			}
		}
	default: // RFC 4514, 2.4
		b = appendHex(append(b, '#'), whole)
	}
	return b
}

// appendEscaped appends a character of a value (RFC 4514, 2.4).
func appendEscaped(b []byte, r rune, first, last bool) []byte {
	switch {
	case r == 0:
		return append(b, `\00`...)
	case r < utf8.RuneSelf && bytes.IndexByte([]byte(`"+,;<>\`), byte(r)) >= 0,
		first && (r == ' ' || r == '#'), last && r == ' ':
		b = append(b, '\\')
	}
	return utf8.AppendRune(b, r)
}
