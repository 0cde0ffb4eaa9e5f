package quic

import (
	"sync"

	"flowscope/sensor"
)

// The caps. All that they bound is chosen by who sends the packets.
const (
	// maxHello is how long a hello may be.
	maxHello = 16 << 10
	// maxPieces is how many pieces of a hello may lie apart.
	maxPieces = 128
	// maxDatagrams is how many datagrams of a flow are looked at, and maxBehind
	// how many behind one side's hello, while the other's does not come.
	maxDatagrams = 64
	maxBehind    = 16
	// maxKeys is how often keys are derived for a flow, maxFailed how many of its
	// packets may be of no use once they are decrypted, or not be decrypted at
	// all.
	maxKeys   = 16
	maxFailed = 16
	// maxOpened is how many packets of a flow are decrypted.
	maxOpened = 128
	// maxVersions is how many versions of an offer are told.
	maxVersions = 32
	// maxReason is how many bytes of a reason are told.
	maxReason = 256
	// minInitial is the shortest datagram in which a client may send an Initial
	// packet (RFC 9000, 14.1).
	minInitial = 1200
)

// Protocol returns QUIC over UDP. It is recognised on any port.
func Protocol() sensor.Protocol {
	c := &codec{}
	c.pool.New = func() any { return &decoder{} }
	return sensor.Protocol{
		Name:        "quic",
		Transport:   sensor.ProtoUDP,
		Ports:       []uint16{443, 8443, 853, 784},
		Probe:       c.probe,
		NewDatagram: func() sensor.DatagramParser { return &parser{pool: &c.pool} },
	}
}

// codec is what all flows share.
type codec struct{ pool sync.Pool }

// decoder is what is needed only while a datagram is looked at: flows are many,
// decoders few.
type decoder struct {
	mask  [16]byte
	nonce [12]byte
	head  []byte // of a packet, without its protection
	body  []byte // decrypted
	hello []byte // in one piece
	text  []byte

	client   ClientHello
	server   ServerHello
	retry    Retry
	offer    VersionNegotiation
	versions [maxVersions]Version
	close    Close

	// The keys of a client that were needed last.
	last        *opener
	lastVersion Version
	lastID      [maxCID]byte
	lastLen     int
}

// Types of handshake message.
const (
	typeClientHello = 1
	typeServerHello = 2
)

// hex writes b as hexadecimal into memory that lives as long as the message.
func (d *decoder) hex(b []byte) []byte {
	const digits = "0123456789abcdef"
	start := len(d.text)
	for _, c := range b {
		d.text = append(d.text, digits[c>>4], digits[c&15])
	}
	return d.text[start:len(d.text):len(d.text)]
}
