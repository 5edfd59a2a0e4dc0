package pixels

import (
	"bytes"
	"image"
	"image/color/palette"
	"image/gif"
	"testing"
)

// A file without its end has all pixels; one that is cut before is damaged, wherever the cut is.
func TestGIFWithoutItsEnd(t *testing.T) {
	for _, size := range []int{1, 5, 24, 40} {
		m := image.NewPaletted(image.Rect(0, 0, size, size), palette.Plan9)
		for i := range m.Pix {
			m.Pix[i] = uint8(i * i >> 3)
		}
		var b bytes.Buffer
		if err := gif.Encode(&b, m, nil); err != nil {
			t.Fatal(err)
		}
		whole, _, err := Decode(b.Bytes(), DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for missing := range b.Len() {
			got, _, err := Decode(b.Bytes()[:b.Len()-missing], DecodeOptions{})
			switch {
			case missing > 2 && err == nil:
				t.Errorf("%d×%d: %d of %d bytes are missing, and it is read", size, size, missing, b.Len())
			case missing <= 2 && (err != nil || !bytes.Equal(got.Pix, whole.Pix)):
				t.Errorf("%d×%d without the last %d bytes: %v", size, size, missing, err)
			}
		}
	}
}

// A frame that reaches beyond the screen extends it, as in browsers.
func TestGIFFrameBeyondTheScreen(t *testing.T) {
	m := image.NewPaletted(image.Rect(0, 0, 3, 2), palette.Plan9)
	for i := range m.Pix {
		m.Pix[i] = uint8(40 * i)
	}
	var b bytes.Buffer
	if err := gif.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	plain, _, err := Decode(b.Bytes(), DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	frame := firstGIFFrame(b.Bytes(), func(int) {})
	for _, c := range []struct{ screenWidth, screenHeight, x, y, width, height int }{
		{3, 2, 0, 0, 3, 2}, {0, 0, 0, 0, 3, 2}, {2, 5, 0, 0, 3, 5}, {3, 2, 4, 1, 7, 3}, {9, 1, 2, 1, 9, 3},
	} {
		file := bytes.Clone(b.Bytes())
		file[6], file[8], file[frame+1], file[frame+3] = byte(c.screenWidth), byte(c.screenHeight), byte(c.x), byte(c.y)
		given := bytes.Clone(file)
		got, info, err := Decode(file, DecodeOptions{})
		if err != nil || info.Width != c.width || info.Height != c.height || got.Width != c.width || got.Height != c.height {
			t.Errorf("%+v: %+v, %v", c, info, err)
			continue
		}
		if !bytes.Equal(file, given) {
			t.Errorf("%+v: the file was changed", c)
		}
		for y := range 2 {
			if row := got.Pix[3*((c.y+y)*c.width+c.x):][:9]; !bytes.Equal(row, plain.Pix[9*y:][:9]) {
				t.Errorf("%+v: row %d is %v, want %v", c, y, row, plain.Pix[9*y:][:9])
			}
		}
	}
	far := bytes.Clone(b.Bytes())
	far[frame+1], far[frame+2] = 0xff, 0xff
	if _, _, err := Decode(far, DecodeOptions{}); err == nil {
		t.Error("a frame that ends beyond the largest screen is read")
	}
}
