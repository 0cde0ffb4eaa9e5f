package quic

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"

	"flowscope/sensor"
)

// suite is what the protection of Initial and Retry packets is made of: public
// constants, so that it hides nothing from who sees the client's first packet.
type suite struct {
	salt           []byte
	key, iv, hp    string // labels
	retryKey, once []byte
}

var (
	// suiteV1 is of RFC 9001, 5.2 and 5.8.
	suiteV1 = &suite{
		salt: []byte("\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"),
		key:  "quic key", iv: "quic iv", hp: "quic hp",
		retryKey: []byte("\xbe\x0c\x69\x0b\x9f\x66\x57\x5a\x1d\x76\x6b\x54\xe3\x68\xc8\x4e"),
		once:     []byte("\x46\x15\x99\xd3\x5d\x63\x2b\xf2\x23\x98\x25\xbb"),
	}
	// suiteV2 is of RFC 9369, 3.3.
	suiteV2 = &suite{
		salt: []byte("\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9"),
		key:  "quicv2 key", iv: "quicv2 iv", hp: "quicv2 hp",
		retryKey: []byte("\x8f\xb4\xb0\x1b\x56\xac\x48\xe2\x60\xfb\xcb\xce\xad\x7c\xcc\x92"),
		once:     []byte("\xd8\x69\x69\xbc\x2d\x7c\x6d\x99\x90\xef\xb0\x4a"),
	}
)

func suiteOf(v Version) *suite {
	if v == Version2 {
		return suiteV2
	}
	return suiteV1
}

// retryTag is the length of a Retry packet's integrity tag.
const retryTag = 16

// opener opens the Initial packets of one side of one connection.
type opener struct {
	head cipher.Block // header protection
	body cipher.AEAD
	iv   [12]byte
}

// newOpener derives the keys of a side from the connection id that the client
// chose (RFC 9001, 5.2). The errors of crypto cannot come: all lengths are
// constants.
func newOpener(v Version, dcid []byte, side sensor.Side) *opener {
	s := suiteOf(v)
	who := "client in"
	if side == sensor.Responder {
		who = "server in"
	}
	common, _ := hkdf.Extract(sha256.New, dcid, s.salt)
	secret := expand(common, who, sha256.Size)
	o := &opener{}
	copy(o.iv[:], expand(secret, s.iv, len(o.iv)))
	o.head, _ = aes.NewCipher(expand(secret, s.hp, 16))
	block, _ := aes.NewCipher(expand(secret, s.key, 16))
	o.body, _ = cipher.NewGCM(block)
	return o
}

// expand is HKDF-Expand-Label (RFC 8446, 7.1) with an empty context.
func expand(secret []byte, label string, n int) []byte {
	label = "tls13 " + label
	info := append([]byte{0, byte(n), byte(len(label))}, label...)
	key, _ := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	return key
}

// keys returns an opener. The last one of a client is remembered: a parser asks
// for it right after the probe did.
func (d *decoder) keys(v Version, dcid []byte, side sensor.Side) *opener {
	if side == sensor.Responder {
		return newOpener(v, dcid, side)
	}
	if d.last == nil || d.lastVersion != v || !bytes.Equal(d.lastID[:d.lastLen], dcid) {
		d.last = newOpener(v, dcid, side)
		d.lastVersion, d.lastLen = v, copy(d.lastID[:], dcid)
	}
	return d.last
}

// open decrypts an Initial packet, of a side whose highest packet number until
// now is largest. The payload is valid until the next call.
func (d *decoder) open(o *opener, h *header, largest int64) (payload []byte, number int64, ok bool) {
	const longestNumber, sample = 4, 16
	b := h.packet
	if !h.whole || len(b) < h.number+longestNumber+sample {
		return nil, 0, false
	}
	o.head.Encrypt(d.mask[:], b[h.number+longestNumber:][:sample])
	d.head = append(d.head[:0], b[:h.number+longestNumber]...)
	d.head[0] ^= d.mask[0] & 0x0f
	size := int(d.head[0]&3) + 1
	var low int64
	for i := range size {
		d.head[h.number+i] ^= d.mask[1+i]
		low = low<<8 | int64(d.head[h.number+i])
	}
	number = fullNumber(largest, low, size)
	d.nonce = o.iv
	for i := range 8 {
		d.nonce[11-i] ^= byte(number >> (8 * i))
	}
	var err error
	d.body, err = o.body.Open(d.body[:0], d.nonce[:], b[h.number+size:], d.head[:h.number+size])
	return d.body, number, err == nil && d.head[0]&0x0c == 0 // the bits that are reserved
}

// fullNumber returns the packet number whose low bytes are low, next to the one
// that is expected (RFC 9000, A.3).
func fullNumber(largest, low int64, size int) int64 {
	expected, window := largest+1, int64(1)<<(8*size)
	n := expected&^(window-1) | low
	switch {
	case n <= expected-window/2 && n < 1<<62-window:
		return n + window
	case n > expected+window/2 && n >= window:
		return n - window
	}
	return n
}

// sealed reports whether a Retry packet answers a packet that was sent to dcid
// (RFC 9001, 5.8).
func (d *decoder) sealed(h *header, dcid []byte) bool {
	s := suiteOf(h.version)
	block, _ := aes.NewCipher(s.retryKey)
	gcm, _ := cipher.NewGCM(block)
	body, tag := h.packet[:len(h.packet)-retryTag], h.packet[len(h.packet)-retryTag:]
	d.head = append(append(d.head[:0], byte(len(dcid))), dcid...)
	d.head = append(d.head, body...)
	_, err := gcm.Open(nil, s.once, tag, d.head)
	return err == nil
}
