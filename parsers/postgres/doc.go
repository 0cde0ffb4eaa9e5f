// Package postgres parses the PostgreSQL frontend/backend protocol, versions 3.0
// and 3.2. It is no SQL parser and no client: of statements it knows where their
// literals are, and values and rows it counts but never reads.
//
// # What is emitted
//
// A [*Startup] for each connection, a [*Login] when the server has let it in or
// refused it, an [*Encryption] for each request for TLS or GSSAPI with its
// answer, a [*Cancel], and a [*Statement] for each simple query, execution of a
// prepared statement and function call, when it is complete: its text, what the
// server said it did, rows, error, state of the transaction, and times. A
// statement that fails before it is executed (when parsed or bound) is a
// Statement too. Notices, errors outside of statements, and notifications are
// [*Notice] and [*Notification]. What has no response when the server's side of the
// flow ends is said again, as [*Unanswered].
//
// If the server accepts TLS, the stream is handed to "tls"; with GSSAPI nothing
// more can be told.
//
// # Pairing
//
// The server answers in order, so each response belongs to the oldest request
// that waits; an error skips the messages before the next Sync, and Statement.Skipped
// counts the executions among them. Names of prepared statements and portals mean
// what the server has confirmed. At most 1024 messages wait for their responses;
// what is over that is told without its statement, until all that was asked is
// answered.
//
// Where the connection was joined in the middle, Pairing is "assumed". It is
// "none" where the request or the response was not seen.
//
// # Loss
//
// A gap within a message whose length is known is passed over and counted in
// Missing. Behind any other gap nothing more is told of that side; what the other
// side says is told with Pairing "none". There is no place in the stream where
// messages can be found again for sure.
//
// # Redaction
//
// By default literals are replaced by ?: strings of all kinds, numbers, and what
// is quoted with dollars. Comments are dropped, blanks joined. Where it is not
// certain where a literal ends (a backslash before a quote, if it is not known
// whether backslashes escape) the rest of the statement is one ?. In messages of
// errors, what is in quotes, and numbers, are replaced too; messages that a
// procedural language made are shown as "***". Detail, hint and context are never
// shown. [Config.Literals] turns this off. Passwords, the data of SASL, keys for
// cancelling, values of parameters, rows, data of COPY and payloads of
// notifications are never shown.
//
// # Limits
//
// The first 16 KiB of a statement are looked at, and 1 KiB of what comes of it is
// shown. 256 named statements, with 64 KiB of text, and 64 KiB of the text of what
// waits, are kept. A startup packet has at most 10000 bytes, as in the server.
// The work is linear in what comes.
package postgres
