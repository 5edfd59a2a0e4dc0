package pixels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
)

// The decoder of lossless WebP follows RFC 9649, section 3. It checks its context before every row of pixels and of each transform:
// x/image's decoder, against which it is tested, cannot be interrupted if a row takes no bits.

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

// vp8lTransform is one of the transforms applied to the pixels (section 3.5). Its picture holds the data for tiles of 1<<bits pixels, or
// the palette.
type vp8lTransform struct {
	kind    int
	bits    int
	width   int // width of the picture before it
	picture []uint32
}

// Kinds of transforms.
const (
	vp8lPredictor = iota
	vp8lColour
	vp8lGreenLess
	vp8lPalette
)

// vp8lHeader reads a picture's size.
func vp8lHeader(b []byte) (width, height int, err error) {
	const header = 5
	if len(b) < header {
		return 0, 0, io.ErrUnexpectedEOF
	}
	r := vp8lBits{b: b[1:header]}
	width, height = 1+r.number(14), 1+r.number(14)
	if r.number(1); b[0] != 0x2f || r.number(3) != 0 {
		return 0, 0, errors.New("the header of its picture is damaged")
	}
	return width, height, nil
}

// vp8lBytes is the memory for decoding besides the result: the pixels before and after a palette, the transforms' data, codes, and the code
// group of each tile.
func vp8lBytes(width, height, size int) int64 {
	pixels := int64(width) * int64(height)
	const tables = 8 << 20
	return 10*pixels + min(tables, 64*int64(size)+tables/64)
}

type vp8lDecoder struct {
	ctx  context.Context
	bits vp8lBits
}

// decodeVP8L reads a picture whose header is valid.
func decodeVP8L(ctx context.Context, b []byte, room *Image) (*Image, error) {
	width, height, err := vp8lHeader(b)
	if err != nil {
		return nil, err
	}
	d := &vp8lDecoder{ctx: ctx, bits: vp8lBits{b: b[5:]}}
	var transforms []vp8lTransform
	across := width
	for d.bits.flag() {
		t, err := d.transform(across, height)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(transforms, func(other vp8lTransform) bool { return other.kind == t.kind }) {
			return nil, errors.New("a transform is repeated")
		}
		if t.kind == vp8lPalette {
			across = upTo(across, 1<<t.bits)
		}
		transforms = append(transforms, t)
	}
	pixels, err := d.picture(across, height, true)
	if err != nil {
		return nil, err
	}
	for _, t := range slices.Backward(transforms) {
		if pixels, err = t.undo(ctx, pixels, height); err != nil {
			return nil, err
		}
	}
	out := room.sized(width, height)
	for y := range height {
		if err := each(ctx, y, out.Width); err != nil {
			return nil, err
		}
		row := out.Pix[3*y*width:][:3*width]
		for x, v := range pixels[y*width:][:width] {
			row[3*x], row[3*x+1], row[3*x+2] = uint8(v>>16), uint8(v>>8), uint8(v)
		}
	}
	return out, nil
}

// transform reads the data of a transform.
func (d *vp8lDecoder) transform(width, height int) (t vp8lTransform, err error) {
	t.kind, t.width = d.bits.number(2), width
	switch t.kind {
	case vp8lPredictor, vp8lColour:
		t.bits = 2 + d.bits.number(3)
		t.picture, err = d.picture(upTo(width, 1<<t.bits), upTo(height, 1<<t.bits), false)
	case vp8lPalette:
		n := 1 + d.bits.number(8)
		if t.picture, err = d.picture(n, 1, false); err != nil {
			return t, err
		}
		for i := 1; i < n; i++ { // each colour is stored as its difference from the previous one
			t.picture[i] = addBytes(t.picture[i], t.picture[i-1])
		}
		switch { // several pixels share one if there are few colours
		case n <= 2:
			t.bits = 3
		case n <= 4:
			t.bits = 2
		case n <= 16:
			t.bits = 1
		}
		t.picture = append(t.picture, make([]uint32, 256-n)...) // colours beyond the palette are transparent black
	}
	return t, err
}

