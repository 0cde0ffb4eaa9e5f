package ssh

import "bytes"

// maxCommon is how many names are compared with one another at most: the lists of
// both sides come from strangers, and their product must not grow.
const maxCommon = 128

// names is a list, to be searched.
type names struct {
	name  [maxCommon][]byte
	sum   [maxCommon]uint32
	n     int
	whole bool // it has all names of the list
}

func (s *names) read(list []byte) {
	s.n = 0
	for len(list) > 0 && s.n < len(s.name) {
		s.name[s.n], list = next(list)
		s.sum[s.n] = sum(s.name[s.n])
		s.n++
	}
	s.whole = len(list) == 0
}

func (s *names) has(name []byte) bool {
	h := sum(name)
	for i, have := range s.sum[:s.n] {
		if have == h && bytes.Equal(s.name[i], name) {
			return true
		}
	}
	return false
}

// sum makes comparing cheap; equal sums mean nothing (FNV-1a).
func sum(name []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range name {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// common returns the first name of client that server has too and that ok takes.
// If a list is too long to be compared, known is false unless the name was found
// before that matters.
func common(client, server []byte, ok func(name []byte) bool) (name []byte, known bool) {
	var s names
	s.read(server)
	for n := 0; len(client) > 0; n++ {
		if n == maxCommon {
			return nil, false
		}
		name, client = next(client)
		if len(name) == 0 || ok != nil && !ok(name) {
			continue
		}
		if s.has(name) {
			return name, true
		}
		if !s.whole {
			return nil, false
		}
	}
	return nil, true
}

// implicit is the MAC of ciphers that authenticate.
var implicit = []byte("implicit")

// authenticates reports whether a cipher needs no MAC (RFC 5647;
// PROTOCOL.chacha20poly1305 and PROTOCOL, 1.6, of OpenSSH).
func authenticates(cipher []byte) bool {
	switch string(cipher) {
	case "chacha20-poly1305@openssh.com", "chacha20-poly1305", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com",
		"AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AEAD_CAMELLIA_128_GCM", "AEAD_CAMELLIA_256_GCM":
		return true
	}
	return false
}

// agree finds what two offers come to (RFC 4253, 7.1).
func (m *Handshake) agree(client, server *offer) {
	var chosen [lists][]byte
	miss := func(i int, known bool) {
		if m.Mismatch == "" && known && chosen[i] == nil {
			m.Mismatch = listNames[i]
		}
	}
	notNull := func(name []byte) bool { return string(name) != "null" }
	signing, known := common(client.list[hostKey], server.list[hostKey], notNull)
	unsigned, knownUnsigned := common(client.list[hostKey], server.list[hostKey], nil)
	// Each method but those of GSS-API signs with the host key. What is not known
	// for lists that are too long is not guessed.
	var kexKnown bool
	chosen[kex], kexKnown = common(client.list[kex], server.list[kex], func(name []byte) bool {
		if isMarker(name) {
			return false
		}
		return signing != nil || !known || unsigned != nil && bytes.HasPrefix(name, []byte("gss-"))
	})
	if bytes.HasPrefix(chosen[kex], []byte("gss-")) {
		chosen[hostKey], known = unsigned, knownUnsigned
	} else {
		chosen[hostKey] = signing
	}
	if signing == nil && unsigned == nil { // this is why there is no key exchange
		miss(hostKey, known)
	}
	miss(kex, kexKnown)
	miss(hostKey, known)
	for _, i := range [...]int{cipherToServer, cipherToClient, macToServer, macToClient, compressionToServer, compressionToClient} {
		if i >= macToServer && i <= macToClient && authenticates(chosen[i-2]) {
			chosen[i] = implicit
			continue
		}
		chosen[i], known = common(client.list[i], server.list[i], nil)
		miss(i, known)
	}
	m.Kex, m.HostKey = chosen[kex], chosen[hostKey]
	m.CipherToServer, m.CipherToClient = chosen[cipherToServer], chosen[cipherToClient]
	m.MACToServer, m.MACToClient = chosen[macToServer], chosen[macToClient]
	m.CompressionToServer, m.CompressionToClient = chosen[compressionToServer], chosen[compressionToClient]
}
