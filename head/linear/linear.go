package linear

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// Head is the linear head: logits z = x·Wᵀ + b of features x. Its probabilities are the row softmax of z.
type Head struct {
	Clusters, Dim int
	Weight        []float32 // Clusters×Dim
	Bias          []float32 // Clusters
}

const (
	linearRows = 512 // rows of a product per task: each task packs the weights again
	linearCuts = 8   // largest number of tasks that share the rows of ∂L/∂W
)

// New draws weights uniformly from ±1/√d, as PyTorch's linear layer does; the bias starts at zero.
func New(clusters, dim int, r *rand.Rand) *Head {
	l := &Head{Clusters: clusters, Dim: dim, Weight: make([]float32, clusters*dim), Bias: make([]float32, clusters)}
	bound := 1 / math.Sqrt(float64(dim))
	for i := range l.Weight {
		l.Weight[i] = float32(bound * (2*r.Float64() - 1))
	}
	return l
}

// Parameters returns the parameters for an optimiser.
func (l *Head) Parameters() [][]float32 { return [][]float32{l.Weight, l.Bias} }

// Logits writes z = x·Wᵀ + b (n×Clusters) of features x (n×Dim).
func (l *Head) Logits(ctx context.Context, z, x []float32, n, workers int) error {
	return parallel.Blocks(ctx, workers, n, linearRows, func(_, lo, hi int) error {
		l.Block(z[lo*l.Clusters:], x[lo*l.Dim:], hi-lo)
		return nil
	})
}

// Backward writes the gradients of W and b:
//
//	z_ic = Σ_e x_ie W_ce + b_c   ⇒   ∂L/∂W = (∂L/∂z)ᵀ·x  (Clusters×Dim),   ∂L/∂b_c = Σ_i ∂L/∂z_ic
//
// Each task sums over its own rows; the sums of the tasks, whose number depends only on n, are added in order. If tasks were split by
// clusters instead, each would have to pack all of x.
func (l *Head) Backward(ctx context.Context, dWeight, dBias, dz, x []float32, n, workers int) error {
	rows := max(linearRows, (n+linearCuts-1)/linearCuts)
	parts := make([][]float32, parallel.Count(n, rows))
	biases := make([][]float64, len(parts))
	err := parallel.Blocks(ctx, workers, n, rows, func(b, lo, hi int) error {
		part := dWeight // the first task's part
		if b > 0 {
			part = make([]float32, l.Clusters*l.Dim)
			parts[b] = part
		}
		kernel.MulTransA(part, l.Dim, dz[lo*l.Clusters:], l.Clusters, x[lo*l.Dim:], l.Dim, l.Clusters, hi-lo, l.Dim, false)
		biases[b] = ColumnSums(dz[lo*l.Clusters:hi*l.Clusters], hi-lo, l.Clusters)
		return nil
	})
	if err != nil {
		return err
	}
	for b := 1; b < len(parts); b++ {
		kernel.AddScaled(dWeight, 1, parts[b])
		for c, v := range biases[b] {
			biases[0][c] += v
		}
	}
	for c, v := range biases[0] {
		dBias[c] = float32(v)
	}
	return nil
}

// Clone copies the head.
func (l *Head) Clone() *Head {
	return &Head{l.Clusters, l.Dim, append([]float32(nil), l.Weight...), append([]float32(nil), l.Bias...)}
}

// Block writes the logits of n rows on the calling goroutine.
func (l *Head) Block(dst, x []float32, n int) {
	for i := range n {
		copy(dst[i*l.Clusters:(i+1)*l.Clusters], l.Bias)
	}
	kernel.MulTransB(dst, l.Clusters, x, l.Dim, l.Weight, l.Dim, n, l.Dim, l.Clusters, true)
}

// Assignments writes softmax(x·Wᵀ + b) of n rows on the calling goroutine.
func (l *Head) Assignments(dst, x []float32, n int) {
	l.Block(dst, x, n)
	for i := range n {
		row := dst[i*l.Clusters : (i+1)*l.Clusters]
		kernel.Softmax(row, row)
	}
}

