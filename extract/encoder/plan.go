package encoder

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// plan says how images are divided into runs of the model.
type plan struct {
	images int // most images of a run; 0: any number, as in the trials before a plan is chosen
	size   int // images that every run has, the missing ones being black; 0: as many as there are
}

// Images of a run if no number is wanted: with CUDA and TensorRT, and where the caller decides since the session is Resting; and elsewhere, unless Batch finds
// a better one. On an H100, 128 were 2 to 13 % faster than 64 and took up to twice the memory (docs/performance.md).
const (
	deviceBatch    = 64
	processorBatch = 8
)

// choosePlan makes the plan for Encode. On NVIDIA's GPUs runs always have the same size, since its libraries choose an algorithm by it, and each rounds in
// its own way: the size wanted, or otherwise 64, halved until the memory suffices.
func (e *Encoder) choosePlan(ctx context.Context, o Options) error {
	e.wanted, e.untried = o.Batch, false
	switch {
	case e.Mixes:
		e.plan = plan{images: 1, size: e.fixed}
		return nil
	case e.fixed > 0:
		e.plan = plan{images: e.fixed, size: e.fixed}
		return nil
	case o.Resting:
		e.plan = plan{images: cmp.Or(o.Batch, deviceBatch)}
		return nil
	case !e.Provider.NeedsCUDA():
		e.plan, e.untried = plan{images: cmp.Or(o.Batch, processorBatch)}, o.Batch == 0
		return nil
	}
	for size := cmp.Or(o.Batch, deviceBatch); ; size /= 2 {
		e.plan = plan{images: size, size: size}
		n := size * e.callers.count
		err := e.Encode(ctx, make([]float32, n*e.dim), make([]float32, n*3*e.height*e.width), n)
		if err == nil || o.Batch > 0 || size == 1 || ctx.Err() != nil {
			return err
		}
	}
}

// probeTime is roughly the longest time for which Batch tries sizes.
const probeTime = 3 * time.Second

// worthProbing is the number of images from which it pays to spend a few seconds on finding the best batch size.
const worthProbing = 1000

// Batch is the number of images to give to Encode at once, if about n are to be encoded: those of a run, or of two where two are made at once. If neither
// the model, the device nor Options determines it and the images are many, it tries the sizes 1, 2, 4, … 64 for a few seconds, and from then on runs have the
// smallest whose rate is within 3 % of the best: larger ones cost memory and delay for nothing.
func (e *Encoder) Batch(ctx context.Context, n int) (int, error) {
	if e.untried && n >= worthProbing {
		best, err := e.probeBatch(ctx)
		if err != nil {
			return 0, err
		}
		e.plan.images, e.untried = best, false
	}
	return max(1, min(n, e.plan.images*e.callers.count)), nil
}

// probeBatch finds the best batch size by trial.
func (e *Encoder) probeBatch(ctx context.Context) (int, error) {
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
		if err := e.encode(ctx, y, x, size, plan{}); err != nil { // the first run of a size allocates
			return 0, err
		}
		begin := time.Now()
		runs := 0
		for runs == 0 || time.Since(begin) < probeTime/20 {
			if err := e.encode(ctx, y, x, size, plan{}); err != nil {
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
	fits := func(t trial) bool { return t.rate >= 0.97*best }
	return trials[slices.IndexFunc(trials, fits)].size, nil
}
