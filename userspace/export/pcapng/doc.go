// Package pcapng writes packets to a capture file, as tcpdump -w does. It is
// not a sink of events: it gets frames, from the Tee of package replay for example.
//
// The file is a pcapng in little endian with one interface for each link type
// that comes, and times in nanoseconds; Wireshark, tshark and tcpdump read it
// whatever its name ends in.
package pcapng
