// Package smtp parses SMTP (RFC 5321) and LMTP (RFC 2033) up to STARTTLS: who
// says hello, what a server can do, envelopes, and what became of them. It is not
// a mail parser: it neither keeps nor looks at messages.
//
// # What is emitted
//
//   - A [*Greeting] for the reply with which a server begins.
//   - A [*Command] for each command, when its reply has come: with the status, and
//     the time since the command. That of EHLO has the capabilities.
//   - A [*Mail] for each message that was sent by DATA or BDAT (RFC 3030), when the
//     reply to its end has come: the envelope and the size. In LMTP there is one for
//     each recipient that was accepted.
//   - An [*Unanswered] for each command, or message, without a reply when the server's
//     side of the flow ends.
//
// Commands and replies are paired in order, also when they are pipelined (RFC
// 2920). A reply to a command that was not seen has Pairing "none"; from then on
// Pairing is "assumed".
//
// After STARTTLS (RFC 3207) the stream is handed to "tls".
//
// # Bodies
//
// Messages are passed over. What DATA sends is said to end at a line with only a
// dot between two CRLFs (RFC 5321, 4.1.1.4); Bytes counts what is before, without
// the dots that were doubled. If there are such lines whose ends are not CRLF,
// servers disagree on where the message ends: it is Ambiguous, and if the server
// answers before the end nothing more is told. Chunks of BDAT are not shown to the
// parser at all.
//
// # Loss
//
// A gap within a message is counted in Missing: within a chunk it is known how far
// it reaches; in what DATA sends, the end that is seen before the server's answer
// is the end of that message, as another could not begin before. Behind any other
// gap the flow is not looked at any more.
//
// # Limits
//
// A line has at most 12288 bytes (RFC 4954, 4), of which 256 of an argument or a
// text are kept. At most 1024 commands wait for their replies, with 64 KiB of their
// arguments; those behind have no argument. 64 recipients and 64 capabilities are
// shown, of 16 KiB in all; all are counted. What exceeds the first two limits ends
// the parser with an error.
//
// # Redaction
//
// Of AUTH only the mechanism is shown, if it is one that is known. Arguments of commands that
// are not known, and what servers reply to them and to AUTH, may have secrets in
// them and are not shown. Addresses are.
//
// # Found on any port
//
// A server's greeting names FTP and SMTP alike with 220: it is taken for SMTP if it
// has the word SMTP, ESMTP or LMTP in it; otherwise the client tells, by EHLO, HELO or LHLO.
//
// # Compared with others
//
// On the captures of the optional corpus, commands and replies are those of tshark
// 4.0, envelopes those of Zeek.
package smtp
