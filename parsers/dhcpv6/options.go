package dhcpv6

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"time"
)

// association reads IA_NA, IA_TA or IA_PD, which is b[at:end] (RFC 8415, 21.4, 21.5 and
// 21.21).
func (d *decoder) association(code uint16, b []byte, at, end int) error {
	a := Association{Kind: "na"}
	size := 12
	switch code {
	case optTA:
		a.Kind, size = "ta", 4
	case optPD:
		a.Kind = "pd"
	}
	if end-at < size {
		d.msg.Malformed = true
		return nil
	}
	a.IAID = binary.BigEndian.Uint32(b[at:])
	if size == 12 {
		a.Renewal, a.Rebinding = seconds(b[at+4:]), seconds(b[at+8:])
	}
	start := len(d.leases)
	for at += size; at < end; {
		code, v, to, err := next(b, at, end)
		if err != nil {
			return err
		}
		switch {
		case code == optStatus && len(v) >= 2:
			a.Status = status(v)
		case code == optAddr || code == optPrefix:
			if err := d.lease(code, b, at+4, to); err != nil {
				return err
			}
		}
		at = to
	}
	a.Leases = d.leases[start:len(d.leases):len(d.leases)]
	if len(d.associations) == maxList {
		d.msg.Truncated = true
		return nil
	}
	d.associations = append(d.associations, a)
	return nil
}

// lease reads the option of an address or a prefix, which is b[at:end] (RFC 8415, 21.6
// and 21.22).
func (d *decoder) lease(code uint16, b []byte, at, end int) error {
	var l Lease
	switch {
	case code == optAddr && end-at >= 24:
		l = Lease{Addr: netip.AddrFrom16([16]byte(b[at:])), Preferred: seconds(b[at+16:]), Valid: seconds(b[at+20:])}
		at += 24
	case code == optPrefix && end-at >= 25 && b[at+8] <= 128:
		l = Lease{Addr: netip.AddrFrom16([16]byte(b[at+9:])), PrefixLength: b[at+8], Preferred: seconds(b[at:]), Valid: seconds(b[at+4:])}
		at += 25
	default:
		d.msg.Malformed = true
		return nil
	}
	for at < end {
		code, v, to, err := next(b, at, end)
		if err != nil {
			return err
		}
		if code == optStatus && len(v) >= 2 {
			l.Status = status(v)
		}
		at = to
	}
	if len(d.leases) == maxList {
		d.msg.Truncated = true
		return nil
	}
	d.leases = append(d.leases, l)
	return nil
}

// fixed returns v if it has n bytes, which it must.
func (d *decoder) fixed(v []byte, n int) []byte {
	if len(v) != n {
		d.msg.Malformed = true
		return nil
	}
	return v
}

// shown returns the beginning of v that is told.
func (d *decoder) shown(v []byte) []byte {
	if len(v) > maxText {
		d.msg.Truncated = true
		return v[:maxText]
	}
	return v
}

// seconds reads a lifetime.
func seconds(v []byte) time.Duration { return time.Duration(binary.BigEndian.Uint32(v)) * time.Second }

// status names the status code at the front of v.
func status(v []byte) string {
	code := binary.BigEndian.Uint16(v)
	if int(code) < len(statuses) {
		return statuses[code]
	}
	return strconv.Itoa(int(code))
}

// list reads the options that a client asks for.
func (d *decoder) list(v []byte) {
	m := &d.msg
	if len(v)%2 != 0 {
		m.Malformed = true
		return
	}
	m.Parameters = d.parameters[:0]
	for ; len(v) > 0; v = v[2:] {
		if len(m.Parameters) == maxList {
			m.Truncated = true
			return
		}
		m.Parameters = append(m.Parameters, binary.BigEndian.Uint16(v))
	}
}

// addrs appends the addresses that v is.
func (d *decoder) addrs(to []netip.Addr, v []byte) []netip.Addr {
	if len(v)%16 != 0 {
		d.msg.Malformed = true
		return to
	}
	for ; len(v) > 0; v = v[16:] {
		if len(to) == maxList {
			d.msg.Truncated = true
			break
		}
		to = append(to, netip.AddrFrom16([16]byte(v)))
	}
	return to
}

// ntpServers reads the option of RFC 5908, of which the addresses are told.
func (d *decoder) ntpServers(v []byte) {
	for len(v) > 0 {
		if len(v) < 4 || len(v)-4 < int(binary.BigEndian.Uint16(v[2:])) {
			d.msg.Malformed = true
			return
		}
		size := int(binary.BigEndian.Uint16(v[2:]))
		if code := binary.BigEndian.Uint16(v); code == 1 || code == 2 { // unicast, multicast
			d.ntp = d.addrs(d.ntp, v[4:4+size])
		}
		v = v[4+size:]
	}
}

// first returns the first of a list of data with a length of two bytes before each.
func (d *decoder) first(v []byte) []byte {
	if len(v) < 2 || len(v)-2 < int(binary.BigEndian.Uint16(v)) {
		d.msg.Malformed = d.msg.Malformed || len(v) > 0
		return nil
	}
	return v[2 : 2+int(binary.BigEndian.Uint16(v))]
}

// search reads a list of names.
func (d *decoder) search(v []byte) {
	for len(v) > 0 {
		if len(d.names) == maxList {
			d.msg.Truncated = true
			return
		}
		name, n := d.name(v)
		if n == 0 {
			return
		}
		d.names = append(d.names, name)
		v = v[n:]
	}
}

// name reads a name in the format of DNS, without compression (RFC 8415, 10), which may
// end without the root (RFC 4704, 4.2), and returns how many bytes it has, 0 if it is
// malformed. A name has at most 255 bytes.
func (d *decoder) name(v []byte) ([]byte, int) {
	start, n := len(d.text), 0
	for n < len(v) {
		size := int(v[n])
		if size == 0 {
			n++
			break
		}
		if size > 63 || size >= len(v)-n || n+1+size > 254 {
			d.msg.Malformed, d.text = true, d.text[:start]
			return nil, 0
		}
		if n > 0 {
			d.text = append(d.text, '.')
		}
		d.text = append(d.text, v[n+1:n+1+size]...)
		n += 1 + size
	}
	return d.text[start:len(d.text):len(d.text)], n
}

// duid writes a DUID.
func (d *decoder) duid(v []byte) []byte {
	if len(v) < 3 || len(v) > maxDUID {
		d.msg.Malformed = true
		return nil
	}
	return d.hex(v, ':')
}

// hardware returns the hardware address in a DUID that has one (RFC 8415, 11.2 and
// 11.4).
func hardware(v []byte) []byte {
	switch {
	case len(v) > 8 && len(v) <= maxDUID && v[0] == 0 && v[1] == 1: // DUID-LLT
		return v[8:]
	case len(v) > 4 && len(v) <= maxDUID && v[0] == 0 && v[1] == 3: // DUID-LL
		return v[4:]
	}
	return nil
}

// hex writes b as hexadecimal, with a separator between bytes unless it is 0.
func (d *decoder) hex(b []byte, separator byte) []byte {
	start := len(d.text)
	d.text = appendHex(d.text, b, separator)
	return d.text[start:len(d.text):len(d.text)]
}

func appendHex(to, b []byte, separator byte) []byte {
	const digits = "0123456789abcdef"
	for i, c := range b {
		if i > 0 && separator != 0 {
			to = append(to, separator)
		}
		to = append(to, digits[c>>4], digits[c&15])
	}
	return to
}
