package mixture

import (
	"context"
	"fmt"
	"math"
	"slices"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// Options are the settings of a fit.
type Options struct {
	Clusters int     // ≥ 1
	Kappa    float64 // concentration of every cluster, > 0
	Rounds   int     // largest number of rounds of expectation and maximisation; 20 when < 1
	Still    float64 // a fit ends when a round moves at most this share of the rows to another cluster
	// Equal keeps all proportions at 1/Clusters, so that the angles alone determine the sizes.
	Equal   bool
	Workers int // goroutines; all processors when < 1; they do not change the result
}

// Result is a fitted mixture.
type Result struct {
	Assignment []int32   // the most probable cluster of each row, ties to the lowest
	Means      []float32 // Clusters×Width, rows of length 1, or 0 for a cluster without rows
	Proportion []float64 // of each cluster; they sum to 1
	// Likelihood is 1/n Σ_i ln Σ_c π_c exp(κ μ_c·v_i), without ln C(κ), before the last round's maximisation.
	Likelihood float64
}

const (
	blockRows   = 256
	mostStripes = 8
	// leastMass keeps the logarithm of a cluster without rows finite.
	leastMass = 1e-6
)

// Fit fits a mixture to the rows of v, which have length 1 or 0, starting from a partition of them. It fails on settings out of range, on a
// start of a different length or with clusters out of range, and with ctx's error.
func Fit(ctx context.Context, v *matrix.Dense, start []int32, o Options) (*Result, error) {
	n := v.Len()
	switch {
	case o.Clusters < 1:
		return nil, fmt.Errorf("mixture of %d clusters: want at least 1", o.Clusters)
	case !(o.Kappa > 0 && o.Kappa < math.Inf(1)):
		return nil, fmt.Errorf("mixture: concentration %g: want a positive number", o.Kappa)
	case len(start) != n || n == 0:
		return nil, fmt.Errorf("mixture: a start of %d rows for %d rows: want one cluster for each row, and at least one row", len(start), n)
	}
	for i, c := range start {
		if c < 0 || int(c) >= o.Clusters {
			return nil, fmt.Errorf("mixture: row %d starts in cluster %d: want 0 to %d", i, c, o.Clusters-1)
		}
	}
	if o.Rounds < 1 {
		o.Rounds = 20
	}
	f := newFit(v, o)
	f.begin(start)
	f.maximise()
	for range o.Rounds {
		moved, err := f.expect(ctx)
		if err != nil {
			return nil, err
		}
		f.maximise()
		if o.Still > 0 && float64(moved) <= o.Still*float64(n) {
			break
		}
	}
	return f.result, nil
}

// fit is the state between rounds.
type fit struct {
	v       *matrix.Dense
	options Options
	stripe  int       // rows of a stripe
	stripes []stripe  // sums of ranges of rows, added in order
	shift   []float32 // ln of each cluster's proportion
	scaled  []float32 // κ times the means
	result  *Result
}

// stripe accumulates the sums over some rows for the maximisation.
type stripe struct {
	sum   []float32 // Σ_i P_ic v_i, Clusters×Width
	mass  []float64 // Σ_i P_ic
	like  float64
	moved int // rows whose most probable cluster changed
}

func newFit(v *matrix.Dense, o Options) *fit {
	n, d, k := v.Len(), v.Width, o.Clusters
	f := &fit{v: v, options: o, shift: make([]float32, k), scaled: make([]float32, k*d)}
	f.stripe = parallel.Stripe(n, mostStripes, blockRows)
	f.stripes = make([]stripe, parallel.Count(n, f.stripe))
	for s := range f.stripes {
		f.stripes[s] = stripe{sum: make([]float32, k*d), mass: make([]float64, k)}
	}
	f.result = &Result{Assignment: make([]int32, n), Means: make([]float32, k*d), Proportion: make([]float64, k)}
	return f
}

// begin accumulates the sums of a hard partition.
func (f *fit) begin(start []int32) {
	d := f.v.Width
	copy(f.result.Assignment, start)
	for i, c := range start {
		s := &f.stripes[i/f.stripe]
		kernel.AddScaled(s.sum[int(c)*d:(int(c)+1)*d], 1, f.v.Row(i))
		s.mass[c]++
	}
}

// maximise computes means and proportions from the sums.
func (f *fit) maximise() {
	k, d, n := f.options.Clusters, f.v.Width, float64(f.v.Len())
	total := make([]float64, d)
	for c := range k {
		clear(total)
		mass, square := 0.0, 0.0
		for s := range f.stripes {
			kernel.AddTo(total, f.stripes[s].sum[c*d:(c+1)*d])
			mass += f.stripes[s].mass[c]
		}
		for _, x := range total {
			square += x * x
		}
		scale := 0.0
		if square > 0 {
			scale = 1 / math.Sqrt(square)
		}
		for e, x := range total {
			f.result.Means[c*d+e] = float32(scale * x)
		}
		if f.options.Equal {
			mass = n / float64(k)
		}
		f.result.Proportion[c] = mass / n
		f.shift[c] = float32(math.Log(max(leastMass, mass) / n))
	}
}

// expect computes the posterior of every row, accumulates the sums under it, and counts the rows whose most probable cluster changed.
func (f *fit) expect(ctx context.Context) (moved int, err error) {
	k, d := f.options.Clusters, f.v.Width
	copy(f.scaled, f.result.Means)
	kernel.Scale(f.scaled, float32(f.options.Kappa))
	err = parallel.Blocks(ctx, f.options.Workers, f.v.Len(), f.stripe, func(s, lo, hi int) error {
		to := &f.stripes[s]
		clear(to.sum)
		clear(to.mass)
		to.like, to.moved = 0, 0
		p := make([]float32, min(blockRows, hi-lo)*k)
		for ; lo < hi; lo += blockRows {
			if err := ctx.Err(); err != nil {
				return err
			}
			m := min(blockRows, hi-lo)
			x := f.v.X[lo*d : (lo+m)*d]
			kernel.MulTransB(p, k, x, d, f.scaled, d, m, d, k, false)
			for i := range m {
				to.take(f, p[i*k:(i+1)*k], lo+i)
			}
			kernel.MulTransA(to.sum, d, p, k, x, d, k, m, d, true)
		}
		return nil
	})
	f.result.Likelihood = 0
	for s := range f.stripes {
		moved += f.stripes[s].moved
		f.result.Likelihood += f.stripes[s].like / float64(f.v.Len())
	}
	return moved, err
}

// take turns p, κ times the cosines of row i with all means, into its posterior.
func (s *stripe) take(f *fit, p []float32, i int) {
	kernel.AddScaled(p, 1, f.shift)
	most := kernel.Max(p)
	best := max(0, slices.Index(p, most))
	if f.result.Assignment[i] != int32(best) {
		s.moved++
	}
	f.result.Assignment[i] = int32(best)
	kernel.Softmax(p, p)
	s.like += float64(most) - math.Log(float64(p[best])) // ln Σ_c e^{z_c} = z_b − ln P_b
	kernel.AddTo(s.mass, p)
}

// Extend assigns every row of v to the cluster with the nearest mean direction; cluster is a partition of marks, which are other rows.
func Extend(ctx context.Context, marks *matrix.Dense, cluster []int32, clusters int, v *matrix.Dense) ([]int32, error) {
	if marks.Width != v.Width || marks.Len() != len(cluster) {
		return nil, fmt.Errorf("mixture: %d marks of %d numbers and %d clusters for rows of %d numbers: want one cluster per mark, and marks of the same width", marks.Len(), marks.Width, len(cluster), v.Width)
	}
	f := newFit(marks, Options{Clusters: clusters})
	f.begin(cluster)
	f.maximise()
	clear(f.shift)
	all := newFit(v, Options{Clusters: clusters, Kappa: 1})
	copy(all.result.Means, f.result.Means)
	_, err := all.expect(ctx)
	return all.result.Assignment, err
}
