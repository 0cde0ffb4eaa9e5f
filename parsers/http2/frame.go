package http2

import "encoding/binary"

// kind is the type of a frame (RFC 9113, 6).
type kind uint8

const (
	data kind = iota
	headers
	priority
	rstStream
	settings
	pushPromise
	ping
	goAway
	windowUpdate
	continuation
	altSvc         kind = 0xa  // RFC 7838
	origin         kind = 0xc  // RFC 8336
	priorityUpdate kind = 0x10 // RFC 9218
)

// Flags of frames.
const (
	endStream   = 1 << 0 // of DATA and HEADERS
	ack         = 1 << 0 // of SETTINGS and PING
	endHeaders  = 1 << 2
	padded      = 1 << 3
	hasPriority = 1 << 5
)

const frameHeader = 9

// frame is the header of a frame.
type frame struct {
	size   uint32
	kind   kind
	flags  uint8
	stream uint32
	r      bool // the reserved bit
}

// frameAt reads the header at the front of b, which has its 9 bytes.
func frameAt(b []byte) frame {
	id := binary.BigEndian.Uint32(b[5:])
	return frame{uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]), kind(b[3]), b[4], id &^ (1 << 31), id>>31 != 0}
}

// check returns what is wrong with a frame, or "".
func (f *frame) check() string {
	switch f.kind {
	case data, headers, continuation, pushPromise, priority, rstStream:
		if f.stream == 0 {
			return "a frame that needs a stream has none"
		}
	case settings, ping, goAway:
		if f.stream != 0 {
			return "a frame of the connection has a stream"
		}
	}
	ok := true
	switch f.kind {
	case headers, continuation, pushPromise:
		if f.size > maxBlock {
			return "a header block of more than 64 KiB"
		}
		ok = f.kind != pushPromise || f.size >= 4
	case priority:
		ok = f.size == 5
	case rstStream, windowUpdate:
		ok = f.size == 4
	case settings:
		ok = f.size%6 == 0 && (f.flags&ack == 0 || f.size == 0)
	case ping:
		ok = f.size == 8
	case goAway:
		ok = f.size >= 8
	}
	if !ok {
		return "a frame of a size that its type cannot have"
	}
	return ""
}

// knownFlags are the flags of each type.
var knownFlags = [...]uint8{data: endStream | padded, headers: endStream | endHeaders | padded | hasPriority, settings: ack,
	pushPromise: endHeaders | padded, ping: ack, continuation: endHeaders}

// likely reports whether these 9 bytes are more than by chance the header of a
// frame: it is used where it is not known that a frame begins.
func (f *frame) likely() bool {
	switch {
	case f.r || f.check() != "" || f.size > maxLikely:
		return false
	case f.kind == altSvc || f.kind == origin || f.kind == priorityUpdate:
		return f.flags == 0 && (f.kind == altSvc || f.stream == 0)
	case f.kind > continuation || f.kind < kind(len(knownFlags)) && f.flags&^knownFlags[f.kind] != 0:
		return false
	case f.kind == priority || f.kind == rstStream || f.kind == goAway || f.kind == windowUpdate:
		return f.flags == 0
	}
	return f.kind != headers || f.size > 0
}

// block returns the header block fragment in the payload of a HEADERS,
// PUSH_PROMISE or CONTINUATION frame.
func (f *frame) block(b []byte) (block []byte, ok bool) {
	pad := 0
	if f.flags&padded != 0 && f.kind != continuation {
		if len(b) == 0 {
			return nil, false
		}
		pad, b = int(b[0]), b[1:]
	}
	skip := 0
	switch {
	case f.kind == headers && f.flags&hasPriority != 0:
		skip = 5
	case f.kind == pushPromise:
		skip = 4
	}
	if len(b) < skip+pad {
		return nil, false
	}
	return b[skip : len(b)-pad], true
}
