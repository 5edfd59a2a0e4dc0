package pixels

import "image/jpeg"

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

// need makes at least 16 bits available.
func (r *bitReader) need() {
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
	if r.n < 16 {
		r.bits, r.n, r.zeros = r.bits<<32, r.n+32, r.zeros+32
	}
}

// take reads k ≤ 16 bits.
func (r *bitReader) take(k int) uint32 {
	if r.n < k {
		r.need()
	}
	r.n -= k
	return uint32(r.bits>>r.n) & (1<<k - 1)
}

// symbol reads one code; an invalid code gives 0, as in libjpeg.
func (r *bitReader) symbol(h *huffman) uint8 {
	if r.n < 16 {
		r.need()
	}
	if s := h.short[r.bits>>(r.n-shortBits)&(1<<shortBits-1)]; s != 0 {
		r.n -= int(s >> 8)
		return uint8(s)
	}
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

// number reads a signed number of size bits (T.81, F.2.2.1).
func (r *bitReader) number(size uint8) int32 {
	if size == 0 {
		return 0
	}
	v := int32(r.take(int(size)))
	if v < 1<<(size-1) {
		v += -1<<size + 1
	}
	return v
}

// restart drops the rest of an interval and skips the restart marker, if there is one.
func (r *bitReader) restart() {
	r.bits, r.n, r.zeros = 0, 0, 0
	if r.marker < r.at { // otherwise it was found before: there may be as many intervals as blocks, and no marker in the whole file
		r.marker = r.at
		for r.marker+1 < len(r.b) && (r.b[r.marker] != 0xff || r.b[r.marker+1] == 0 || r.b[r.marker+1] == 0xff) {
			r.marker++
		}
	}
	if r.marker+1 < len(r.b) && r.b[r.marker+1] >= 0xd0 && r.b[r.marker+1] <= 0xd7 {
		r.at = r.marker + 2
	}
}

// inverse writes the samples of one block: the inverse cosine transform of Loeffler, Ligtenberg and Moschytz (1989) with 13 fractional bits
// in its constants and 2 more bits kept between the passes, rounded like libjpeg's jidctint.c.
func inverse(dst []uint8, stride int, block *[64]int16, quant *[64]int32) {
	var w [64]int32
	const kept = 2
	for x := range 8 {
		if block[8+x]|block[16+x]|block[24+x]|block[32+x]|block[40+x]|block[48+x]|block[56+x] == 0 {
			dc := int32(block[x]) * quant[x] << kept
			for y := range 8 {
				w[8*y+x] = dc
			}
			continue
		}
		var v [8]int32
		for y := range 8 {
			v[y] = int32(block[8*y+x]) * quant[8*y+x]
		}
		butterfly(&v, 13-kept)
		for y := range 8 {
			w[8*y+x] = v[y]
		}
	}
	for y := range 8 {
		v := (*[8]int32)(w[8*y:])
		butterfly(v, 13+kept+3)
		row := dst[y*stride:][:8]
		for x := range 8 {
			row[x] = clip(v[x] + 128)
		}
	}
}

// butterfly is the transform of eight numbers, times 2^(13−shift).
func butterfly(v *[8]int32, shift int) {
	half := int32(1) << (shift - 1)
	z := (v[2] + v[6]) * 4433
	e2, e3 := z-v[6]*15137, z+v[2]*6270
	e0, e1 := (v[0]+v[4])<<13+half, (v[0]-v[4])<<13+half
	a0, a3, a1, a2 := e0+e3, e0-e3, e1+e2, e1-e2

	o0, o1, o2, o3 := v[7], v[5], v[3], v[1]
	z1, z2, z3, z4 := (o0+o3)*-7373, (o1+o2)*-20995, o0+o2, o1+o3
	z5 := (z3 + z4) * 9633
	z3, z4 = z5-z3*16069, z5-z4*3196
	o0, o1 = o0*2446+z1+z3, o1*16819+z2+z4
	o2, o3 = o2*25172+z2+z3, o3*12299+z1+z4

	v[0], v[7] = (a0+o3)>>shift, (a0-o3)>>shift
	v[1], v[6] = (a1+o2)>>shift, (a1-o2)>>shift
	v[2], v[5] = (a2+o1)>>shift, (a2-o1)>>shift
	v[3], v[4] = (a3+o0)>>shift, (a3-o0)>>shift
}
