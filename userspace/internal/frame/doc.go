// Package frame makes records of frames: it finds the IP packets in them,
// looks into tunnels, ties fragments to their datagrams, and says by name what
// became of each frame. It is not a decoder of protocols above the transport,
// it reads no files, and it keeps no flows.
//
// [Parse] is a pure function of the bytes of one frame. It has a twin in C
// (bpf/parse.h) that must find the same, so it is one bounded loop over
// headers, and each header is a leaf function that checks a length, reads and
// moves on. [Classifier] adds what needs memory: the fragment table and the
// books.
//
// # What is counted
//
// Every IP packet whose fixed header was captured is counted, with the length
// its header says. What lies behind it decides only how much is known:
//
//   - transport header cut by the snap length: the ports are 0 where they were
//     not captured, the payload is what the smallest header would leave;
//     without the flags a TCP packet has TCPFlags 0 and WireLen 0, so that
//     nobody takes it for a piece of the stream
//   - transport header that contradicts itself (TCP data offset below 5 or
//     behind the end, UDP length below 8 or behind the end): the ports as they
//     are, TCPFlags, payload and PayloadBytes 0
//   - IPv6 extension headers that end nowhere, or more than 8: the last header
//     that could be read is the protocol, with ports 0
//   - a tunnel whose inside is not an IP packet that fits (ARP in VXLAN,
//     something else on port 4789, cut by the snap length, more than 4 deep):
//     the outermost packet that could be read to the end is the one counted
//
// A frame without such a packet ends under a [Reason].
//
// The length is the one in the IP header, also where the frame is shorter. If
// it is 0 (segmentation offload, jumbograms) it is what the frame has. An inner
// packet that claims more than the outer one holds is no packet.
//
// # Fragments
//
// A fragment belongs to the flow of its datagram, which its first fragment
// tells. Fragments that come before are held, and come out of
// [Classifier.Next]. The bytes are put together for the parsers; where
// fragments overlap, what came first is kept. An outer fragment of a tunnel is
// held until its datagram is complete, because only then the inner flow is
// known: the frame that completes it carries the inner packet, the others end
// as TunnelFragment.
//
// The record that completes a datagram has its header and whole payload, the
// others WireLen 0. PayloadBytes counts what each fragment brought that no
// earlier one did, so that over a complete datagram they add up to the WireLen
// of the one that carries the payload. Fragments that come again, within a
// second after their datagram became complete, count as packets of its flow.
//
// # The books
//
// "frames" counts frames, "frame_bytes" their bytes on the wire, "ip_bytes"
// those of the outermost IP packet of each. Each frame is in one row at any
// time. At [sensor.Inner] the accounted ip_bytes are those of the inner packets,
// equal to the sum over the flows, and what surrounded them is in the row
// "encapsulation"; at [sensor.Both] the outer packet is what is accounted. The
// bytes of a frame whose IP header cannot be read are what follows the link
// header.
package frame
