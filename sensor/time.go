package sensor

import (
	"math"
	"time"
)

// Timestamp is a point in time in nanoseconds since the Unix epoch, UTC. It is
// an integer, not a time.Time, because millions of them live in flow tables
// that the garbage collector must not have to scan.
//
// Timestamps reach from 1677 to 2262; a Source clamps what lies outside.
type Timestamp int64

// TimestampOf converts t, clamping it to the range of a Timestamp.
func TimestampOf(t time.Time) Timestamp {
	return UnixTimestamp(t.Unix(), int64(t.Nanosecond()))
}

// UnixTimestamp returns the Timestamp of sec seconds and nsec nanoseconds
// since the Unix epoch, clamped to the range of a Timestamp.
func UnixTimestamp(sec, nsec int64) Timestamp {
	const limit = math.MaxInt64/int64(time.Second) - 1
	if nsec < 0 || nsec >= int64(time.Second) {
		carry := nsec / int64(time.Second)
		nsec -= carry * int64(time.Second)
		if nsec < 0 {
			nsec += int64(time.Second)
			carry--
		}
		if sec > limit || sec < -limit {
			carry = 0
		}
		sec += carry
	}
	switch {
	case sec > limit:
		return math.MaxInt64
	case sec < -limit:
		return math.MinInt64
	}
	return Timestamp(sec*int64(time.Second) + nsec)
}

// Time returns t as a time.Time in UTC.
func (t Timestamp) Time() time.Time { return time.Unix(0, int64(t)).UTC() }

// Add returns t+d, saturating at the ends of the range.
func (t Timestamp) Add(d time.Duration) Timestamp {
	sum := t + Timestamp(d)
	switch {
	case d > 0 && sum < t:
		return math.MaxInt64
	case d < 0 && sum > t:
		return math.MinInt64
	}
	return sum
}

// Sub returns t-u, saturating at the ends of the range.
func (t Timestamp) Sub(u Timestamp) time.Duration {
	d := time.Duration(t - u)
	switch {
	case t >= u && d < 0:
		return math.MaxInt64
	case t < u && d > 0:
		return math.MinInt64
	}
	return d
}

// timestampLayout has a fixed width, so that text sorts as time does.
const timestampLayout = "2006-01-02T15:04:05.000000000Z"

// String returns t in RFC 3339 form with nine decimals, in UTC.
func (t Timestamp) String() string { return string(t.Append(nil)) }

// Append appends what String returns to dst.
func (t Timestamp) Append(dst []byte) []byte {
	return t.Time().AppendFormat(dst, timestampLayout)
}

// MarshalText implements encoding.TextMarshaler as String.
func (t Timestamp) MarshalText() ([]byte, error) { return t.Append(nil), nil }
