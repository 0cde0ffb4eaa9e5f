package tls

import (
	"sync"

	"flowscope/sensor"
)

// Limits of the format and of the parser.
const (
	recordHeader = 5
	// maxRecord is the longest record: 2^14 and 2048 for what encryption adds in
	// TLS 1.2 (RFC 5246, 6.2.3).
	maxRecord = 1<<14 + 2048
	// maxHandshake is how many bytes of a handshake message are kept.
	maxHandshake = 64 << 10
	// maxChain is how many certificates of a chain are told.
	maxChain = 16
	// maxOneSided is how many encrypted bytes of one side are passed over while
	// nothing comes from the other.
	maxOneSided = 64 << 10
)

// Protocol returns TLS over TCP. It is recognised on any port.
func Protocol() sensor.Protocol {
	pool := &sync.Pool{New: func() any { return newDecoder() }}
	return sensor.Protocol{
		Name:      "tls",
		Transport: sensor.ProtoTCP,
		Ports:     []uint16{443, 465, 636, 853, 989, 990, 992, 993, 995, 5061, 5223, 6697, 8443, 8883},
		Probe:     probe,
		NewStream: func() sensor.StreamParser { return &parser{pool: pool} },
		MaxBuffer: recordHeader + maxRecord,
	}
}

// decoder is what is needed only while a message is looked at: flows are many,
// decoders few.
type decoder struct {
	client ClientHello
	server ServerHello
	cert   Certificate
	alert  Alert
	done   Established
	known  *known
}

func newDecoder() *decoder {
	k := newKnown()
	return &decoder{client: ClientHello{scratch: scratch{known: k}}, server: ServerHello{scratch: scratch{known: k}}, known: k}
}

// release gives a decoder back, without what it was lent.
func (p *parser) release(x *decoder) {
	x.client.forget()
	x.server.ALPN, x.server.Random = nil, nil
	clear(x.cert.Names)
	p.pool.Put(x)
}

// Types of record.
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordApplicationData  = 23
	recordHeartbeat        = 24
)

// Types of handshake message.
const (
	typeClientHello       = 1
	typeServerHello       = 2
	typeCertificate       = 11
	typeServerKeyExchange = 12
	typeServerHelloDone   = 14
)

// Bodies of a hello are at least this long.
const (
	minClientHello = 2 + 32 + 1 + 2 + 1
	minServerHello = 2 + 32 + 2
)

// probe wants a record header and the beginning of a hello, which may be spread
// over records. Two plausible records of application data are TLS too, joined
// in the middle.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	if len(data) > 0 && data[0]&0x80 != 0 {
		return probeSSL2(data)
	}
	var hello [6]byte // type, length, version
	got := 0
	for b := data; ; {
		kind, size, ok := header(b)
		switch {
		case !ok:
			return sensor.No
		case len(b) < recordHeader:
			return sensor.Unsure
		case kind == recordApplicationData && got == 0:
			return probeData(b, size)
		case kind != recordHandshake || size == 0:
			return sensor.No
		}
		b = b[recordHeader:]
		body := b[:min(size, len(b))]
		got += copy(hello[got:], body)
		if v := verdict(hello[:got]); v != sensor.Unsure {
			return v
		}
		if len(body) < size {
			return sensor.Unsure
		}
		b = b[size:]
	}
}

// verdict judges the first bytes of a handshake message.
func verdict(hello []byte) sensor.Verdict {
	least, match := 0, sensor.MatchInitiator
	switch {
	case len(hello) == 0:
		return sensor.Unsure
	case hello[0] == typeClientHello:
		least = minClientHello
	case hello[0] == typeServerHello:
		least, match = minServerHello, sensor.MatchResponder
	default:
		return sensor.No
	}
	if len(hello) > 1 && hello[1] != 0 {
		return sensor.No // longer than 64 KiB
	}
	if len(hello) > 3 && uint24(hello[1:]) < least {
		return sensor.No
	}
	if len(hello) > 4 && hello[4] != 3 && hello[4] != 0x7f {
		return sensor.No
	}
	if len(hello) < 6 {
		return sensor.Unsure
	}
	return match
}

// probeData judges what begins with a record of application data.
func probeData(b []byte, size int) sensor.Verdict {
	if b[2] == 0 || size < 17 { // no cipher adds less
		return sensor.No
	}
	if len(b) <= recordHeader+size {
		return sensor.Unsure
	}
	next := b[recordHeader+size:]
	kind, _, ok := header(next)
	switch {
	case !ok || kind == recordHandshake || len(next) > 2 && next[2] != b[2]:
		return sensor.No
	case len(next) < recordHeader:
		return sensor.Unsure
	}
	return sensor.Match
}

// header reads a record header as far as it is there, and reports whether it
// can be one.
func header(b []byte) (kind byte, size int, ok bool) {
	if len(b) > 0 && (b[0] < recordChangeCipherSpec || b[0] > recordHeartbeat) {
		return 0, 0, false
	}
	if len(b) > 1 && b[1] != 3 || len(b) > 2 && b[2] > 4 {
		return 0, 0, false
	}
	if len(b) < recordHeader {
		return 0, 0, true
	}
	size = int(b[3])<<8 | int(b[4])
	return b[0], size, size <= maxRecord
}

// sslv2Header is the length, type, version, and three lengths of a CLIENT-HELLO
// in the format of SSL 2.0.
const sslv2Header = 2 + 1 + 2 + 6

func probeSSL2(b []byte) sensor.Verdict {
	switch {
	case len(b) > 2 && b[2] != typeClientHello,
		len(b) > 3 && b[3] != 3 && b[3] != 0,
		len(b) > 4 && (b[3] == 3 && b[4] > 4 || b[3] == 0 && b[4] != 2):
		return sensor.No
	case len(b) < sslv2Header:
		return sensor.Unsure
	}
	if _, ok := sslv2Size(b); !ok {
		return sensor.No
	}
	return sensor.MatchInitiator
}

// sslv2Size returns the length of a CLIENT-HELLO of which the header is there,
// and reports whether it adds up.
func sslv2Size(b []byte) (n int, ok bool) {
	size := int(b[0]&0x7f)<<8 | int(b[1])
	suites, sid, challenge := int(b[5])<<8|int(b[6]), int(b[7])<<8|int(b[8]), int(b[9])<<8|int(b[10])
	ok = suites > 0 && suites%3 == 0 && (sid == 0 || sid == 16) && challenge >= 16 && challenge <= 32 &&
		sslv2Header-2+suites+sid+challenge == size
	return 2 + size, ok && 2+size <= maxRecord
}
