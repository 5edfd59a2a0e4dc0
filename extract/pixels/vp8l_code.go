package pixels

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// vp8lBits reads bits, the lowest of a byte first.
type vp8lBits struct {
	b     []byte // unread bytes
	value uint64
	n     int  // number of bits in value; below 0: more were needed than exist
	short bool // no bytes are left, and zeros replace them
}

// peek makes 32 bits available, zeros after the end.
func (r *vp8lBits) peek() uint32 {
	for r.n < 32 && len(r.b) > 0 {
		r.value |= uint64(r.b[0]) << r.n
		r.b, r.n = r.b[1:], r.n+8
	}
	return uint32(r.value)
}

func (r *vp8lBits) skip(n int) {
	r.value >>= n
	if r.n -= n; r.n < 0 {
		r.short, r.n = true, 0
	}
}

// number reads a number of up to 32 bits.
func (r *vp8lBits) number(size int) int {
	v := r.peek() & (1<<size - 1)
	r.skip(size)
	return int(v)
}

func (r *vp8lBits) flag() bool { return r.number(1) == 1 }

// vp8lCode is a prefix code (section 3.7.2). Codes of at most len(short) bits are looked up; longer ones are searched among those of their
// length.
type vp8lCode struct {
	only   uint16   // the symbol that takes no bits, if short is nil
	short  []uint16 // length<<12 | symbol, indexed by the next bits; 0 if the code is longer
	bits   int      // short has 1<<bits entries
	counts [16]uint16
	long   []uint16 // symbols of the longer codes, in order
}

const vp8lShort = 8 // largest length of codes that are looked up, in bits

var errVP8LCode = errors.New("a prefix code is damaged")

// newVP8LCode makes the code from the length of each symbol's code, 0 for a symbol without one.
func newVP8LCode(lengths []uint8) (*vp8lCode, error) {
	c := &vp8lCode{}
	used, longest := 0, 0
	for symbol, n := range lengths {
		if n > 0 {
			used++
			c.counts[n]++
			c.only, longest = uint16(symbol), max(longest, int(n))
		}
	}
	if used == 0 {
		return nil, errVP8LCode
	}
	if used == 1 { // whatever its length
		return c, nil
	}
	var next [16]uint32 // next code of each length
	var place [16]int   // index of its symbol in long
	code, left := uint32(0), 1
	at := 0
	for n := 1; n < len(next); n++ {
		code = (code + uint32(c.counts[n-1])) << 1
		next[n] = code
		if left = 2*left - int(c.counts[n]); left < 0 {
			return nil, errVP8LCode
		}
		if place[n] = at; n > vp8lShort {
			at += int(c.counts[n])
		}
	}
	if left != 0 {
		return nil, errVP8LCode
	}
	c.bits = min(longest, vp8lShort)
	c.short, c.long = make([]uint16, 1<<c.bits), make([]uint16, at)
	for symbol, n := range lengths {
		switch {
		case n == 0:
		case int(n) > c.bits:
			c.long[place[n]] = uint16(symbol)
			place[n]++
		default:
			first := bits.Reverse32(next[n]) >> (32 - n)
			next[n]++
			for i := first; i < 1<<c.bits; i += 1 << n {
				c.short[i] = uint16(n)<<12 | uint16(symbol)
			}
		}
	}
	return c, nil
}

// read returns the next symbol.
func (c *vp8lCode) read(r *vp8lBits) int {
	if c.short == nil {
		return int(c.only)
	}
	v := r.peek()
	if s := c.short[v&(1<<c.bits-1)]; s != 0 {
		r.skip(int(s >> 12))
		return int(s & 0xfff)
	}
	code, first, at := 0, 0, 0
	for n := 1; n < len(c.counts); n++ {
		code = code<<1 | int(v>>(n-1)&1)
		count := int(c.counts[n])
		if code-first < count {
			r.skip(n)
			return int(c.long[at+code-first])
		}
		first = (first + count) << 1
		if n > vp8lShort {
			at += count
		}
	}
	return 0 // incomplete codes were refused earlier
}

// Alphabets of the codes of a group (section 3.7.1): green with lengths and cache indices, red, blue, opacity, distances.
const (
	vp8lLiterals  = 256
	vp8lLengths   = 24
	vp8lDistances = 40
)

type vp8lGroup [5]*vp8lCode

const (
	vp8lGreen = iota
	vp8lRed
	vp8lBlue
	vp8lAlpha
	vp8lDistance
)

// vp8lCodes are the groups of codes of a picture, and the group of each tile of 1<<bits pixels; tiles is nil if there is one group.
type vp8lCodes struct {
	groups []vp8lGroup
	tiles  []uint16
	bits   int
	across int // number of tiles in a row
}

