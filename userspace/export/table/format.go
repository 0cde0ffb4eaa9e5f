package table

import (
	"net/netip"
	"strconv"
	"time"

	"flowscope/sensor"
)

// maxApp is how many columns the name of a protocol has at most.
const maxApp = 16

// guess ends a flow of which it is a guess who began.
const guess = " ?"

// flowText returns a flow as "from -> to", seen from one side.
func flowText(f *sensor.Flow, from sensor.Side) string {
	i := f.Initiator&1 ^ uint8(from)
	k := &f.Key
	text := endpoint(k, i) + " -> " + endpoint(k, i^1)
	if k.Kind == sensor.FiveTuple && k.Proto != sensor.ProtoTCP {
		text += "/" + k.Proto.String()
	}
	if f.Midstream && f.Evidence < sensor.ByPayload {
		text += guess
	}
	return text
}

func endpoint(k *sensor.Key, i uint8) string {
	switch {
	case k.Kind == sensor.MACPair:
		return sensor.MAC(k.Addr[i&1])
	case k.Kind != sensor.FiveTuple || k.Port == [2]uint16{} || k.Proto == sensor.ProtoICMP || k.Proto == sensor.ProtoICMPv6:
		return k.IP(i).String()
	}
	return netip.AddrPortFrom(k.IP(i), k.Port[i&1]).String()
}

// size returns n bytes with three digits at most, in powers of 1000.
func size(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10) + " B"
	}
	units := [...]string{"kB", "MB", "GB", "TB", "PB", "EB"}
	unit, rest := 0, n
	for rest >= 999_500 && unit < len(units)-1 {
		rest /= 1000
		unit++
	}
	v := float64(rest) / 1000
	decimals := 1
	if v >= 99.95 {
		decimals = 0
	}
	return strconv.FormatFloat(v, 'f', decimals, 64) + " " + units[unit]
}

// span returns a duration as people say it.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "?"
	case d == 0:
		return "0"
	case d < time.Millisecond:
		return strconv.FormatInt(int64(max(d/time.Microsecond, 1)), 10) + "us"
	case d < time.Second:
		return strconv.FormatInt(int64(d/time.Millisecond), 10) + "ms"
	case d < time.Minute:
		return strconv.FormatFloat(float64(d/(100*time.Millisecond))/10, 'f', 1, 64) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m" + strconv.Itoa(int(d/time.Second%60)) + "s"
	case d < 100*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h" + strconv.Itoa(int(d/time.Minute%60)) + "m"
	}
	const day = 24 * time.Hour
	if d < 10_000*day {
		return strconv.Itoa(int(d/day)) + "d"
	}
	return strconv.Itoa(int(d/(365*day))) + "y"
}

// count returns n with its digits in groups.
func count[T ~int | ~int64 | ~uint64](n T) string {
	digits := strconv.FormatUint(uint64(max(n, 0)), 10)
	b := make([]byte, 0, len(digits)*4/3)
	for i := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b = append(b, ',')
		}
		b = append(b, digits[i])
	}
	return string(b)
}

// plural returns "1 gap", "2 gaps".
func plural[T ~int | ~int64 | ~uint64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}
