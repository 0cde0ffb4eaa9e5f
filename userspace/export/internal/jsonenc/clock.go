package jsonenc

import (
	"flowscope/sensor"
)

// Clock writes timestamps as [sensor.Timestamp.Append] does, faster, because it
// remembers the text of the day that it wrote last. Its zero value is ready for
// use.
type Clock struct {
	day    int64 // since the Unix epoch
	prefix [len("2006-01-02T")]byte
	known  bool
}

const nanosPerDay = 24 * 60 * 60 * 1e9

// Append appends what t.String returns.
func (c *Clock) Append(dst []byte, t sensor.Timestamp) []byte {
	day, n := int64(t)/nanosPerDay, int64(t)%nanosPerDay
	if n < 0 {
		day, n = day-1, n+nanosPerDay
	}
	if !c.known || day != c.day {
		start := len(dst)
		dst = t.Append(dst)
		copy(c.prefix[:], dst[start:])
		c.day, c.known = day, true
		return dst
	}
	second, frac := uint32(n/1e9), uint32(n%1e9)
	var text [len("15:04:05.000000000Z")]byte
	put2(text[0:], second/3600)
	text[2] = ':'
	put2(text[3:], second/60%60)
	text[5] = ':'
	put2(text[6:], second%60)
	text[8] = '.'
	for i := 17; i > 8; i-- {
		text[i] = byte('0' + frac%10)
		frac /= 10
	}
	text[18] = 'Z'
	dst = append(dst, c.prefix[:]...)
	return append(dst, text[:]...)
}

func put2(b []byte, n uint32) {
	b[0], b[1] = byte('0'+n/10), byte('0'+n%10)
}
