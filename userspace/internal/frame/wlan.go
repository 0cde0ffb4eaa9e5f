package frame

import "encoding/binary"

// radiotap skips the radiotap header (www.radiotap.org) and, where it says that
// there is one, the FCS behind the frame.
func (c *cursor) radiotap(p *Packet) Reason {
	h := c.peek(8)
	if h == nil {
		return c.short(8)
	}
	size := int(binary.LittleEndian.Uint16(h[2:]))
	if h[0] != 0 || size < 8 {
		return MalformedLink
	}
	if c.take(size) == nil {
		return c.short(size)
	}
	return c.wlan(p)
}

// wlan reads the header of an 802.11 data frame (IEEE 802.11-2020, 9.3.2).
func (c *cursor) wlan(p *Packet) Reason {
	const (
		typeMask, typeData        = 0x0c, 0x08
		subtypeQoS, subtypeNoData = 0x80, 0x40
		toDS, fromDS              = 0x01, 0x02
		protected, order          = 0x40, 0x80
	)
	h := c.take(24)
	if h == nil {
		return c.short(2)
	}
	control, flags := h[0], h[1]
	if control&typeMask != typeData || control&subtypeNoData != 0 || flags&protected != 0 {
		return NonIP // management, control, no data, or encrypted
	}
	dst, src := h[4:10], h[10:16]
	more := 0
	switch flags & (toDS | fromDS) {
	case toDS:
		dst = h[16:22]
	case fromDS:
		src = h[16:22]
	case toDS | fromDS:
		dst = h[16:22]
		if src = c.take(6); src == nil {
			return c.short(6)
		}
	}
	if control&subtypeQoS != 0 {
		qos := c.peek(2)
		if qos == nil {
			return c.short(2)
		}
		if qos[0]&0x80 != 0 {
			return NonIP // aggregated: several frames in one
		}
		more = 2
		if flags&order != 0 {
			more = 6 // HT control
		}
	}
	if c.take(more) == nil {
		return c.short(more)
	}
	copy(p.MAC[:6], dst)
	copy(p.MAC[6:], src)
	c.next = layerLLC
	return Accounted
}
