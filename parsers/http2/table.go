package http2

import "slices"

const (
	entryOverhead = 32   // RFC 7541, 4.1
	defaultTable  = 4096 // RFC 9113, 6.5.2
)

// entry is a field of the dynamic table: what it is, and where what is shown of
// its value stands.
type entry struct {
	at      uint64 // of all bytes that ever were in the table's text
	shown   uint32
	size    uint32
	nameLen uint32
	id      fieldID
	found   Anomaly
}

// table is a dynamic table. Its zero value is empty, of the default size. Entries
// and their text come at the end and leave at the front.
type table struct {
	entries []entry
	head    int    // the oldest entry
	text    []byte // of the entries, oldest first
	base    uint64 // of text[0]
	size    uint32 // of the entries
	limit   uint32 // that size, if changed
	changed bool   // limit is not the default
	// joined: what was in the table before the first entry is not known, nor is
	// the limit unless it was changed since.
	joined bool
}

// max is what size may be. What the other side allows is not compared: who sends
// a field knows the limit.
func (t *table) max() uint32 {
	switch {
	case t.changed:
		return t.limit
	case t.joined:
		return maxTable
	}
	return defaultTable
}

// at returns the entry with an index from 0 on, the newest first, or nil.
func (t *table) at(index uint32) *entry {
	if uint64(index) >= uint64(len(t.entries)-t.head) {
		return nil
	}
	return &t.entries[len(t.entries)-1-int(index)]
}

// value returns what is shown of an entry's value.
func (t *table) value(e *entry) []byte {
	at := e.at - t.base
	return t.text[at : at+uint64(e.shown) : at+uint64(e.shown)]
}

// add inserts an entry. An entry that does not fit empties the table (RFC 7541,
// 4.4). Whether one fits is not always known where the parser joined: then it is
// forgotten, with all older ones. Newer ones count from the newest, so that they
// are right whether or not it is there.
func (t *table) add(e entry, value []byte) {
	if t.joined && (e.id == unknown || !t.changed && e.size > defaultTable) {
		t.forget()
		return
	}
	for t.size > 0 && uint64(t.size)+uint64(e.size) > uint64(t.max()) {
		t.drop()
	}
	if e.size > t.max() {
		return
	}
	e.at, e.shown = t.base+uint64(len(t.text)), uint32(len(value))
	t.makeRoom(len(value))
	t.text = append(t.text, value...)
	t.entries = append(t.entries, e)
	t.size += e.size
}

// makeRoom moves what is left to the front, where that is more than a half, before
// the text or the entries would grow.
func (t *table) makeRoom(n int) {
	if t.head == len(t.entries) {
		t.base += uint64(len(t.text))
		t.entries, t.head, t.text = t.entries[:0], 0, t.text[:0]
		return
	}
	if len(t.entries) == cap(t.entries) && t.head > len(t.entries)/2 {
		t.entries = slices.Delete(t.entries, 0, t.head)
		t.head = 0
	}
	if gone := int(t.entries[t.head].at - t.base); len(t.text)+n > cap(t.text) && gone > len(t.text)/2 {
		t.text = t.text[:copy(t.text, t.text[gone:])]
		t.base += uint64(gone)
	}
}

// drop removes the oldest entry.
func (t *table) drop() {
	t.size -= t.entries[t.head].size
	t.head++
}

// resize sets the limit (RFC 7541, 4.3).
func (t *table) resize(limit uint32) {
	t.limit, t.changed = limit, true
	for t.size > limit {
		t.drop()
	}
}

// forget makes all that is in the table unknown.
func (t *table) forget() {
	t.base += uint64(len(t.text))
	t.entries, t.head, t.text, t.size = t.entries[:0], 0, t.text[:0], 0
	t.joined = true
}
