package encoder

import (
	"context"
	"time"
)

// probeTime is roughly the longest time for which Batch tries sizes.
const probeTime = 3 * time.Second

// Batch tries the batch sizes 1, 2, 4, … 64 for a few seconds and returns the smallest whose rate is within 3 % of the best: larger ones
// cost memory and delay for nothing. It does not try a model with a fixed batch size.
func (e *Encoder) Batch(ctx context.Context) (int, error) {
	if e.fixed > 0 {
		return e.fixed, nil
	}
	const largest = 64
	pixels := make([]float32, largest*3*e.height*e.width)
	dst := make([]float32, largest*e.dim)
	type trial struct {
		size int
		rate float64 // images per second
	}
	var trials []trial
	best := 0.0
	start := time.Now()
	for size := 1; size <= largest; size *= 2 {
		x, y := pixels[:size*3*e.height*e.width], dst[:size*e.dim]
		if err := e.Encode(ctx, y, x, size); err != nil { // the first run of a size allocates
			return 0, err
		}
		begin := time.Now()
		runs := 0
		for runs == 0 || time.Since(begin) < probeTime/20 {
			if err := e.Encode(ctx, y, x, size); err != nil {
				return 0, err
			}
			runs++
		}
		rate := float64(runs*size) / time.Since(begin).Seconds()
		trials = append(trials, trial{size, rate})
		best = max(best, rate)
		if next := time.Duration(float64(4*size) / rate * float64(time.Second)); time.Since(start)+next > probeTime {
			break
		}
	}
	for _, t := range trials {
		if t.rate >= 0.97*best {
			return t.size, nil
		}
	}
	return trials[len(trials)-1].size, nil
}
