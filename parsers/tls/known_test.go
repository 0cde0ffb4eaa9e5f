package tls

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// someHello returns the body of a ClientHello with lists of few values, so that many
// are alike, and some of GREASE.
func someHello(r *rand.Rand) []byte {
	list := func() []byte {
		var b []byte
		for range r.IntN(4) {
			b = binary.BigEndian.AppendUint16(b, []uint16{0x0a0a, 0x1a1a, 1, 2, 0x1301}[r.IntN(5)])
		}
		return b
	}
	vector := func(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }
	var ext []byte
	for range r.IntN(4) {
		id := []uint16{extServerName, extGroups, extPointFormats, extSignatures, extALPN, 0x2a2a, 0xff01}[r.IntN(7)]
		data := vector(list())
		switch id {
		case extPointFormats:
			data = []byte{1, byte(r.IntN(2))}
		case extALPN:
			data = vector([]byte{2, 'h', "123"[r.IntN(3)]})
		}
		ext = append(binary.BigEndian.AppendUint16(ext, id), vector(data)...)
	}
	b := append([]byte{3, byte(r.IntN(4))}, make([]byte, 32)...)
	b = append(append(append(b, 0), vector(list())...), 1, 0)
	if r.IntN(8) > 0 {
		b = append(b, vector(ext)...)
	}
	return b
}

// TestKnownPrints: what is remembered is what is computed.
func TestKnownPrints(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x := newDecoder()
	different := map[string]bool{}
	for range 20_000 {
		b, transport := someHello(r), []Transport{OverTCP, OverQUIC}[r.IntN(2)]
		var m ClientHello
		if err, known := m.Decode(b, transport), x.client.Decode(b, transport); fmt.Sprint(err) != fmt.Sprint(known) {
			t.Fatalf("% x: %v, want %v", b, known, err)
		}
		got := [3]string{string(x.client.JA3), string(x.client.JA4), string(x.client.JA3Full)}
		if want := [3]string{string(m.JA3), string(m.JA4), string(m.JA3Full)}; got != want {
			t.Fatalf("% x: got %q, want %q", b, got, want)
		}
		different[got[0]+got[1]] = true

		b = append([]byte{3, byte(r.IntN(4))}, make([]byte, 33)...)
		b = append(b, 0x13, byte(r.IntN(3)), 0)
		if n := r.IntN(4); n > 0 {
			b = append(b, 0, byte(4*n))
			for range n {
				b = append(b, 0, byte(r.IntN(3)), 0, 0)
			}
		}
		var s ServerHello
		if err, known := s.Decode(b), x.server.Decode(b); fmt.Sprint(err) != fmt.Sprint(known) {
			t.Fatalf("% x: %v, want %v", b, known, err)
		}
		if !bytes.Equal(x.server.JA3S, s.JA3S) || !bytes.Equal(x.server.JA3SFull, s.JA3SFull) {
			t.Fatalf("% x: got %s, want %s", b, x.server.JA3SFull, s.JA3SFull)
		}
	}
	if len(different) < 10*knownPrints {
		t.Errorf("only %d different fingerprints", len(different))
	}
}

// TestKnownPrintTooLong: of a hello with very long lists nothing is remembered.
func TestKnownPrintTooLong(t *testing.T) {
	suites := bytes.Repeat([]byte{0x13, 1}, maxPrintKey)
	b := append([]byte{3, 3}, make([]byte, 33)...)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(suites))), suites...)
	x := newDecoder()
	if err := x.client.Decode(append(b, 1, 0), OverTCP); err != nil || len(x.client.JA3Full) < maxPrintKey {
		t.Fatal(err, len(x.client.JA3Full))
	}
	for i := range x.known.prints {
		if p := &x.known.prints[i]; p.key != nil {
			t.Fatalf("a key of %d bytes is remembered", len(p.key))
		}
	}
}

// TestKnownCertificates: the same, of certificates that differ in a few bytes,
// some of which end alike.
func TestKnownCertificates(t *testing.T) {
	whole := certificateIn(t, "testdata/tls10.transcript")
	r := rand.New(rand.NewPCG(1, 2))
	x := newDecoder()
	for range 5000 {
		b := bytes.Clone(whole)
		if r.IntN(3) > 0 {
			b[r.IntN(len(b))] ^= byte(1 << r.IntN(3))
		}
		b = b[:len(b)-r.IntN(2)*r.IntN(len(b))]
		var want Certificate
		want.Decode(b)
		lent := bytes.Clone(b)
		got := x.known.certificate(lent)
		clear(lent) // it is only lent
		if !reflect.DeepEqual(shownOf(got), shownOf(&want)) {
			t.Fatalf("% x:\n got %+v\nwant %+v", b, got, &want)
		}
	}
}

// certificateIn returns the first certificate of a transcript.
func certificateIn(t testing.TB, path string) []byte {
	t.Helper()
	for _, s := range handshake(t, path) {
		if i := bytes.Index(s.Data, []byte{0x30, 0x82}); i > 0 {
			return s.Data[i : i+4+int(binary.BigEndian.Uint16(s.Data[i+2:]))]
		}
	}
	t.Fatal("no certificate in ", path)
	return nil
}

// BenchmarkFingerprint is what a hello costs whose fingerprints are not known.
func BenchmarkFingerprint(b *testing.B) {
	for _, s := range handshake(b, "testdata/tls13.transcript") {
		if s.Data[0] == recordHandshake && s.Data[recordHeader] == typeClientHello {
			var m ClientHello
			b.ReportAllocs()
			for b.Loop() {
				if err := m.Decode(s.Data[recordHeader+4:], OverTCP); err != nil {
					b.Fatal(err)
				}
			}
			return
		}
	}
}

// shownOf returns the exported fields as text.
func shownOf(m *Certificate) string {
	c := *m
	c.text = nil
	return fmt.Sprintf("%q %+v", c.Names, c)
}
