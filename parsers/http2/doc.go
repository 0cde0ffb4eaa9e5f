// Package http2 parses HTTP/2 in clear text (RFC 9113), known beforehand or after an
// upgrade from HTTP/1.1, and the calls of gRPC on it. It is not an HTTP library: it
// keeps no bodies, decompresses nothing but header fields, and manages no windows.
//
// # What is emitted
//
// A [*Request] for each request, at the end of its body, and a [*Response] for each
// response, at the end of its body, with the method, target and host of the request
// that it answers and the time it took. Interim responses (1xx) are Responses too.
// Where the request's type of content is application/grpc, or the response's if the
// request was not seen, a [*Call] takes the place of the Response: service, method,
// status, and how many messages there were in each direction. [*Reset] is a stream
// that was given up, and is followed by what was known of its request and response;
// [*GoAway] is the announced end of a connection, and a request without a response is
// said again, as [*Unanswered], when the server's side of the flow ends.
//
// They are paired by the number of the stream. A response whose request was not
// seen has Pairing "none". After an upgrade that was seen, stream 1 has the response to
// the request of HTTP/1.1 that asked for it.
//
// # Loss
//
// A gap within DATA, or within a frame that is passed over, is exact: it is counted
// in Missing. Behind any other gap, and where a connection was joined in the middle,
// a side goes on if its next byte begins a frame: its size, type, flags and stream
// must be possible together, and those of all frames behind it. All that is told of
// such a connection is Partial. Of the table of header fields (HPACK, RFC 7541)
// nothing is known then but what came since. Fields that refer to what came before
// are counted in Unknown and left out; a request without a method, or the first
// header fields of a stream without a status, are not told at all.
//
// # Limits
//
// A header block has at most 64 KiB, with the headers of the frames it is in, and a
// table 64 KiB, or the parser ends with an error. Of a block 256 KiB of fields are
// looked at after decompression, and of a value 1 KiB is kept. 512 streams wait for
// their end, and 256 KiB of their fields: what is known of the oldest is told,
// Incomplete, when there are more. Frames that say nothing to this parser (SETTINGS,
// PING, WINDOW_UPDATE, PRIORITY and those it does not know) cost their 9 bytes. The
// work is linear in what comes.
//
// # Redaction
//
// As in package http: of header fields, only those with a place in the messages are
// shown, and those that [Config] asks for. Of Authorization only the scheme is shown,
// and of cookies nothing. In targets, Referer and Location, user information and the
// values of parameters that are secret are replaced by "***". Secrets are not kept
// in the table of header fields either. Config.Secrets turns this off.
package http2
