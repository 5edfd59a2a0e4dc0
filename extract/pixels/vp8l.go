package pixels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// The decoder of lossless WebP follows RFC 9649, section 3. It checks its context before every row of pixels and of each transform:
// x/image's decoder, against which it is tested, cannot be interrupted if a row takes no bits.

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
	cache, err := d.cache()
	if err != nil {
		return nil, err
	}
	codes, err := d.codes(width, height, main, len(cache.colours))
	if err != nil {
		return nil, err
	}
	pixels := make([]uint32, width*height)
	if err := d.ctx.Err(); err != nil {
		return nil, err
	}
	r, group := &d.bits, codes.of(0, 0)
	for at, x, y := 0, 0, 0; at < len(pixels); {
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
			if pixels[at], err = cache.colour(v-vp8lLiterals-vp8lLengths, pixels[:at]); err != nil {
				return nil, err
			}
		}
		at += n
		if x += n; x >= width { // the row is full
			if r.short {
				return nil, io.ErrUnexpectedEOF
			}
			y, x = y+x/width, x%width
			if err := d.ctx.Err(); err != nil {
				return nil, err
			}
		}
		if codes.tiles != nil && at < len(pixels) && (n > 1 || codes.begins(x)) {
			group = codes.of(x, y)
		}
	}
	if r.short {
		return nil, io.ErrUnexpectedEOF
	}
	return pixels, nil
}

// vp8lCache holds recent colours, each in a place that depends on the colour (section 3.6.2.3).
type vp8lCache struct {
	colours []uint32
	shift   int
	filled  int // number of pixels that it has seen
}

// cache reads the size of the cache of a picture; most pictures have none.
func (d *vp8lDecoder) cache() (c vp8lCache, err error) {
	if !d.bits.flag() {
		return c, nil
	}
	n := d.bits.number(4)
	if n < 1 || n > 11 {
		return c, fmt.Errorf("a cache of 2^%d colours", n)
	}
	return vp8lCache{colours: make([]uint32, 1<<n), shift: 32 - n}, nil
}

// colour returns the colour in a place, once the pixels so far are in the cache.
func (c *vp8lCache) colour(place int, pixels []uint32) (uint32, error) {
	for _, v := range pixels[c.filled:] {
		c.colours[v*0x1e35a7bd>>c.shift] = v
	}
	c.filled = len(pixels)
	if place >= len(c.colours) {
		return 0, errors.New("a colour is not in the cache")
	}
	return c.colours[place], nil
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
