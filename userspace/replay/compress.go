package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow is the largest window of zstd that is read: what the zstd
// command accepts without being told more (zstd(1), --memory).
const maxZstdWindow = 128 << 20

// freeExpansion is how much may come out of compressed input before the ratio
// counts.
const freeExpansion = 1 << 20

// compression is a way to compress a whole file.
type compression uint8

const (
	uncompressed compression = iota
	gzipped
	zstandard
)

// compressionOf tells it from the first bytes of a file (RFC 1952, 2.3.1;
// RFC 8878, 3.1.1 and 3.1.2 for skippable frames, which pzstd writes first).
func compressionOf(b []byte) compression {
	switch {
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		return gzipped
	case bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}),
		len(b) >= 4 && b[0]&0xf0 == 0x50 && bytes.Equal(b[1:4], []byte{0x2a, 0x4d, 0x18}):
		return zstandard
	}
	return uncompressed
}

// decompressed returns what r holds.
func decompressed(r io.Reader, how compression, ratio int64) (io.Reader, error) {
	in := &counter{r: r}
	out := &expansion{in: in, ratio: ratio}
	var err error
	switch how {
	case gzipped:
		out.r, err = gzip.NewReader(bufio.NewReaderSize(in, minRead))
		if err != nil {
			return nil, fmt.Errorf("gzip header: %w", unexpected(err))
		}
	case zstandard:
		out.r, err = zstd.NewReader(in,
			zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd header: %w", unexpected(err))
		}
	}
	return out, nil
}

// unexpected makes an end that came too early say so.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// counter counts what is read from r.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// expansion ends with an error when too much comes out of too little.
type expansion struct {
	r     io.Reader
	in    *counter
	out   int64
	ratio int64
}

func (e *expansion) Read(p []byte) (int, error) {
	// in.n can be so large that the product would overflow only with a ratio
	// that makes the cap meaningless anyway.
	limit := int64(freeExpansion)
	if e.in.n < (1<<62)/e.ratio {
		limit += e.in.n * e.ratio
	} else {
		limit = 1 << 62
	}
	if e.out >= limit {
		return 0, fmt.Errorf("decompression bomb: expected at most %d bytes out per byte in (MaxExpansion), found %d bytes out of %d", e.ratio, e.out, e.in.n)
	}
	n, err := e.r.Read(p[:min(int64(len(p)), limit-e.out)])
	e.out += int64(n)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = fmt.Errorf("%w: expected at most %d MiB; decompress it first (zstd -dc --long=31)", err, maxZstdWindow>>20)
	}
	return n, err
}

// errMaxBytes says that there was more than Options.MaxBytes.
var errMaxBytes = errors.New("the limit of bytes to read (MaxBytes) was reached")

// limited ends with an error when more than n bytes come.
type limited struct {
	r io.Reader
	n int64 // left
}

func (l *limited) Read(p []byte) (int, error) {
	if l.n <= 0 {
		// At the very end that is no error: look whether there is more.
		var one [1]byte
		n, err := l.r.Read(one[:])
		if n > 0 {
			return 0, errMaxBytes
		}
		return 0, err
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.n)])
	l.n -= int64(n)
	return n, err
}
