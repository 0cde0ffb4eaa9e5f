package dhcp

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"
)

// The format (RFC 2131, 2): offsets of the fields that are not read in a row.
const (
	atName     = 44
	atFile     = 108
	atCookie   = 236
	headerSize = 240
	cookie     = 0x63825363
)

const (
	// maxList is how many values of a list are told.
	maxList = 64
	// maxOption is how many bytes of an option are looked at.
	maxOption = 1024
	// maxPieces is how many bytes of a message are used to put options together.
	maxPieces = 8 << 10
)

// Numbers of options (RFC 2132 and what extends it).
const (
	optPad         = 0
	optMask        = 1
	optRouters     = 3
	optDNS         = 6
	optHostName    = 12
	optDomain      = 15
	optNTP         = 42
	optRequested   = 50
	optLease       = 51
	optOverload    = 52
	optType        = 53
	optServer      = 54
	optParameters  = 55
	optMessage     = 56
	optMaxSize     = 57
	optRenewal     = 58
	optRebinding   = 59
	optVendorClass = 60
	optClientID    = 61
	optServerName  = 66
	optFile        = 67
	optUserClass   = 77
	optFQDN        = 81
	optRelay       = 82
	optEnd         = 255
)

// decoder is what is needed only while a message is looked at.
type decoder struct {
	msg    Message
	value  [256][]byte // of the options that are there
	there  [256]bool
	pieces []byte // options that were put together
	text   []byte
	addrs  []netip.Addr

	parameters, options [maxList]uint16
}

// decode reads a whole datagram.
func (d *decoder) decode(b []byte) error {
	m := &d.msg
	*m = Message{Options: d.options[:0]}
	clear(d.value[:])
	clear(d.there[:])
	d.pieces, d.text, d.addrs = d.pieces[:0], d.text[:0], d.addrs[:0]
	if len(b) < headerSize {
		return &Error{len(b), "a message has 240 bytes at least"}
	}
	switch {
	case b[0] == 1:
		m.Kind = KindBootRequest
	case b[0] == 2:
		m.Kind = KindBootReply
	default:
		return &Error{0, "this is neither a request nor a reply"}
	}
	size := int(b[2])
	if size > 16 {
		return &Error{2, "a hardware address of more than 16 bytes"}
	}
	if binary.BigEndian.Uint32(b[atCookie:]) != cookie {
		return &Error{atCookie, "the options do not begin with the cookie of DHCP"}
	}
	m.Hops, m.XID, m.Broadcast = b[3], binary.BigEndian.Uint32(b[4:]), b[10]&0x80 != 0
	m.Elapsed = time.Duration(binary.BigEndian.Uint16(b[8:])) * time.Second
	m.Client, m.Your, m.Next, m.Relay = addr(b[12:]), addr(b[16:]), addr(b[20:]), addr(b[24:])
	m.Hardware = d.colons(b[28 : 28+size])
	if err := d.collect(b, headerSize, len(b)); err != nil {
		return err
	}
	overload := byte(0)
	if v := d.value[optOverload]; len(v) == 1 {
		overload = v[0]
	}
	if overload&1 == 0 {
		m.File = untilZero(b[atFile:atCookie])
	} else if err := d.collect(b, atFile, atCookie); err != nil {
		return err
	}
	if overload&2 == 0 {
		m.ServerName = untilZero(b[atName:atFile])
	} else if err := d.collect(b, atName, atFile); err != nil {
		return err
	}
	return d.tell()
}

// collect notes the options in b[at:end].
func (d *decoder) collect(b []byte, at, end int) error {
	for at < end {
		code := b[at]
		if code == optPad {
			at++
			continue
		}
		if code == optEnd {
			return nil
		}
		if at+2 > end || at+2+int(b[at+1]) > end {
			return &Error{at, "an option is longer than the message"}
		}
		d.note(code, b[at+2:at+2+int(b[at+1])])
		at += 2 + int(b[at+1])
	}
	return nil
}

// note keeps an option. One that comes in pieces is put together, up to a cap
// (RFC 3396).
func (d *decoder) note(code byte, v []byte) {
	m := &d.msg
	if !d.there[code] {
		d.there[code], d.value[code] = true, v
		if len(m.Options) < maxList {
			m.Options = append(m.Options, uint16(code))
		} else {
			m.Truncated = true
		}
		return
	}
	old := d.value[code]
	if len(v) == 0 {
		return
	}
	if len(old)+len(v) > maxOption || len(d.pieces)+len(old)+len(v) > maxPieces {
		m.Truncated = true
		return
	}
	start := len(d.pieces)
	d.pieces = append(append(d.pieces, old...), v...)
	d.value[code] = d.pieces[start:len(d.pieces):len(d.pieces)]
}

