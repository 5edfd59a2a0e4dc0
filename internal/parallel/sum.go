package parallel

import "context"

// Stripe is the stripe size that divides n items into at most most stripes, all but the last made of whole blocks.
func Stripe(n, most, block int) int { return max(1, Count(Count(n, most), block)) * block }

// Sum computes a sum of size numbers over n items: add adds items lo to hi−1, a block of a stripe, to the stripe's sum, and the stripes'
// sums are added in order. The result depends on the sizes of stripes and blocks, never on the number of workers. It fails as Blocks does.
func Sum(ctx context.Context, workers, n, stripe, block, size int, add func(sum []float64, lo, hi int) error) ([]float64, error) {
	parts := make([][]float64, Count(n, stripe))
	err := Blocks(ctx, workers, n, stripe, func(s, lo, hi int) error {
		parts[s] = make([]float64, size)
		for ; lo < hi; lo += block {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := add(parts[s], lo, min(hi, lo+block)); err != nil {
				return err
			}
		}
		return nil
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