// of returns the codes of a pixel.
func (c *vp8lCodes) of(x, y int) *vp8lGroup {
	if c.tiles == nil {
		return &c.groups[0]
	}
	return &c.groups[c.tiles[y>>c.bits*c.across+x>>c.bits]]
}

// begins reports whether a tile begins at x.
func (c *vp8lCodes) begins(x int) bool { return x&(1<<c.bits-1) == 0 }

// codes reads the codes of a picture, whose cache has that many colours.
func (d *vp8lDecoder) codes(width, height int, main bool, cached int) (c vp8lCodes, err error) {
	last := 0
	if main && d.bits.flag() {
		if last, err = d.tiles(&c, width, height); err != nil {
			return c, err
		}
	}
	wanted := make([]bool, last+1)
	wanted[0] = c.tiles == nil
	for _, i := range c.tiles {
		wanted[i] = true
	}
	c.groups = make([]vp8lGroup, last+1)
	var lengths [vp8lLiterals + vp8lLengths + 1<<11]uint8
	for i := range c.groups {
		if err := d.ctx.Err(); err != nil {
			return c, err
		}
		for k, alphabet := range [5]int{vp8lLiterals + vp8lLengths + cached, vp8lLiterals, vp8lLiterals, vp8lLiterals, vp8lDistances} {
			code, err := d.code(lengths[:alphabet])
			if err != nil {
				return c, err
			}
			if wanted[i] { // others are read and discarded
				c.groups[i][k] = code
			}
		}
		if d.bits.short {
			return c, io.ErrUnexpectedEOF
		}
	}
	return c, nil
}

// tiles reads the group of each tile, and returns the last group.
func (d *vp8lDecoder) tiles(c *vp8lCodes, width, height int) (last int, err error) {
	c.bits = 2 + d.bits.number(3)
	c.across = upTo(width, 1<<c.bits)
	picture, err := d.picture(c.across, upTo(height, 1<<c.bits), false)
	if err != nil {
		return 0, err
	}
	c.tiles = make([]uint16, len(picture))
	for i, v := range picture {
		c.tiles[i] = uint16(v >> 8)
		last = max(last, int(c.tiles[i]))
	}
	const most = 2600 // libwebp's encoder makes no more
	if last >= most {
		return 0, fmt.Errorf("%d groups of codes", last+1)
	}
	return last, nil
}

// code reads a prefix code with len(lengths) symbols.
func (d *vp8lDecoder) code(lengths []uint8) (*vp8lCode, error) {
	clear(lengths)
	var err error
	if d.bits.flag() {
		err = d.oneOrTwo(lengths)
	} else {
		err = d.manyLengths(lengths)
	}
	if err != nil {
		return nil, err
	}
	return newVP8LCode(lengths)
}

// oneOrTwo reads a code with one symbol or two, which have the length 1.
func (d *vp8lDecoder) oneOrTwo(lengths []uint8) error {
	r := &d.bits
	two := r.flag()
	size := 1
	if r.flag() {
		size = 8
	}
	symbols := []int{r.number(size)}
	if two {
		symbols = append(symbols, r.number(8))
	}
	for _, s := range symbols {
		if s >= len(lengths) {
			return errVP8LCode
		}
		lengths[s] = 1
	}
	return nil
}

// vp8lOrder is the order in which the lengths of the code-length codes are stored.
var vp8lOrder = [19]uint8{17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// manyLengths reads lengths that a prefix code of their own stores, and in which repetitions are shortened.
func (d *vp8lDecoder) manyLengths(lengths []uint8) error {
	r := &d.bits
	var first [len(vp8lOrder)]uint8
	for _, symbol := range vp8lOrder[:4+r.number(4)] {
		first[symbol] = uint8(r.number(3))
	}
	code, err := newVP8LCode(first[:])
	if err != nil {
		return err
	}
	symbols := len(lengths) // symbols whose lengths are stored, a repetition counted once
	if r.flag() {
		if symbols = 2 + r.number(2+2*r.number(3)); symbols > len(lengths) {
			return errVP8LCode
		}
	}
	before := uint8(8)
	for at := 0; at < len(lengths) && symbols > 0; symbols-- {
		n := code.read(r)
		if n < 16 {
			if lengths[at] = uint8(n); n > 0 {
				before = uint8(n)
			}
			at++
			continue
		}
		repeated, times := uint8(0), 0
		switch n {
		case 16:
			repeated, times = before, 3+r.number(2)
		case 17:
			times = 3 + r.number(3)
		default:
			times = 11 + r.number(7)
		}
		if times > len(lengths)-at {
			return errVP8LCode
		}
		for i := range times {
			lengths[at+i] = repeated
		}
		at += times
	}
	return nil
}
