package jsonenc

import (
	"flowscope/sensor"
)

// Clock writes timestamps as [sensor.Timestamp.Append] does, faster, because it
// remembers the text of the second that it wrote last: records of one time
// stand together. Its zero value is ready for use.
type Clock struct {
	second int64
	prefix [len("2006-01-02T15:04:05.")]byte
	known  bool
}

// Append appends what t.String returns.
func (c *Clock) Append(dst []byte, t sensor.Timestamp) []byte {
	second, nsec := int64(t)/1e9, int64(t)%1e9
	if nsec < 0 {
		second, nsec = second-1, nsec+1e9
	}
	if !c.known || second != c.second {
		start := len(dst)
		dst = t.Append(dst)
		copy(c.prefix[:], dst[start:])
		c.second, c.known = second, true
		return dst
	}
	dst = append(dst, c.prefix[:]...)
	var digits [10]byte
	digits[9] = 'Z'
	for i := 8; i >= 0; i-- {
		digits[i] = byte('0' + nsec%10)
		nsec /= 10
	}
	return append(dst, digits[:]...)
}
