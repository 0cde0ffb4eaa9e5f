package quic

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"flowscope/sensor"
)

// What tests seal, so that the parser opens it: Initial packets, by the public
// constants of RFC 9001.

// packet is an Initial packet to be sealed.
type packet struct {
	version    Version
	odcid      []byte // that the keys are made of
	side       sensor.Side
	dcid, scid []byte
	token      []byte
	number     int64
	frames     []byte
	pad        int // the datagram's length, if more than it has
}

func varint(n uint64) []byte {
	switch {
	case n < 1<<6:
		return []byte{byte(n)}
	case n < 1<<14:
		return binary.BigEndian.AppendUint16(nil, uint16(n)|1<<14)
	case n < 1<<30:
		return binary.BigEndian.AppendUint32(nil, uint32(n)|2<<30)
	}
	return binary.BigEndian.AppendUint64(nil, n|3<<62)
}

func cryptoFrame(offset uint64, b []byte) []byte {
	f := append([]byte{frameCrypto}, varint(offset)...)
	return append(append(f, varint(uint64(len(b)))...), b...)
}

// long is the header of a packet up to its length.
func long(version Version, k kind, dcid, scid []byte) []byte {
	kinds := kindsV1
	if version == Version2 {
		kinds = kindsV2
	}
	b := []byte{0xc0 | 3}
	for i, v := range kinds {
		if v == k {
			b[0] |= byte(i) << 4
		}
	}
	b = binary.BigEndian.AppendUint32(b, uint32(version))
	b = append(append(b, byte(len(dcid))), dcid...)
	return append(append(b, byte(len(scid))), scid...)
}

func (p packet) seal() []byte {
	b := append(long(p.version, initial, p.dcid, p.scid), varint(uint64(len(p.token)))...)
	b = append(b, p.token...)
	frames := append([]byte(nil), p.frames...)
	for len(b)+2+4+len(frames)+16 < p.pad || len(frames) < 4 {
		frames = append(frames, framePadding)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(frames)+16)|1<<14)
	at := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(p.number))
	odcid := p.odcid
	if odcid == nil {
		odcid = p.dcid
	}
	o := newOpener(p.version, odcid, p.side)
	nonce := o.iv
	for i := range 8 {
		nonce[11-i] ^= byte(p.number >> (8 * i))
	}
	b = o.body.Seal(b, nonce[:], frames, b)
	var mask [16]byte
	o.head.Encrypt(mask[:], b[at+4:][:16])
	b[0] ^= mask[0] & 0x0f
	for i := range 4 {
		b[at+i] ^= mask[1+i]
	}
	return b
}

// clientHello is a handshake message that asks for name, with an extension of
// fill bytes.
func clientHello(name string, random byte, fill int) []byte {
	sni := []byte{0, 0, 0, byte(len(name) + 5), 0, byte(len(name) + 3), 0, 0, byte(len(name))}
	ext := append(sni, name...)
	ext = append(ext, 0, 43, 0, 3, 2, 3, 4, 0, 16, 0, 5, 0, 3, 2, 'h', '3')
	ext = append(ext, 0x7f, 0x77, byte(fill>>8), byte(fill))
	for i := range fill {
		ext = append(ext, byte(i*i>>3))
	}
	body := []byte{3, 3}
	for range 32 {
		body = append(body, random)
	}
	body = append(body, 0, 0, 2, 0x13, 1, 1, 0, byte(len(ext)>>8), byte(len(ext)))
	body = append(body, ext...)
	return append([]byte{typeClientHello, 0, byte(len(body) >> 8), byte(len(body))}, body...)
}

// serverHello is a handshake message; a HelloRetryRequest if that is wanted.
func serverHello(again bool) []byte {
	random := make([]byte, 32)
	if again {
		copy(random, "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c")
	}
	body := append(append([]byte{3, 3}, random...), 0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4)
	return append([]byte{typeServerHello, 0, 0, byte(len(body))}, body...)
}

func gcmOf(key []byte) cipher.AEAD {
	block, _ := aes.NewCipher(key)
	gcm, _ := cipher.NewGCM(block)
	return gcm
}
