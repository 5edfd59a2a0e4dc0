package principal

import (
	"context"
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"iconic/internal/parallel"
	"iconic/matrix"
)

const (
	blockRows   = 256
	mostStripes = 8
)

// Components are the principal components of features of d numbers.
type Components struct {
	Mean     []float64   // mean of the features, d numbers
	Axes     [][]float64 // the directions, each of length 1 and d numbers, in order of decreasing variance
	Variance []float64   // variance of the features along each axis, ≥ 0
}

// Find computes the first k components, 1 ≤ k ≤ d, of n ≥ 1 rows. The sign of an axis is such that its largest entry is positive.
func Find(ctx context.Context, f matrix.Features, k, workers int) (*Components, error) {
	n, d := f.Len(), f.Dim()
	mean, err := sums(ctx, f, workers, d, func(sum []float64, row []float32) {
		for e, v := range row {
			sum[e] += float64(v) / float64(n)
		}
	})
	if err != nil {
		return nil, err
	}
	covariance, err := sums(ctx, f, workers, d*d, func(sum []float64, row []float32) {
		for e, v := range row {
			c := float64(v) - mean[e]
			for g, w := range row[:e+1] {
				sum[e*d+g] += c * (float64(w) - mean[g])
			}
		}
	})
	if err != nil {
		return nil, err
	}
	m := mat.NewSymDense(d, nil)
	for e := range d {
		for g := range e + 1 {
			m.SetSym(e, g, covariance[e*d+g]/float64(n))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(m, true) {
		return nil, errors.New("the principal components could not be computed: check that the features are finite")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil)
	c := &Components{Mean: mean}
	for a := range k {
		c.Axes = append(c.Axes, axis(&vectors, d-1-a))
		c.Variance = append(c.Variance, max(0, values[d-1-a]))
	}
	return c, ctx.Err()
}

// axis returns a column of the eigenvectors, with the sign that makes its largest entry positive.
func axis(vectors *mat.Dense, column int) []float64 {
	a := mat.Col(nil, column, vectors)
	largest := 0
	for e, v := range a {
		if math.Abs(v) > math.Abs(a[largest]) {
			largest = e
		}
	}
	if a[largest] < 0 {
		for e := range a {
			a[e] = -a[e]
		}
	}
	return a
}

// Project returns the features minus their mean along each axis, times scale: n×k.
func (c *Components) Project(ctx context.Context, f matrix.Features, scale float64, workers int) ([]float64, error) {
	n, d, k := f.Len(), f.Dim(), len(c.Axes)
	y := make([]float64, n*k)
	err := parallel.Blocks(ctx, workers, n, blockRows, func(_, lo, hi int) error {
		x := make([]float32, (hi-lo)*d)
		if err := f.Block(x, lo, hi); err != nil {
			return err
		}
		for i := lo; i < hi; i++ {
			for a, axis := range c.Axes {
				for e, v := range x[(i-lo)*d : (i-lo+1)*d] {
					y[i*k+a] += scale * (float64(v) - c.Mean[e]) * axis[e]
				}
			}
		}
		return nil
	})
	return y, err
}

// sums adds a quantity of size numbers over all rows.
func sums(ctx context.Context, f matrix.Features, workers, size int, add func(sum []float64, row []float32)) ([]float64, error) {
	n, d := f.Len(), f.Dim()
	return parallel.Sum(ctx, workers, n, parallel.Stripe(n, mostStripes, blockRows), blockRows, size, func(sum []float64, lo, hi int) error {
		x := make([]float32, (hi-lo)*d)
		if err := f.Block(x, lo, hi); err != nil {
			return err
		}
		for i := range hi - lo {
			add(sum, x[i*d:(i+1)*d])
		}
		return nil
	})
}
