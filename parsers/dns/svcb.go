package dns

import (
	"encoding/binary"
	"net/netip"
)

// svcKeys are the names of service parameters (RFC 9460, 14.3.2).
var svcKeys = [...]string{"mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint",
	"dohpath", "ohttp", "tls-supported-groups"}

const (
	svcMandatory = 0
	svcALPN      = 1
	svcPort      = 3
	svcIPv4Hint  = 4
	svcECH       = 5
	svcIPv6Hint  = 6
	svcDoHPath   = 7
)

// service reads an SVCB or HTTPS record (RFC 9460, 2.2).
func (d *decoder) service(r *reader) {
	d.number(uint64(r.u16()))
	d.text = r.name(d.text)
	for last := -1; r.left() > 0; {
		at := r.at
		key := int(r.u16())
		if key <= last {
			r.fail(at, "service parameters that are out of order")
			return
		}
		last = key
		value := r.take(int(r.u16()))
		d.blank()
		d.svcKey(key)
		if len(value) > 0 {
			d.word("=")
			if !d.svcValue(key, value) {
				r.fail(at, "a service parameter that is malformed")
				return
			}
		}
	}
}

func (d *decoder) svcKey(key int) {
	if key < len(svcKeys) {
		d.word(svcKeys[key])
		return
	}
	d.word("key")
	d.decimal(uint64(key))
}

// svcValue appends the value of a parameter, and reports whether it is well
// formed.
func (d *decoder) svcValue(key int, b []byte) bool {
	switch key {
	case svcMandatory:
		for i := 0; i < len(b); i += 2 {
			if len(b)-i < 2 {
				return false
			}
			d.comma(i)
			d.svcKey(int(binary.BigEndian.Uint16(b[i:])))
		}
	case svcALPN:
		for i := 0; i < len(b); {
			n := int(b[i])
			if n == 0 || n > len(b)-i-1 {
				return false
			}
			d.comma(i)
			d.text = appendLabel(d.text, b[i+1:i+1+n])
			i += 1 + n
		}
	case svcPort:
		if len(b) != 2 {
			return false
		}
		d.decimal(uint64(binary.BigEndian.Uint16(b)))
	case svcIPv4Hint:
		for i := 0; i < len(b); i += 4 {
			if len(b)-i < 4 {
				return false
			}
			d.comma(i)
			d.text = netip.AddrFrom4([4]byte(b[i:])).AppendTo(d.text)
		}
	case svcIPv6Hint:
		for i := 0; i < len(b); i += 16 {
			if len(b)-i < 16 {
				return false
			}
			d.comma(i)
			d.text = netip.AddrFrom16([16]byte(b[i:])).AppendTo(d.text)
		}
	case svcECH:
		d.base64(b)
	case svcDoHPath:
		d.text = appendLabel(d.text, b)
	default:
		d.text = appendString(d.text, b)
	}
	return true
}

func (d *decoder) comma(i int) {
	if i > 0 {
		d.word(",")
	}
}
