package space

import (
	"context"
	"errors"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"iconic/internal/parallel"
	"iconic/matrix"
)

// span returns u, n×d, in n coordinates of the span of its centred rows if it has fewer rows than columns, with the shrinkage that makes the ridge
// of n coordinates that of d. Otherwise it returns what it was given.
func span(ctx context.Context, u *matrix.Dense, shrinkage float64, workers int) (*matrix.Dense, float64, error) {
	n, d := u.Len(), u.Width
	if n >= d {
		return u, shrinkage, nil
	}
	products, err := innerProducts(ctx, u, workers)
	if err != nil {
		return nil, 0, err
	}
	// The n centred rows span n−1 dimensions at most. What makes their factor exist is far below what float32 distinguishes.
	const least = 1e-12
	ridge := least * max(mat.Trace(products)/float64(n), least)
	for i := range n {
		products.SetSym(i, i, products.At(i, i)+ridge)
	}
	var factor mat.Cholesky
	if !factor.Factorize(products) {
		return nil, 0, errors.New("whitening: the rows have no coordinates in their span: check that the features are finite")
	}
	var lower mat.TriDense
	factor.LTo(&lower)
	y := matrix.NewDense(n, n)
	for i := range n {
		for e := range i + 1 {
			y.X[i*n+e] = float32(lower.At(i, e))
		}
	}
	return y, shrinkage * float64(n) / float64(d), nil
}

// innerProducts computes those of the centred rows of u, n×n.
func innerProducts(ctx context.Context, u *matrix.Dense, workers int) (*mat.SymDense, error) {
	n, d := u.Len(), u.Width
	mean, err := means(ctx, u, workers)
	if err != nil {
		return nil, err
	}
	centred := mat.NewDense(n, d, nil)
	for i := range n {
		for e, x := range u.Row(i) {
			centred.Set(i, e, float64(x)-float64(mean[e]))
		}
	}
	products := mat.NewSymDense(n, nil)
	err = parallel.Blocks(ctx, workers, n, 32, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			for j := range i + 1 {
				products.SetSym(i, j, floats.Dot(centred.RawRowView(i), centred.RawRowView(j)))
			}
		}
		return nil
	})
	return products, err
}
