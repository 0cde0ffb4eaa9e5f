package tls

import "strconv"

// Version is a version of the protocol, as on the wire.
type Version uint16

// The versions.
const (
	SSL2  Version = 0x0002
	SSL3  Version = 0x0300
	TLS10 Version = 0x0301
	TLS11 Version = 0x0302
	TLS12 Version = 0x0303
	TLS13 Version = 0x0304
)

// String returns the name of the version: "SSLv3", "TLS 1.3", "TLS 1.3 draft 18".
func (v Version) String() string { return text(v) }

// AppendText appends what String returns.
func (v Version) AppendText(b []byte) ([]byte, error) {
	switch {
	case v == SSL2 || v == SSL3:
		b = append(b, "SSLv2"...)
		b[len(b)-1] += byte(v >> 8 & 1)
	case v >= TLS10 && v <= TLS13:
		b = append(append(b, "TLS 1."...), '0'+byte(v-TLS10))
	case v>>8 == 0x7f: // RFC 8446 was a draft for long
		b = strconv.AppendUint(append(b, "TLS 1.3 draft "...), uint64(v&0xff), 10)
	case v == 0xfeff || v == 0xfefd || v == 0xfefc:
		b = append(append(b, "DTLS 1."...), '0'+byte(0xfeff-v))
	default:
		b = appendCode(b, uint16(v))
	}
	return b, nil
}

// MarshalText implements encoding.TextMarshaler as String.
func (v Version) MarshalText() ([]byte, error) { return v.AppendText(nil) }

// is13 reports whether the handshake is that of TLS 1.3: drafts, and those of
// Facebook's fizz, included.
func (v Version) is13() bool { return v == TLS13 || v>>8 == 0x7f || v>>8 == 0xfb }

// CipherSuite is a cipher suite.
type CipherSuite uint16

// String returns IANA's name, or 0x and the number.
func (c CipherSuite) String() string { return text(c) }

// AppendText appends what String returns.
func (c CipherSuite) AppendText(b []byte) ([]byte, error) {
	return appendName(b, cipherNames[c], uint16(c)), nil
}

// MarshalText implements encoding.TextMarshaler as String.
func (c CipherSuite) MarshalText() ([]byte, error) { return c.AppendText(nil) }

// Group is a group of key exchange.
type Group uint16

// String returns IANA's name, or 0x and the number.
func (g Group) String() string { return text(g) }

// AppendText appends what String returns.
func (g Group) AppendText(b []byte) ([]byte, error) {
	return appendName(b, groupNames[g], uint16(g)), nil
}

// MarshalText implements encoding.TextMarshaler as String.
func (g Group) MarshalText() ([]byte, error) { return g.AppendText(nil) }

// groupNames are IANA's names of supported groups.
var groupNames = map[Group]string{
	1: "sect163k1", 2: "sect163r1", 3: "sect163r2", 4: "sect193r1", 5: "sect193r2", 6: "sect233k1", 7: "sect233r1",
	8: "sect239k1", 9: "sect283k1", 10: "sect283r1", 11: "sect409k1", 12: "sect409r1", 13: "sect571k1", 14: "sect571r1",
	15: "secp160k1", 16: "secp160r1", 17: "secp160r2", 18: "secp192k1", 19: "secp192r1", 20: "secp224k1", 21: "secp224r1",
	22: "secp256k1", 23: "secp256r1", 24: "secp384r1", 25: "secp521r1", 26: "brainpoolP256r1", 27: "brainpoolP384r1",
	28: "brainpoolP512r1", 29: "x25519", 30: "x448", 31: "brainpoolP256r1tls13", 32: "brainpoolP384r1tls13",
	33: "brainpoolP512r1tls13", 34: "GC256A", 35: "GC256B", 36: "GC256C", 37: "GC256D", 38: "GC512A", 39: "GC512B",
	40: "GC512C", 41: "curveSM2", 256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096", 259: "ffdhe6144", 260: "ffdhe8192",
	512: "MLKEM512", 513: "MLKEM768", 514: "MLKEM1024", 4587: "SecP256r1MLKEM768", 4588: "X25519MLKEM768",
	4589: "SecP384r1MLKEM1024", 4590: "curveSM2MLKEM768", 25497: "X25519Kyber768Draft00", 25498: "SecP256r1Kyber768Draft00",
	0xff01: "arbitrary_explicit_prime_curves", 0xff02: "arbitrary_explicit_char2_curves",
}

// SignatureScheme is an algorithm of signatures.
type SignatureScheme uint16

// String returns IANA's name, or a name made of those of the hash and the
// signature in TLS 1.2, or 0x and the number.
func (s SignatureScheme) String() string { return text(s) }

