package pixels

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"reflect"
)

// FromImage copies a picture of any type into 8-bit RGB, dropping alpha without multiplying by it. It fails if the picture is nil, has no pixels, or has
// more than DefaultMaxPixels, as an image.Uniform has, and if it lacks bytes or its methods panic.
func FromImage(m image.Image) (out *Image, err error) {
	if v := reflect.ValueOf(m); m == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, errors.New("there is no picture")
	}
	defer func() {
		if p := recover(); p != nil { // of the picture's own methods, as those of an image.YCbCr that lacks bytes
			out, err = nil, fmt.Errorf("the picture cannot be read: %v", p)
		}
	}()
	r := m.Bounds()
	switch w, h := r.Dx(), r.Dy(); {
	case w < 1 || h < 1:
		return nil, errors.New("the picture has no pixels")
	case w > DefaultMaxPixels/h:
		return nil, fmt.Errorf("the picture has %d×%d pixels, more than the limit of %d: make it smaller", w, h, DefaultMaxPixels)
	case !whole(m, w, h):
		return nil, fmt.Errorf("the picture has fewer bytes than its %d×%d pixels need", w, h)
	}
	out = newImage(r.Dx(), r.Dy())
	for y := range out.Height {
		if err := copyRow(out.Pix[3*y*out.Width:3*(y+1)*out.Width], m, r.Min, y); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// whole reports whether a picture has the bytes of all its pixels, for the types whose bytes are read by slices, which may
// go on into what lies behind them.
func whole(m image.Image, width, height int) bool {
	var pix []uint8
	var stride, bytes int
	switch m := m.(type) {
	case *image.Gray:
		pix, stride, bytes = m.Pix, m.Stride, 1
	case *image.Paletted:
		pix, stride, bytes = m.Pix, m.Stride, 1
	case *image.Gray16:
		pix, stride, bytes = m.Pix, m.Stride, 2
	case *image.NRGBA:
		pix, stride, bytes = m.Pix, m.Stride, 4
	case *image.RGBA:
		pix, stride, bytes = m.Pix, m.Stride, 4
	case *image.CMYK:
		pix, stride, bytes = m.Pix, m.Stride, 4
	case *image.NRGBA64:
		pix, stride, bytes = m.Pix, m.Stride, 8
	case *image.RGBA64:
		pix, stride, bytes = m.Pix, m.Stride, 8
	default:
		return true
	}
	row := bytes * width
	return len(pix) >= row && (height == 1 || stride >= row && (len(pix)-row)/stride >= height-1)
}

// copyRow copies row y of a whole picture whose corner is at the point from.
func copyRow(row []uint8, m image.Image, from image.Point, y int) error {
	width := len(row) / 3
	switch m := m.(type) {
	case *image.Gray:
		for x, v := range m.Pix[y*m.Stride:][:width] {
			row[3*x], row[3*x+1], row[3*x+2] = v, v, v
		}
	case *image.Gray16:
		for x := range width {
			v := m.Pix[y*m.Stride+2*x]
			row[3*x], row[3*x+1], row[3*x+2] = v, v, v
		}
	case *image.NRGBA:
		everyFourth(row, m.Pix[y*m.Stride:])
	case *image.RGBA:
		if !m.Opaque() {
			general(row, m, from.X, from.Y+y)
			return nil
		}
		everyFourth(row, m.Pix[y*m.Stride:])
	case *image.Paletted:
		for x, i := range m.Pix[y*m.Stride:][:width] {
			if int(i) >= len(m.Palette) {
				return fmt.Errorf("colour %d in a palette of %d", i, len(m.Palette))
			}
			c := color.NRGBAModel.Convert(m.Palette[i]).(color.NRGBA)
			if n, ok := m.Palette[i].(color.NRGBA); ok {
				c = n // conversion would lose the colour of fully transparent pixels
			}
			row[3*x], row[3*x+1], row[3*x+2] = c.R, c.G, c.B
		}
	case *image.NRGBA64:
		everySecond(row, m.Pix[y*m.Stride:])
	case *image.RGBA64:
		everySecond(row, m.Pix[y*m.Stride:])
	default:
		general(row, m, from.X, from.Y+y)
	}
	return nil
}

// everyFourth drops the fourth of four bytes.
func everyFourth(row, from []uint8) {
	for x := 0; x < len(row); x += 3 {
		p := from[x/3*4:]
		row[x], row[x+1], row[x+2] = p[0], p[1], p[2]
	}
}

// everySecond is everyFourth for the high bytes of 16 bits.
func everySecond(row, from []uint8) {
	for x := 0; x < len(row); x += 3 {
		p := from[x/3*8:]
		row[x], row[x+1], row[x+2] = p[0], p[2], p[4]
	}
}

func general(row []uint8, m image.Image, x0, y int) {
	for x := 0; x < len(row); x += 3 {
		c := color.NRGBAModel.Convert(m.At(x0+x/3, y)).(color.NRGBA)
		row[x], row[x+1], row[x+2] = c.R, c.G, c.B
	}
}
