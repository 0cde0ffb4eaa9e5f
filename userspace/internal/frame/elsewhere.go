package frame

// Book books a frame that somebody else made a record of, or refused, as
// Classify would: ipBytes is the length of its outermost IP packet, counted
// that of the packet the record counts.
func (c *Classifier) Book(f *Frame, why Reason, ipBytes, counted int) {
	if c.frags.size() != 0 {
		c.frags.advance(f.Time, &c.books)
	}
	c.books.enter(max(f.WireLen, 0), ipBytes)
	if why != Accounted {
		c.books.leave(why, max(f.WireLen, 0), ipBytes)
		return
	}
	c.books.account(max(f.WireLen, 0), ipBytes, counted)
}
