package sensor

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	earliest = Timestamp(math.MinInt64)
	latest   = Timestamp(math.MaxInt64)
)

func TestUnixTimestamp(t *testing.T) {
	tests := []struct {
		name      string
		sec, nsec int64
		want      Timestamp
	}{
		{"epoch", 0, 0, 0},
		{"a second and a half", 1, 5e8, 15e8},
		{"before the epoch", -1, 25e7, -75e7},
		{"nanoseconds carry up", 1, 25e8, 35e8},
		{"negative nanoseconds carry down", 1, -1, 1e9 - 1},
		{"negative whole seconds in nanoseconds", 5, -2e9, 3e9},
		{"year 2106, the last of a 32-bit pcap", math.MaxUint32, 999999999, math.MaxUint32*1e9 + 999999999},
		{"far future", math.MaxInt64, 0, latest},
		{"far future, all bits set", math.MaxInt64, math.MaxInt64, latest},
		{"far past", math.MinInt64, 0, earliest},
		{"far past, most negative nanoseconds", math.MinInt64, math.MinInt64, earliest},
		{"a year after the range", 9223372036 + 31536000, 0, latest},
		{"a year before the range", -9223372036 - 31536000, 0, earliest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := UnixTimestamp(tt.sec, tt.nsec); got != tt.want {
				t.Errorf("UnixTimestamp(%d, %d) = %d, want %d", tt.sec, tt.nsec, got, tt.want)
			}
		})
	}
}

func TestTimestampOf(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 2, 3, 456789012, time.FixedZone("", 3600))
	if got := TimestampOf(at); !got.Time().Equal(at) {
		t.Errorf("TimestampOf(%v) = %v", at, got)
	}
	if got := TimestampOf(time.Time{}); got != earliest {
		t.Errorf("TimestampOf(zero time) = %d, want the earliest", got)
	}
	if got := TimestampOf(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)); got != latest {
		t.Errorf("TimestampOf(year 9999) = %d, want the latest", got)
	}
}

func TestTimestampSaturates(t *testing.T) {
	adds := []struct {
		t    Timestamp
		d    time.Duration
		want Timestamp
	}{
		{latest, 1, latest},
		{latest - 1, 1, latest},
		{latest, math.MaxInt64, latest},
		{earliest, -1, earliest},
		{earliest, math.MinInt64, earliest},
		{earliest, math.MaxInt64, -1},
		{latest, math.MinInt64, -1},
		{5, 0, 5},
	}
	for _, tt := range adds {
		if got := tt.t.Add(tt.d); got != tt.want {
			t.Errorf("Timestamp(%d).Add(%d) = %d, want %d", tt.t, tt.d, got, tt.want)
		}
	}
	subs := []struct {
		t, u Timestamp
		want time.Duration
	}{
		{latest, earliest, math.MaxInt64},
		{earliest, latest, math.MinInt64},
		{latest, -1, math.MaxInt64},
		{earliest, 1, math.MinInt64},
		{earliest, 0, math.MinInt64},
		{0, earliest, math.MaxInt64},
		{earliest, earliest, 0},
		{3, 5, -2},
	}
	for _, tt := range subs {
		if got := tt.t.Sub(tt.u); got != tt.want {
			t.Errorf("Timestamp(%d).Sub(%d) = %d, want %d", tt.t, tt.u, got, tt.want)
		}
	}
}

func TestTimestampArithmeticIsMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := Timestamp(rapid.Int64().Draw(t, "a")), Timestamp(rapid.Int64().Draw(t, "b"))
		if d := a.Sub(b); (a > b) != (d > 0) || (a < b) != (d < 0) {
			t.Fatalf("%d.Sub(%d) = %d has the wrong sign", a, b, d)
		}
		d := time.Duration(rapid.Int64().Draw(t, "d"))
		if sum := a.Add(d); (d > 0 && sum < a) || (d < 0 && sum > a) {
			t.Fatalf("%d.Add(%d) = %d goes the wrong way", a, d, sum)
		}
	})
}

func TestTimestampText(t *testing.T) {
	tests := map[Timestamp]string{
		0:                         "1970-01-01T00:00:00.000000000Z",
		-1:                        "1969-12-31T23:59:59.999999999Z",
		UnixTimestamp(1e9, 12345): "2001-09-09T01:46:40.000012345Z",
		latest:                    "2262-04-11T23:47:16.854775807Z",
		earliest:                  "1677-09-21T00:12:43.145224192Z",
	}
	for ts, want := range tests {
		if got := ts.String(); got != want {
			t.Errorf("Timestamp(%d).String() = %q, want %q", ts, got, want)
		}
		if text, err := ts.MarshalText(); err != nil || string(text) != want {
			t.Errorf("Timestamp(%d).MarshalText() = %q, %v, want %q", ts, text, err, want)
		}
	}
	buf := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { buf = latest.Append(buf[:0]) }); n != 0 {
		t.Errorf("Append allocates %v times, want 0", n)
	}
}
