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

// Calibrate scales l so that the mean confidence of rows with a uniform share is share, or as near as it can be (Scale); z has the rows' logits
// by l. It fails as Scale does.
func Calibrate(ctx context.Context, l *linear.Head, z []float32, share, uniform float64, workers int) error {
	s, err := Scale(ctx, z, l.Clusters, without(share, uniform, l.Clusters), workers)
	if err != nil {
		return err
	}
	kernel.Scale(l.Weight, float32(s))
	kernel.Scale(l.Bias, float32(s))
	return nil
}

// Shape is how logits become a confidence: with factor s and uniform share u it is (1−u) max_c softmax(s z)_c + u/k.
type Shape struct{ Factor, Uniform float64 }

// Fit returns the shape of logits z (n×k) at which the mean confidence of the rows is the mean of likely, and the slope of likely over the confidence
// is 1; likely is how likely it is that a row is right, from 0 to 1. If the slope is 1 or more without a uniform share, or 1 cannot be reached, the
// share is 0 or the largest that is possible. It fails as Scale does.
//
// The slope is that of the least squares, Σ_i (c_i − c̄)(l_i − l̄) / Σ_i (c_i − c̄)², the calibration slope of Cox (1958) on the scale of
// probabilities. Below 1, the most confident rows are less often right, and the least confident ones more often, than they say, whatever the
// temperature. A uniform share narrows the range of the confidence and so raises the slope; it never changes a decision.
func Fit(ctx context.Context, z []float32, k int, likely []float64, workers int) (Shape, error) {
	share := 0.0
	for _, l := range likely {
		share += l / float64(len(likely))
	}
	if k < 1 || len(z) != len(likely)*k || len(z) == 0 {
		return Shape{}, fmt.Errorf("confidence: %d logits in rows of %d for %d rows", len(z), k, len(likely))
	}
	lo, hi := 0.0, min(1, (1-share)/(1-1/float64(k))) // a larger share leaves no mean confidence of that size
	at := func(uniform float64) (Shape, float64, error) {
		factor, err := Scale(ctx, z, k, without(share, uniform, k), workers)
		if err != nil {
			return Shape{}, 0, err
		}
		own := Shape{factor, uniform}
		slope, err := own.slope(ctx, z, k, likely, workers)
		return own, slope, err
	}
	best, slope, err := at(0)
	if err != nil || slope >= 1 || !(hi > 0) {
		return best, err
	}
	const steps = 12 // the share to 1/4096 of its range
	for range steps {
		middle := (lo + hi) / 2
		own, slope, err := at(middle)
		if err != nil {
			return Shape{}, err
		}
		if slope < 1 {
			lo, best = middle, own
		} else {
			hi = middle
		}
	}
	return best, nil
}

// slope is that of likely over the confidence; 1 if the confidence does not vary.
func (s Shape) slope(ctx context.Context, z []float32, k int, likely []float64, workers int) (float64, error) {
	n := len(likely)
	confidence := make([]float64, n)
	err := parallel.Blocks(ctx, workers, n, blockRows, func(_, lo, hi int) error {
		row := make([]float32, k)
		for i := lo; i < hi; i++ {
			confidence[i] = (1-s.Uniform)*largest(row, z[i*k:(i+1)*k], s.Factor) + s.Uniform/float64(k)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	mean, share := 0.0, 0.0
	for i, c := range confidence {
		mean += c / float64(n)
		share += likely[i] / float64(n)
	}
	together, square := 0.0, 0.0
	for i, c := range confidence {
		together += (c - mean) * (likely[i] - share)
		square += (c - mean) * (c - mean)
	}
	if square == 0 {
		return 1, nil
	}
	return together / square, nil
}

// largest is max_c softmax(s z)_c; row is scratch space of the length of z.
func largest(row, z []float32, s float64) float64 {
	copy(row, z)
	kernel.Scale(row, float32(s))
	kernel.Softmax(row, row)
	return float64(kernel.Max(row))
}

// without is the mean confidence that becomes share when a uniform share is mixed in, as near as it can be.
func without(share, uniform float64, k int) float64 {
	return min(1, max(0, share-uniform/float64(k))/(1-uniform))
}

// Mean is 1/n Σ_i max_c softmax(s z_i)_c of logits z (n×k).
func Mean(ctx context.Context, z []float32, k int, s float64, workers int) (float64, error) {
	n := len(z) / k
	sums := make([]float64, parallel.Count(n, blockRows))
	err := parallel.Blocks(ctx, workers, n, blockRows, func(b, lo, hi int) error {
		row := make([]float32, k)
		for i := lo; i < hi; i++ {
			sums[b] += largest(row, z[i*k:(i+1)*k], s)
		}
		return nil
	})
	total := 0.0
	for _, sum := range sums {
		total += sum
	}
	return total / float64(n), err
}

const blockRows = 1024 // rows of a block
