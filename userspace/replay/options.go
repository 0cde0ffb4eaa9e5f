package replay

import (
	"flowscope/sensor"
	"flowscope/userspace/internal/frame"
)

// Limits on what a file may ask for.
const (
	// MaxFrame is the most captured bytes of one packet (the snap length that
	// libpcap takes as "no limit").
	MaxFrame = 256 << 10
	// MaxBlock is the most bytes of one pcapng block.
	MaxBlock = 16 << 20
	// MaxInterfaces is the most interfaces of one pcapng section.
	MaxInterfaces = 1 << 16

	// DefaultMaxExpansion is what Options.MaxExpansion is if it is 0.
	DefaultMaxExpansion = 1000
)

// Options say what to read and how. The zero value works.
type Options struct {
	// Classify says how records are made of packets.
	Classify sensor.Classify

	// Filter is an expression in the syntax of pcap-filter(7); packets that do
	// not match are counted as filtered and not handed out. Empty passes all. An
	// expression that cannot be compiled exactly is an error.
	Filter string

	// Classifier, if it is not nil, makes the records instead of this package, and
	// applies Filter; Classify is its own affair then.
	Classifier Classifier

	// Stable keeps every Payload valid until Close, not just until the next
	// Read, for handing records to other goroutines. A file is mapped for
	// that; other input gets fresh buffers instead of one that is reused.
	Stable bool

	// MaxPackets ends the source after so many packets that pass the filter, as
	// tcpdump's -c does. 0 is all.
	MaxPackets uint64

	// MaxBytes is the most bytes to read of all inputs together, after
	// decompression; that there was more is an error. 0 is no limit.
	MaxBytes int64

	// MaxExpansion is how many bytes may come out of each byte of compressed
	// input, beyond the first MiB. 0 is DefaultMaxExpansion.
	MaxExpansion int

	// Tee, if it is not nil, is called by Read with each packet that passes the
	// filter, before its records are handed out. What it gets is lent until it
	// returns.
	Tee func(*Frame)
}

// Frame is a packet as it is in a capture.
type Frame = frame.Frame

func (o *Options) expansion() int64 {
	if o.MaxExpansion <= 0 {
		return DefaultMaxExpansion
	}
	return int64(o.MaxExpansion)
}
