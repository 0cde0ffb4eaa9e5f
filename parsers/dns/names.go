package dns

import "strconv"

// Type is a type of record or question.
type Type uint16

// The types that the package treats in a way of their own.
const (
	TypeA          Type = 1
	TypeNS         Type = 2
	TypeMD         Type = 3
	TypeMF         Type = 4
	TypeCNAME      Type = 5
	TypeSOA        Type = 6
	TypeMB         Type = 7
	TypeMG         Type = 8
	TypeMR         Type = 9
	TypePTR        Type = 12
	TypeHINFO      Type = 13
	TypeMINFO      Type = 14
	TypeMX         Type = 15
	TypeTXT        Type = 16
	TypeRP         Type = 17
	TypeAFSDB      Type = 18
	TypeRT         Type = 21
	TypeAAAA       Type = 28
	TypeSRV        Type = 33
	TypeNAPTR      Type = 35
	TypeKX         Type = 36
	TypeDNAME      Type = 39
	TypeOPT        Type = 41
	TypeDS         Type = 43
	TypeSSHFP      Type = 44
	TypeRRSIG      Type = 46
	TypeNSEC       Type = 47
	TypeDNSKEY     Type = 48
	TypeNSEC3      Type = 50
	TypeNSEC3PARAM Type = 51
	TypeTLSA       Type = 52
	TypeSMIMEA     Type = 53
	TypeCDS        Type = 59
	TypeCDNSKEY    Type = 60
	TypeSVCB       Type = 64
	TypeHTTPS      Type = 65
	TypeSPF        Type = 99
	TypeURI        Type = 256
	TypeCAA        Type = 257
)

// typeNames are IANA's mnemonics.
var typeNames = map[Type]string{
	1: "A", 2: "NS", 3: "MD", 4: "MF", 5: "CNAME", 6: "SOA", 7: "MB", 8: "MG", 9: "MR", 10: "NULL",
	11: "WKS", 12: "PTR", 13: "HINFO", 14: "MINFO", 15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 19: "X25",
	20: "ISDN", 21: "RT", 22: "NSAP", 23: "NSAP-PTR", 24: "SIG", 25: "KEY", 26: "PX", 27: "GPOS", 28: "AAAA",
	29: "LOC", 30: "NXT", 31: "EID", 32: "NIMLOC", 33: "SRV", 34: "ATMA", 35: "NAPTR", 36: "KX", 37: "CERT",
	38: "A6", 39: "DNAME", 40: "SINK", 41: "OPT", 42: "APL", 43: "DS", 44: "SSHFP", 45: "IPSECKEY",
	46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA",
	53: "SMIMEA", 55: "HIP", 56: "NINFO", 57: "RKEY", 58: "TALINK", 59: "CDS", 60: "CDNSKEY",
	61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 66: "DSYNC", 67: "HHIT", 68: "BRID",
	99: "SPF", 100: "UINFO", 101: "UID", 102: "GID", 103: "UNSPEC", 104: "NID", 105: "L32", 106: "L64", 107: "LP",
	108: "EUI48", 109: "EUI64", 128: "NXNAME", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR",
	253: "MAILB", 254: "MAILA", 255: "ANY", 256: "URI", 257: "CAA", 258: "AVC", 259: "DOA", 260: "AMTRELAY",
	261: "RESINFO", 262: "WALLET", 32768: "TA", 32769: "DLV",
}

// String returns IANA's mnemonic, or TYPE and the number (RFC 3597).
func (t Type) String() string {
	if s := typeNames[t]; s != "" {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// AppendText appends what String returns.
func (t Type) AppendText(b []byte) ([]byte, error) {
	if s := typeNames[t]; s != "" {
		return append(b, s...), nil
	}
	return strconv.AppendUint(append(b, "TYPE"...), uint64(t), 10), nil
}

// MarshalText implements encoding.TextMarshaler as String.
func (t Type) MarshalText() ([]byte, error) { return t.AppendText(nil) }

// Class is a class of record or question. Exports leave it out if it is IN.
type Class uint16

// ClassIN is the Internet.
const ClassIN Class = 1

var classNames = map[Class]string{1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}

// IsZero reports whether exports leave the class out.
func (c Class) IsZero() bool { return c <= ClassIN }

// String returns IANA's mnemonic, or CLASS and the number (RFC 3597).
func (c Class) String() string {
	b, _ := c.AppendText(nil)
	return string(b)
}

// AppendText appends what String returns.
func (c Class) AppendText(b []byte) ([]byte, error) {
	if s := classNames[c]; s != "" {
		return append(b, s...), nil
	}
	return strconv.AppendUint(append(b, "CLASS"...), uint64(c), 10), nil
}

// MarshalText implements encoding.TextMarshaler as String.
func (c Class) MarshalText() ([]byte, error) { return c.AppendText(nil) }

// Opcode is the kind of a query. Exports leave it out if it is QUERY.
type Opcode uint8

var opcodeNames = [16]string{0: "QUERY", 1: "IQUERY", 2: "STATUS", 4: "NOTIFY", 5: "UPDATE", 6: "DSO"}

// String returns IANA's name, or OPCODE and the number.
func (o Opcode) String() string {
	if s := opcodeNames[o&15]; s != "" {
		return s
	}
	return "OPCODE" + strconv.Itoa(int(o))
}

// MarshalText implements encoding.TextMarshaler as String.
func (o Opcode) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

var rcodeNames = [24]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN",
	"YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE", "DSOTYPENI", 16: "BADVERS", 17: "BADKEY", 18: "BADTIME",
	19: "BADMODE", 20: "BADNAME", 21: "BADALG", 22: "BADTRUNC", 23: "BADCOOKIE"}

// rcodeName returns IANA's name of a response code, or RCODE and the number.
func rcodeName(n uint16) string {
	if int(n) < len(rcodeNames) && rcodeNames[n] != "" {
		return rcodeNames[n]
	}
	return "RCODE" + strconv.Itoa(int(n))
}

// OptionCode is the code of an option of EDNS.
type OptionCode uint16

// The options whose data is decoded.
const (
	OptionNSID         OptionCode = 3
	OptionClientSubnet OptionCode = 8
	OptionCookie       OptionCode = 10
	OptionKeepalive    OptionCode = 11
	OptionEDE          OptionCode = 15
)

var optionNames = map[OptionCode]string{1: "LLQ", 2: "UL", 3: "NSID", 5: "DAU", 6: "DHU", 7: "N3U", 8: "ECS",
	9: "EXPIRE", 10: "COOKIE", 11: "KEEPALIVE", 12: "PADDING", 13: "CHAIN", 14: "KEY-TAG", 15: "EDE",
	16: "CLIENT-TAG", 17: "SERVER-TAG", 18: "REPORT-CHANNEL", 19: "ZONEVERSION"}

// String returns the usual name of the option, or OPT and the number.
func (o OptionCode) String() string {
	b, _ := o.AppendText(nil)
	return string(b)
}

// AppendText appends what String returns.
func (o OptionCode) AppendText(b []byte) ([]byte, error) {
	if s := optionNames[o]; s != "" {
		return append(b, s...), nil
	}
	return strconv.AppendUint(append(b, "OPT"...), uint64(o), 10), nil
}

// MarshalText implements encoding.TextMarshaler as String.
func (o OptionCode) MarshalText() ([]byte, error) { return o.AppendText(nil) }