// tell fills the message from the options.
func (d *decoder) tell() error {
	m := &d.msg
	if v := d.value[optType]; d.there[optType] {
		if len(v) != 1 || int(v[0]) >= len(kinds) || v[0] == 0 {
			return &Error{headerSize, "the type of the message is not known"}
		}
		m.Kind = kinds[v[0]]
	}
	m.HostName, m.Domain, m.Text = d.string(optHostName), d.string(optDomain), d.string(optMessage)
	m.VendorClass, m.UserClass = d.string(optVendorClass), d.value[optUserClass]
	if v := m.UserClass; len(v) > 0 && int(v[0]) == len(v)-1 { // one class, as in RFC 3004
		m.UserClass = v[1:]
	}
	m.Requested, m.Server, m.Mask = d.addr(optRequested), d.addr(optServer), d.addr(optMask)
	m.Routers, m.DNS, m.NTP = d.list(optRouters), d.list(optDNS), d.list(optNTP)
	m.Lease, m.Renewal, m.Rebinding = d.seconds(optLease), d.seconds(optRenewal), d.seconds(optRebinding)
	if v := d.fixed(optMaxSize, 2); v != nil {
		m.MaxSize = binary.BigEndian.Uint16(v)
	}
	if v := d.string(optServerName); v != nil {
		m.ServerName = v
	}
	if v := d.string(optFile); v != nil {
		m.File = v
	}
	if v := d.value[optClientID]; len(v) > 0 {
		if v[0] == 1 && len(v) == 7 { // an Ethernet address
			v = v[1:]
		}
		m.ClientID = d.colons(v)
	}
	if v := d.value[optParameters]; len(v) > 0 {
		m.Parameters = d.parameters[:0]
		for _, code := range v[:min(len(v), maxList)] {
			m.Parameters = append(m.Parameters, uint16(code))
		}
		m.Truncated = m.Truncated || len(v) > maxList
	}
	d.fqdn()
	d.relay()
	return nil
}

func (d *decoder) string(code byte) []byte { return untilZero(d.value[code]) }

// fixed returns an option that must have n bytes.
func (d *decoder) fixed(code byte, n int) []byte {
	if !d.there[code] {
		return nil
	}
	if len(d.value[code]) != n {
		d.msg.Malformed = true
		return nil
	}
	return d.value[code]
}

func (d *decoder) addr(code byte) netip.Addr {
	if v := d.fixed(code, 4); v != nil {
		return netip.AddrFrom4([4]byte(v))
	}
	return netip.Addr{}
}

func (d *decoder) seconds(code byte) time.Duration {
	if v := d.fixed(code, 4); v != nil {
		return time.Duration(binary.BigEndian.Uint32(v)) * time.Second
	}
	return 0
}

// list returns an option that is addresses, one at least.
func (d *decoder) list(code byte) []netip.Addr {
	v := d.value[code]
	if d.there[code] && (len(v) == 0 || len(v)%4 != 0) {
		d.msg.Malformed = true
		return nil
	}
	start := len(d.addrs)
	for ; len(v) > 0; v = v[4:] {
		if len(d.addrs)-start == maxList {
			d.msg.Truncated = true
			break
		}
		d.addrs = append(d.addrs, netip.AddrFrom4([4]byte(v)))
	}
	return d.addrs[start:len(d.addrs):len(d.addrs)]
}

// fqdn reads option 81 (RFC 4702, 2), whose name is text or that of DNS.
func (d *decoder) fqdn() {
	v := d.value[optFQDN]
	if !d.there[optFQDN] {
		return
	}
	if len(v) < 3 {
		d.msg.Malformed = true
		return
	}
	name := v[3:]
	if v[0]&4 == 0 {
		d.msg.FQDN = untilZero(name)
		return
	}
	start := len(d.text)
	for len(name) > 0 && name[0] != 0 {
		n := int(name[0])
		if n > 63 || n >= len(name) {
			d.msg.Malformed, d.text = true, d.text[:start]
			return
		}
		if len(d.text) > start {
			d.text = append(d.text, '.')
		}
		d.text = append(d.text, name[1:1+n]...)
		name = name[1+n:]
	}
	d.msg.FQDN = d.text[start:len(d.text):len(d.text)]
}

// relay reads option 82 (RFC 3046, 2).
func (d *decoder) relay() {
	for v := d.value[optRelay]; len(v) > 0; {
		if len(v) < 2 || len(v) < 2+int(v[1]) {
			d.msg.Malformed = true
			return
		}
		switch body := v[2 : 2+int(v[1])]; v[0] {
		case 1:
			d.msg.CircuitID = d.hex(body)
		case 2:
			d.msg.RemoteID = d.hex(body)
		}
		v = v[2+int(v[1]):]
	}
}

const digits = "0123456789abcdef"

// hex writes b as hexadecimal.
func (d *decoder) hex(b []byte) []byte {
	start := len(d.text)
	for _, c := range b {
		d.text = append(d.text, digits[c>>4], digits[c&15])
	}
	return d.text[start:len(d.text):len(d.text)]
}

// colons writes b in colon notation.
func (d *decoder) colons(b []byte) []byte {
	start := len(d.text)
	for i, c := range b {
		if i > 0 {
			d.text = append(d.text, ':')
		}
		d.text = append(d.text, digits[c>>4], digits[c&15])
	}
	return d.text[start:len(d.text):len(d.text)]
}

// addr returns the address at the front of b; none if it is 0.0.0.0.
func addr(b []byte) netip.Addr {
	if binary.BigEndian.Uint32(b) == 0 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(b[:4]))
}

// untilZero returns b up to the first zero.
func untilZero(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if len(b) == 0 {
		return nil
	}
	return b
}
