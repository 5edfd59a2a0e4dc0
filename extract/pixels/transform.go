package pixels

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"iconic/internal/plural"
)

// Transform is the deterministic preprocessing of an encoder: resize, centre crop, scale.
type Transform struct {
	// Resize is the length of the shorter side after resizing; with Whole both sides become Crop, whatever the aspect ratio.
	Resize int        `json:"resize"`
	Crop   int        `json:"crop"` // side of the encoder's square input
	Whole  bool       `json:"whole,omitempty"`
	Mean   [3]float32 `json:"mean"` // red, green and blue, in [0, 1]
	Std    [3]float32 `json:"std"`  // in the same units
}

// Validate names a field that is out of range.
func (t Transform) Validate() error {
	const most = 1 << 14
	if t.Crop < 1 || t.Crop > most {
		return fmt.Errorf("crop %d: want 1 to %d pixels", t.Crop, most)
	}
	if !t.Whole && (t.Resize < 1 || t.Resize > most) {
		return fmt.Errorf("resize %d: want 1 to %d pixels", t.Resize, most)
	}
	for c := range 3 {
		if m := t.Mean[c]; m-m != 0 {
			return fmt.Errorf("mean %g: want a finite number", m)
		}
		if s := t.Std[c]; !(s > 0) || s-s != 0 {
			return fmt.Errorf("std %g: want a positive number", s)
		}
	}
	return nil
}

// CheckUnits refuses a mean below 0, and a mean or a standard deviation above 1: none of pixels from 0 to 1 has such, those from 0 to 255 do.
// Validate allows them, since features that were made with them can still be used.
func (t Transform) CheckUnits() error {
	if m := min(t.Mean[0], t.Mean[1], t.Mean[2]); m < 0 {
		return fmt.Errorf("mean %g: want a number from 0 to 1", m)
	}
	var above []string
	for _, of := range []struct {
		what   string
		values [3]float32
	}{{"mean", t.Mean}, {"std", t.Std}} {
		if v := of.values; max(v[0], v[1], v[2]) > 1 {
			above = append(above, fmt.Sprintf("%s %g,%g,%g", of.what, v[0], v[1], v[2]))
		}
	}
	if len(above) == 0 {
		return nil
	}
	return fmt.Errorf("%s %s like units of 0 to 255, but pixels have values from 0 to 1: divide by 255 (for an encoder that takes pixels from 0 to 255, mean is 0 and std 1/255, which is %.7f)",
		strings.Join(above, " and "), plural.Word(len(above), "looks", "look"), 1.0/255)
}

// fits refuses a transform that is not valid, a picture whose bytes are not those of its size, and a dst of another length than 3×Crop×Crop.
func (t Transform) fits(dst []float32, m *Image) error {
	if err := t.Validate(); err != nil {
		return err
	}
	switch {
	case m == nil:
		return errors.New("there is no picture")
	case m.Width < 1 || m.Height < 1 || m.Width > len(m.Pix)/3/m.Height:
		return fmt.Errorf("%d bytes for a picture of %d×%d", len(m.Pix), m.Width, m.Height)
	case len(dst) != 3*t.Crop*t.Crop:
		return fmt.Errorf("%d numbers for 3×%d×%d", len(dst), t.Crop, t.Crop)
	}
	return nil
}

// Apply writes the planes of red, green and blue, 3×Crop×Crop, into dst: (v/255 − mean)/std of the resized and cropped picture. It fails if
// dst has another length, or the transform is not valid; s may be nil.
func (t Transform) Apply(dst []float32, m *Image, s *Scratch) error {
	if err := t.fits(dst, m); err != nil {
		return fmt.Errorf("transform: %w", err)
	}
	if s == nil {
		s = new(Scratch)
	}
	s.window = grown(s.window, 3*t.Crop*t.Crop)
	t.square(s.window, m, s)
	t.planes(dst, s.window)
	return nil
}

// square writes the resized and cropped picture, 8-bit RGB, 3·Crop·Crop bytes.
func (t Transform) square(dst []uint8, m *Image, s *Scratch) {
	w := window{width: t.Crop, height: t.Crop, columns: t.Crop, rows: t.Crop}
	if !t.Whole {
		w.width, w.height = shorterSide(m.Width, m.Height, t.Resize)
		if w.width < t.Crop || w.height < t.Crop {
			t.padded(dst, m, w, s)
			return
		}
		w.x, w.y = centre(w.width-t.Crop), centre(w.height-t.Crop)
	}
	s.resize(dst, m, w)
}

// padded centres a picture smaller than the crop on black, as torchvision does.
func (t Transform) padded(dst []uint8, m *Image, w window, s *Scratch) {
	clear(dst)
	w.columns, w.rows = min(w.width, t.Crop), min(w.height, t.Crop)
	w.x, w.y = centre(w.width-w.columns), centre(w.height-w.rows)
	part := make([]uint8, 3*w.columns*w.rows)
	s.resize(part, m, w)
	left, top := (t.Crop-w.columns)/2, (t.Crop-w.rows)/2
	for y := range w.rows {
		copy(dst[3*((top+y)*t.Crop+left):], part[3*y*w.columns:3*(y+1)*w.columns])
	}
}

// shorterSide is torchvision's Resize(size): the shorter side becomes size, the other keeps the aspect ratio, truncated to whole pixels.
func shorterSide(width, height, size int) (int, int) {
	if width <= height {
		return size, max(1, int(float64(size*height)/float64(width)))
	}
	return max(1, int(float64(size*width)/float64(height))), size
}

// centre is half of the remainder; halves round to the even number, as in Python.
func centre(left int) int { return int(math.RoundToEven(float64(left) / 2)) }

// planes separates and scales the channels.
func (t Transform) planes(dst []float32, window []uint8) {
	n := t.Crop * t.Crop
	for c := range 3 {
		var table [256]float32
		for v := range table {
			table[v] = (float32(v)/255 - t.Mean[c]) / t.Std[c]
		}
		plane := dst[c*n : (c+1)*n]
		for i := range plane {
			plane[i] = table[window[3*i+c]]
		}
	}
}
