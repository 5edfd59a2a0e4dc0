package pixels

import (
	"context"
	"iconic/internal/kernel"
)

// addBytes adds the four bytes of two pixels separately.
func addBytes(a, b uint32) uint32 {
	const even, odd = 0x00ff00ff, 0xff00ff00
	return (a&even+b&even)&even | (a&odd+b&odd)&odd
}

// meanBytes is the mean of each of the four bytes, rounded down.
func meanBytes(a, b uint32) uint32 { return a&b + (a^b)&0xfefefefe>>1 }

// undo reverses a transform, row by row.
func (t *vp8lTransform) undo(ctx context.Context, pixels []uint32, height int) ([]uint32, error) {
	out := pixels
	row := t.green
	switch t.kind {
	case vp8lPredictor:
		row = t.predicted
	case vp8lColour:
		row = t.coloured
	case vp8lPalette:
		row = t.mapped
		if t.bits > 0 {
			out = make([]uint32, t.width*height)
		}
	}
	for y := range height {
		if err := each(ctx, y, t.width); err != nil {
			return nil, err
		}
		row(out, pixels, y)
	}
	return out, nil
}

// green adds green to red and blue.
func (t *vp8lTransform) green(pixels, _ []uint32, y int) {
	row := pixels[y*t.width:][:t.width]
	for x, v := range row {
		row[x] = addBytes(v, v>>8&0xff*0x10001)
	}
}

// coloured adds shares of green to red and blue, and of red to blue, in 32nds, by tiles.
func (t *vp8lTransform) coloured(pixels, _ []uint32, y int) {
	row, tiles := pixels[y*t.width:][:t.width], t.tiles(y)
	part := func(factor, v uint32) uint32 { return uint32(int32(int8(factor)) * int32(int8(v)) >> 5) }
	for x, v := range row {
		f := tiles[x>>t.bits]
		green := v >> 8
		red := v>>16 + part(f, green)
		blue := v + part(f>>8, green) + part(f>>16, red)
		row[x] = v&0xff00ff00 | red&0xff<<16 | blue&0xff
	}
}

// tiles are the tiles of a row.
func (t *vp8lTransform) tiles(y int) []uint32 {
	return t.picture[y>>t.bits*upTo(t.width, 1<<t.bits):]
}

// mapped looks colours up in the palette; for a small palette, the green byte of one pixel holds several indices.
func (t *vp8lTransform) mapped(out, pixels []uint32, y int) {
	to, from := out[y*t.width:][:t.width], pixels[y*upTo(t.width, 1<<t.bits):]
	palette := (*[256]uint32)(t.picture)
	if t.bits == 0 {
		for x, v := range from[:t.width] {
			to[x] = palette[uint8(v>>8)]
		}
		return
	}
	size := 8 >> t.bits
	for x := range to {
		v := from[x>>t.bits] >> 8 & 0xff
		to[x] = palette[v>>(x&(1<<t.bits-1)*size)&(1<<size-1)]
	}
}

// predicted adds its prediction to each pixel.
func (t *vp8lTransform) predicted(pixels, _ []uint32, y int) {
	row := pixels[y*t.width:][:t.width]
	if y == 0 {
		row[0] = addBytes(row[0], 0xff000000)
		for x := 1; x < len(row); x++ {
			row[x] = addBytes(row[x], row[x-1])
		}
		return
	}
	above := pixels[(y-1)*t.width:][:t.width+1] // the right neighbour of the last pixel is the first pixel of the current row
	tiles := t.tiles(y)
	left := addBytes(row[0], above[0])
	row[0] = left
	for x := 1; x < len(row); {
		end := min((x>>t.bits+1)<<t.bits, len(row))
		mode := tiles[x>>t.bits] >> 8 & 15
		for ; x < end; x++ {
			left = addBytes(row[x], vp8lPredicted(mode, left, above[x-1], above[x], above[x+1]))
			row[x] = left
		}
	}
}

// vp8lPredicted is a pixel's prediction from its neighbours (section 3.5.1): left, corner, above, above right.
func vp8lPredicted(mode, l, c, a, b uint32) uint32 {
	switch mode {
	case 1:
		return l
	case 2:
		return a
	case 3:
		return b
	case 4:
		return c
	case 5:
		return meanBytes(meanBytes(l, b), a)
	case 6:
		return meanBytes(l, c)
	case 7:
		return meanBytes(l, a)
	case 8:
		return meanBytes(c, a)
	case 9:
		return meanBytes(a, b)
	case 10:
		return meanBytes(meanBytes(l, c), meanBytes(a, b))
	case 11:
		return nearerPixel(l, a, c)
	case 12:
		return fullGradient(l, a, c)
	case 13:
		return halfGradient(meanBytes(l, a), c)
	}
	return 0xff000000
}

// nearerPixel is left or above, whichever is nearer to left + above − corner, over all bytes together.
func nearerPixel(l, a, c uint32) uint32 {
	toLeft, toAbove := 0, 0
	for s := 0; s < 32; s += 8 {
		corner := int(uint8(c >> s))
		toLeft += distance(corner, int(uint8(a>>s)))
		toAbove += distance(corner, int(uint8(l>>s)))
	}
	if toLeft < toAbove {
		return l
	}
	return a
}

func fullGradient(l, a, c uint32) (v uint32) {
	for s := 0; s < 32; s += 8 {
		v |= uint32(kernel.Clip(int32(uint8(l>>s))+int32(uint8(a>>s))-int32(uint8(c>>s)))) << s
	}
	return v
}

func halfGradient(m, c uint32) (v uint32) {
	for s := 0; s < 32; s += 8 {
		mean := int32(uint8(m >> s))
		v |= uint32(kernel.Clip(mean+(mean-int32(uint8(c>>s)))/2)) << s
	}
	return v
}
