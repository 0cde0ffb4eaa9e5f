// Package redis parses RESP, the protocol of Redis and what speaks like it
// (Valkey, KeyDB, Dragonfly, Sentinel), versions 2 and 3. It is not a client or a
// server: it keeps no values and executes nothing.
//
// # What is emitted
//
//   - A [*Command] for each command, when its last byte has come: its name, its
//     key, how many arguments it has and of how many bytes.
//   - A [*Reply] for each reply, when its last byte has come, with name and key of
//     the command that it answers, its type and size, the error if it is one, and
//     the time since the command.
//   - A [*Push] for what a server sends unasked: messages of channels,
//     invalidations, what MONITOR shows.
//
// Commands and replies are paired in order, with what Redis does differently in
// mind: SUBSCRIBE and its kin have one reply for each channel (a push in RESP3),
// CLIENT REPLY turns replies off, messages come between replies. A reply to a
// command that was not seen has Pairing "none"; from then on, and behind anything
// that leaves it open which command a reply belongs to, Pairing is "assumed". What
// was captured from the middle is taken to begin between two exchanges, unless a
// reply comes first or the engine knows that bytes are missing.
//
// A command without a reply is said again, as [Unanswered], when the server's side
// of the flow has ended.
//
// SYNC and PSYNC make the connection one between servers; the parser is done then.
//
// # Commands
//
// A command is an array of bulk strings, or a line (inline command). The key is
// the first argument of the commands that have their key, channel or host there;
// Subcommand is the first argument of those that have subcommands, such as CONFIG.
// InMulti is said of commands between MULTI and EXEC. Names are shown in
// capitals. Commands that are neither those of Redis and Valkey nor of their usual
// modules show as "other".
//
// # Redaction
//
// Values are never kept, so there is nothing to turn off: of arguments only the
// key, or the subcommand, is shown, and only for commands that are known to have
// it first. AUTH, HELLO, ECHO, PING, EVAL and unknown commands show none. Of
// replies only the type and size are shown; of errors the code, and the text up to
// the first quotation mark, behind which Redis repeats what it was sent. Errors in
// answer to scripts and to commands that are not known show the code alone, those
// whose code is not in capitals "other".
//
// # Loss
//
// Within a value whose length is known, a gap is counted in Missing. Behind any
// other gap of a client nothing more is told of the flow; behind one of a server
// only commands are.
//
// # Limits
//
// Values are passed over, however long they are, without being buffered. At most
// 512 commands wait for their replies with name and key; those behind are
// counted, and their replies have Pairing "forgotten". Keys are cut at 128 bytes.
// Replies are nested 32 deep at most, an array has at most 2^31-1 elements, a
// command 1048576 (as in Redis), a bulk string 2^40 bytes, an inline command 64
// KiB (as in Redis): what exceeds that, and what is no RESP, ends the parser with
// an error. Streamed strings and aggregates of RESP3, which Redis does not send,
// do too.
//
// # Compared with others
//
// On the capture of the optional corpus, commands and replies are those of Zeek
// and tshark 4.0. Zeek has the first line of values; here there are none.
package redis
