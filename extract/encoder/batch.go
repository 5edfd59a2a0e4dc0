package encoder

import (
	"cmp"
	"context"
	"time"
)

// probeTime is roughly the longest time for which Batch tries sizes.
const probeTime = 3 * time.Second

// Batch tries the batch sizes 1, 2, 4, … 64 for a few seconds and returns the smallest whose rate is within 3 % of the best: larger ones
// cost memory and delay for nothing. It tries nothing if the model or the device determines the batch size.
func (e *Encoder) Batch(ctx context.Context) (int, error) {
	switch {
	case e.fixed > 0:
		return e.fixed, nil
	case e.size > 0:
		return e.size * e.lanes.count, nil
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

// deviceBatch is the number of images of a run on a GPU. On an H100, 128 were 2 to 13 % faster and took twice the memory (docs/scale.md).
const deviceBatch = 64

// chooseSize sets the number of images of every run: the one wanted, or otherwise 64, halved until the device's memory suffices. It is always the
// same, since the device's libraries choose an algorithm by it, and each rounds in its own way.
func (e *Encoder) chooseSize(ctx context.Context, wanted int) error {
	if e.fixed > 0 {
		return nil
	}
	for e.size = cmp.Or(wanted, deviceBatch); ; e.size /= 2 {
		n := e.size * e.lanes.count
		err := e.Encode(ctx, make([]float32, n*e.dim), make([]float32, n*3*e.height*e.width), n)
		if err == nil || wanted > 0 || e.size == 1 || ctx.Err() != nil {
			return err
		}
	}
}
