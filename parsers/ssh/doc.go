// Package ssh parses the part of SSH that is not encrypted: the identification
// strings and the offers of algorithms of both sides (RFC 4253, 4.2 and 7.1). It
// is not an implementation of SSH: it decrypts nothing, and knows neither who
// logs in nor whether that succeeds.
//
// # What is emitted
//
//   - A [*Banner] for each side's identification string.
//   - A [*KeyExchange] for each side's offer (SSH_MSG_KEXINIT), with HASSH for a
//     client and HASSHServer for a server.
//   - A [*Handshake] when both offers were seen: what the two agree on, by the
//     rules of RFC 4253, 7.1, with both identification strings and fingerprints.
//   - A [*Disconnect] for SSH_MSG_DISCONNECT before that.
//
// After the Handshake the parser is done, so that the payload of the flow need
// not be copied any more; also after the identification strings of SSH-1.
//
// # Fingerprints
//
// HASSH and HASSHServer are as their authors define them: the MD5 of the lists of
// key exchange, encryption, MAC and compression algorithms as they are on the
// wire, joined by semicolons; the last three are those from client to server for
// HASSH and those from server to client for HASSHServer. Who is the client is
// taken from markers in the offer (ext-info-c of RFC 8308, kex-strict-c of
// OpenSSH, and those of the server); if there are none, the client is who
// initiated the flow.
//
// # What is agreed
//
// The first algorithm of the client that the server has too; markers are no
// algorithms. For key exchange it must work with a host key that both have (RFC
// 4253, 7.1; RFC 4462, 5 for the host key "null"). With a cipher that
// authenticates, the MAC is "implicit", whatever the lists of MACs say: so does
// OpenSSH, and RFC 5647, 5.1 has the same effect. Mismatch names the first list
// on which the two have nothing in common, in which case they cannot go on.
//
// # Loss and limits
//
// Behind a gap nothing more is told of that side, but the other's offer is. Lists
// show their first 64 names; Truncated says that there were more. Fingerprints and what
// is agreed are by all of them. A packet has at most 35000 bytes (RFC 4253, 6.1),
// an identification string 255; lines before it (RFC 4253, 4.2) at most 1024
// bytes each and 16 KiB in all. At most 1024 packets are passed over while the offer is
// waited for. What exceeds that ends the parser with an error.
//
// # Redaction
//
// Nothing is redacted: what is told is what everyone on the path can read.
//
// # Compared with others
//
// On the captures of the optional corpus, identification strings, lists and
// fingerprints are those of tshark 4.0, Suricata and Zeek. Zeek names a MAC also
// where the cipher makes it unused; here it is "implicit".
package ssh
