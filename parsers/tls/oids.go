package tls

// The keys of these tables are contents of object identifiers in DER. The names
// are those that OpenSSL prints, except for kinds of keys and for curves, which
// have the names that TLS gives them.

var keyNames = map[string]string{
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01": "rsa",       // 1.2.840.113549.1.1.1
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a": "rsa-pss",   // 1.2.840.113549.1.1.10
	"\x2a\x86\x48\xce\x38\x04\x01":         "dsa",       // 1.2.840.10040.4.1
	"\x2a\x86\x48\xce\x3d\x02\x01":         "ecdsa",     // 1.2.840.10045.2.1
	"\x2b\x65\x70":                         "ed25519",   // 1.3.101.112
	"\x2b\x65\x71":                         "ed448",     // 1.3.101.113
	"\x2b\x65\x6e":                         "x25519",    // 1.3.101.110
	"\x2b\x65\x6f":                         "x448",      // 1.3.101.111
	"\x60\x86\x48\x01\x65\x03\x04\x03\x11": "ml-dsa-44", // 2.16.840.1.101.3.4.3.17
	"\x60\x86\x48\x01\x65\x03\x04\x03\x12": "ml-dsa-65", // 2.16.840.1.101.3.4.3.18
	"\x60\x86\x48\x01\x65\x03\x04\x03\x13": "ml-dsa-87", // 2.16.840.1.101.3.4.3.19
}

var signatureNames = map[string]string{
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02": "md2WithRSAEncryption",    // 1.2.840.113549.1.1.2
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04": "md5WithRSAEncryption",    // 1.2.840.113549.1.1.4
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05": "sha1WithRSAEncryption",   // 1.2.840.113549.1.1.5
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e": "sha224WithRSAEncryption", // 1.2.840.113549.1.1.14
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b": "sha256WithRSAEncryption", // 1.2.840.113549.1.1.11
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c": "sha384WithRSAEncryption", // 1.2.840.113549.1.1.12
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d": "sha512WithRSAEncryption", // 1.2.840.113549.1.1.13
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a": "rsassaPss",               // 1.2.840.113549.1.1.10
	"\x2a\x86\x48\xce\x38\x04\x03":         "dsa-with-sha1",           // 1.2.840.10040.4.3
	"\x60\x86\x48\x01\x65\x03\x04\x03\x01": "dsa-with-sha224",         // 2.16.840.1.101.3.4.3.1
	"\x60\x86\x48\x01\x65\x03\x04\x03\x02": "dsa-with-sha256",         // 2.16.840.1.101.3.4.3.2
	"\x2a\x86\x48\xce\x3d\x04\x01":         "ecdsa-with-SHA1",         // 1.2.840.10045.4.1
	"\x2a\x86\x48\xce\x3d\x04\x03\x01":     "ecdsa-with-SHA224",       // 1.2.840.10045.4.3.1
	"\x2a\x86\x48\xce\x3d\x04\x03\x02":     "ecdsa-with-SHA256",       // 1.2.840.10045.4.3.2
	"\x2a\x86\x48\xce\x3d\x04\x03\x03":     "ecdsa-with-SHA384",       // 1.2.840.10045.4.3.3
	"\x2a\x86\x48\xce\x3d\x04\x03\x04":     "ecdsa-with-SHA512",       // 1.2.840.10045.4.3.4
	"\x2b\x65\x70":                         "ed25519",                 // 1.3.101.112
	"\x2b\x65\x71":                         "ed448",                   // 1.3.101.113
	"\x2b\x0e\x03\x02\x1d":                 "sha1WithRSA",             // 1.3.14.3.2.29
	"\x2a\x81\x1c\xcf\x55\x01\x83\x75":     "sm2-with-SM3",            // 1.2.156.10197.1.501
	"\x60\x86\x48\x01\x65\x03\x04\x03\x11": "ml-dsa-44",               // 2.16.840.1.101.3.4.3.17
	"\x60\x86\x48\x01\x65\x03\x04\x03\x12": "ml-dsa-65",               // 2.16.840.1.101.3.4.3.18
	"\x60\x86\x48\x01\x65\x03\x04\x03\x13": "ml-dsa-87",               // 2.16.840.1.101.3.4.3.19
}

var curveNames = map[string]string{
	"\x2a\x86\x48\xce\x3d\x03\x01\x01":     "secp192r1",       // 1.2.840.10045.3.1.1
	"\x2b\x81\x04\x00\x21":                 "secp224r1",       // 1.3.132.0.33
	"\x2a\x86\x48\xce\x3d\x03\x01\x07":     "secp256r1",       // 1.2.840.10045.3.1.7
	"\x2b\x81\x04\x00\x22":                 "secp384r1",       // 1.3.132.0.34
	"\x2b\x81\x04\x00\x23":                 "secp521r1",       // 1.3.132.0.35
	"\x2b\x81\x04\x00\x0a":                 "secp256k1",       // 1.3.132.0.10
	"\x2b\x24\x03\x03\x02\x08\x01\x01\x07": "brainpoolP256r1", // 1.3.36.3.3.2.8.1.1.7
	"\x2b\x24\x03\x03\x02\x08\x01\x01\x0b": "brainpoolP384r1", // 1.3.36.3.3.2.8.1.1.11
	"\x2b\x24\x03\x03\x02\x08\x01\x01\x0d": "brainpoolP512r1", // 1.3.36.3.3.2.8.1.1.13
	"\x2a\x81\x1c\xcf\x55\x01\x82\x2d":     "curveSM2",        // 1.2.156.10197.1.301
}

var curveBits = map[string]int{
	"secp192r1":       192,
	"secp224r1":       224,
	"secp256r1":       256,
	"secp384r1":       384,
	"secp521r1":       521,
	"secp256k1":       256,
	"brainpoolP256r1": 256,
	"brainpoolP384r1": 384,
	"brainpoolP512r1": 512,
	"curveSM2":        256,
}

// oidName returns the name of an object identifier, or its numbers.
func oidName(names map[string]string, oid []byte) string {
	if name := names[string(oid)]; name != "" {
		return name
	}
	return string(appendOID(nil, oid))
}
