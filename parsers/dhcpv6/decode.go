package dhcpv6

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"time"
)

// Sizes of what is before the options (RFC 8415, 8 and 9).
const (
	headerSize = 4
	relaySize  = 34
)

const (
	// maxList is how many values of a list are told.
	maxList = 64
	// maxText is how many bytes of a text are told.
	maxText = 1024
	// maxRelays is how many relays are looked behind.
	maxRelays = 8
)

// Numbers of options (RFC 8415, 21, and what extends it).
const (
	optClientID     = 1
	optServerID     = 2
	optNA           = 3
	optTA           = 4
	optAddr         = 5
	optParameters   = 6
	optPreference   = 7
	optElapsed      = 8
	optRelayMessage = 9
	optUnicast      = 12
	optStatus       = 13
	optRapidCommit  = 14
	optUserClass    = 15
	optVendorClass  = 16
	optInterfaceID  = 18
	optReconfigure  = 19
	optDNS          = 23
	optSearch       = 24
	optPD           = 25
	optPrefix       = 26
	optSNTP         = 31 // RFC 4075
	optRefresh      = 32
	optRemoteID     = 37 // RFC 4649
	optFQDN         = 39 // RFC 4704
	optNTP          = 56 // RFC 5908
	optBootFile     = 59 // RFC 5970
	optLinkLayer    = 79 // RFC 6939
)

// decoder is what is needed only while a message is looked at.
type decoder struct {
	msg    Message
	kind   byte
	client []byte // the DUID, as it is on the wire
	text   []byte

	associations []Association
	leases       []Lease // those of all associations
	relays       [maxRelays]Relay
	names        [][]byte
	dns, ntp     []netip.Addr

	parameters, options [maxList]uint16
}

// decode reads a whole datagram.
func (d *decoder) decode(b []byte) error {
	m := &d.msg
	*m = Message{Options: d.options[:0], Relays: d.relays[:0]}
	d.client, d.text = nil, d.text[:0]
	d.associations, d.leases, d.names = d.associations[:0], d.leases[:0], d.names[:0]
	d.dns, d.ntp = d.dns[:0], d.ntp[:0]
	at, end := 0, len(b)
	for {
		if end-at < headerSize {
			return &Error{at, "a message has 4 bytes at least"}
		}
		if d.kind = b[at]; !known(d.kind) {
			return &Error{at, "the type of the message is not known"}
		}
		if d.kind != typeRelayForward && d.kind != typeRelayReply {
			break
		}
		if end-at < relaySize {
			return &Error{at, "a relay's message has 34 bytes at least"}
		}
		if len(m.Relays) == maxRelays {
			m.Kind, m.Truncated = kinds[d.kind], true
			return nil
		}
		inner, err := d.relay(b, at, end)
		if err != nil {
			return err
		}
		if inner < 0 {
			m.Kind = kinds[d.kind]
			return nil
		}
		end = inner + int(binary.BigEndian.Uint16(b[inner-2:]))
		at = inner
	}
	m.Kind = kinds[d.kind]
	if d.kind != typeV4Query && d.kind != typeV4Response {
		m.XID = binary.BigEndian.Uint32(b[at:]) & 0xffffff
	}
	return d.collect(b, at+headerSize, end)
}

// next returns the option at the front of b[at:end], and where the next begins.
func next(b []byte, at, end int) (code uint16, v []byte, to int, err error) {
	if end-at < 4 {
		return 0, nil, 0, &Error{at, "an option has 4 bytes at least"}
	}
	code, to = binary.BigEndian.Uint16(b[at:]), at+4+int(binary.BigEndian.Uint16(b[at+2:]))
	if to > end {
		return 0, nil, 0, &Error{at, "an option is longer than the message"}
	}
	return code, b[at+4 : to : to], to, nil
}

