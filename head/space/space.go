package space

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"iconic/head/knn"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

const (
	stripeRows  = 512
	mostStripes = 8
)

// Unit reads features into memory and scales every row to length 1; a row of zeros stays unchanged.
func Unit(ctx context.Context, f knn.Features, workers int) (*matrix.Dense, error) {
	u := matrix.NewDense(f.Len(), f.Dim())
	d := u.Width
	err := parallel.Blocks(ctx, workers, f.Len(), stripeRows, func(_, lo, hi int) error {
		x := u.X[lo*d : hi*d]
		if err := f.Block(x, lo, hi); err != nil {
			return fmt.Errorf("features of rows %d to %d: %w", lo, hi, err)
		}
		kernel.NormalizeRows(x, d)
		return nil
	})
	return u, err
}

// Whiten returns the directions of u, rows of length 1 or 0, whitened by their differences from the neighbours in near, a graph of the same
// rows. The shrinkage is a share of the mean variance, > 0. The result has as many columns as u, or as u has rows if these are fewer.
func Whiten(ctx context.Context, u *matrix.Dense, near *knn.Graph, shrinkage float64, workers int) (*matrix.Dense, error) {
	if near.N != u.Len() || near.N == 0 {
		return nil, fmt.Errorf("whitening: a graph of %d rows does not match %d rows", near.N, u.Len())
	}
	u, shrinkage, err := span(ctx, u, shrinkage, workers)
	if err != nil {
		return nil, err
	}
	s, err := differences(ctx, u, near, workers)
	if err != nil {
		return nil, err
	}
	return whiten(ctx, u, s, shrinkage, workers)
}

// WhitenWithin returns the directions of u, rows of length 1 or 0, whitened by their covariance within clusters: cluster has the cluster of every row, ≥ 0.
// The shrinkage is a share of the mean variance, > 0. The result has as many columns as u, or as u has rows if these are fewer.
func WhitenWithin(ctx context.Context, u *matrix.Dense, cluster []int32, shrinkage float64, workers int) (*matrix.Dense, error) {
	if len(cluster) != u.Len() || len(cluster) == 0 {
		return nil, fmt.Errorf("whitening: %d clusters of rows do not match %d rows", len(cluster), u.Len())
	}
	u, shrinkage, err := span(ctx, u, shrinkage, workers)
	if err != nil {
		return nil, err
	}
	s, err := within(ctx, u, cluster, workers)
	if err != nil {
		return nil, err
	}
	return whiten(ctx, u, s, shrinkage, workers)
}

// whiten returns q of the package documentation for a covariance s, d×d.
func whiten(ctx context.Context, u *matrix.Dense, s []float64, shrinkage float64, workers int) (*matrix.Dense, error) {
	inverse, err := inverseRoot(s, u.Width, shrinkage)
	if err != nil {
		return nil, err
	}
	mean, err := means(ctx, u, workers)
	if err != nil {
		return nil, err
	}
	n, d := u.Len(), u.Width
	q := matrix.NewDense(n, d)
	err = parallel.Blocks(ctx, workers, n, stripeRows, func(_, lo, hi int) error {
		centred := append([]float32(nil), u.X[lo*d:hi*d]...)
		for i := range hi - lo {
			kernel.AddScaled(centred[i*d:(i+1)*d], -1, mean)
		}
		kernel.MulTransB(q.X[lo*d:], d, centred, d, inverse, d, hi-lo, d, d, false)
		kernel.NormalizeRows(q.X[lo*d:hi*d], d)
		return nil
	})
	return q, err
}

