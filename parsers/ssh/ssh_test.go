package ssh

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

func TestTranscripts(t *testing.T) {
	sensortest.Files(t, "testdata/*.transcript", Protocol())
}

// packet returns a packet with these contents.
func packet(contents []byte) []byte {
	padding := 4 + 7 - (len(contents)+8)%8
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(contents)+padding))
	b = append(append(b, byte(padding)), contents...)
	return append(b, make([]byte, padding)...)
}

// kexinit returns an offer of these lists; what is not given is "none".
func kexinit(list ...string) []byte {
	b := append([]byte{typeKexinit}, "0123456789abcdef"...)
	for i := range lists {
		l := "none"
		if i < len(list) {
			l = list[i]
		} else if i >= languageToServer {
			l = ""
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(l))), l...)
	}
	return packet(append(b, 0, 0, 0, 0, 0))
}

// play gives what both sides say to a parser, one behind the other.
func play(t *testing.T, client, server []byte) (messages []sensor.Message, err error) {
	t.Helper()
	p := Protocol().NewStream()
	emit := func(m sensor.Message) {
		switch m := m.(type) {
		case *KeyExchange:
			c := *m
			c.HASSH, c.HASSHFull = bytes.Clone(m.HASSH), bytes.Clone(m.HASSHFull)
			messages = append(messages, &c)
		case *Handshake:
			c := *m
			c.HASSH, c.HASSHServer = bytes.Clone(m.HASSH), bytes.Clone(m.HASSHServer)
			messages = append(messages, &c)
		}
	}
	for side, data := range [][]byte{client, server} {
		if _, err := p.Parse(sensor.Segment{Side: sensor.Side(side), Data: data}, emit); err != nil {
			return messages, err
		}
	}
	return messages, nil
}

