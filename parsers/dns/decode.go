package dns

import "encoding/binary"

const (
	maxText  = 64 << 10 // of all names and data of one message
	textRoom = 12 << 10 // what a question or record can need
	chunk    = 32 << 10
)

// decoder holds the memory that a Message is made of. It is used for one message
// at a time, and for many in turn.
type decoder struct {
	msg       Message
	edns      EDNS
	options   [16]Option
	questions [MaxRecords]Question
	records   [MaxRecords]Record
	kept      int // questions and records
	nrecords  int
	text      []byte // names and data are slices of it
	used      int    // bytes of text in chunks before this one
	multicast bool
}

// decode makes d.msg of a message of which the last missing bytes were not
// captured.
func (d *decoder) decode(data []byte, missing int) error {
	d.msg = Message{Missing: missing}
	d.kept, d.nrecords, d.used, d.text = 0, 0, 0, d.text[:0]
	r := reader{msg: data, end: len(data)}
	if len(data) < headerSize {
		r.overrun()
		return r.err()
	}
	d.header(data)
	r.at = headerSize
	d.body(&r, data)
	if r.reason != "" && !(missing > 0 && r.short) {
		return r.err()
	}
	if r.reason == "" && missing == 0 {
		d.msg.Trailing = r.left()
	}
	return nil
}

func (d *decoder) header(b []byte) {
	m := &d.msg
	flags := binary.BigEndian.Uint16(b[2:])
	m.ID = binary.BigEndian.Uint16(b)
	m.Kind = KindQuery
	m.Opcode = Opcode(flags >> 11 & 15)
	m.Authoritative = flags&0x400 != 0
	m.Truncated = flags&0x200 != 0
	m.RecursionDesired = flags&0x100 != 0
	m.RecursionAvailable = flags&0x80 != 0
	m.Reserved = flags&0x40 != 0
	m.AuthenticData = flags&0x20 != 0
	m.CheckingDisabled = flags&0x10 != 0
	if flags&0x8000 != 0 {
		m.Kind = KindResponse
		m.RCode = rcodeName(flags & 15)
	}
}

// body reads the four sections, as long as there is no error.
func (d *decoder) body(r *reader, b []byte) {
	m := &d.msg
	n := 0
	for range binary.BigEndian.Uint16(b[4:]) {
		if r.reason != "" {
			return
		}
		if d.question(r, n) {
			n++
		}
	}
	if n > 1 || n == 1 && d.questions[0].Unicast {
		m.Questions = d.questions[:n]
	}
	sections := [3]*[]Record{&m.Answers, &m.Authorities, &m.Additionals}
	for i, section := range sections {
		first := d.nrecords
		for range binary.BigEndian.Uint16(b[6+2*i:]) {
			if r.reason != "" {
				break
			}
			d.record(r, i == 2)
		}
		if d.nrecords > first {
			*section = d.records[first:d.nrecords:d.nrecords]
		}
	}
}

// keeps reports whether one more question or record is kept, and makes room.
func (d *decoder) keeps() bool {
	if d.kept == MaxRecords || d.used+len(d.text) > maxText-textRoom {
		d.msg.Omitted++
		return false
	}
	d.kept++
	d.room(textRoom)
	return true
}

// room makes room for n bytes of text, at most a chunk. It moves nothing: what
// was said before points into the chunk before.
func (d *decoder) room(n int) {
	if cap(d.text)-len(d.text) < n {
		d.used += len(d.text)
		d.text = make([]byte, 0, chunk)
	}
}

// question reads a question into place n, and reports whether it was kept.
func (d *decoder) question(r *reader, n int) bool {
	if !d.keeps() {
		r.skipName()
		if r.take(4); r.reason != "" {
			d.msg.Omitted--
		}
		return false
	}
	q := &d.questions[n]
	*q = Question{Name: d.name(r), Type: Type(r.u16()), Class: Class(r.u16())}
	if d.multicast {
		q.Unicast, q.Class = q.Class&0x8000 != 0, q.Class&0x7fff
	}
	if r.reason != "" {
		return false
	}
	if n == 0 {
		d.msg.Name, d.msg.Type, d.msg.Class = q.Name, q.Type, q.Class
	}
	return true
}

// name reads a name and returns its text, which stays what it is.
func (d *decoder) name(r *reader) []byte {
	start := len(d.text)
	d.text = r.name(d.text)
	return d.text[start:len(d.text):len(d.text)]
}

// record reads a record; additional says that it may be OPT.
func (d *decoder) record(r *reader, additional bool) {
	begin := r.at
	r.skipName()
	var t Type
	var class Class
	var ttl uint32
	size := 0
	if b := r.take(10); b != nil {
		t, class = Type(binary.BigEndian.Uint16(b)), Class(binary.BigEndian.Uint16(b[2:]))
		ttl, size = binary.BigEndian.Uint32(b[4:]), int(binary.BigEndian.Uint16(b[8:]))
	}
	at := r.at
	r.take(size)
	switch {
	case r.reason != "":
		return
	case t == TypeOPT && additional && d.msg.EDNS == nil:
		d.opt(reader{msg: r.msg, at: at, end: at + size}, class, ttl)
		return
	case !d.keeps():
		return
	}
	next := *r
	r.at = begin
	rr := &d.records[d.nrecords]
	*rr = Record{Type: t, Class: class, TTL: ttl}
	if b := r.msg[begin:]; len(d.msg.Name) > 0 && b[0] == 0xc0 && b[1] == headerSize {
		rr.Name = d.msg.Name // the name of the first question, as usual
	} else {
		rr.Name = d.name(r)
	}
	if d.multicast {
		rr.Flush, rr.Class = class&0x8000 != 0, class&0x7fff
	}
	if r.reason != "" {
		return
	}
	*r = next
	data := reader{msg: r.msg, at: at, end: at + size}
	if d.data(rr, &data); data.reason != "" {
		r.fail(data.bad, "in the data of a record: "+data.reason)
		return
	}
	d.nrecords++
}
