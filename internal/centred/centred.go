package centred

import (
	"context"
	"fmt"
	"math"

	"iconic/internal/parallel"
	"iconic/matrix"
)

const (
	blockRows   = 512
	mostStripes = 16
)

// Matrix shifts and scales rows alike in every column, (x − mean)·scale, which changes no assignment: otherwise the float32 products x·c
// would lose distances in a common offset, and underflow or overflow for tiny or huge numbers. The scale is a power of two that brings the
// widest column's range to [1, 2), so it causes no rounding.
type Matrix struct {
	matrix.Features
	Mean  []float64
	Scale float64
}

// Measure computes the mean of every column and the widest range. It fails on features that are not finite, and names the row.
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
						return fmt.Errorf("features of row %d are not finite: encode that image again or exclude it", i)
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
	c := &Matrix{Features: f, Mean: make([]float64, d), Scale: 1}
	widest := 0.0
	for e := range d {
		all := column{low: math.Inf(1), high: math.Inf(-1)}
		for _, columns := range stripes {
			all.sum += columns[e].sum
			all.low, all.high = min(all.low, columns[e].low), max(all.high, columns[e].high)
		}
		c.Mean[e] = all.sum / float64(n)
		widest = max(widest, all.high-all.low)
	}
	c.Scale = Unit(widest)
	return c, nil
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
	for ; len(x) > 0; x = x[len(c.Mean):] {
		for e, m := range c.Mean {
			x[e] = float32((float64(x[e]) - m) * c.Scale)
		}
	}
}

// Back maps rows back to the coordinates of the matrix, in place.
func (c *Matrix) Back(x []float32) {
	for ; len(x) > 0; x = x[len(c.Mean):] {
		for e, m := range c.Mean {
			x[e] = float32(float64(x[e])/c.Scale + m)
		}
	}
}
