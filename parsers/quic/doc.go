// Package quic parses the beginning of QUIC connections, versions 1 and 2. It is
// not an implementation of QUIC: it reads the packets whose keys are made of what
// everyone on the path sees, and nothing behind them (RFC 9000, RFC 9001, RFC 9369).
//
// # What is emitted
//
//   - A [*ClientHello] for each ClientHello: that of [flowscope/parsers/tls], with
//     a JA4 that begins with q, the version of QUIC and the connection ids. The one
//     behind a HelloRetryRequest says Retry. The same hello said again after a
//     Retry is told once.
//   - A [*ServerHello] for each ServerHello. ALPN is encrypted in QUIC. It is of
//     Kind "hello_retry_request" if it asks for another hello; else, with both
//     hellos told, the parser is done, so that the payload of the flow need not
//     be copied any more.
//   - A [*Retry], if its tag shows that it answers the client's packet, and a
//     [*VersionNegotiation], if it has the client's connection ids.
//   - A [*Close] if a side ends the connection in an Initial packet, once for each
//     side: a server that refuses says why.
//
// One connection of a flow is followed at a time: the next one begins with a
// packet that opens with keys of its own connection id.
//
// # How it is recognised
//
// On any port: by a client's Initial packet, in a datagram of at least 1200 bytes
// as it must be, whose authenticated encryption opens; or by an offer of versions
// among which is 1 or 2. A connection of which the client's first packets were not
// captured, or not whole, cannot be read and is not recognised.
//
// # What is never told
//
// A name that is not in a hello of which every byte was authenticated. Pieces
// of a hello are put together in any order, over packets and datagrams; a piece
// that comes again with other bytes is an [*Error], and nothing more is told of
// that side, for the two ends and this parser might each have taken another one.
// Whoever is on the path can seal packets as the client does, though, and QUIC
// does not show which of two connections the server took.
//
// # Loss and limits
//
// A lost datagram makes a hello incomplete, and one that is not complete is not
// told. A datagram that was cut by the capture cannot be opened. What is kept of a
// hello grows with the bytes that arrive, each once, up to 16 KiB in 128 pieces.
// Of a flow, 64 datagrams are looked at, 16 behind the hello of one side while
// that of the other does not come; 128 packets are opened, 16 may fail to open, and keys are derived 16
// times. Then the parser leaves.
//
// # Compared with others
//
// On the captures of the optional corpus, server names, ciphers and JA3 are those
// of tshark 4.0, connection ids those of Zeek, JA4 that of its authors.
package quic
