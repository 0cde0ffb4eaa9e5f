package ssh

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
)

// The lists of an offer, in the order of the wire.
const (
	kex = iota
	hostKey
	cipherToServer
	cipherToClient
	macToServer
	macToClient
	compressionToServer
	compressionToClient
	languageToServer
	languageToClient
	lists
)

// listNames are what Mismatch calls them.
var listNames = [lists]string{"kex", "host_key", "cipher_to_server", "cipher_to_client", "mac_to_server", "mac_to_client",
	"compression_to_server", "compression_to_client", "language_to_server", "language_to_client"}

// offer is the body of SSH_MSG_KEXINIT. The lists are names with commas between
// them.
type offer struct {
	list  [lists][]byte
	guess bool
}

// minOffer is what a body has at least: the cookie, the lengths of the lists, a
// boolean and a reserved number.
const minOffer = 16 + 4*lists + 1 + 4

// read reads an offer from the contents of a packet, behind its type.
func (o *offer) read(b []byte) bool {
	if len(b) < minOffer {
		return false
	}
	b = b[16:]
	for i := range o.list {
		if len(b) < 4 {
			return false
		}
		n := binary.BigEndian.Uint32(b)
		if b = b[4:]; uint64(n) > uint64(len(b)) {
			return false
		}
		o.list[i], b = b[:n:n], b[n:]
		for _, c := range o.list[i] {
			if c <= ' ' || c >= 0x7f {
				return false // RFC 4251, 6
			}
		}
	}
	if len(b) < 5 {
		return false
	}
	o.guess = b[0] != 0
	return true
}

// next cuts the first name from a list.
func next(list []byte) (name, rest []byte) {
	if i := bytes.IndexByte(list, ','); i >= 0 {
		return list[:i:i], list[i+1:]
	}
	return list, nil
}

// role returns the role that the markers in an offer show, or "".
func (o *offer) role() string {
	for list := o.list[kex]; len(list) > 0; {
		var name []byte
		name, list = next(list)
		switch string(name) {
		case "ext-info-c", "kex-strict-c-v00@openssh.com", "kex-strict-c":
			return RoleClient
		case "ext-info-s", "kex-strict-s-v00@openssh.com", "kex-strict-s":
			return RoleServer
		}
	}
	return ""
}

// isMarker reports whether a name in the list of key exchanges is none.
func isMarker(name []byte) bool {
	return bytes.HasPrefix(name, []byte("ext-info-")) || bytes.HasPrefix(name, []byte("kex-strict-"))
}

// hassh appends what the fingerprint of a side is made of.
func (o *offer) hassh(dst []byte, role string) []byte {
	d := 0
	if role == RoleServer {
		d = 1
	}
	for i, n := range [4]int{kex, cipherToServer + d, macToServer + d, compressionToServer + d} {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, o.list[n]...)
	}
	return dst
}

// hash writes the MD5 of b in hexadecimal.
func hash(dst *[32]byte, b []byte) []byte {
	sum := md5.Sum(b)
	hex.Encode(dst[:], sum[:])
	return dst[:]
}

// lists returns the fields of a message that are lists, in the order of the wire.
func (m *KeyExchange) lists() [lists]*[][]byte {
	return [lists]*[][]byte{&m.Kex, &m.HostKeys, &m.CiphersToServer, &m.CiphersToClient, &m.MACsToServer, &m.MACsToClient,
		&m.CompressionsToServer, &m.CompressionsToClient, &m.LanguagesToServer, &m.LanguagesToClient}
}

// fill makes a message of an offer, using the memory that m has.
func (m *KeyExchange) fill(o *offer, role string, digest *[32]byte) {
	m.Kind, m.Role, m.Guess, m.Truncated = KindKeyExchange, role, o.guess, false
	for i, to := range m.lists() {
		*to = (*to)[:0]
		for list := o.list[i]; len(list) > 0; {
			if len(*to) == maxNames {
				m.Truncated = true
				break
			}
			var name []byte
			name, list = next(list)
			*to = append(*to, name)
		}
	}
	m.HASSHFull = o.hassh(m.HASSHFull[:0], role)
	m.HASSH = hash(digest, m.HASSHFull)
}