// TestAgree holds what two offers come to.
func TestAgree(t *testing.T) {
	tests := []struct {
		name           string
		client, server []string
		want           Handshake
	}{
		{"the first of the client that the server has",
			[]string{"a,b,c", "h1,h2", "x,y", "x,y"}, []string{"c,b", "h2,h1", "y", "y,x"},
			Handshake{Kex: []byte("b"), HostKey: []byte("h1"), CipherToServer: []byte("y"), CipherToClient: []byte("x")}},
		{"markers are no key exchange",
			[]string{"ext-info-x,kex-strict-x,a", "h"}, []string{"ext-info-x,kex-strict-x,a", "h"},
			Handshake{Kex: []byte("a"), HostKey: []byte("h"), CipherToServer: []byte("none"), CipherToClient: []byte("none")}},
		{"no key exchange in common",
			[]string{"a", "h"}, []string{"b", "h"},
			Handshake{HostKey: []byte("h"), CipherToServer: []byte("none"), CipherToClient: []byte("none"), Mismatch: "kex"}},
		{"no host key in common",
			[]string{"a", "h"}, []string{"a", "i"},
			Handshake{CipherToServer: []byte("none"), CipherToClient: []byte("none"), Mismatch: "host_key"}},
		{"without a host key only what does not sign",
			[]string{"a,gss-x", "null"}, []string{"a,gss-x", "null"},
			Handshake{Kex: []byte("gss-x"), HostKey: []byte("null"), CipherToServer: []byte("none"), CipherToClient: []byte("none")}},
		{"a prefix of a name is another name",
			[]string{"ab,a", "h"}, []string{"a,abc", "h"},
			Handshake{Kex: []byte("a"), HostKey: []byte("h"), CipherToServer: []byte("none"), CipherToClient: []byte("none")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := play(t, append([]byte("SSH-2.0-c\r\n"), kexinit(tt.client...)...), append([]byte("SSH-2.0-s\r\n"), kexinit(tt.server...)...))
			if err != sensor.ErrDone || len(got) != 3 {
				t.Fatalf("%d messages, %v", len(got), err)
			}
			m := got[2].(*Handshake)
			c := Handshake{Kex: m.Kex, HostKey: m.HostKey, CipherToServer: m.CipherToServer, CipherToClient: m.CipherToClient, Mismatch: m.Mismatch}
			if diff := cmp.Diff(tt.want, c, cmp.AllowUnexported(Handshake{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestImplicitMAC holds that a cipher that authenticates has no MAC.
func TestImplicitMAC(t *testing.T) {
	l := []string{"k", "h", "aes128-gcm@openssh.com", "aes128-ctr", "m1", "m2"}
	got, _ := play(t, append([]byte("SSH-2.0-c\r\n"), kexinit(l...)...), append([]byte("SSH-2.0-s\r\n"), kexinit(l...)...))
	m := got[2].(*Handshake)
	if string(m.MACToServer) != "implicit" || string(m.MACToClient) != "m2" {
		t.Errorf("MACs are %s and %s", m.MACToServer, m.MACToClient)
	}
}

// TestHASSH holds the fingerprints to values that others published: those of the
// example of HASSH's authors, and of Suricata's tests.
func TestHASSH(t *testing.T) {
	const full = "curve25519-sha256@libssh.org,diffie-hellman-group-exchange-sha256,diffie-hellman-group-exchange-sha1,diffie-hellman-group14-sha1,diffie-hellman-group1-sha1;aes128-cbc,aes128-ctr;hmac-sha2-256;none"
	part := strings.Split(full, ";")
	client := kexinit(part[0], "h", part[1], "other", part[2], "other", part[3], "other")
	server := kexinit(part[0], "h", "other", part[1], "other", part[2], "other", part[3])
	got, err := play(t, append([]byte("SSH-2.0-c\r\n"), client...), append([]byte("SSH-2.0-s\r\n"), server...))
	if err != sensor.ErrDone {
		t.Fatal(err)
	}
	a, b, m := got[0].(*KeyExchange), got[1].(*KeyExchange), got[2].(*Handshake)
	if string(a.HASSHFull) != full || string(b.HASSHFull) != full || !bytes.Equal(a.HASSH, b.HASSH) {
		t.Errorf("%s\n%s\nwant %s", a.HASSHFull, b.HASSHFull, full)
	}
	if !bytes.Equal(m.HASSH, a.HASSH) || !bytes.Equal(m.HASSHServer, b.HASSH) {
		t.Errorf("the handshake says %s and %s", m.HASSH, m.HASSHServer)
	}
}

// TestMarkers holds that an offer's markers say who the client is.
func TestMarkers(t *testing.T) {
	server := append([]byte("SSH-2.0-s\r\n"), kexinit("k,ext-info-s", "h", "c1", "c2")...)
	client := append([]byte("SSH-2.0-c\r\n"), kexinit("k,ext-info-c", "h", "c1", "c2")...)
	for _, swapped := range []bool{false, true} {
		a, b := client, server
		if swapped { // the direction of the flow is wrong
			a, b = b, a
		}
		got, _ := play(t, a, b)
		m := got[2].(*Handshake)
		if string(m.Client) != "SSH-2.0-c" || string(m.Server) != "SSH-2.0-s" {
			t.Errorf("swapped %v: client is %s, server is %s", swapped, m.Client, m.Server)
		}
		if k := got[0].(*KeyExchange); (k.Role == RoleServer) != swapped {
			t.Errorf("swapped %v: the first is the %s", swapped, k.Role)
		}
	}
}

// TestErrors has an input for each error.
func TestErrors(t *testing.T) {
	const hello = "SSH-2.0-x\r\n"
	for name, data := range map[string]string{
		"a line that is too long":                  strings.Repeat("a", 2000),
		"over 16 KiB before":                       strings.Repeat(strings.Repeat("a", 999)+"\n", 20),
		"this is no identification string":         "SSH-2.0\r\n",
		"over 35000":                               hello + "\x00\x01\x00\x00\x04\x14",
		"no contents":                              hello + "\x00\x00\x00\x08\x07\x14",
		"no place":                                 hello + "\x00\x00\x00\x10\x04\x15",
		"over 1024 packets":                        hello + strings.Repeat(string(packet([]byte{typeIgnore})), 1025),
		"does not add up":                          hello + string(packet([]byte{typeKexinit, 1, 2, 3})),
		"an offer that does not add up":            hello + strings.Replace(string(kexinit()), "\x00\x00\x00\x04none", "\x7f\xff\xff\xffnone", 1),
		"ssh: at offset 11: an offer that does no": hello + string(kexinit("a b")),
	} {
		_, err := play(t, []byte(data), nil)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProbe(t *testing.T) {
	tests := []struct {
		side sensor.Side
		data string
		want sensor.Verdict
	}{
		{sensor.Initiator, "S", sensor.Unsure},
		{sensor.Initiator, "SSH-2.", sensor.Match},
		{sensor.Responder, "SSH-1.99-x", sensor.Match},
		{sensor.Initiator, "SSH-x", sensor.Unsure},
		{sensor.Initiator, "SSH-x.", sensor.No},
		{sensor.Initiator, "GET / HTTP/1.1\r\n", sensor.No},
		{sensor.Responder, "Welcome\r\n", sensor.Unsure},
		{sensor.Responder, "Welcome\r\nSSH-2.0-x", sensor.Match},
		{sensor.Responder, "\x16\x03\x01", sensor.No},
		{sensor.Responder, strings.Repeat("a\n", 600), sensor.No},
	}
	for _, tt := range tests {
		if got := probe(tt.side, []byte(tt.data)); got != tt.want {
			t.Errorf("probe(%v, %.30q) = %d, want %d", tt.side, tt.data, got, tt.want)
		}
	}
}