// picture reads pixels (section 3.7.3), as opacity<<24 | red<<16 | green<<8 | blue. The main picture may have several groups of codes.
func (d *vp8lDecoder) picture(width, height int, main bool) ([]uint32, error) {
	cache, shift := []uint32(nil), 0
	if d.bits.flag() {
		n := d.bits.number(4)
		if n < 1 || n > 11 {
			return nil, fmt.Errorf("a cache of 2^%d colours", n)
		}
		cache, shift = make([]uint32, 1<<n), 32-n
	}
	groups, tiles, tileBits, err := d.groups(width, height, main, len(cache))
	if err != nil {
		return nil, err
	}
	pixels := make([]uint32, width*height)
	perRow, mask := upTo(width, 1<<tileBits), 1<<tileBits-1
	group := groups[0]
	r := &d.bits
	cached := 0 // pixels already in the cache
	x, y := 0, 0
	if err := d.ctx.Err(); err != nil {
		return nil, err
	}
	for at := 0; at < len(pixels); {
		if tiles != nil && x&mask == 0 {
			group = groups[tiles[y>>tileBits*perRow+x>>tileBits]]
		}
		n := 1
		switch v := group[vp8lGreen].read(r); {
		case v < vp8lLiterals:
			red, blue, alpha := group[vp8lRed].read(r), group[vp8lBlue].read(r), group[vp8lAlpha].read(r)
			pixels[at] = uint32(alpha)<<24 | uint32(red)<<16 | uint32(v)<<8 | uint32(blue)
		case v < vp8lLiterals+vp8lLengths:
			n = d.reach(v - vp8lLiterals)
			back := vp8lBack(width, d.reach(group[vp8lDistance].read(r)))
			if back > at || n > len(pixels)-at {
				return nil, errors.New("a copy reaches outside the picture")
			}
			for i := at; i < at+n; i++ {
				pixels[i] = pixels[i-back]
			}
		default:
			for ; cached < at; cached++ {
				cache[pixels[cached]*0x1e35a7bd>>shift] = pixels[cached]
			}
			if v -= vp8lLiterals + vp8lLengths; v >= len(cache) {
				return nil, errors.New("a colour is not in the cache")
			}
			pixels[at] = cache[v]
		}
		at += n
		if x += n; x < width {
			if n > 1 && tiles != nil {
				group = groups[tiles[y>>tileBits*perRow+x>>tileBits]]
			}
			continue
		}
		if r.short {
			return nil, io.ErrUnexpectedEOF
		}
		y, x = y+x/width, x%width
		if err := d.ctx.Err(); err != nil {
			return nil, err
		}
		if tiles != nil && at < len(pixels) {
			group = groups[tiles[y>>tileBits*perRow+x>>tileBits]]
		}
	}
	if r.short {
		return nil, io.ErrUnexpectedEOF
	}
	return pixels, nil
}

// reach is the length or distance given by a prefix code and its extra bits.
func (d *vp8lDecoder) reach(prefix int) int {
	if prefix < 4 {
		return prefix + 1
	}
	more := (prefix - 2) >> 1
	return (2+prefix&1)<<more + d.bits.number(more) + 1
}

// vp8lNear are the offsets of the first 120 distances: up to seven rows above, and from −7 to 8 pixels to the left, as 16·above + 8 − left.
var vp8lNear = [120]uint8{
	0x18, 0x07, 0x17, 0x19, 0x28, 0x06, 0x27, 0x29, 0x16, 0x1a, 0x26, 0x2a, 0x38, 0x05, 0x37, 0x39, 0x15, 0x1b, 0x36, 0x3a,
	0x25, 0x2b, 0x48, 0x04, 0x47, 0x49, 0x14, 0x1c, 0x35, 0x3b, 0x46, 0x4a, 0x24, 0x2c, 0x58, 0x45, 0x4b, 0x34, 0x3c, 0x03,
	0x57, 0x59, 0x13, 0x1d, 0x56, 0x5a, 0x23, 0x2d, 0x44, 0x4c, 0x55, 0x5b, 0x33, 0x3d, 0x68, 0x02, 0x67, 0x69, 0x12, 0x1e,
	0x66, 0x6a, 0x22, 0x2e, 0x54, 0x5c, 0x43, 0x4d, 0x65, 0x6b, 0x32, 0x3e, 0x78, 0x01, 0x77, 0x79, 0x53, 0x5d, 0x11, 0x1f,
	0x64, 0x6c, 0x42, 0x4e, 0x76, 0x7a, 0x21, 0x2f, 0x75, 0x7b, 0x31, 0x3f, 0x63, 0x6d, 0x52, 0x5e, 0x00, 0x74, 0x7c, 0x41,
	0x4f, 0x10, 0x20, 0x62, 0x6e, 0x30, 0x73, 0x7d, 0x51, 0x5f, 0x40, 0x72, 0x7e, 0x61, 0x6f, 0x50, 0x71, 0x7f, 0x60, 0x70,
}

