package head

import (
	"context"
	"math"
	"math/rand/v2"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// Linear is the head: logits z = x·Wᵀ + b of features x. Its probabilities are the row softmax of z.
type Linear struct {
	Clusters, Dim int
	Weight        []float32 // Clusters×Dim
	Bias          []float32 // Clusters
}

const (
	linearRows = 512 // rows of a product that one task owns: the weights are packed anew for each
	linearCuts = 8   // tasks at most that share the rows of ∂L/∂W
)

// newLinear draws weights uniformly from ±1/√d, as PyTorch's linear layer does; the bias starts at zero.
func newLinear(clusters, dim int, r *rand.Rand) *Linear {
	l := &Linear{Clusters: clusters, Dim: dim, Weight: make([]float32, clusters*dim), Bias: make([]float32, clusters)}
	bound := 1 / math.Sqrt(float64(dim))
	for i := range l.Weight {
		l.Weight[i] = float32(bound * (2*r.Float64() - 1))
	}
	return l
}

// parameters are what an optimiser moves.
func (l *Linear) parameters() [][]float32 { return [][]float32{l.Weight, l.Bias} }

// Logits writes z = x·Wᵀ + b (n×Clusters) of features x (n×Dim).
func (l *Linear) Logits(ctx context.Context, z, x []float32, n, workers int) error {
	return parallel.Blocks(ctx, workers, n, linearRows, func(_, lo, hi int) error {
		l.logits(z[lo*l.Clusters:], x[lo*l.Dim:], hi-lo)
		return nil
	})
}

// backward writes the gradients of W and b:
//
//	z_ic = Σ_e x_ie W_ce + b_c   ⇒   ∂L/∂W = (∂L/∂z)ᵀ·x  (Clusters×Dim),   ∂L/∂b_c = Σ_i ∂L/∂z_ic
//
// A task owns some rows and sums over them; the sums of the tasks, whose number depends on n alone, are added in their order. Cut by
// clusters instead, every task would have to pack all of x.
func (l *Linear) backward(ctx context.Context, dWeight, dBias, dz, x []float32, n, workers int) error {
	rows := max(linearRows, (n+linearCuts-1)/linearCuts)
	parts := make([][]float32, parallel.Count(n, rows))
	biases := make([][]float64, len(parts))
	err := parallel.Blocks(ctx, workers, n, rows, func(b, lo, hi int) error {
		part := dWeight // of the first task
		if b > 0 {
			part = make([]float32, l.Clusters*l.Dim)
			parts[b] = part
		}
		kernel.MulTransA(part, l.Dim, dz[lo*l.Clusters:], l.Clusters, x[lo*l.Dim:], l.Dim, l.Clusters, hi-lo, l.Dim, false)
		biases[b] = columnSums(dz[lo*l.Clusters:hi*l.Clusters], hi-lo, l.Clusters)
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

// clone copies the head.
func (l *Linear) clone() *Linear {
	return &Linear{l.Clusters, l.Dim, append([]float32(nil), l.Weight...), append([]float32(nil), l.Bias...)}
}
