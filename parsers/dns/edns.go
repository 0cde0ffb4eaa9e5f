package dns

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
)

// maxOption is the longest value of an option that is made text, in bytes.
const maxOption = 512

// opt makes EDNS of the data of an OPT record. Options that are malformed are
// listed without data; where the list itself is, it ends.
func (d *decoder) opt(r reader, class Class, ttl uint32) {
	d.edns = EDNS{UDPSize: uint16(class), Version: uint8(ttl >> 16), DNSSECOK: ttl&0x8000 != 0}
	if ext := uint16(ttl>>24) << 4; ext != 0 && d.msg.Kind == KindResponse {
		low := binary.BigEndian.Uint16(r.msg[2:]) & 15
		d.msg.RCode = rcodeName(ext | low)
	}
	n := 0
	for r.left() > 0 && n < len(d.options) {
		code, size := OptionCode(r.u16()), int(r.u16())
		value := r.take(size)
		if r.reason != "" {
			break
		}
		d.options[n] = Option{Code: code, Bytes: size, Data: d.option(code, value)}
		n++
	}
	d.edns.Options = d.options[:n]
	d.msg.EDNS = &d.edns
}

// option returns the text of an option's value, nil for those not known.
func (d *decoder) option(code OptionCode, b []byte) []byte {
	if len(b) == 0 || len(b) > maxOption {
		return nil
	}
	d.room(4*len(b) + 64)
	start := len(d.text)
	switch code {
	case OptionClientSubnet:
		if !d.subnet(b) {
			return nil
		}
	case OptionCookie:
		d.text = hex.AppendEncode(d.text, b)
	case OptionNSID:
		d.text = appendString(d.text, b)
	case OptionKeepalive:
		if len(b) != 2 {
			return nil
		}
		d.decimal(uint64(binary.BigEndian.Uint16(b)))
	case OptionEDE: // RFC 8914
		if len(b) < 2 {
			return nil
		}
		d.decimal(uint64(binary.BigEndian.Uint16(b)))
		if len(b) > 2 {
			d.blank()
			d.text = appendString(d.text, b[2:])
		}
	default:
		return nil
	}
	return d.text[start:len(d.text):len(d.text)]
}

// subnet reads the client's network (RFC 7871, 6), and reports whether it is
// well formed.
func (d *decoder) subnet(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	family, bits, scope := binary.BigEndian.Uint16(b), int(b[2]), b[3]
	addr := b[4:]
	var raw [16]byte
	var ip netip.Addr
	switch {
	case len(addr) != (bits+7)/8:
		return false
	case family == 1 && bits <= 32:
		copy(raw[:], addr)
		ip = netip.AddrFrom4([4]byte(raw[:4]))
	case family == 2 && bits <= 128:
		copy(raw[:], addr)
		ip = netip.AddrFrom16(raw)
	default:
		return false
	}
	d.edns.Subnet, d.edns.Scope = netip.PrefixFrom(ip, bits), scope
	d.text = d.edns.Subnet.AppendTo(d.text)
	d.text = strconv.AppendUint(append(d.text, '/'), uint64(scope), 10)
	return true
}
