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

// Power is ρ of the flattened distribution: with half the logits, the most confident rows keep most of their confidence, where a uniform
// distribution would take the same from all. At 0.45 to 0.6 the mean ECE of eleven sets is the same within 0.003 (docs/results.md).
const Power = 0.5

// Shape is how logits become a confidence: with a factor s and a flat share u it is (1−u) max_c softmax(s z)_c + u max_c softmax(ρ s z)_c, ρ = Power.
type Shape struct{ Factor, Flat float64 }

// Scale is the factor on logits z (n×k) at which their mean confidence is share, with a flat share from 0, below 1. If no factor reaches it, for
// example if all logits of a row are equal, it is the nearer end of 1/1000 to 1000. It fails on shares out of range, and with ctx's error.
func Scale(ctx context.Context, z []float32, k int, share, flat float64, workers int) (float64, error) {
	const steps = 40 // ln s to 1e-11
	return scale(ctx, z, k, share, flat, workers, steps)
}

func scale(ctx context.Context, z []float32, k int, share, flat float64, workers, steps int) (float64, error) {
	if !(share >= 0 && share <= 1) || !(flat >= 0 && flat < 1) || k < 1 || len(z) == 0 || len(z)%k != 0 {
		return 0, fmt.Errorf("confidence: share %g, with a flat share of %g, of %d logits in rows of %d: want shares from 0 to 1 and whole rows", share, flat, len(z), k)
	}
	lo, hi := -math.Log(most), math.Log(most)
	for range steps {
		middle := (lo + hi) / 2
		confidence, err := Shape{math.Exp(middle), flat}.Of(ctx, z, k, workers)
		if err != nil {
			return 0, err
		}
		if mean(confidence) < share {
			lo = middle
		} else {
			hi = middle
		}
	}
	return math.Exp((lo + hi) / 2), nil
}

// Calibrate scales l so that the mean confidence of rows with a flat share is share, or as near as it can be (Scale); z has logits of rows by l or by
// heads like it. It fails as Scale does.
func Calibrate(ctx context.Context, l *linear.Head, z []float32, share, flat float64, workers int) error {
	s, err := Scale(ctx, z, l.Clusters, share, flat, workers)
	if err != nil {
		return err
	}
	kernel.Scale(l.Weight, float32(s))
	kernel.Scale(l.Bias, float32(s))
	return nil
}

// Fit returns the shape of logits z (n×k) at which the mean confidence of the rows is the mean of likely, and the slope of likely over the confidence
// is 1; likely is how likely it is that a row is right, from 0 to 1. If the slope is 1 or more without a flat share, there is none; if no share up to
// 0.6 reaches 1, it is the one with the largest slope. It fails as Scale does.
//
// The slope is that of the least squares, Σ_i (c_i − c̄)(l_i − l̄) / Σ_i (c_i − c̄)², the calibration slope of Cox (1958) on the scale of
// probabilities. Below 1, the most confident rows are less often right, and the least confident ones more often, than they say, whatever the
// temperature. A flat share narrows the range of the confidence and so raises the slope, until it makes up most of the confidence itself; but for
// rounding it changes no decision.
func Fit(ctx context.Context, z []float32, k int, likely []float64, workers int) (Shape, error) {
	if k < 1 || len(z) != len(likely)*k || len(z) == 0 {
		return Shape{}, fmt.Errorf("confidence: %d logits in rows of %d for %d rows", len(z), k, len(likely))
	}
	share := mean(likely)
	at := func(flat float64) (Shape, float64, error) {
		const steps = 20 // ln s to 1e-5
		factor, err := scale(ctx, z, k, share, flat, workers, steps)
		if err != nil {
			return Shape{}, 0, err
		}
		own := Shape{factor, flat}
		confidence, err := own.Of(ctx, z, k, workers)
		return own, slope(confidence, likely), err
	}
	best, steepest, err := at(0)
	if err != nil || steepest >= 1 {
		return best, err
	}
	const step, largest, finer = 0.05, 0.6, 5 // the share to 0.05/2⁵
	for flat := step; flat < largest+step/2; flat += step {
		own, slope, err := at(flat)
		if err != nil {
			return Shape{}, err
		}
		if slope >= 1 {
			return between(at, flat-step, flat, finer)
		}
		if slope > steepest {
			best, steepest = own, slope
		}
	}
	return best, nil
}

// between halves the range of flat shares lo, whose slope is below 1, to hi, whose slope is not, and returns the shape at hi.
func between(at func(flat float64) (Shape, float64, error), lo, hi float64, times int) (own Shape, err error) {
	for range times {
		middle, slope := (lo+hi)/2, 0.0
		if _, slope, err = at(middle); err != nil {
			return Shape{}, err
		}
		if slope < 1 {
			lo = middle
		} else {
			hi = middle
		}
	}
	own, _, err = at(hi)
	return own, err
}

// slope is that of likely over the confidence; 1 if the confidence does not vary.
func slope(confidence, likely []float64) float64 {
	level, share := mean(confidence), mean(likely)
	together, square := 0.0, 0.0
	for i, c := range confidence {
		together += (c - level) * (likely[i] - share)
		square += (c - level) * (c - level)
	}
	if square == 0 {
		return 1
	}
	return together / square
}

// Of returns the confidence of each row of logits z (n×k), from 0 to 1. It fails unless z has whole rows, and with ctx's error.
func (s Shape) Of(ctx context.Context, z []float32, k, workers int) ([]float64, error) {
	if k < 1 || len(z)%k != 0 {
		return nil, fmt.Errorf("confidence: %d logits in rows of %d: want whole rows", len(z), k)
	}
	n := len(z) / k
	confidence := make([]float64, n)
	err := parallel.Blocks(ctx, workers, n, blockRows, func(_, lo, hi int) error {
		row := make([]float32, k)
		for i := lo; i < hi; i++ {
			own := z[i*k : (i+1)*k]
			confidence[i] = (1 - s.Flat) * largest(row, own, s.Factor)
			if s.Flat > 0 {
				confidence[i] += s.Flat * largest(row, own, Power*s.Factor)
			}
		}
		return nil
	})
	return confidence, err
}

// largest is max_c softmax(s z)_c; row is scratch space of the length of z.
func largest(row, z []float32, s float64) float64 {
	copy(row, z)
	kernel.Scale(row, float32(s))
	kernel.Softmax(row, row)
	return float64(kernel.Max(row))
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

const blockRows = 1024 // rows of a block
