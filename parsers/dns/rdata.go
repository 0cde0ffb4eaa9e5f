package dns

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"strconv"
)

const (
	maxData    = 2048 // bytes of a record's data that are made text
	maxUnknown = 64   // the same for data that is not understood
)

// data reads the data of rr, all of r, as text. The types of RFC 1035 and a few
// that are as common must be well formed; data of others that is not, and of
// those that are not known, is shown in hexadecimal.
func (d *decoder) data(rr *Record, r *reader) {
	start := len(d.text)
	switch {
	case r.left() == 0 && rr.Type != TypeTXT: // as in UPDATE, RFC 2136, 2.4
	case r.left() > maxData && rr.Type != TypeTXT:
		d.unknown(rr, r)
	default:
		at := r.at
		strict := d.common(rr, r)
		if !strict && (r.reason != "" || r.left() > 0) {
			d.text = d.text[:start]
			*r = reader{msg: r.msg, at: at, end: r.end}
			d.unknown(rr, r)
		}
		if r.reason == "" && r.left() > 0 {
			r.fail(r.at, "more than the type has")
		}
	}
	rr.Data = d.text[start:len(d.text):len(d.text)]
}

// common reads data of the types that must be well formed, and reports whether
// rr is of one of them; it leaves the others to rare.
func (d *decoder) common(rr *Record, r *reader) bool {
	switch rr.Type {
	case TypeA:
		if b := r.take(4); b != nil {
			rr.Addr = netip.AddrFrom4([4]byte(b))
			d.text = rr.Addr.AppendTo(d.text)
		}
	case TypeAAAA:
		if b := r.take(16); b != nil {
			rr.Addr = netip.AddrFrom16([16]byte(b))
			d.text = rr.Addr.AppendTo(d.text)
		}
	case TypeNS, TypeCNAME, TypePTR, TypeDNAME, TypeMD, TypeMF, TypeMB, TypeMG, TypeMR:
		d.text = r.name(d.text)
	case TypeMX, TypeAFSDB, TypeRT, TypeKX:
		d.number(uint64(r.u16()))
		d.text = r.name(d.text)
	case TypeSOA:
		d.names(r, 2)
		for range 5 {
			d.blank()
			d.text = strconv.AppendUint(d.text, uint64(r.u32()), 10)
		}
	case TypeSRV:
		for range 3 {
			d.number(uint64(r.u16()))
		}
		d.text = r.name(d.text)
	case TypeMINFO, TypeRP:
		d.names(r, 2)
	case TypeTXT, TypeSPF, TypeHINFO:
		d.strings(rr, r)
	default:
		d.rare(rr.Type, r)
		return false
	}
	return true
}

// rare reads data of types whose malformed data is shown as that of an unknown
// type.
func (d *decoder) rare(t Type, r *reader) {
	switch t {
	case TypeNAPTR:
		d.number(uint64(r.u16()))
		d.number(uint64(r.u16()))
		for range 3 {
			d.text = append(appendString(d.text, r.take(int(r.u8()))), ' ')
		}
		d.text = r.name(d.text)
	case TypeURI:
		d.number(uint64(r.u16()))
		d.number(uint64(r.u16()))
		d.text = appendString(d.text, r.take(r.left()))
	case TypeCAA:
		d.number(uint64(r.u8()))
		d.text = append(appendLabel(d.text, r.take(int(r.u8()))), ' ')
		d.text = appendString(d.text, r.take(r.left()))
	case TypeSVCB, TypeHTTPS:
		d.service(r)
	case TypeDS, TypeCDS:
		d.number(uint64(r.u16()))
		d.number(uint64(r.u8()))
		d.number(uint64(r.u8()))
		d.hex(r.take(r.left()))
	case TypeSSHFP:
		d.number(uint64(r.u8()))
		d.number(uint64(r.u8()))
		d.hex(r.take(r.left()))
	case TypeTLSA, TypeSMIMEA:
		for range 3 {
			d.number(uint64(r.u8()))
		}
		d.hex(r.take(r.left()))
	case TypeDNSKEY, TypeCDNSKEY:
		d.number(uint64(r.u16()))
		d.number(uint64(r.u8()))
		d.number(uint64(r.u8()))
		d.base64(r.take(r.left()))
	case TypeRRSIG:
		d.signature(r)
	case TypeNSEC:
		d.text = r.name(d.text)
		d.bitmap(r)
	case TypeNSEC3, TypeNSEC3PARAM:
		d.nsec3(t, r)
	default:
		r.fail(r.at, "a type that is not known")
	}
}

// unknown shows data as RFC 3597, 5 does, the length and the first bytes of it.
func (d *decoder) unknown(rr *Record, r *reader) {
	b := r.take(r.left())
	d.text = strconv.AppendInt(append(d.text, `\# `...), int64(len(b)), 10)
	if rr.Truncated = len(b) > maxUnknown; rr.Truncated {
		b = b[:maxUnknown]
	}
	d.blank()
	d.text = hex.AppendEncode(d.text, b)
}

// strings reads strings up to the end. The text of very many is cut.
func (d *decoder) strings(rr *Record, r *reader) {
	if r.left() == 0 {
		d.text = append(d.text, `""`...)
	}
	for start, n := r.at, 0; r.left() > 0; n++ {
		s := r.take(int(r.u8()))
		if rr.Truncated = rr.Truncated || r.at-start > maxData; rr.Truncated {
			continue
		}
		if n > 0 {
			d.blank()
		}
		d.text = appendString(d.text, s)
	}
}

func (d *decoder) names(r *reader, n int) {
	for i := range n {
		if i > 0 {
			d.blank()
		}
		d.text = r.name(d.text)
	}
}

func (d *decoder) blank()           { d.text = append(d.text, ' ') }
func (d *decoder) number(n uint64)  { d.text = append(strconv.AppendUint(d.text, n, 10), ' ') }
func (d *decoder) hex(b []byte)     { d.text = hex.AppendEncode(d.text, b) }
func (d *decoder) base64(b []byte)  { d.text = base64.StdEncoding.AppendEncode(d.text, b) }
func (d *decoder) word(s string)    { d.text = append(d.text, s...) }
func (d *decoder) decimal(n uint64) { d.text = strconv.AppendUint(d.text, n, 10) }
