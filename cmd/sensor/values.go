package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"flowscope/sensor"
)

// keyValue is the flag --key: a kind of key and what else is part of it.
type keyValue struct{ c *sensor.Classify }

func (v keyValue) Type() string { return "KEY" }

func (v keyValue) String() string {
	if v.c == nil {
		return ""
	}
	s := v.c.Key.String()
	if v.c.KeyVLAN {
		s += ",vlan"
	}
	if v.c.KeyTunnel {
		s += ",tunnel"
	}
	return s
}

func (v keyValue) Set(s string) error {
	kind, extras, _ := strings.Cut(s, ",")
	c := sensor.Classify{}
	switch kind {
	case "five-tuple":
		c.Key = sensor.FiveTuple
	case "ip-pair":
		c.Key = sensor.IPPair
	case "mac-pair":
		c.Key = sensor.MACPair
	default:
		return fmt.Errorf("want five-tuple, ip-pair or mac-pair, then ,vlan and ,tunnel as you like")
	}
	for extra := range strings.SplitSeq(extras, ",") {
		switch extra {
		case "vlan":
			c.KeyVLAN = true
		case "tunnel":
			c.KeyTunnel = true
		default:
			if extras != "" {
				return fmt.Errorf("%q cannot be part of a key: want vlan or tunnel", extra)
			}
		}
	}
	v.c.Key, v.c.KeyVLAN, v.c.KeyTunnel = c.Key, c.KeyVLAN, c.KeyTunnel
	return nil
}

// tunnelsValue is the flag --tunnels.
type tunnelsValue struct{ level *sensor.TunnelLevel }

func (v tunnelsValue) Type() string { return "LEVEL" }

func (v tunnelsValue) String() string {
	if v.level == nil {
		return ""
	}
	return [...]string{"inner", "outer", "both"}[*v.level]
}

func (v tunnelsValue) Set(s string) error {
	switch s {
	case "inner":
		*v.level = sensor.Inner
	case "outer":
		*v.level = sensor.Outer
	case "both":
		*v.level = sensor.Both
	default:
		return fmt.Errorf("want inner, outer or both")
	}
	return nil
}

// portsValue is a list of ports, for --vxlan-port and the like.
type portsValue struct{ ports *[]uint16 }

func (v portsValue) Type() string { return "PORTS" }

func (v portsValue) String() string {
	if v.ports == nil {
		return ""
	}
	s := make([]string, len(*v.ports))
	for i, p := range *v.ports {
		s[i] = strconv.Itoa(int(p))
	}
	return strings.Join(s, ",")
}

func (v portsValue) Set(s string) error {
	for word := range strings.SplitSeq(s, ",") {
		p, err := strconv.ParseUint(word, 10, 16)
		if err != nil || p == 0 {
			return fmt.Errorf("want ports from 1 to 65535, separated by commas")
		}
		*v.ports = append(*v.ports, uint16(p))
	}
	return nil
}

// sizeValue is a number of bytes: 64MiB, 64M, 1000000.
type sizeValue struct{ n *int64 }

var sizeUnits = []struct {
	suffix string
	factor int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}, {"", 1},
}

func (v sizeValue) Type() string { return "SIZE" }

func (v sizeValue) String() string {
	if v.n == nil {
		return ""
	}
	for i := 2; i >= 0; i-- {
		if u := sizeUnits[i]; *v.n != 0 && *v.n%u.factor == 0 {
			return strconv.FormatInt(*v.n/u.factor, 10) + u.suffix
		}
	}
	return strconv.FormatInt(*v.n, 10)
}

func (v sizeValue) Set(s string) error {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n <= 0 || n > math.MaxInt64/u.factor {
			break
		}
		*v.n = n * u.factor
		return nil
	}
	return fmt.Errorf("want a number of bytes above 0, such as 64MiB")
}

// percentValue is a share from 0 to 100; the number before it was set is
// negative.
type percentValue struct{ share *float64 }

func (v percentValue) Type() string { return "PERCENT" }

func (v percentValue) String() string {
	if v.share == nil || *v.share < 0 {
		return ""
	}
	return strconv.FormatFloat(*v.share*100, 'g', -1, 64)
}

func (v percentValue) Set(s string) error {
	p, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || !(p >= 0 && p <= 100) {
		return fmt.Errorf("want a percentage from 0 to 100")
	}
	*v.share = p / 100
	return nil
}

// nameValue is a word out of a list.
type nameValue struct {
	name  *string
	names []string
}

func (v nameValue) Type() string { return strings.ToUpper(strings.Join(v.names, "|")) }

func (v nameValue) String() string {
	if v.name == nil {
		return ""
	}
	return *v.name
}

func (v nameValue) Set(s string) error {
	for _, n := range v.names {
		if s == n {
			*v.name = s
			return nil
		}
	}
	return fmt.Errorf("want %s", strings.Join(v.names, ", "))
}
