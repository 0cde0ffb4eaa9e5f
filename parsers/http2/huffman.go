package http2

// huffmanLengths are the lengths of the codes of bytes, in bits (RFC 7541,
// appendix B). The code is canonical: among codes of one length, and from each
// length to the next, they are numbered in the order of the bytes. So the
// lengths are all there is to know. The end of string, all ones in 30 bits, is
// none of them.
var huffmanLengths = [256]uint8{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
	5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
	6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
}

const (
	fastBits = 9  // most codes of real text are no longer
	maxBits  = 30 // of a code
)

// huffmanCode is what is made of the lengths.
type huffmanCode struct {
	fast   [1 << fastBits]uint16 // by the next bits: length<<8 | byte, or 0
	first  [maxBits + 1]uint32   // the first code of each length
	count  [maxBits + 1]uint32   // how many there are
	offset [maxBits + 1]uint16   // of the first in bytes
	bytes  [256]uint8            // in the order of their codes
}

// huffman is only read.
var huffman = newHuffmanCode()

func newHuffmanCode() (h huffmanCode) {
	code, n := uint32(0), 0
	for length := 1; length <= maxBits; length++ {
		code <<= 1
		h.first[length], h.offset[length] = code, uint16(n)
		for b, l := range huffmanLengths {
			if int(l) != length {
				continue
			}
			if length <= fastBits {
				shift := fastBits - length
				for i := range 1 << shift {
					h.fast[int(code)<<shift|i] = uint16(length)<<8 | uint16(b)
				}
			}
			h.bytes[n] = uint8(b)
			n++
			code++
			h.count[length]++
		}
	}
	return h
}

// appendHuffman appends what src says, and reports whether it is well-formed: it
// ends with less than eight ones that are no code (RFC 7541, 5.2).
func appendHuffman(dst, src []byte) ([]byte, bool) {
	var bits uint64 // the next n bits are the low ones
	n := 0
	for i := 0; ; {
		for n <= 56 && i < len(src) {
			bits = bits<<8 | uint64(src[i])
			n += 8
			i++
		}
		var next uint64
		if n >= fastBits {
			next = bits >> (n - fastBits)
		} else {
			next = bits<<(fastBits-n) | (1<<(fastBits-n) - 1)
		}
		code := huffman.fast[next&(1<<fastBits-1)]
		if length := int(code >> 8); code != 0 && length <= n {
			dst = append(dst, byte(code))
			n -= length
			continue
		}
		length, b, ok := longCode(bits, n)
		if !ok {
			return dst, n < 8 && bits&(1<<n-1) == 1<<n-1
		}
		dst = append(dst, b)
		n -= length
	}
}

// longCode finds the code at the front of n bits that are too many for the fast
// table.
func longCode(bits uint64, n int) (length int, b byte, ok bool) {
	for length = fastBits + 1; length <= min(n, maxBits); length++ {
		code := uint32(bits>>(n-length)) & (1<<length - 1)
		if i := code - huffman.first[length]; i < huffman.count[length] {
			return length, huffman.bytes[uint32(huffman.offset[length])+i], true
		}
	}
	return 0, 0, false
}
