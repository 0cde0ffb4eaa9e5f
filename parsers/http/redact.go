package http

import (
	"bytes"
	"encoding/binary"
)

// stars stand for what is not shown.
const stars = "***"

// secretNames are names of parameters whose values are not shown, in lower case
// and without - and _.
var secretNames = map[string]bool{
	"pass": true, "pwd": true, "pw": true, "passphrase": true, "pin": true, "otp": true, "auth": true,
	"authorization": true, "key": true, "apikey": true, "accesskey": true, "privatekey": true, "sig": true, "session": true,
	"sessionid": true, "sid": true, "jsessionid": true, "phpsessid": true, "aspsessionid": true, "jwt": true, "bearer": true,
	"assertion": true, "samlresponse": true, "cookie": true, "awsaccesskeyid": true,
}

// secretEndings are ends of such names.
var secretEndings = []string{"password", "passwd", "token", "secret", "apikey", "signature", "credential", "credentials", "sessionkey"}

// Secret reports whether the value of a parameter of that name is redacted. The
// case of letters, and any - and _, do not matter.
func Secret(name string) bool { return isSecret([]byte(name)) }

func isSecret(name []byte) bool {
	var buf [32]byte
	b := buf[:0]
	for _, c := range name {
		switch {
		case c == '-' || c == '_':
			continue
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		}
		if len(b) == len(buf) { // of a long name, the end counts
			copy(b, b[1:])
			b = b[:len(b)-1]
		}
		b = append(b, c)
	}
	if secretNames[string(b)] {
		return true
	}
	for _, end := range secretEndings {
		if len(b) >= len(end) && string(b[len(b)-len(end):]) == end {
			return true
		}
	}
	return false
}

// keepURL copies a target or URL behind the text, without its secrets.
func (x *exchange) keepURL(url []byte) []byte {
	if len(url) == 0 {
		return nil
	}
	start := len(x.text)
	x.text = appendParameters(x.text, url)
	if out := x.text[start:]; bytes.IndexByte(out, '@') >= 0 && bytes.Contains(out, []byte("//")) {
		start = len(x.text)
		x.text = appendAuthorities(x.text, out)
	}
	return x.text[start:len(x.text):len(x.text)]
}

// appendAuthorities appends a URL, and those within it, without user
// information.
func appendAuthorities(dst, b []byte) []byte {
	for {
		i := bytes.Index(b, []byte("//"))
		if i < 0 {
			return append(dst, b...)
		}
		dst, b = append(dst, b[:i+2]...), b[i+2:]
		end := bytes.IndexAny(b, "/?#&;")
		if end < 0 {
			end = len(b)
		}
		dst, b = appendAuthority(dst, b[:end]), b[end:]
	}
}

// keepAuthority copies the target of CONNECT without user information.
func (x *exchange) keepAuthority(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	start := len(x.text)
	x.text = appendAuthority(x.text, b)
	return x.text[start:len(x.text):len(x.text)]
}

func appendAuthority(dst, b []byte) []byte {
	if i := bytes.LastIndexByte(b, '@'); i >= 0 {
		dst, b = append(dst, stars...), b[i:]
	}
	return append(dst, b...)
}

// Classes of characters in URLs.
const (
	isStart  = 1 << iota // begins parameters
	isEquals             // ends a name
	isEnd                // ends a value in the query
)

var urlClass = [256]uint8{'?': isStart, '&': isStart | isEnd, ';': isStart | isEnd, '#': isStart | isEnd, '=': isEquals}

// index returns where the first byte of a class is, or -1.
func index(b []byte, class uint8) int {
	for i, c := range b {
		if urlClass[c]&class != 0 {
			return i
		}
	}
	return -1
}

// appendParameters appends path, query and fragment without the values of
// parameters that are secret.
func appendParameters(dst, b []byte) []byte {
	ends := uint8(isStart) // of a value: a ? within the query is part of one
	for {
		i := index(b, isStart)
		if i < 0 {
			return append(dst, b...)
		}
		if b[i] == '?' {
			ends = isEnd
		}
		dst, b = append(dst, b[:i+1]...), b[i+1:]
		equals := index(b, isStart|isEquals)
		if equals < 0 || b[equals] != '=' || !isSecret(b[:equals]) {
			continue
		}
		dst = append(append(dst, b[:equals+1]...), stars...)
		end := index(b[equals+1:], ends)
		if end < 0 {
			return dst
		}
		b = b[equals+1+end:]
	}
}

// schemes are the names of authentication that are shown (IANA, HTTP
// Authentication Schemes, and some that are not registered).
var schemes = []string{"Basic", "Bearer", "Digest", "Negotiate", "NTLM", "HOBA", "Mutual", "SCRAM-SHA-1", "SCRAM-SHA-256",
	"vapid", "DPoP", "GNAP", "AWS4-HMAC-SHA256", "Hawk", "OAuth", "Token"}

// scheme returns the scheme of a value of Authorization. What is no known scheme
// may be the secret.
func scheme(value []byte) string {
	if i := bytes.IndexAny(value, " \t"); i > 0 {
		value = value[:i]
	}
	for _, s := range schemes {
		if equalFold(value, s) {
			return s
		}
	}
	return "other"
}

// secretFields are header fields whose values are never shown.
var secretFields = []string{"authorization", "proxy-authorization", "cookie", "cookie2", "set-cookie", "set-cookie2",
	"www-authenticate", "proxy-authenticate", "authentication-info", "x-api-key", "x-auth-token", "x-csrf-token", "x-xsrf-token",
	"x-amz-security-token"}

func isSecretField(name []byte) bool {
	for _, s := range secretFields {
		if equalFold(name, s) {
			return true
		}
	}
	return isSecret(name)
}

// isName compares a field's name with one of lower case letters, digits and -,
// without regard to the case of letters.
func isName(b []byte, name string) bool {
	n := len(name)
	if len(b) != n {
		return false
	}
	if n < 8 {
		return equalFold(b, name)
	}
	for i := 0; ; i = min(i+8, n-8) {
		want := uint64(name[i]) | uint64(name[i+1])<<8 | uint64(name[i+2])<<16 | uint64(name[i+3])<<24 |
			uint64(name[i+4])<<32 | uint64(name[i+5])<<40 | uint64(name[i+6])<<48 | uint64(name[i+7])<<56
		const letters = 0x4040404040404040 // of those characters, letters alone have that bit
		if (binary.LittleEndian.Uint64(b[i:])^want)&^(want&letters>>1) != 0 {
			return false
		}
		if i == n-8 {
			return true
		}
	}
}

// equalFold compares with a text, without regard to the case of ASCII letters.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		d := s[i]
		if c != d && (c|0x20 != d|0x20 || c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
