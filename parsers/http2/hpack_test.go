package http2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// shownFields are names that are shown by the tests' configuration, so that values are
// compared too.
var shownFields = []string{"x-a", "x-b", "date", "etag", "x-long-" + strings.Repeat("n", 300)}

// decodeBlock is what a decoder makes of a block, with the id in place of the
// name.
func decodeBlock(d *decoder, block []byte) (out []string, err error) {
	var f headerField
	for len(block) > 0 {
		n, err := d.next(block, &f)
		if err != nil {
			return out, err
		}
		if block = block[n:]; f.size > 0 {
			out = append(out, fmt.Sprintf("%d %q %d", f.id, f.value, f.size))
		}
	}
	return out, nil
}

// want is what x/net says of it.
func want(cfg *shared, fields []hpack.HeaderField) (out []string) {
	for _, f := range fields {
		id := cfg.identify([]byte(f.Name))
		out = append(out, fmt.Sprintf("%d %q %d", id, cfg.appendShown(nil, id, []byte(f.Value)), f.Size()))
	}
	return out
}

func TestStaticTable(t *testing.T) {
	d := hpack.NewDecoder(4096, nil)
	for i, f := range staticFields {
		if i == 0 {
			continue
		}
		got, err := d.DecodeFull([]byte{0x80 | byte(i)})
		if err != nil || got[0].Name != f.name || got[0].Value != f.value {
			t.Errorf("entry %d is %v, %v, want %v", i, f, err, got)
		}
	}
}

func TestHuffman(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		s := make([]byte, r.IntN(40))
		for i := range s {
			s[i] = byte(r.Uint32())
			if r.IntN(2) == 0 {
				s[i] = 'a' + s[i]%26
			}
		}
		coded := hpack.AppendHuffmanString(nil, string(s))
		if got, ok := appendHuffman(nil, coded); !ok || !bytes.Equal(got, s) {
			t.Fatalf("%x decodes to %q, %v, want %q", coded, got, ok, s)
		}
	}
	for range 200000 { // any bytes
		b := make([]byte, 1+r.IntN(8))
		for i := range b {
			b[i] = byte(r.Uint32() | r.Uint32()) // of the long codes, more ones
		}
		want, err := hpack.HuffmanDecodeToString(b)
		if got, ok := appendHuffman(nil, b); ok != (err == nil) || ok && string(got) != want {
			t.Fatalf("%x decodes to %q, %v, want %q, %v", b, got, ok, want, err)
		}
	}
}

// encoder writes header blocks as a peer could that uses all there is.
type encoder struct {
	r   *rand.Rand
	enc *hpack.Encoder
	buf bytes.Buffer
}

func newEncoder(seed uint64) *encoder {
	e := &encoder{r: rand.New(rand.NewPCG(seed, 1))}
	e.enc = hpack.NewEncoder(&e.buf)
	e.enc.SetMaxDynamicTableSizeLimit(maxTable)
	return e
}

var names = append([]string{":method", ":path", ":status", "cookie", "server", "x-unknown", "authorization", "location"}, shownFields...)

func (e *encoder) block() []byte {
	e.buf.Reset()
	if e.r.IntN(10) == 0 {
		e.enc.SetMaxDynamicTableSize([]uint32{0, 64, 200, 4096, 16384, maxTable}[e.r.IntN(6)])
	}
	for range 1 + e.r.IntN(8) {
		value := fmt.Sprint(e.r.IntN(20))
		switch e.r.IntN(12) {
		case 0:
			value = strings.Repeat(value, 1+e.r.IntN(3000))
		case 1:
			value = "/a?token=" + value + "&b=\x01\xff"
		}
		_ = e.enc.WriteField(hpack.HeaderField{Name: names[e.r.IntN(len(names))], Value: value, Sensitive: e.r.IntN(10) == 0})
	}
	return bytes.Clone(e.buf.Bytes())
}

// TestHPACK compares with x/net: what is said of each field, and of how the table
// changes.
func TestHPACK(t *testing.T) {
	cfg := newShared(Config{Headers: shownFields})
	for seed := range uint64(100) {
		e := newEncoder(seed)
		other := hpack.NewDecoder(4096, nil)
		other.SetAllowedMaxDynamicTableSize(maxTable)
		d := decoder{cfg: cfg}
		for i := range 200 {
			block := e.block()
			fields, err := other.DecodeFull(block)
			if err != nil {
				t.Fatal(err)
			}
			got, err := decodeBlock(&d, block)
			if w := want(cfg, fields); err != nil || fmt.Sprint(got) != fmt.Sprint(w) {
				t.Fatalf("seed %d, block %d: %v\n got %q\nwant %q", seed, i, err, got, w)
			}
		}
	}
}

// TestHPACKJoined: a decoder that joins late is right in all that it knows.
func TestHPACKJoined(t *testing.T) {
	cfg := newShared(Config{Headers: shownFields})
	known, all := 0, 0
	for seed := range uint64(300) {
		e := newEncoder(seed)
		other := hpack.NewDecoder(4096, nil)
		other.SetAllowedMaxDynamicTableSize(maxTable)
		var d decoder
		join := int(seed % 50)
		for i := range 100 {
			block := e.block()
			fields, err := other.DecodeFull(block)
			if err != nil {
				t.Fatal(err)
			}
			if i == join {
				d = decoder{cfg: cfg}
				d.table.forget()
			}
			if i < join {
				continue
			}
			got, err := decodeBlock(&d, block)
			w := want(cfg, fields)
			if err != nil || len(got) != len(w) {
				t.Fatalf("seed %d, block %d: %v\n got %q\nwant %q", seed, i, err, got, w)
			}
			for j := range got {
				all++
				if strings.HasPrefix(got[j], fmt.Sprint(unknown, " ")) {
					continue
				}
				known++
				if got[j] != w[j] {
					t.Fatalf("seed %d, block %d: field %q, want %q", seed, i, got[j], w[j])
				}
			}
		}
	}
	t.Logf("%d of %d fields are known", known, all)
	if known < all/2 {
		t.Errorf("only %d of %d fields are known", known, all)
	}
}

// TestHPACKErrors names what is refused.
func TestHPACKErrors(t *testing.T) {
	for _, x := range []struct {
		block []byte
		want  error
	}{
		{[]byte{0x80}, errIndex},
		{[]byte{0xff}, errInteger},
		{[]byte{0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 1}, errInteger},
		{[]byte{0x40}, errString},
		{[]byte{0x40, 2, 'a'}, errString},
		{[]byte{0x41, 0x7f, 0xff, 0xff, 0xff, 0x7f}, errString},
		{[]byte{0x41, 0x84, 0xff, 0xff, 0xff, 0xff}, errHuffman},
		{[]byte{0x3f, 0xe2, 0xff, 0x03}, errTableSize},
	} {
		d := decoder{cfg: newShared(Config{})}
		if _, err := decodeBlock(&d, x.block); err != x.want {
			t.Errorf("%x: %v, want %v", x.block, err, x.want)
		}
	}
}