// differences computes the first S of the package documentation, d×d.
func differences(ctx context.Context, u *matrix.Dense, near *knn.Graph, workers int) ([]float64, error) {
	n, d := u.Len(), u.Width
	parts, err := stripes(ctx, workers, n, d*d, func(sum []float64, lo, hi int) error {
		part := make([]float32, d*d)
		x := make([]float32, near.K*d)
		for i := lo; i < hi; i++ {
			for e, j := range near.Row(i) {
				row := x[e*d : (e+1)*d]
				copy(row, u.Row(i))
				kernel.AddScaled(row, -1, u.Row(int(j)))
			}
			kernel.MulTransA(part, d, x, d, x, d, d, near.K, d, true)
		}
		kernel.AddTo(sum, part)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for e := range parts {
		parts[e] /= float64(n * near.K)
	}
	return parts, nil
}

// within computes the second S of the package documentation, d×d.
func within(ctx context.Context, u *matrix.Dense, cluster []int32, workers int) ([]float64, error) {
	n, d := u.Len(), u.Width
	mean, err := centres(ctx, u, cluster, workers)
	if err != nil {
		return nil, err
	}
	s, err := stripes(ctx, workers, n, d*d, func(sum []float64, lo, hi int) error {
		part, x := make([]float32, d*d), slices.Clone(u.X[lo*d:hi*d])
		for i := lo; i < hi; i++ {
			kernel.AddScaled(x[(i-lo)*d:(i-lo+1)*d], -1, mean.Row(int(cluster[i])))
		}
		kernel.MulTransA(part, d, x, d, x, d, d, hi-lo, d, false)
		kernel.AddTo(sum, part)
		return nil
	})
	for e := range s {
		s[e] /= float64(n)
	}
	return s, err
}

// centres computes the mean of every cluster's rows, and zeros for a cluster without any.
func centres(ctx context.Context, u *matrix.Dense, cluster []int32, workers int) (*matrix.Dense, error) {
	d, clusters := u.Width, int(slices.Max(cluster))+1
	sum, err := stripes(ctx, workers, u.Len(), clusters*d, func(sum []float64, lo, hi int) error {
		for i := lo; i < hi; i++ {
			at := int(cluster[i]) * d
			kernel.AddTo(sum[at:at+d], u.Row(i))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows := make([]int, clusters)
	for _, c := range cluster {
		rows[c]++
	}
	mean := matrix.NewDense(clusters, d)
	for c := range rows {
		for e := range d {
			mean.X[c*d+e] = float32(sum[c*d+e] / float64(max(1, rows[c])))
		}
	}
	return mean, nil
}

// inverseRoot computes L⁻¹ of LLᵀ = S + shrinkage·(tr S/d)·I, row-major.
func inverseRoot(s []float64, d int, shrinkage float64) ([]float32, error) {
	trace := 0.0
	for e := range d {
		trace += s[e*d+e]
	}
	ridge := shrinkage * trace / float64(d)
	const least = 1e-30 // below it, float32 cannot represent the inverse
	if !(ridge > least) {
		ridge = 1 // all neighbours are equal: there is nothing to whiten by
	}
	sym := mat.NewSymDense(d, nil)
	for e := range d {
		for c := e; c < d; c++ {
			sym.SetSym(e, c, (s[e*d+c]+s[c*d+e])/2)
		}
		sym.SetSym(e, e, sym.At(e, e)+ridge)
	}
	var factor mat.Cholesky
	if !factor.Factorize(sym) {
		return nil, errors.New("whitening: the covariance has no Cholesky factor: check that the features are finite")
	}
	var lower, inverse mat.TriDense
	factor.LTo(&lower)
	// Shrinkage allows a large condition number.
	if err := inverse.InverseTri(&lower); err != nil && !errors.As(err, new(mat.Condition)) {
		return nil, fmt.Errorf("whitening: %w", err)
	}
	root := make([]float32, d*d)
	for e := range d {
		for c := range e + 1 {
			v := inverse.At(e, c)
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, errors.New("whitening: the inverse root is not finite: check that the features are")
			}
			root[e*d+c] = float32(v)
		}
	}
	return root, nil
}

// means computes the means of the columns.
func means(ctx context.Context, u *matrix.Dense, workers int) ([]float32, error) {
	sum, err := stripes(ctx, workers, u.Len(), u.Width, func(sum []float64, lo, hi int) error {
		for i := lo; i < hi; i++ {
			kernel.AddTo(sum, u.Row(i))
		}
		return nil
	})
	mean := make([]float32, len(sum))
	for e, s := range sum {
		mean[e] = float32(s / float64(u.Len()))
	}
	return mean, err
}

// stripes sums over rows in stripes that depend only on the number of rows.
func stripes(ctx context.Context, workers, n, size int, add func(sum []float64, lo, hi int) error) ([]float64, error) {
	return parallel.Sum(ctx, workers, n, max(stripeRows, parallel.Count(n, mostStripes)), stripeRows, size, add)
}

// Diffuse computes v_i ← unit(v_i + Σ_{j∈N(i)} v_j) for the given number of rounds, with N(i) the neighbours in near, a graph of the same
// rows.
func Diffuse(ctx context.Context, v *matrix.Dense, near *knn.Graph, rounds, workers int) (*matrix.Dense, error) {
	n, d := v.Len(), v.Width
	if near.N != n {
		return nil, fmt.Errorf("diffusion: a graph of %d rows does not match %d rows", near.N, n)
	}
	for range rounds {
		next := matrix.NewDense(n, d)
		err := parallel.Blocks(ctx, workers, n, stripeRows, func(_, lo, hi int) error {
			for i := lo; i < hi; i++ {
				row := next.Row(i)
				copy(row, v.Row(i))
				for _, j := range near.Row(i) {
					kernel.AddScaled(row, 1, v.Row(int(j)))
				}
			}
			kernel.NormalizeRows(next.X[lo*d:hi*d], d)
			return nil
		})
		if err != nil {
			return nil, err
		}
		v = next
	}
	return v, nil
}
