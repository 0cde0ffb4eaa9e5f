package http2

import (
	"cmp"
	"errors"
)

// HPACK (RFC 7541). This decoder differs from a general one in what it is for.
// It keeps no names and of values only what is shown, so that a table costs
// little, a block cannot be made to copy more than maxValue bytes for each of
// its own, and secrets are not in memory. It goes on when the table's content
// was not seen: such fields are unknown, all others are right. And it allocates
// nothing for a block.

var (
	errInteger   = errors.New("a number in a header block is cut short or too large")
	errString    = errors.New("a string in a header block is cut short")
	errHuffman   = errors.New("a string in a header block is no Huffman code")
	errIndex     = errors.New("a header field with index 0")
	errTableSize = errors.New("a header table of more than 64 KiB")
)

// headerField is a decoded header field.
type headerField struct {
	id    fieldID
	value []byte // as shown; valid until the next field
	found Anomaly

	nameLen uint32
	size    uint32 // RFC 7541, 4.1
}

// decoder is the state of HPACK in one direction.
type decoder struct {
	cfg   *shared
	table table
	names []byte // of the current field, if it was in Huffman's code
	raw   []byte // the same for the value
	shown []byte // what is shown of a value that does not go to the table
}

// next decodes the field at the front of b, of which it takes n bytes. A change
// of the table's size is a field that is other, with size 0.
func (d *decoder) next(b []byte, f *headerField) (n int, err error) {
	*f = headerField{}
	var index uint32
	switch c := b[0]; {
	case c&0x80 != 0:
		index, n, err = integer(b, 7)
		if err != nil || index == 0 {
			return n, cmp.Or(err, errIndex)
		}
		d.lookup(index, f)
		return n, nil
	case c&0xc0 == 0x40:
		return d.literal(b, 6, f)
	case c&0xe0 == 0x20:
		index, n, err = integer(b, 5)
		if err == nil && index > maxTable {
			err = errTableSize
		}
		if err == nil {
			d.table.resize(index)
		}
		return n, err
	}
	return d.literal(b, 4, f)
}

// lookup finds an indexed field.
func (d *decoder) lookup(index uint32, f *headerField) {
	if index < uint32(len(staticFields)) {
		s := &staticFields[index]
		f.id = d.cfg.static[index]
		f.value = append(d.shown[:0], s.value...)
		d.shown = f.value
		f.nameLen = uint32(len(s.name))
		f.size = f.nameLen + uint32(len(s.value)) + entryOverhead
		return
	}
	e := d.table.at(index - uint32(len(staticFields)))
	if e == nil {
		d.table.joined = true
		f.id, f.size = unknown, entryOverhead
		return
	}
	f.id, f.found, f.size, f.nameLen = e.id, e.found, e.size, e.nameLen
	f.value = d.table.value(e)
}

// literal decodes a literal field whose index has so many bits in the first byte:
// 6 if the field goes to the table.
func (d *decoder) literal(b []byte, bits uint, f *headerField) (n int, err error) {
	index, n, err := integer(b, bits)
	if err != nil {
		return n, err
	}
	if index > 0 {
		d.lookup(index, f)
	} else {
		name, k, err := d.text(b[n:], &d.names)
		n += k
		if err != nil {
			return n, err
		}
		f.id, f.nameLen = d.cfg.identify(name), uint32(len(name))
	}
	value, k, err := d.text(b[n:], &d.raw)
	n += k
	if err != nil {
		return n, err
	}
	f.found = oddities(value)
	f.size = f.nameLen + uint32(len(value)) + entryOverhead
	d.shown = d.cfg.appendShown(d.shown[:0], f.id, value)
	f.value = d.shown
	if bits == 6 {
		d.table.add(entry{id: f.id, found: f.found, size: f.size, nameLen: f.nameLen}, f.value)
	}
	return n, nil
}

// text decodes a string literal (RFC 7541, 5.2), into buf if it is coded.
func (d *decoder) text(b []byte, buf *[]byte) (s []byte, n int, err error) {
	if len(b) == 0 {
		return nil, 0, errString
	}
	size, n, err := integer(b, 7)
	if err != nil {
		return nil, n, err
	}
	if uint64(size) > uint64(len(b)-n) {
		return nil, n, errString
	}
	s = b[n : n+int(size)]
	n += int(size)
	if b[0]&0x80 == 0 {
		return s, n, nil
	}
	out, ok := appendHuffman((*buf)[:0], s)
	*buf = out
	if !ok {
		return nil, n, errHuffman
	}
	return out, n, nil
}

// shrink gives back what unusually long strings made large.
func (d *decoder) shrink() {
	if cap(d.names) > maxSpare {
		d.names = nil
	}
	if cap(d.raw) > maxSpare {
		d.raw = nil
	}
}

// integer decodes an integer with a prefix of so many bits (RFC 7541, 5.1), of up
// to 28 bits and a little.
func integer(b []byte, bits uint) (v uint32, n int, err error) {
	limit := uint32(1)<<bits - 1
	v = uint32(b[0]) & limit
	if v < limit {
		return v, 1, nil
	}
	for n = 1; n < len(b) && n <= 4; n++ {
		v += uint32(b[n]&0x7f) << (7 * (n - 1))
		if b[n]&0x80 == 0 {
			return v, n + 1, nil
		}
	}
	return 0, n, errInteger
}
