package frame

import "flowscope/sensor"

// LinkType is the kind of header a frame begins with, as the LINKTYPE_ numbers
// of pcap (www.tcpdump.org/linktypes.html).
type LinkType uint16

// The link types that are understood.
const (
	LinkNull      LinkType = 0   // BSD loopback: address family in the host's byte order
	LinkEthernet  LinkType = 1   //
	LinkPPP       LinkType = 9   // PPP, with or without HDLC framing
	LinkRaw12     LinkType = 12  // DLT_RAW of most systems, written by mistake
	LinkRaw14     LinkType = 14  // DLT_RAW of OpenBSD, likewise
	LinkPPPSerial LinkType = 50  // PPP in HDLC framing, or Cisco HDLC
	LinkRaw       LinkType = 101 // IPv4 or IPv6
	LinkCHDLC     LinkType = 104 // Cisco HDLC
	LinkIEEE80211 LinkType = 105 // IEEE 802.11
	LinkLoop      LinkType = 108 // OpenBSD loopback: address family in network byte order
	LinkSLL       LinkType = 113 // Linux cooked capture
	LinkRadiotap  LinkType = 127 // IEEE 802.11 behind a radiotap header
	LinkIPv4      LinkType = 228
	LinkIPv6      LinkType = 229
	LinkNFLOG     LinkType = 239 // Linux netfilter log
	LinkSLL2      LinkType = 276 // Linux cooked capture, version 2
)

// Frame is one frame of a capture.
type Frame struct {
	Time    sensor.Timestamp
	Ordinal uint64 // position in the Source, from 1
	Link    LinkType
	WireLen int // length on the wire
	// Data is what was captured of it. It is lent until the next call of
	// Classify and not written to.
	Data []byte
}

// wireLen returns the length on the wire for reading headers: a file that says
// a frame was shorter than what was captured of it lies.
func (f *Frame) wireLen() int { return max(f.WireLen, len(f.Data)) }
