package pixels

import (
	"errors"
	"io"
	"math/bits"
)

// reversedBits reverses the order of the bits in each byte.
func reversedBits(b []byte) []byte {
	out := make([]byte, len(b))
	for i, v := range b {
		out[i] = bits.Reverse8(v)
	}
	return out
}

// unpacked reads PackBits (TIFF 6.0, section 9): a byte n below 128 is followed by n+1 literal bytes, one above 128 by a byte to repeat
// 257−n times.
type unpacked struct {
	b     []byte
	left  int // bytes left in the run
	again bool
}

func (u *unpacked) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if u.left == 0 {
			if len(u.b) < 2 {
				return n, io.EOF
			}
			code := int(u.b[0])
			u.b = u.b[1:]
			if code == 128 {
				continue
			}
			if u.again = code > 128; u.again {
				u.left = 257 - code
			} else {
				u.left = code + 1
			}
		}
		if len(u.b) == 0 {
			return n, io.EOF
		}
		if !u.again {
			k := copy(p[n:], u.b[:min(u.left, len(u.b))])
			n, u.left, u.b = n+k, u.left-k, u.b[k:]
			continue
		}
		for ; n < len(p) && u.left > 0; u.left-- {
			p[n] = u.b[0]
			n++
		}
		if u.left == 0 {
			u.b = u.b[1:]
		}
	}
	return n, nil
}

// lzwReader reads TIFF's LZW (section 13): codes of 9 to 12 bits, highest bit first, whose length grows one code early.
type lzwReader struct {
	b      []byte
	at     int
	bits   uint32
	n      int // number of unread bits
	width  int
	next   int // next code to define
	last   int // previous code, −1 after a clear code
	prefix [1 << lzwMost]uint16
	suffix [1 << lzwMost]byte
	first  [1 << lzwMost]byte
	length [1 << lzwMost]uint16
	out    [1 << lzwMost]byte // string of the last code
	rest   []byte             // its unread part
	done   bool
}

const (
	lzwMost  = 12
	lzwClear = 256
	lzwEnd   = 257
)

var errLZW = errors.New("its LZW data contain an invalid code")

func (r *lzwReader) reset(b []byte) {
	r.b, r.at, r.bits, r.n, r.rest, r.done = b, 0, 0, 0, nil, false
	r.clear()
}

func (r *lzwReader) clear() { r.width, r.next, r.last = 9, lzwEnd+1, -1 }

func (r *lzwReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(r.rest) == 0 {
			if err := r.code(); err != nil {
				return n, err
			}
		}
		k := copy(p[n:], r.rest)
		n, r.rest = n+k, r.rest[k:]
	}
	return n, nil
}

// code reads codes until one has a string.
func (r *lzwReader) code() error {
	for !r.done {
		for ; r.n < r.width; r.n += 8 {
			if r.at >= len(r.b) {
				return io.EOF
			}
			r.bits = r.bits<<8 | uint32(r.b[r.at])
			r.at++
		}
		r.n -= r.width
		code := int(r.bits >> r.n & (1<<r.width - 1))
		switch {
		case code == lzwClear:
			r.clear()
		case code == lzwEnd:
			r.done = true
		default:
			return r.stand(code)
		}
	}
	return io.EOF
}

// stand expands a code to its string, and defines the next code.
func (r *lzwReader) stand(code int) error {
	if code > r.next || code == r.next && r.last < 0 || r.last < 0 && code > 255 {
		return errLZW
	}
	if r.last >= 0 && r.next < 1<<lzwMost {
		ends := code
		if code == r.next { // the code being defined
			ends = r.last
		}
		r.prefix[r.next], r.suffix[r.next] = uint16(r.last), r.start(ends)
		r.first[r.next], r.length[r.next] = r.start(r.last), r.size(r.last)+1
		r.next++
	} else if code >= r.next {
		return errLZW
	}
	if r.next+1 >= 1<<r.width && r.width < lzwMost {
		r.width++
	}
	size := int(r.size(code))
	at := code
	for i := size - 1; i > 0; i-- {
		r.out[i] = r.suffix[at]
		at = int(r.prefix[at])
	}
	r.out[0] = byte(at)
	r.rest, r.last = r.out[:size], code
	return nil
}

// start is the first byte of a code's string, size its length.
func (r *lzwReader) start(code int) byte {
	if code < lzwClear {
		return byte(code)
	}
	return r.first[code]
}

func (r *lzwReader) size(code int) uint16 {
	if code < lzwClear {
		return 1
	}
	return r.length[code]
}
