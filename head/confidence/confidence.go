package confidence

import (
	"context"
	"fmt"
	"math"

	"iconic/head/linear"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// The search is over factors between 1/most and most.
const most = 1e3

// Scale is the factor on logits z (n×k) at which their mean confidence is share. If no factor reaches it, for example if all logits of a
// row are equal, it is the nearer end of 1/1000 to 1000. It fails if share is not a number from 0 to 1, and with ctx's error.
func Scale(ctx context.Context, z []float32, k int, share float64, workers int) (float64, error) {
	if !(share >= 0 && share <= 1) || k < 1 || len(z) == 0 || len(z)%k != 0 {
		return 0, fmt.Errorf("confidence: share %g of %d logits in rows of %d: want a share from 0 to 1 and whole rows", share, len(z), k)
	}
	lo, hi := -math.Log(most), math.Log(most)
	const steps = 40 // ln s to 1e-11
	for range steps {
		middle := (lo + hi) / 2
		mean, err := Mean(ctx, z, k, math.Exp(middle), workers)
		if err != nil {
			return 0, err
		}
		if mean < share {
			lo = middle
		} else {
			hi = middle
		}
	}
	return math.Exp((lo + hi) / 2), nil
}

// Calibrate scales l so that the mean confidence of rows is share, or as near as it can be (Scale); z has the rows' logits by l. It fails as
// Scale does.
func Calibrate(ctx context.Context, l *linear.Head, z []float32, share float64, workers int) error {
	s, err := Scale(ctx, z, l.Clusters, share, workers)
	if err != nil {
		return err
	}
	kernel.Scale(l.Weight, float32(s))
	kernel.Scale(l.Bias, float32(s))
	return nil
}

// Mean is 1/n Σ_i max_c softmax(s z_i)_c of logits z (n×k).
func Mean(ctx context.Context, z []float32, k int, s float64, workers int) (float64, error) {
	const rows = 1024
	n := len(z) / k
	sums := make([]float64, parallel.Count(n, rows))
	err := parallel.Blocks(ctx, workers, n, rows, func(b, lo, hi int) error {
		row := make([]float32, k)
		for i := lo; i < hi; i++ {
			copy(row, z[i*k:(i+1)*k])
			kernel.Scale(row, float32(s))
			sums[b] += math.Exp(float64(kernel.Max(row)) - kernel.LogSumExp(row))
		}
		return nil
	})
	total := 0.0
	for _, sum := range sums {
		total += sum
	}
	return total / float64(n), err
}
