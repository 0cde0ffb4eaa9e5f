package dns

import (
	"encoding/base32"
	"encoding/hex"
	"time"
)

// signature reads an RRSIG (RFC 4034, 3.1).
func (d *decoder) signature(r *reader) {
	d.text, _ = Type(r.u16()).AppendText(d.text)
	d.blank()
	d.number(uint64(r.u8()))
	d.number(uint64(r.u8()))
	d.number(uint64(r.u32()))
	for range 2 { // expiration, inception
		t := time.Unix(int64(r.u32()), 0).UTC()
		d.text = append(t.AppendFormat(d.text, "20060102150405"), ' ')
	}
	d.number(uint64(r.u16()))
	d.text = r.name(d.text)
	d.blank()
	d.base64(r.take(r.left()))
}

// maxTypes is how many types of a bitmap are made text.
const maxTypes = 256

// bitmap reads the types that a name has (RFC 4034, 4.1.2).
func (d *decoder) bitmap(r *reader) {
	for last, types := -1, 0; r.left() > 0; {
		at := r.at
		window, n := int(r.u8()), int(r.u8())
		if window <= last || n == 0 || n > 32 {
			r.fail(at, "a bitmap of types that is out of order")
			return
		}
		last = window
		for i, bits := range r.take(n) {
			for bit := range 8 {
				if bits&(0x80>>bit) == 0 {
					continue
				}
				if types++; types > maxTypes {
					r.fail(at, "too many types")
					return
				}
				d.blank()
				d.text, _ = Type(window<<8 | i<<3 | bit).AppendText(d.text)
			}
		}
	}
}

var base32Hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// nsec3 reads an NSEC3 or NSEC3PARAM (RFC 5155, 3.2 and 4.2).
func (d *decoder) nsec3(t Type, r *reader) {
	d.number(uint64(r.u8()))
	d.number(uint64(r.u8()))
	d.number(uint64(r.u16()))
	if salt := r.take(int(r.u8())); len(salt) > 0 {
		d.text = hex.AppendEncode(d.text, salt)
	} else {
		d.word("-")
	}
	if t == TypeNSEC3PARAM {
		return
	}
	d.blank()
	d.text = base32Hex.AppendEncode(d.text, r.take(int(r.u8())))
	d.bitmap(r)
}
