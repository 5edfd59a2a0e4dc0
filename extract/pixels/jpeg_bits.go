package pixels

import (
	"encoding/binary"
	"image/jpeg"
)

// zigzag maps the k-th coefficient of a stream to its index in row order (T.81, figure A.6).
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}

// huffman is a code of at most 16 bits: short codes are looked up in a table, long ones by the largest code of each length.
type huffman struct {
	short  [1 << shortBits]uint16 // length<<8 | symbol; 0 if the code is longer
	most   [17]int32              // largest code of each length, −1 if there is none
	offset [17]int32              // index of a code's symbol, minus the code
	symbol []uint8
}

const shortBits = 9

// read reads 16 counts and the symbols, replacing the previous code, and returns the number of bytes read.
func (h *huffman) read(p []byte) (int, error) {
	total := 0
	for _, n := range p[:16] {
		total += int(n)
	}
	if total < 1 || total > 256 || len(p) < 16+total {
		return 0, jpeg.FormatError("a bad Huffman table")
	}
	*h = huffman{symbol: p[16 : 16+total]}
	code, at := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		n := int32(p[length-1])
		h.offset[length], h.most[length] = at-code, -1
		if code+n > 1<<length {
			return 0, jpeg.FormatError("a bad Huffman table")
		}
		for range n {
			if length <= shortBits {
				first := code << (shortBits - length)
				for i := range int32(1) << (shortBits - length) {
					h.short[first+i] = uint16(length)<<8 | uint16(h.symbol[at])
				}
			}
			h.most[length] = code
			code++
			at++
		}
		code <<= 1
	}
	return 16 + total, nil
}

// bitReader reads the entropy-coded bytes of a scan. At a marker and at the end of the file it stops and returns zeros.
type bitReader struct {
	b      []byte
	at     int
	bits   uint64 // the lowest n are unread
	n      int
	zeros  int  // how many of the lowest of these bits are padding beyond the file's data
	marker int  // position of the next marker, if it is ahead
	broken bool // an invalid code was read, or a run left its block
}

// short reports whether bits were read that the file does not have.
func (r *bitReader) short() bool { return r.n < r.zeros }

// used is the position after the last byte of which a bit was read. Bytes read ahead, not counting escapes, are excluded.
func (r *bitReader) used() int {
	at := r.at
	for left := r.n - r.zeros; left >= 8; left -= 8 {
		at--
		if at > 0 && r.b[at] == 0 && r.b[at-1] == 0xff {
			at--
		}
	}
	return at
}

// starved reports whether the reader is short because the file ends.
func (r *bitReader) starved() bool { return r.short() && r.at >= len(r.b) }

// fill makes at least 32 bits available: those of a code and of the number after it.
func (r *bitReader) fill() {
	const each = 0x01010101 // a one in every byte
	if r.n < 32 && len(r.b)-r.at >= 4 {
		v := binary.BigEndian.Uint32(r.b[r.at:])
		if (^v-each)&v&(0x80*each) == 0 { // none of the four bytes is 0xff
			r.bits, r.n, r.at = r.bits<<32|uint64(v), r.n+32, r.at+4
			return
		}
	}
	for r.n <= 48 {
		if r.at >= len(r.b) {
			break
		}
		v := r.b[r.at]
		if v == 0xff {
			if r.at+1 >= len(r.b) {
				r.at = len(r.b)
				break
			}
			if r.b[r.at+1] != 0 {
				break // a marker
			}
			r.at++
		}
		r.at++
		r.bits, r.n = r.bits<<8|uint64(v), r.n+8
	}
	if r.n < 32 {
		r.bits, r.n, r.zeros = r.bits<<32, r.n+32, r.zeros+32
	}
}

// take reads k ≤ 16 bits.
func (r *bitReader) take(k int) uint32 {
	if r.n < k {
		r.fill()
	}
	r.n -= k
	return uint32(r.bits>>r.n) & (1<<k - 1)
}

// symbol reads one code; an invalid code gives 0, as in libjpeg.
func (r *bitReader) symbol(h *huffman) uint8 {
	if r.n < 16 {
		r.fill()
	}
	if s := h.short[r.bits>>(r.n-shortBits)&(1<<shortBits-1)]; s != 0 {
		r.n -= int(s >> 8)
		return uint8(s)
	}
	return r.long(h)
}

// long is symbol for a code of more than shortBits bits, of which 16 are available.
func (r *bitReader) long(h *huffman) uint8 {
	for length := shortBits + 1; length <= 16; length++ {
		code := int32(r.bits >> (r.n - length) & (1<<length - 1))
		if code <= h.most[length] {
			r.n -= length
			return h.symbol[code+h.offset[length]]
		}
	}
	r.n -= 16
	r.broken = true
	return 0
}

// number reads a signed number of size ≤ 15 bits.
func (r *bitReader) number(size uint8) int32 { return signed(r.take(int(size)), size) }

// signed is the number that size bits stand for (T.81, F.2.2.1): without a leading one it is negative.
func signed(bits uint32, size uint8) int32 {
	v := int32(bits)
	negative := (v - 1<<size>>1) >> 31 // all ones, or zero
	return v + negative&(1-1<<size)
}

// coefficients reads the coefficients of a block after its first, all at once, as sequential pictures have them. What it reads stays in registers.
func (r *bitReader) coefficients(block *[64]int16, h *huffman) {
	bits, n := r.bits, r.n
	for k := 1; k < 64; k++ {
		if n < 32 {
			r.bits, r.n = bits, n
			r.fill()
			bits, n = r.bits, r.n
		}
		short := h.short[bits>>((n-shortBits)&63)&(1<<shortBits-1)]
		symbol := uint8(short)
		if n -= int(short >> 8); short == 0 {
			r.bits, r.n = bits, n
			symbol = r.long(h)
			n = r.n
		}
		size := symbol & 15
		if size == 0 {
			if symbol != 0xf0 {
				break
			}
			k += 15
			continue
		}
		k += int(symbol >> 4)
		n -= int(size)
		v := signed(uint32(bits>>(n&63))&(1<<size-1), size)
		if k < 64 {
			block[zigzag[k]] = int16(v)
		} else {
			r.broken = true
		}
	}
	r.bits, r.n = bits, n
}

// restart drops the rest of an interval and goes on after the next marker if it is a restart marker. Otherwise, as in libjpeg, the intervals to the
// end of the scan have no data.
func (r *bitReader) restart() {
	r.bits, r.n, r.zeros = 0, 0, 0
	if r.marker < r.at { // otherwise it was found before: there may be as many intervals as blocks, and no marker in the whole file
		r.marker = r.at
		for r.marker+1 < len(r.b) && (r.b[r.marker] != 0xff || r.b[r.marker+1] == 0 || r.b[r.marker+1] == 0xff) {
			r.marker++
		}
	}
	switch {
	case r.marker+1 >= len(r.b):
		r.at = len(r.b)
	case r.b[r.marker+1] >= 0xd0 && r.b[r.marker+1] <= 0xd7:
		r.at = r.marker + 2
	default:
		r.at = r.marker
	}
}
