// Package http parses HTTP/1.0 and HTTP/1.1 (RFC 9110, RFC 9112), with a little
// of HTTP/0.9. It is not an HTTP library: it keeps no bodies, decompresses
// nothing, and repairs nothing.
//
// # What is emitted
//
// A [*Request] for each request, at the end of its body, and a [*Response] for
// each response, at the end of its body, with the method, target and host of the
// request that it answers and the time it took. So a Response is the record of
// a whole exchange, and a Request shows what was asked even if nobody answers; then
// an [*Unanswered] says so when the server's side of the flow ends.
// Interim responses (1xx) are Responses too. A response may end, and be emitted,
// before the request that it answers.
//
// Requests and responses are paired in order (RFC 9112, 9.3.2). A response whose
// request was not seen has Pairing "none"; it is framed as if it did not answer
// HEAD. From then on it cannot be known which response answers which request,
// and Pairing is "assumed"; so it is from the beginning if bytes are missing before
// what the parser sees first. At most 128 requests, and 64 KiB of their fields,
// wait for their responses.
//
// # Framing
//
// The length of a body is found by RFC 9112, 6.3: HEAD, 1xx, 204 and 304 have
// none; then Transfer-Encoding, Content-Length, the end of the connection. Bodies
// are passed over; BodyBytes counts what they hold, without the framing of
// chunks. Where receivers are known to disagree on the length (both fields,
// lengths that differ or are no number, a coding after chunked, a chunk that does
// not end where it should) the message is Ambiguous, and nothing more is told of
// that side: what follows may or may not be a message.
//
// What real senders do is taken: LF for CRLF, empty lines before a message, folded
// fields, blanks before a colon, no reason; "ICY 200 OK" of SHOUTcast is an answer of
// HTTP/1.0. What of this could hide something is named in Anomalies.
//
// CONNECT and 101 hand the stream on: to "websocket", "http2" or "tls" by the
// Upgrade field, otherwise to whatever is recognised.
//
// # Loss
//
// A gap within a body of known length, or one that lasts until the connection
// closes, is counted in Missing. Any other gap ends what is told of that side, unless
// what comes right behind it begins a message: a status line, or a request line with a
// common method and a version. From then on messages of that side are Resynced, and
// responses have Pairing "none".
//
// # Limits
//
// A head has at most 64 KiB, or the parser ends with an error. Of a line the first
// 8 KiB are kept, and 128 header fields are looked at, besides those that frame
// the body; what exceeds that is named in Anomalies. The work is linear in what
// comes.
//
// # Redaction
//
// Of header fields, only those with a place in Request and Response are shown, and
// those that [Config] asks for. Of Authorization only the scheme is shown. In
// targets, Referer and Location, user information and the values of parameters
// whose names say that they are secret are replaced by "***": password, token,
// secret, signature, session, key and the like, see [Secret]. Config.Secrets
// turns this off.
//
// # Compared with others
//
// On the captures of the optional corpus, requests and responses are those of
// tshark 4.0 and Zeek, with these differences. Zeek decompresses bodies before it
// counts them, and adds a CRLF to a body whose last line has none. tshark and Zeek
// take a Content-Length of 2^64-1 for none and what is behind it for a request;
// here it is Ambiguous. tshark loses responses that have a gap in their bodies,
// ends the target of CONNECT at a blank, and knows no HTTP/0.9. Zeek takes a POST
// without a version for HTTP/0.9, which has GET only.
package http
