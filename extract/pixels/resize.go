package pixels

import (
	"math"

	"iconic/internal/kernel"
)

// The resampler is Pillow's for 8-bit pictures (Resample.c): the bicubic kernel with a = −0.5, widened when it shrinks a picture, weights
// in fixed point with 22 fractional bits, horizontally first, then vertically, rounded and clipped to 8 bits after each.

// taps are the weights of one direction: output i is Σ_k weight[i·size+k] · input[first[i]+k], k < count[i]; the weights from count[i] to
// size, an even number, are zero.
type taps struct {
	size         int
	first, count []int
	weight       []int32
}

// bicubic is the cubic convolution kernel of Keys (1981). The conversions stop the compiler from fusing products and sums, which would
// change the last bits on some processors.
func bicubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64(float64(float64(float64((a+2)*x)-(a+3))*x)*x) + 1
	case x < 2:
		return float64(float64(float64(float64(float64(float64(x-5)*x)+8)*x)-4) * a)
	}
	return 0
}

// newTaps computes the weights with which in input samples give the outputs lo to hi of out.
func newTaps(in, out, lo, hi int) *taps {
	const reach = 2.0
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	support := reach * stretch
	t := &taps{size: int(math.Ceil(support))*2 + 2}
	weights := make([]float64, t.size)
	for i := lo; i < hi; i++ {
		centre := float64((float64(i) + 0.5) * scale)
		first := max(int(centre-support+0.5), 0)
		count := min(int(centre+support+0.5), in) - first
		sum := 0.0
		for k := range count {
			weights[k] = bicubic(float64(float64(k+first)-centre+0.5) * (1 / stretch))
			sum += weights[k]
		}
		t.first, t.count = append(t.first, first), append(t.count, count)
		for k := range t.size {
			w := 0.0
			if k < count {
				w = weights[k]
				if sum != 0 {
					w /= sum
				}
			}
			t.weight = append(t.weight, fixed(w))
		}
	}
	return t
}

func fixed(w float64) int32 {
	if w < 0 {
		return int32(-0.5 + float64(w*(1<<kernel.WeightBits)))
	}
	return int32(0.5 + float64(w*(1<<kernel.WeightBits)))
}

// window is a part of a resized picture: the rectangle of columns×rows at (x, y) of a picture resized to width×height.
type window struct {
	width, height       int
	x, y, columns, rows int
}

// resize writes the window of m resized to w.width×w.height into dst, 3·columns·rows bytes. It computes no rows and columns that the window
// does not need.
func (s *Scratch) resize(dst []uint8, m *Image, w window) {
	across, down := s.taps(m.Width, w.width, w.x, w.x+w.columns), s.taps(m.Height, w.height, w.y, w.y+w.rows)
	// The rows of m on which any output row in the window depends.
	top := down.first[0]
	bottom := down.first[w.rows-1] + down.count[w.rows-1]
	if m.Height == w.height {
		top, bottom = w.y, w.y+w.rows
	}
	var middle []uint8
	stride := 3 * m.Width
	if m.Width == w.width {
		middle = m.Pix[3*(top*m.Width+w.x):]
	} else {
		stride = 3 * w.columns
		s.middle = grown(s.middle, stride*(bottom-top))
		for y := top; y < bottom; y++ {
			kernel.ResamplePixels(s.middle[(y-top)*stride:(y-top+1)*stride], m.Pix[3*y*m.Width:], across.first, across.weight, across.size)
		}
		middle = s.middle
	}
	for y := range w.rows {
		row := dst[3*y*w.columns : 3*(y+1)*w.columns]
		if m.Height == w.height {
			copy(row, middle[y*stride:])
			continue
		}
		kernel.ResampleRows(row, middle[(down.first[y]-top)*stride:], stride, down.weight[y*down.size:][:down.count[y]])
	}
}

// Scratch holds buffers for the next picture. Only one goroutine at a time may use it; the zero value is ready.
type Scratch struct {
	middle, window []uint8
	part           []uint8   // buffers of views: the crop,
	padded         []float32 // a row with its mirrored border,
	blurred, line  []float32 // blurred rows with their mirrored border, and a row
	known          map[tapsKey]*taps
}

type tapsKey struct{ in, out, lo, hi int }

// taps caches weights by size: folders are full of pictures of one size.
func (s *Scratch) taps(in, out, lo, hi int) *taps {
	const most = 64
	key := tapsKey{in, out, lo, hi}
	if t, ok := s.known[key]; ok {
		return t
	}
	if s.known == nil || len(s.known) >= most {
		s.known = make(map[tapsKey]*taps)
	}
	t := newTaps(in, out, lo, hi)
	const large = 1 << 17 // weights; a photograph has fewer
	if len(t.weight) <= large {
		s.known[key] = t
	}
	return t
}

func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
