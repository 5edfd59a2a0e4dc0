package encoder

import (
	"context"
	"slices"
)

// tryCompany encodes an image alone and together with another of four times its amplitude, and sets Mixes if its features differ by more than
// rounding: graphs with one scale for the activations of a whole batch, as the usual int8 rewrite makes, or that normalise over the batch.
// It sets Single if the model encodes one image but not two, and refuses models that are random.
func (e *Encoder) tryCompany(ctx context.Context) error {
	e.plan = plan{images: e.fixed, size: e.fixed}
	pixels := e.trial(2)
	size := len(pixels) / 2
	alone, err := e.tryAgain(ctx, pixels[:size])
	if err != nil || e.fixed == 1 {
		return err
	}
	together := make([]float32, 2*e.dim)
	if err := e.Encode(ctx, together, pixels, 2); err != nil {
		e.fixed, e.Single = 1, true // as for a graph that reshapes to the shape of one image: the first one was encoded
		return ctx.Err()
	}
	most := 1e-3 // of the length; rounding is a hundredth of it
	if e.Provider != CPU {
		most = 1e-2 // with the short mantissas of its libraries, which choose an algorithm by the size of the batch
	}
	e.Mixes = distance(alone, together[:e.dim]) > most // not if it is NaN: features that are not finite are refused when they are used
	return nil
}

// Independent encodes some noise image by image, in one run, and as Encode does, and reports whether the features are equal to the bit. The answer is
// the model's, so it does not hang on Options.Batch: with runs of one image, Encode alone would have nothing to compare.
func (e *Encoder) Independent(ctx context.Context) (bool, error) {
	if e.Mixes {
		return false, nil
	}
	images := 4
	if e.Provider != CPU { // its libraries choose an algorithm by the size of the batch
		images = 32
	}
	pixels := e.trial(images)
	alone, err := e.by(ctx, plan{images: 1, size: e.fixed}, pixels, images)
	if err != nil {
		return false, err
	}
	together, err := e.by(ctx, plan{images: e.fixed, size: e.fixed}, pixels, images)
	for n := images / 2; err != nil && ctx.Err() == nil && e.fixed == 0 && n > 1; n /= 2 { // the memory of a device may not hold them all
		together, err = e.by(ctx, plan{images: n}, pixels, images)
	}
	if err != nil || !slices.Equal(together, alone) {
		return false, err
	}
	usual, err := e.by(ctx, e.plan, pixels, images)
	return slices.Equal(usual, alone), err
}

// by returns the features of images encoded by a plan.
func (e *Encoder) by(ctx context.Context, p plan, pixels []float32, images int) ([]float32, error) {
	features := make([]float32, images*e.dim)
	return features, e.encode(ctx, features, pixels, images, p)
}