// relay reads the header and the options of a relay, and returns where the message
// begins that is inside, -1 if there is none.
func (d *decoder) relay(b []byte, at, end int) (int, error) {
	m := &d.msg
	r := Relay{Hops: b[at+1], Peer: netip.AddrFrom16([16]byte(b[at+18:]))}
	if link := netip.AddrFrom16([16]byte(b[at+2:])); !link.IsUnspecified() {
		r.Link = link
	}
	inner := -1
	for at += relaySize; at < end; {
		code, v, to, err := next(b, at, end)
		if err != nil {
			return 0, err
		}
		switch code {
		case optRelayMessage:
			if inner < 0 {
				inner = at + 4
			}
		case optInterfaceID:
			if r.InterfaceID != nil {
				break
			}
			r.InterfaceID = printable(d.shown(v), d)
		case optRemoteID:
			if m.Malformed = m.Malformed || len(v) < 4; len(v) >= 4 && r.RemoteID == nil {
				r.Enterprise, r.RemoteID = binary.BigEndian.Uint32(v), d.hex(d.shown(v[4:]), 0)
			}
		case optLinkLayer:
			if m.Malformed = m.Malformed || len(v) < 2; len(v) > 2 && m.Hardware == nil {
				m.Hardware = d.hex(d.shown(v[2:]), ':')
			}
		}
		at = to
	}
	m.Relays = append(m.Relays, r)
	return inner, nil
}

// printable is v as it is if it is printable ASCII, else in hexadecimal.
func printable(v []byte, d *decoder) []byte {
	for _, c := range v {
		if c < ' ' || c > '~' {
			return d.hex(v, 0)
		}
	}
	return v
}

// collect reads the options of a message.
func (d *decoder) collect(b []byte, at, end int) error {
	m := &d.msg
	for at < end {
		code, v, to, err := next(b, at, end)
		if err != nil {
			return err
		}
		if len(m.Options) < maxList {
			m.Options = append(m.Options, code)
		} else {
			m.Truncated = true
		}
		switch code {
		case optNA, optTA, optPD:
			err = d.association(code, b, at+4, to)
		default:
			d.option(code, v)
		}
		if err != nil {
			return err
		}
		at = to
	}
	m.Associations, m.DNS, m.NTP, m.Search = d.associations, d.dns, d.ntp, d.names
	return nil
}

// option reads an option that has no others in it.
func (d *decoder) option(code uint16, v []byte) {
	m := &d.msg
	switch code {
	case optClientID:
		if d.client != nil { // options come once; of others the first counts
			return
		}
		d.client, m.ClientID = v, d.duid(v)
		if addr := hardware(v); m.Hardware == nil && addr != nil {
			m.Hardware = d.hex(addr, ':')
		}
	case optServerID:
		if m.ServerID == nil {
			m.ServerID = d.duid(v)
		}
	case optParameters:
		d.list(v)
	case optPreference:
		if v := d.fixed(v, 1); v != nil {
			m.Preference = v[0]
		}
	case optElapsed:
		if v := d.fixed(v, 2); v != nil {
			m.Elapsed = time.Duration(binary.BigEndian.Uint16(v)) * 10 * time.Millisecond
		}
	case optUnicast:
		if v := d.fixed(v, 16); v != nil {
			m.Unicast = netip.AddrFrom16([16]byte(v))
		}
	case optStatus:
		if m.Malformed = m.Malformed || len(v) < 2; len(v) >= 2 {
			m.Status, m.Text = status(v), d.shown(v[2:])
		}
	case optRapidCommit:
		m.RapidCommit = true
	case optUserClass:
		m.UserClass = d.shown(d.first(v))
	case optVendorClass:
		if m.Malformed = m.Malformed || len(v) < 4; len(v) >= 4 {
			m.VendorClassID, m.VendorClass = binary.BigEndian.Uint32(v), d.shown(d.first(v[4:]))
		}
	case optReconfigure:
		if v := d.fixed(v, 1); v != nil {
			m.Reconfigure = strconv.Itoa(int(v[0]))
			if known(v[0]) {
				m.Reconfigure = kinds[v[0]]
			}
		}
	case optRefresh:
		if v := d.fixed(v, 4); v != nil {
			m.Refresh = seconds(v)
		}
	case optDNS:
		d.dns = d.addrs(d.dns, v)
	case optSNTP:
		d.ntp = d.addrs(d.ntp, v)
	case optNTP:
		d.ntpServers(v)
	case optSearch:
		d.search(v)
	case optFQDN:
		if m.Malformed = m.Malformed || len(v) < 1; len(v) > 1 && len(m.FQDN) == 0 {
			m.FQDN, _ = d.name(v[1:])
		}
	case optBootFile:
		m.BootFile = d.shown(v)
	}
}
