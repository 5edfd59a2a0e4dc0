package tsne

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"iconic/internal/parallel"
)

// principal gives the first two principal components of the rows, scaled to a standard deviation of 1e-4 along the first: the
// start that keeps the large structure and does not depend on chance (Kobak and Berens 2019).
func principal(ctx context.Context, f Features, workers int) ([]float64, error) {
	const start = 1e-4
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
		return nil, fmt.Errorf("map: the principal components of the features could not be found")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	axes := make([][]float64, 2)
	for a := range axes {
		axes[a] = axis(&vectors, d, d-1-a)
	}
	return project(f, mean, axes, start/math.Sqrt(max(eigen.Values(nil)[d-1], 1e-300)))
}

// axis is a column of the eigenvectors, signed so that its largest entry is positive; zeros where there is none.
func axis(vectors *mat.Dense, d, column int) []float64 {
	a := make([]float64, d)
	if column < 0 {
		return a
	}
	mat.Col(a, column, vectors)
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

func project(f Features, mean []float64, axes [][]float64, scale float64) ([]float64, error) {
	n, d := f.Len(), f.Dim()
	y := make([]float64, 2*n)
	x := make([]float32, blockRows*d)
	for lo := 0; lo < n; lo += blockRows {
		hi := min(n, lo+blockRows)
		if err := f.Block(x[:(hi-lo)*d], lo, hi); err != nil {
			return nil, err
		}
		for i := lo; i < hi; i++ {
			for a, axis := range axes {
				for e, v := range x[(i-lo)*d : (i-lo+1)*d] {
					y[2*i+a] += scale * (float64(v) - mean[e]) * axis[e]
				}
			}
		}
	}
	return y, nil
}

// sums adds up a quantity of size numbers over all rows, by at most 8 stripes in order.
func sums(ctx context.Context, f Features, workers, size int, add func(sum []float64, row []float32)) ([]float64, error) {
	n, d := f.Len(), f.Dim()
	stripe := max(1, parallel.Count(parallel.Count(n, 8), blockRows)) * blockRows
	parts := make([][]float64, parallel.Count(n, stripe))
	err := parallel.Blocks(ctx, workers, n, stripe, func(s, lo, hi int) error {
		parts[s] = make([]float64, size)
		x := make([]float32, blockRows*d)
		for ; lo < hi; lo += blockRows {
			end := min(hi, lo+blockRows)
			if err := f.Block(x[:(end-lo)*d], lo, end); err != nil {
				return err
			}
			for i := range end - lo {
				add(parts[s], x[i*d:(i+1)*d])
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	total := make([]float64, size)
	for _, part := range parts {
		for e, v := range part {
			total[e] += v
		}
	}
	return total, nil
}
