package replay

import (
	"io"

	"github.com/google/gopacket"

	"flowscope/sensor"
	"flowscope/userspace/internal/frame"
)

// LinkType says what a frame begins with, as the LINKTYPE_ numbers of pcap
// (www.tcpdump.org/linktypes.html). gopacket's layers.LinkType has the same
// numbers.
type LinkType = frame.LinkType

// FromPacketSource returns a Source of the packets of src, which begin with a
// header of the given link type. A src that is also a
// gopacket.ZeroCopyPacketDataSource is read as such, unless opt.Stable. An error
// of src other than io.EOF ends the Source. If src is an io.Closer, Close closes
// it.
func FromPacketSource(opt Options, src gopacket.PacketDataSource, link LinkType) *Source {
	s, err := newSource(opt, []input{{name: "packet source", packets: src}})
	if err == nil {
		err = s.filter.check(link)
	}
	s.packets = packetReader{read: src.ReadPacketData, link: link}
	if z, ok := src.(gopacket.ZeroCopyPacketDataSource); ok && !opt.Stable {
		s.packets.read = z.ZeroCopyReadPacketData
	}
	if c, ok := src.(io.Closer); ok {
		s.held = append(s.held, resource{closer: c})
	}
	s.final = err // a filter that cannot be compiled
	return s
}

// packetReader takes packets from gopacket.
type packetReader struct {
	read func() ([]byte, gopacket.CaptureInfo, error)
	link LinkType
}

func (p *packetReader) next(f *frame.Frame) error {
	data, info, err := p.read()
	if err != nil {
		return err
	}
	f.Time = sensor.TimestampOf(info.Timestamp)
	f.Link = p.link
	f.WireLen = info.Length
	f.Data = data
	return nil
}
