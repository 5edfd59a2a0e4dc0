package centred

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"iconic/internal/parallel"
	"iconic/matrix"
)

const (
	blockRows   = 512
	mostStripes = 16
	sampleRows  = 101 // rows that show whether the mean is among them
	displaced   = 16  // times as far from the mean as from each other, in squares
)

// Matrix shifts and scales rows alike in every column, (x − centre)·scale, which changes no assignment: otherwise the float32 products x·c
// would lose distances in a common offset, and underflow or overflow for tiny or huge numbers. The scale is a power of two that brings the
// widest column's range to [1, 2), so it causes no rounding.
type Matrix struct {
	matrix.Features
	Centre []float64
	Scale  float64
}

// Measure computes the centre (Centre) and the widest range of a column. It fails on features that are not finite, and names the row.
func Measure(ctx context.Context, f matrix.Features, workers int) (*Matrix, error) {
	n, d := f.Len(), f.Dim()
	type column struct{ sum, low, high float64 }
	stripe := parallel.Stripe(n, mostStripes, blockRows)
	stripes := make([][]column, parallel.Count(n, stripe))
	err := parallel.Blocks(ctx, workers, n, stripe, func(s, lo, hi int) error {
		columns := make([]column, d)
		for e := range columns {
			columns[e] = column{low: math.Inf(1), high: math.Inf(-1)}
		}
		stripes[s] = columns
		x := make([]float32, min(blockRows, hi-lo)*d)
		for ; lo < hi; lo += blockRows {
			end := min(hi, lo+blockRows)
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := f.Block(x[:(end-lo)*d], lo, end); err != nil {
				return fmt.Errorf("features of rows %d to %d: %w", lo, end, err)
			}
			for i := lo; i < end; i++ {
				for e, v := range x[(i-lo)*d : (i-lo+1)*d] {
					if v-v != 0 {
						return fmt.Errorf("features of row %d are not finite: correct or remove that row; in a feature store, encode its image again or exclude it", i)
					}
					c := &columns[e]
					c.sum += float64(v)
					c.low, c.high = min(c.low, float64(v)), max(c.high, float64(v))
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c := &Matrix{Features: f, Scale: 1}
	mean, widest := make([]float64, d), 0.0
	for e := range d {
		all := column{low: math.Inf(1), high: math.Inf(-1)}
		for _, columns := range stripes {
			all.sum += columns[e].sum
			all.low, all.high = min(all.low, columns[e].low), max(all.high, columns[e].high)
		}
		mean[e] = all.sum / float64(n)
		widest = max(widest, all.high-all.low)
	}
	c.Scale = Unit(widest)
	some := make([]int32, min(n, sampleRows))
	for e := range some {
		some[e] = int32(e * n / len(some))
	}
	x := make([]float32, len(some)*d)
	if err := f.Gather(x, some); err != nil {
		return nil, fmt.Errorf("features of %d rows: %w", len(some), err)
	}
	c.Centre = Centre(mean, x)
	return c, nil
}

// Centre returns the point about which rows are best centred, given their mean and some of them, x: the mean, unless a few huge rows have drawn it so far away
// that nearly all rows are much farther from it than from each other, and are lost in that common offset. Then it is the median of each column of x.
func Centre(mean []float64, x []float32) []float64 {
	d := len(mean)
	m := len(x) / max(1, d)
	if m < 2 {
		return mean
	}
	fromMean, fromOther := make([]float64, m), make([]float64, m) // squared distances, and half of those
	order := rand.New(rand.NewPCG(1, 1)).Perm(m)                  // as rows may be in the order of their classes, or of the classes in turn
	for i, at := range order {
		row, other := x[at*d:(at+1)*d], x[order[(i+1)%m]*d:]
		for e, v := range row {
			a, b := float64(v)-mean[e], float64(v)-float64(other[e])
			fromMean[i] += a * a
			fromOther[i] += b * b / 2
		}
	}
	slices.Sort(fromMean)
	slices.Sort(fromOther)
	if most := 2 * (m - 1) / 3; fromMean[most] <= displaced*fromOther[most] { // beyond the median, as half the pairs may be of one group
		return mean
	}
	centre := make([]float64, d)
	for e, v := range matrix.Medians(x, d) {
		centre[e] = float64(v)
	}
	return centre
}

// Unit is the power of two that brings a range to [1, 2); 1 for a range of 0.
func Unit(width float64) float64 {
	if width == 0 {
		return 1
	}
	return math.Ldexp(1, -math.Ilogb(width))
}

// Block is that of the rows, shifted and scaled.
func (c *Matrix) Block(dst []float32, lo, hi int) error {
	if err := c.Features.Block(dst, lo, hi); err != nil {
		return err
	}
	c.Apply(dst)
	return nil
}

// Gather is that of the rows, shifted and scaled.
func (c *Matrix) Gather(dst []float32, rows []int32) error {
	if err := c.Features.Gather(dst, rows); err != nil {
		return err
	}
	c.Apply(dst)
	return nil
}

// Apply shifts and scales whole rows.
func (c *Matrix) Apply(x []float32) {
	for ; len(x) > 0; x = x[len(c.Centre):] {
		for e, m := range c.Centre {
			x[e] = float32((float64(x[e]) - m) * c.Scale)
		}
	}
}

// Back maps rows back to the coordinates of the matrix, in place.
func (c *Matrix) Back(x []float32) {
	for ; len(x) > 0; x = x[len(c.Centre):] {
		for e, m := range c.Centre {
			x[e] = float32(float64(x[e])/c.Scale + m)
		}
	}
}
