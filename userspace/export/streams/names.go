package streams

import (
	"errors"
	"io/fs"
	"os"
	"strconv"

	"flowscope/sensor"
)

// maxNames is how many uses of five-tuples are remembered.
const maxNames = 1 << 16

// names finds a suffix for flows that use the same addresses and ports. The
// directory is what decides; memory only makes it quick.
type names struct {
	next map[sensor.Key]uint32 // the suffix after the one used last
}

// suffix returns the number of a pair of names that are both free.
func (n *names) suffix(root *os.Root, key *sensor.Key) (uint32, error) {
	k := *key
	k.VLAN, k.Tunnel = 0, 0 // are no part of a name
	if n.next == nil || len(n.next) >= maxNames {
		n.next = make(map[sensor.Key]uint32)
	}
	low, known := n.next[k]
	free := low
	// Unless memory tells, go up in growing steps, then back by halves: a
	// five-tuple that was used often is found in few steps.
	for step := uint32(1); ; step *= 2 {
		taken, err := isTaken(root, &k, free)
		if err != nil {
			return 0, err
		}
		if !taken {
			break
		}
		low, free = free+1, free+step
	}
	for !known && low < free {
		mid := low + (free-low)/2
		taken, err := isTaken(root, &k, mid)
		if err != nil {
			return 0, err
		}
		if taken {
			low = mid + 1
		} else {
			free = mid
		}
	}
	n.next[k] = free + 1
	return free, nil
}

// isTaken reports whether any file of that suffix exists.
func isTaken(root *os.Root, k *sensor.Key, suffix uint32) (bool, error) {
	for i := range uint8(2) {
		name := fileName(k, i, suffix)
		for _, name := range [...]string{name, name + ".gaps"} {
			switch _, err := root.Lstat(name); {
			case err == nil:
				return true, nil
			case !errors.Is(err, fs.ErrNotExist):
				return false, err
			}
		}
	}
	return false, nil
}

// fileName returns the name for what endpoint from of k sends.
func fileName(k *sensor.Key, from uint8, suffix uint32) string {
	b := make([]byte, 0, 2*(39+6)+1+11)
	b = appendEndpoint(b, k, from)
	b = append(b, '-')
	b = appendEndpoint(b, k, from^1)
	if suffix > 0 {
		b = strconv.AppendUint(append(b, 'c'), uint64(suffix), 10)
	}
	return string(b)
}

// appendEndpoint appends address and port, in digits only.
func appendEndpoint(b []byte, k *sensor.Key, i uint8) []byte {
	const hex = "0123456789abcdef"
	if ip := k.IP(i); ip.Is4() {
		for j, c := range ip.As4() {
			if j > 0 {
				b = append(b, '.')
			}
			b = appendPadded(b, uint32(c), 100)
		}
	} else {
		for j, c := range k.Addr[i&1] {
			if j > 0 && j%2 == 0 {
				b = append(b, '_')
			}
			b = append(b, hex[c>>4], hex[c&15])
		}
	}
	return appendPadded(append(b, '.'), uint32(k.Port[i&1]), 10000)
}

// appendPadded appends n with as many digits as unit has.
func appendPadded(b []byte, n, unit uint32) []byte {
	for ; unit > 0; unit /= 10 {
		b = append(b, byte('0'+n/unit%10))
	}
	return b
}