// AppendText appends what String returns.
func (s SignatureScheme) AppendText(b []byte) ([]byte, error) {
	if name := schemeNames[s]; name != "" {
		return append(b, name...), nil
	}
	hash, sig := int(s>>8), int(s&0xff)
	if hash < len(hashNames) && sig < len(sigNames) { // RFC 5246, 7.4.1.4.1
		return append(append(b, sigNames[sig]...), hashNames[hash]...), nil
	}
	return appendCode(b, uint16(s)), nil
}

// MarshalText implements encoding.TextMarshaler as String.
func (s SignatureScheme) MarshalText() ([]byte, error) { return s.AppendText(nil) }

var (
	hashNames = [...]string{"none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"}
	sigNames  = [...]string{"anonymous_", "rsa_pkcs1_", "dsa_", "ecdsa_"}
)

// schemeNames are IANA's names of signature schemes that are no pair of a hash
// and a signature.
var schemeNames = map[SignatureScheme]string{
	0x0403: "ecdsa_secp256r1_sha256", 0x0503: "ecdsa_secp384r1_sha384", 0x0603: "ecdsa_secp521r1_sha512",
	0x0704: "eccsi_sha256", 0x0705: "iso_ibs1", 0x0706: "iso_ibs2", 0x0707: "iso_chinese_ibs", 0x0708: "sm2sig_sm3",
	0x0709: "gostr34102012_256a", 0x070a: "gostr34102012_256b", 0x070b: "gostr34102012_256c", 0x070c: "gostr34102012_256d",
	0x070d: "gostr34102012_512a", 0x070e: "gostr34102012_512b", 0x070f: "gostr34102012_512c",
	0x0804: "rsa_pss_rsae_sha256", 0x0805: "rsa_pss_rsae_sha384", 0x0806: "rsa_pss_rsae_sha512", 0x0807: "ed25519",
	0x0808: "ed448", 0x0809: "rsa_pss_pss_sha256", 0x080a: "rsa_pss_pss_sha384", 0x080b: "rsa_pss_pss_sha512",
	0x081a: "ecdsa_brainpoolP256r1tls13_sha256", 0x081b: "ecdsa_brainpoolP384r1tls13_sha384",
	0x081c: "ecdsa_brainpoolP512r1tls13_sha512", 0x0904: "mldsa44", 0x0905: "mldsa65", 0x0906: "mldsa87",
}

// AlertLevel is the first byte of an alert.
type AlertLevel uint8

// String returns "warning", "fatal", or 0x and the number.
func (l AlertLevel) String() string { return text(l) }

// AppendText appends what String returns.
func (l AlertLevel) AppendText(b []byte) ([]byte, error) {
	switch l {
	case 1:
		return append(b, "warning"...), nil
	case 2:
		return append(b, "fatal"...), nil
	}
	return appendCode(b, uint16(l)), nil
}

// MarshalText implements encoding.TextMarshaler as String.
func (l AlertLevel) MarshalText() ([]byte, error) { return l.AppendText(nil) }

// AlertDescription is the second byte of an alert.
type AlertDescription uint8

// String returns IANA's name, or 0x and the number.
func (d AlertDescription) String() string { return text(d) }

// AppendText appends what String returns.
func (d AlertDescription) AppendText(b []byte) ([]byte, error) {
	return appendName(b, alertNames[d], uint16(d)), nil
}

// MarshalText implements encoding.TextMarshaler as String.
func (d AlertDescription) MarshalText() ([]byte, error) { return d.AppendText(nil) }

var alertNames = map[AlertDescription]string{
	0: "close_notify", 1: "end_of_early_data", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed",
	22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate",
	42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired",
	46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
	51: "decrypt_error", 52: "too_many_cids_requested", 60: "export_restriction", 70: "protocol_version",
	71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled",
	100: "no_renegotiation", 109: "missing_extension", 110: "unsupported_extension", 111: "certificate_unobtainable",
	112: "unrecognized_name", 113: "bad_certificate_status_response", 114: "bad_certificate_hash_value",
	115: "unknown_psk_identity", 116: "certificate_required", 117: "general_error", 120: "no_application_protocol",
	121: "ech_required",
}

// isGREASE reports whether v is one of the values of RFC 8701, which mean
// nothing.
func isGREASE(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

func appendName(b []byte, name string, code uint16) []byte {
	if name != "" {
		return append(b, name...)
	}
	return appendCode(b, code)
}

func appendCode(b []byte, code uint16) []byte {
	return appendHex16(append(b, "0x"...), code)
}

const hexDigits = "0123456789abcdef"

func appendHex16(b []byte, v uint16) []byte {
	return append(b, hexDigits[v>>12], hexDigits[v>>8&15], hexDigits[v>>4&15], hexDigits[v&15])
}

func appendHex(b, data []byte) []byte {
	for _, c := range data {
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

func text(v interface{ AppendText([]byte) ([]byte, error) }) string {
	b, _ := v.AppendText(make([]byte, 0, 48))
	return string(b)
}
