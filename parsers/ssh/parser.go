package ssh

import (
	"bytes"
	"encoding/binary"
	"sync"

	"flowscope/sensor"
)

var (
	_ sensor.StreamParser = (*parser)(nil)
	_ sensor.Resyncer     = (*parser)(nil)
)

// Types of packet (RFC 4253, 12).
const (
	typeDisconnect    = 1
	typeIgnore        = 2
	typeUnimplemented = 3
	typeDebug         = 4
	typeKexinit       = 20
)

// packetHeader is the length of a packet and that of its padding.
const packetHeader = 4 + 1

// parser is the state of one flow.
type parser struct {
	pool    *sync.Pool
	side    [2]direction
	firstAt sensor.Timestamp // of the first identification string
	begun   bool
}

// direction is what the parser knows of one side.
type direction struct {
	state    state
	offset   int64  // of the first byte not consumed
	scanned  int    // bytes of the line that have no end
	preamble int    // bytes of lines before the identification string
	lines    int    // number of them
	passed   int    // packets passed over
	banner   []byte // the identification string
	packet   []byte // what is kept of the offer until the other side's comes
	old      bool   // SSH-1
	role     string // that the offer shows, or ""
}

// state is what a direction is in.
type state uint8

const (
	inBanner state = iota
	inPackets
	told // the offer was told
	dead // bytes are missing
)

// Parse implements sensor.StreamParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	d := &p.side[s.Side]
	for n < len(s.Data) {
		k := 0
		switch d.state {
		case inBanner:
			k, err = p.line(s, d, s.Data[n:], emit)
		case inPackets:
			k, err = p.packet(s, d, s.Data[n:], emit)
		default:
			k = len(s.Data) - n
		}
		n += k
		d.offset += int64(k)
		if err != nil {
			return n, err
		}
		if p.over() {
			return n, sensor.ErrDone
		}
		if k == 0 {
			break
		}
	}
	if s.EOF {
		n = len(s.Data)
	}
	return n, nil
}

// over reports whether nothing more can be told of the flow.
func (p *parser) over() bool {
	a, b := &p.side[0], &p.side[1]
	return a.state >= told && b.state >= told || a.old && b.state != inBanner || b.old && a.state != inBanner
}

// line consumes a line of what comes before the packets.
func (p *parser) line(s sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	limit := maxLine
	if k := min(len(b), len(magic)); string(b[:k]) == magic[:k] {
		limit = maxBanner
	}
	if d.preamble+limit > maxPreamble {
		return 0, &Error{d.offset, "over 16 KiB before the identification string"}
	}
	end := bytes.IndexByte(b[min(d.scanned, len(b)):min(len(b), limit)], '\n')
	if end < 0 {
		if len(b) >= limit {
			return 0, &Error{d.offset, "a line that is too long"}
		}
		d.scanned = len(b)
		return 0, nil
	}
	size := d.scanned + end + 1
	d.scanned = 0
	if limit == maxLine {
		d.preamble += size
		d.lines++
		return size, nil
	}
	line := bytes.TrimSuffix(b[:size-1], []byte{'\r'})
	x := p.pool.Get().(*decoder)
	defer p.release(x)
	m := &x.banner
	if !m.read(line) {
		return 0, &Error{d.offset, "this is no identification string of SSH"}
	}
	m.Kind, m.Preamble = KindBanner, d.lines
	d.state = inPackets
	d.old = m.Version[0] == '1' && string(m.Version) != "1.99"
	d.banner = bytes.Clone(line)
	if !p.begun {
		p.begun, p.firstAt = true, s.Time
	}
	emit(m)
	return size, nil
}

