// Package tls parses the part of TLS that is not encrypted: the hellos, the
// certificates of TLS 1.2 and below, and alerts, from SSL 3.0 to TLS 1.3. It is
// not an implementation of TLS: it checks no signature, decrypts nothing, and
// does not say whether a certificate should be trusted.
//
// # What is emitted
//
//   - A [*ClientHello] for each ClientHello (RFC 8446, 4.1.2), with JA3 and JA4.
//     The second of a connection, after a HelloRetryRequest, says Retry. A hello
//     in the format of SSL 2.0 (RFC 5246, E.2) says SSLv2 and has no fingerprint.
//   - A [*ServerHello], with JA3S; of Kind "hello_retry_request" if it is one.
//   - A [*Certificate] for each certificate of a chain, the one of the peer
//     first, up to 16. TLS 1.3 encrypts them.
//   - An [*Alert] for each alert that is not encrypted.
//   - An [*Established] when both sides have shown that they have the keys.
//
// After that the parser is done, so that the payload of the flow need not be
// copied any more; also when application data shows that the beginning was not
// seen.
//
// # Fingerprints
//
// JA3 and JA3S are as their authors define them: decimal values, GREASE (RFC
// 8701) left out, MD5. JA4 follows the text of its specification, where
// implementations differ: values of GREASE are left out everywhere, in ALPN and
// signature algorithms too; an ALPN whose first or last byte is no letter and
// no digit shows the first and last digit of its hexadecimal form. The other
// members of the JA4 family are not free, and are not here.
//
// # Loss and limits
//
// Records are consumed as they come; a handshake message that spans records is
// put together in a buffer that grows with the bytes that arrive, up to 64 KiB,
// whatever length is announced. Of a chain of certificates that is longer, the
// certificates in the first 64 KiB are told, the one that is cut says so; other
// messages that long are an error or, if they would not be told, passed over.
// Lists hold their first 64 values; Truncated says that there were more. Fingerprints
// are over all of them.
//
// Behind a gap in a record, the parser goes on at the next one, and tells
// nothing of the message that lost bytes. Behind any other gap it tells no more
// of that side, but does of the other.
//
// # Text
//
// Names in certificates are written as in RFC 4514, last element first. Server
// names and ALPN are the bytes on the wire. Nothing is redacted: what is told is
// what everyone on the path can read.
//
// # Compared with others
//
// On the captures of the optional corpus, JA3, JA3S, server names, and the texts
// that the fingerprints are made of, are those of tshark 4.0; certificates those
// of Zeek and Arkime; JA4 those that were published with the captures, but for
// one: ja4_tls-non-ascii-alpn offers the ALPN ba ad, for which its authors'
// programs of 2023 print 99 and its specification now has bd. Zeek hashes the
// certificate of zeek_tls-fragmented-handshake, which is 340 kB long; here it is
// Truncated.
package tls
