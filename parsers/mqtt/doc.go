// Package mqtt parses MQTT 3.1, 3.1.1 and 5 over TCP. It is no client and no
// broker: it keeps no payloads and does not judge what a broker should accept.
//
// # What is emitted
//
// A message for each packet: [*Connect], [*Connack], [*Publish] at the end of its
// payload, [*Ack] for PUBACK, PUBREC, PUBREL and PUBCOMP, [*Subscribe] for SUBSCRIBE
// and UNSUBSCRIBE, [*Suback] for SUBACK and UNSUBACK, [*Ping] for each answer to a
// PINGREQ, [*Disconnect] and [*Auth].
//
// What answers another packet says so with RTT, by packet id and direction; at
// most 128 ids of a direction wait at one time. Pairing is "none" where it was not
// seen what is answered. What nobody answered is said again, as [*Unanswered], when
// the side ends that was to answer. Topic aliases are resolved: at most 64 of a direction,
// with 16 KiB of topics.
//
// # Versions
//
// The layout of packets depends on the version that CONNECT names. Of a connection
// joined in the middle it is not known, and messages are Partial: they have what
// is the same in all versions. Payload is that of all versions with what may be
// properties.
//
// # Loss
//
// A gap within the payload of a PUBLISH is counted in Missing. A gap within
// another packet of known length loses that packet. Behind any other gap nothing
// more is told of that side. After each gap, packet ids and aliases that were
// pending are forgotten, because they may have been used again.
//
// # Redaction
//
// Passwords, the data of AUTH, payloads and those of wills are not shown; user
// names only with [Config.Users], and payloads with [Config.Payload].
//
// # Limits
//
// Of a packet the first 16 KiB in front of the payload are looked at, at most 64
// topic filters and codes are shown, and of each string 1 KiB; Truncated says
// that there is more. The work is linear in what comes.
package mqtt
