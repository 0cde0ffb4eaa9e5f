package replay

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// strangers are beginnings of files that are not read but known.
var strangers = []struct{ magic, what string }{
	{"\x1f\x8b", "gzip inside the compression; decompress it first"},
	{"\x28\xb5\x2f\xfd", "zstd inside the compression; decompress it first"},
	{"BZh", "bzip2; decompress it first (bzip2 -dc)"},
	{"\xfd7zXZ\x00", "xz; decompress it first (xz -dc)"},
	{"\x04\x22\x4d\x18", "lz4; decompress it first (lz4 -dc)"},
	{"PK\x03\x04", "a zip archive; extract it first"},
	{"snoop\x00\x00\x00", "snoop (RFC 1761); convert it with editcap -F pcap"},
	{"GMBU", "Microsoft Network Monitor; convert it with editcap -F pcap"},
	{"RTSS", "Microsoft Network Monitor 1; convert it with editcap -F pcap"},
	{"TRSNIFF data", "Sniffer; convert it with editcap -F pcap"},
	{"XCP\x00", "NetXRay; convert it with editcap -F pcap"},
	{"\x1c\x00\x01\xab", "Ixia lcap; convert it with editcap -F pcap"},
	{"\x1c\x00\x01\xac", "Ixia lcap; convert it with editcap -F pcap"},
	{"\xab\x01\x00\x1c", "Ixia lcap; convert it with editcap -F pcap"},
	{"\xac\x01\x00\x1c", "Ixia lcap; convert it with editcap -F pcap"},
	{"\x7fELF", "a program (ELF)"},
	{"{", "JSON or other text"},
}

// describeBytes is how much of a file describe looks at.
const describeBytes = 64

// describe says what a file that is no capture looks like, from its first bytes.
func describe(b []byte) string {
	if len(b) == 0 {
		return "the file is empty"
	}
	for _, s := range strangers {
		if bytes.HasPrefix(b, []byte(s.magic)) {
			return "it looks like " + s.what
		}
	}
	if len(b) < 4 {
		return fmt.Sprintf("expected at least 4 bytes, found %d", len(b))
	}
	if isText(b) {
		return "it looks like text"
	}
	return fmt.Sprintf("expected the magic number of pcap or pcapng, found %x", b[:4])
}

func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}

// format is the format of a capture.
type format uint8

const (
	noFormat format = iota
	pcapFormat
	pcapngFormat
	gopacketFormat
)

// formatOf tells it from the first 4 bytes of a file.
func formatOf(b []byte) format {
	if len(b) < 4 {
		return noFormat
	}
	if binary.LittleEndian.Uint32(b) == blockSection {
		return pcapngFormat
	}
	if _, _, ok := isPcap(b); ok {
		return pcapFormat
	}
	return noFormat
}