// vp8lBack is the number of pixels that a distance goes back.
func vp8lBack(width, distance int) int {
	if distance > len(vp8lNear) {
		return distance - len(vp8lNear)
	}
	near := int(vp8lNear[distance-1])
	return max(1, near>>4*width+8-near&15)
}

// groups reads the codes of a picture, and the group of each tile; tiles is nil if there is one group.
func (d *vp8lDecoder) groups(width, height int, main bool, cached int) (groups []vp8lGroup, tiles []uint16, tileBits int, err error) {
	last := 0
	if main && d.bits.flag() {
		tileBits = 2 + d.bits.number(3)
		picture, err := d.picture(upTo(width, 1<<tileBits), upTo(height, 1<<tileBits), false)
		if err != nil {
			return nil, nil, 0, err
		}
		tiles = make([]uint16, len(picture))
		for i, v := range picture {
			tiles[i] = uint16(v >> 8)
			last = max(last, int(tiles[i]))
		}
		const most = 2600 // libwebp's encoder makes no more
		if last >= most {
			return nil, nil, 0, fmt.Errorf("%d groups of codes", last+1)
		}
	}
	wanted := make([]bool, last+1)
	wanted[0] = tiles == nil
	for _, i := range tiles {
		wanted[i] = true
	}
	groups = make([]vp8lGroup, last+1)
	var lengths [vp8lLiterals + vp8lLengths + 1<<11]uint8
	for i := range groups {
		if err := d.ctx.Err(); err != nil {
			return nil, nil, 0, err
		}
		for k, alphabet := range [5]int{vp8lLiterals + vp8lLengths + cached, vp8lLiterals, vp8lLiterals, vp8lLiterals, vp8lDistances} {
			code, err := d.code(lengths[:alphabet])
			if err != nil {
				return nil, nil, 0, err
			}
			if wanted[i] { // others are read and discarded
				groups[i][k] = code
			}
		}
		if d.bits.short {
			return nil, nil, 0, io.ErrUnexpectedEOF
		}
	}
	return groups, tiles, tileBits, nil
}

// vp8lOrder is the order in which the lengths of the code-length codes are stored.
var vp8lOrder = [19]uint8{17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// code reads a prefix code with len(lengths) symbols.
func (d *vp8lDecoder) code(lengths []uint8) (*vp8lCode, error) {
	r := &d.bits
	clear(lengths)
	if r.flag() { // one symbol or two
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
				return nil, errVP8LCode
			}
			lengths[s] = 1
		}
		return newVP8LCode(lengths)
	}
	var first [len(vp8lOrder)]uint8
	for _, symbol := range vp8lOrder[:4+r.number(4)] {
		first[symbol] = uint8(r.number(3))
	}
	code, err := newVP8LCode(first[:])
	if err != nil {
		return nil, err
	}
	symbols := len(lengths) // symbols whose lengths are stored, a repetition counted once
	if r.flag() {
		if symbols = 2 + r.number(2+2*r.number(3)); symbols > len(lengths) {
			return nil, errVP8LCode
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
			return nil, errVP8LCode
		}
		for i := range times {
			lengths[at+i] = repeated
		}
		at += times
	}
	return newVP8LCode(lengths)
}