// Probabilities writes the cluster probabilities (n×Clusters) of features x (n×Dim). It fails on sizes that do not match.
func (l *Head) Probabilities(dst, x []float32, n int) error {
	if n < 0 || len(x) != n*l.Dim || len(dst) < n*l.Clusters {
		return fmt.Errorf("probabilities: %d numbers of features and %d of results do not match %d rows of %d and %d", len(x), len(dst), n, l.Dim, l.Clusters)
	}
	l.Assignments(dst, x, n)
	return nil
}

// Finite reports whether every weight is finite.
func (l *Head) Finite() bool {
	for _, x := range l.Parameters() {
		for _, v := range x {
			if v-v != 0 {
				return false
			}
		}
	}
	return true
}

// Usage returns the number of clusters to which n rows of logits or probabilities z (n×k) are assigned, and the share of the largest,
// counting every stride-th row.
func Usage(z []float32, n, k, stride int) (used int, largest float64) {
	count := make([]int, k)
	for i := 0; i < n; i += stride {
		count[ArgMax(z[i*k:(i+1)*k])]++
	}
	most := 0
	for _, c := range count {
		most = max(most, c)
		if c > 0 {
			used++
		}
	}
	return used, float64(most) / float64((n+stride-1)/stride)
}

// ArgMax returns the index of the largest entry, ties to the first.
func ArgMax(row []float32) int {
	at := 0
	for c, v := range row {
		if v > row[at] {
			at = c
		}
	}
	return at
}

// ColumnSums returns the column sums of the n rows of x (n×k), in float64.
func ColumnSums(x []float32, n, k int) []float64 {
	sum := make([]float64, k)
	for i := range n {
		kernel.AddTo(sum, x[i*k:(i+1)*k])
	}
	return sum
}

// AllLogits returns the logits of every row of f, f.Len()×Clusters.
func (l *Head) AllLogits(ctx context.Context, f matrix.Features, workers int) ([]float32, error) {
	const rows = 1024
	z := make([]float32, f.Len()*l.Clusters)
	err := parallel.Blocks(ctx, workers, f.Len(), rows, func(_, lo, hi int) error {
		x := make([]float32, (hi-lo)*l.Dim)
		if err := f.Block(x, lo, hi); err != nil {
			return err
		}
		l.Block(z[lo*l.Clusters:hi*l.Clusters], x, hi-lo)
		return nil
	})
	return z, err
}

// Argmaxes returns the cluster to which l assigns each row of f. It fails on logits that make no probabilities (NumbersError).
func (l *Head) Argmaxes(ctx context.Context, f matrix.Features, workers int) ([]int, error) {
	const rows = 1024
	cluster := make([]int, f.Len())
	err := parallel.Blocks(ctx, workers, f.Len(), rows, func(_, lo, hi int) error {
		x, z := make([]float32, (hi-lo)*l.Dim), make([]float32, (hi-lo)*l.Clusters)
		if err := f.Block(x, lo, hi); err != nil {
			return err
		}
		l.Block(z, x, hi-lo)
		for i := lo; i < hi; i++ {
			row := z[(i-lo)*l.Clusters : (i-lo+1)*l.Clusters]
			if !Below(row) {
				return &NumbersError{Numbers: fmt.Sprintf("logits of row %d are", i)}
			}
			cluster[i] = ArgMax(row)
		}
		return nil
	})
	return cluster, err
}

// Below reports whether all numbers are below infinity: then their softmax is defined.
func Below(row []float32) bool {
	infinity := float32(math.Inf(1))
	for _, v := range row {
		if !(v < infinity) {
			return false
		}
	}
	return true
}

// Fold returns the head that gives, on unscaled features, the same logits as l on standardised ones, except on rows that s shortens:
//
//	Σ_e W_ce (x_e − m_e) v_e + b_c  =  Σ_e (W_ce v_e) x_e  +  (b_c − Σ_e W_ce v_e m_e)
func (l *Head) Fold(s *matrix.Standardized) *Head {
	f := l.Clone()
	for c := range l.Clusters {
		row := f.Weight[c*l.Dim : (c+1)*l.Dim]
		bias := float64(l.Bias[c])
		for e := range row {
			row[e] *= s.Inverse[e]
			bias -= float64(row[e]) * float64(s.Mean[e])
		}
		f.Bias[c] = float32(bias)
	}
	return f
}
