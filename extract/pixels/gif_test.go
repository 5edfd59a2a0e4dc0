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
