package space

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"iconic/head/knn"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

const (
	// FewColumns is the number of columns up to which features are better lifted. A direction from the mean has one dimension less than the features, which
	// is a large part of so few: of two columns an angle is left.
	FewColumns = 6
	// Lifted is the number of columns of lifted features.
	Lifted = 2 * frequencies

	frequencies = 64
)

// Lift returns random Fourier features of f (Rahimi and Recht 2007), rows of length 1:
//
//	(cos w_1·x, sin w_1·x, cos w_2·x, …)/√m, w_1 … w_m ~ N(0, 2I/r²), m = Lifted/2
//
// Their inner products approximate exp(−|x−y|²/r²), so that rows which are near each other have similar directions, wherever the mean is. The radius r is the
// median distance from a row to its nearest-th other; nearest ≥ 1 may be half of the rows of a cluster. It fails on features that cannot be read, and with
// ctx's error.
func Lift(ctx context.Context, f knn.Features, nearest int, seed uint64, workers int) (*matrix.Dense, error) {
	const purpose = 0x6c696674
	random := rand.New(rand.NewPCG(seed, purpose))
	r, err := radius(ctx, f, nearest, random, workers)
	if err != nil {
		return nil, err
	}
	n, d := f.Len(), f.Dim()
	w := make([]float32, frequencies*d)
	for e := range w {
		w[e] = float32(math.Sqrt2 * random.NormFloat64() / r)
	}
	lifted, scale := matrix.NewDense(n, Lifted), 1/math.Sqrt(frequencies)
	err = parallel.Blocks(ctx, workers, n, stripeRows, func(_, lo, hi int) error {
		x, phase := make([]float32, (hi-lo)*d), make([]float32, (hi-lo)*frequencies)
		if err := f.Block(x, lo, hi); err != nil {
			return fmt.Errorf("features of rows %d to %d: %w", lo, hi, err)
		}
		kernel.MulTransB(phase, frequencies, x, d, w, d, hi-lo, d, frequencies, false)
		for e, p := range phase {
			sin, cos := math.Sincos(float64(p))
			at := lifted.X[2*(lo*frequencies+e):]
			at[0], at[1] = float32(scale*cos), float32(scale*sin)
		}
		return nil
	})
	return lifted, err
}

// radius is r of Lift, measured on a sample of the rows. If most rows have more copies than that, it is half of the smallest distance between rows that
// differ, and 1 if there are none.
func radius(ctx context.Context, f knn.Features, nearest int, random *rand.Rand, workers int) (float64, error) {
	const most = 2000 // rows
	n, d := f.Len(), f.Dim()
	rows := matrix.RandomRows(random, n, min(n, most))
	x := make([]float32, len(rows)*d)
	if err := f.Gather(x, rows); err != nil {
		return 0, fmt.Errorf("features of a sample of rows: %w", err)
	}
	m := len(rows)
	k := min(max(1, int(float64(nearest)*float64(m)/float64(n))), m-1) // as near in the sample
	kth, least := make([]float64, m), make([]float64, m)
	err := parallel.Blocks(ctx, workers, m, 16, func(_, lo, hi int) error {
		squared := make([]float32, m)
		for i := lo; i < hi; i++ {
			for j := range m {
				squared[j] = kernel.SquaredDistance(x[i*d:(i+1)*d], x[j*d:(j+1)*d])
			}
			slices.Sort(squared)
			kth[i] = math.Sqrt(float64(squared[k])) // squared[0] is the row itself
			differs, _ := slices.BinarySearch(squared, math.SmallestNonzeroFloat32)
			if least[i] = math.Inf(1); differs < m {
				least[i] = math.Sqrt(float64(squared[differs]))
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	slices.Sort(kth)
	if median := kth[m/2]; median > 0 {
		return median, nil
	}
	if apart := slices.Min(least); !math.IsInf(apart, 1) {
		return apart / 2, nil
	}
	return 1, nil
}
