package main

import (
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// The yardstick is the least that any program must do that counts the flows of
// a capture: walk the records of a mapped pcap file, find addresses, ports and
// protocol of each packet by hand, and add its length to one entry of a flow
// table. It knows Ethernet, IPv4, IPv6, TCP and UDP and nothing else: no VLANs,
// no fragments, no time-outs, no TCP. It is written as fast as is honestly
// possible, because everything else is measured against it.

// tuple is a five-tuple whose endpoints are in order, so that both directions
// are equal. IPv4 addresses are mapped.
type tuple struct {
	addr  [4]uint64 // two addresses
	ports uint32
	proto uint32
}

// entry is a flow: packets and IP bytes of each direction.
type entry struct {
	tuple
	packets, bytes [2]uint64
}

// flows is a hash table with open addressing and linear probing.
type flows struct {
	slots []entry // a power of two; packets of both directions 0: empty
	n     int
	lines byte // so that touching the file ahead is not optimised away
}

func newFlows() *flows { return &flows{slots: make([]entry, 1<<16)} }

func (k *tuple) hash() uint64 {
	h := uint64(k.ports)<<32 | uint64(k.proto)
	for _, w := range k.addr {
		hi, lo := bits.Mul64(h^w, 0x9e3779b97f4a7c15)
		h = hi ^ lo
	}
	return h
}

// add counts a packet.
func (t *flows) add(k *tuple, side int, length uint64) {
	mask := uint64(len(t.slots) - 1)
	for i := k.hash() & mask; ; i = (i + 1) & mask {
		e := &t.slots[i]
		if e.packets[0]|e.packets[1] == 0 {
			if t.n++; t.n > len(t.slots)/2 {
				t.grow()
				t.n--
				t.add(k, side, length)
				return
			}
			e.tuple = *k
		} else if e.tuple != *k {
			continue
		}
		e.packets[side]++
		e.bytes[side] += length
		return
	}
}

func (t *flows) grow() {
	old := t.slots
	t.slots = make([]entry, 2*len(old))
	mask := uint64(len(t.slots) - 1)
	for j := range old {
		if old[j].packets[0]|old[j].packets[1] == 0 {
			continue
		}
		i := old[j].hash() & mask
		for t.slots[i].packets[0]|t.slots[i].packets[1] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = old[j]
	}
}

var errNotPcap = errors.New("not a little-endian pcap file of Ethernet frames")

// ahead is how far in front of the loop bareLoop touches the file: each record
// says where the next one begins, so that without it every packet waits for
// memory.
const ahead = 2 << 10

// bareLoop counts the flows of a mapped pcap file and returns how many packets
// it counted.
func bareLoop(file []byte, t *flows) (packets uint64, err error) {
	if !isPcap(file) {
		return 0, errNotPcap
	}
	at, touched, lines := 24, 0, byte(0)
	for at+16 <= len(file) {
		for end := min(at+ahead, len(file)); touched < end; touched += 64 {
			lines += file[touched]
		}
		n := int(binary.LittleEndian.Uint32(file[at+8:]))
		if n > len(file)-at-16 {
			break
		}
		var k tuple
		if side, length, ok := parse(file[at+16:at+16+n], &k); ok {
			t.add(&k, side, length)
			packets++
		}
		at += 16 + n
	}
	t.lines = lines
	return packets, nil
}

// bareBlocks is bareLoop for a file that is read in blocks of 1 MiB, as the
// loop did that the project's goals for speed were first set by.
func bareBlocks(r io.Reader, t *flows) (packets uint64, err error) {
	buf := make([]byte, 1<<20)
	have, err := io.ReadFull(r, buf[:24])
	if err != nil || !isPcap(buf[:have]) {
		return 0, errNotPcap
	}
	for have = 0; ; {
		n, err := r.Read(buf[have:])
		have += n
		b := buf[:have]
		for len(b) >= 16 {
			n := int(binary.LittleEndian.Uint32(b[8:]))
			if n > len(b)-16 {
				break
			}
			var k tuple
			if side, length, ok := parse(b[16:16+n], &k); ok {
				t.add(&k, side, length)
				packets++
			}
			b = b[16+n:]
		}
		have = copy(buf, b)
		if err == io.EOF {
			return packets, nil
		}
		if err != nil {
			return packets, err
		}
	}
}

func isPcap(b []byte) bool {
	return len(b) >= 24 && binary.LittleEndian.Uint32(b) == 0xa1b2c3d4 && b[20] == 1
}

// parse finds the five-tuple of a frame, which side sent it, and how long the
// IP packet is.
func parse(f []byte, k *tuple) (side int, length uint64, ok bool) {
	if len(f) < 14+20 {
		return 0, 0, false
	}
	var l4 int
	switch binary.BigEndian.Uint16(f[12:]) {
	case 0x0800:
		l4 = 14 + int(f[14]&15)*4
		length = uint64(binary.BigEndian.Uint16(f[16:]))
		k.proto = uint32(f[23])
		k.addr = [4]uint64{0, 0xffff<<32 | uint64(binary.BigEndian.Uint32(f[26:])), 0, 0xffff<<32 | uint64(binary.BigEndian.Uint32(f[30:]))}
	case 0x86dd:
		if len(f) < 14+40 {
			return 0, 0, false
		}
		l4 = 14 + 40
		length = 40 + uint64(binary.BigEndian.Uint16(f[18:]))
		k.proto = uint32(f[20])
		k.addr = [4]uint64{binary.BigEndian.Uint64(f[22:]), binary.BigEndian.Uint64(f[30:]), binary.BigEndian.Uint64(f[38:]), binary.BigEndian.Uint64(f[46:])}
	default:
		return 0, 0, false
	}
	if (k.proto == 6 || k.proto == 17) && len(f) >= l4+4 {
		k.ports = binary.BigEndian.Uint32(f[l4:])
	}
	a := &k.addr
	if a[0] > a[2] || a[0] == a[2] && (a[1] > a[3] || a[1] == a[3] && k.ports>>16 > k.ports&0xffff) {
		a[0], a[1], a[2], a[3] = a[2], a[3], a[0], a[1]
		k.ports = k.ports>>16 | k.ports<<16
		side = 1
	}
	return side, length, true
}