// read takes an identification string apart (RFC 4253, 4.2).
func (m *Banner) read(line []byte) bool {
	if len(line) < len(magic) || string(line[:len(magic)]) != magic {
		return false
	}
	for _, c := range line {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	version, software, found := bytes.Cut(line[len(magic):], []byte{'-'})
	if !found || len(version) == 0 {
		return false
	}
	m.Version = version
	m.Software, m.Comments, _ = bytes.Cut(software, []byte{' '})
	return true
}

// packet consumes a packet (RFC 4253, 6). There is no MAC yet.
func (p *parser) packet(s sensor.Segment, d *direction, b []byte, emit func(sensor.Message)) (n int, err error) {
	if len(b) < packetHeader+1 {
		return 0, nil
	}
	size, padding := int64(binary.BigEndian.Uint32(b)), int64(b[4])
	switch {
	case size > maxPacket:
		return 0, &Error{d.offset, "a packet of over 35000 bytes"}
	case size < 2+padding:
		return 0, &Error{d.offset, "a packet that has no contents"}
	}
	kind := b[5]
	switch kind {
	case typeKexinit, typeDisconnect, typeIgnore, typeUnimplemented, typeDebug:
	default:
		return 0, &Error{d.offset, "a packet that has no place before the key exchange"} // RFC 4253, 7.1
	}
	if int64(len(b)) < 4+size {
		return 0, nil
	}
	n = int(4 + size)
	body := b[packetHeader+1 : n-int(padding)]
	switch kind {
	case typeKexinit:
		err = p.offer(s, d, body, emit)
	case typeDisconnect:
		p.disconnect(d, body, emit)
	default:
		if d.passed++; d.passed > maxPassed {
			err = &Error{d.offset, "over 1024 packets before the key exchange"}
		}
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (p *parser) disconnect(d *direction, body []byte, emit func(sensor.Message)) {
	d.state = told // RFC 4253, 11.1: nothing follows
	if len(body) < 8 {
		return
	}
	x := p.pool.Get().(*decoder)
	defer p.release(x)
	m := &x.disconnect
	m.Kind, m.Code = KindDisconnect, binary.BigEndian.Uint32(body)
	if m.Reason = ""; m.Code < uint32(len(reasons)) {
		m.Reason = reasons[m.Code]
	}
	m.Text = body[8:]
	if n := binary.BigEndian.Uint32(body[4:]); uint64(n) < uint64(len(m.Text)) {
		m.Text = m.Text[:n]
	}
	m.Text = m.Text[:min(len(m.Text), maxBanner)]
	emit(m)
}

// offer takes SSH_MSG_KEXINIT; the second of the flow completes the handshake.
func (p *parser) offer(s sensor.Segment, d *direction, body []byte, emit func(sensor.Message)) error {
	x := p.pool.Get().(*decoder)
	defer p.release(x)
	if !x.offer[0].read(body) {
		return &Error{d.offset, "an offer that does not add up"}
	}
	other := &p.side[s.Side.Other()]
	d.role = x.offer[0].role()
	role := d.role
	switch {
	case role != "" && role != other.role:
	case other.role == RoleClient || other.role == "" && role == "" && s.Side == sensor.Responder:
		role = RoleServer
	default:
		role = RoleClient
	}
	x.kexinit.fill(&x.offer[0], role, &x.hash[0])
	emit(&x.kexinit)
	d.state = told
	if other.packet == nil {
		d.role = role
		if other.state != dead && other.state != told {
			d.packet = bytes.Clone(body)
		}
		return nil
	}
	x.offer[1].read(other.packet)
	m := &x.handshake
	*m = Handshake{Kind: KindHandshake, Duration: s.Time.Sub(p.firstAt)}
	client, server := 0, 1 // of x.offer and x.hash
	m.Client, m.Server = d.banner, other.banner
	if role == RoleServer {
		client, server = 1, 0
		m.Client, m.Server = other.banner, d.banner
	}
	scratch := &x.kexinit.HASSHFull
	*scratch = x.offer[client].hassh((*scratch)[:0], RoleClient)
	m.HASSH = hash(&x.hash[client], *scratch)
	*scratch = x.offer[server].hassh((*scratch)[:0], RoleServer)
	m.HASSHServer = hash(&x.hash[server], *scratch)
	m.agree(&x.offer[client], &x.offer[server])
	other.packet = nil
	emit(m)
	return nil
}

// Resync implements sensor.Resyncer. Behind a gap nothing is told of a side, but
// what the other offers is.
func (p *parser) Resync(side sensor.Side, lost int64) bool {
	d := &p.side[side]
	d.offset += lost
	if d.state < told {
		d.state = dead
	}
	p.side[side.Other()].packet = nil
	return !p.over()
}
