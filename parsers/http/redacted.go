package http

import "bytes"

// What is redacted here, other parsers redact alike: HTTP/2 has the same fields.

// AppendRedacted appends a target or URL without user information and without
// the values of parameters that are [Secret].
func AppendRedacted(dst, url []byte) []byte {
	start := len(dst)
	dst = appendParameters(dst, url)
	if out := dst[start:]; bytes.IndexByte(out, '@') >= 0 && bytes.Contains(out, []byte("//")) {
		end := len(dst)
		dst = appendAuthorities(dst, out)
		dst = append(dst[:start], dst[end:]...)
	}
	return dst
}

// AppendRedactedAuthority appends a host without user information.
func AppendRedactedAuthority(dst, authority []byte) []byte { return appendAuthority(dst, authority) }

// AuthScheme returns the scheme of a value of Authorization, or "other": what is
// no known scheme may be the secret.
func AuthScheme(value []byte) string { return scheme(value) }

// SecretField reports whether the value of a header field of that name is never
// shown.
func SecretField(name string) bool { return isSecretField([]byte(name)) }
