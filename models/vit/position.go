package vit

import "math"

// interpolate resizes a grid×grid table of width numbers each (row-major, channels last) to size×size, with the same bicubic
// torch.nn.functional.interpolate as in the official code of the family:
//
//   - DINO, and DINOv2 without registers: without antialiasing, and with a scale factor of (size+0.1)/grid instead of size. The 0.1
//     protects the official code from rounding size down, and shifts every sample slightly: the table must be sampled where the encoder
//     learned it.
//   - DINOv2 with registers: with size and antialiasing.
//
// A table that already has the right size is used as it is.
func interpolate(table []float32, grid, size, width int, antialias bool) []float32 {
	if size == grid {
		return table
	}
	taps := offsetTaps(grid, size)
	if antialias {
		taps = antialiasedTaps(grid, size)
	}
	// Columns first, then rows; in float64, which is rounded once at the end.
	columns := make([]float64, grid*size*width)
	for y := range grid {
		for x, t := range taps {
			out := columns[(y*size+x)*width:][:width]
			for i, w := range t.weights {
				in := table[(y*grid+t.source[i])*width:][:width]
				for c, v := range in {
					out[c] += w * float64(v)
				}
			}
		}
	}
	result := make([]float32, size*size*width)
	sum := make([]float64, width)
	for y, t := range taps {
		for x := range size {
			clear(sum)
			for i, w := range t.weights {
				for c, v := range columns[(t.source[i]*size+x)*width:][:width] {
					sum[c] += w * v
				}
			}
			for c, v := range sum {
				result[(y*size+x)*width+c] = float32(v)
			}
		}
	}
	return result
}

// tap holds the sources of one sample.
type tap struct {
	source  []int
	weights []float64
}

// offsetTaps samples at (i+½)·grid/(size+0.1) − ½ with the four nearest entries; beyond the border the last one is repeated (a = −0.75).
func offsetTaps(grid, size int) []tap {
	// PyTorch's kernel passes the scale as float32, and so does this.
	step := float32(1 / ((float64(size) + 0.1) / float64(grid)))
	taps := make([]tap, size)
	for i := range taps {
		at := float64(step*(float32(i)+0.5) - 0.5)
		floor := math.Floor(at)
		for k := -1; k <= 2; k++ {
			j := int(floor) + k
			taps[i].source = append(taps[i].source, min(max(j, 0), grid-1))
			taps[i].weights = append(taps[i].weights, cubic(at-float64(j), -0.75))
		}
	}
	return taps
}

// antialiasedTaps widens the kernel by the reduction factor, omits entries beyond the border and divides by the sum of the rest, as Pillow
// does (a = −0.5).
func antialiasedTaps(grid, size int) []tap {
	scale := float64(grid) / float64(size)
	stretch := max(scale, 1)
	taps := make([]tap, size)
	for i := range taps {
		centre := scale * (float64(i) + 0.5)
		lo := max(int(centre-2*stretch+0.5), 0)
		hi := min(int(centre+2*stretch+0.5), grid)
		var sum float64
		for j := lo; j < hi; j++ {
			w := cubic((float64(j)-centre+0.5)/stretch, -0.5)
			taps[i].source = append(taps[i].source, j)
			taps[i].weights = append(taps[i].weights, w)
			sum += w
		}
		for k := range taps[i].weights {
			taps[i].weights[k] /= sum
		}
	}
	return taps
}

// cubic is the cubic convolution kernel of Keys (1981, eq. 4 with a free) at distance x.
func cubic(x, a float64) float64 {
	x = math.Abs(x)
	switch {
	case x <= 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}
