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

// Independent encodes some noise in one batch and image by image, on a GPU also in runs of one image, and reports whether the features are equal to
// the bit.
func (e *Encoder) Independent(ctx context.Context) (bool, error) {
	if e.Mixes {
		return false, nil
	}
	images := 4
	if e.Provider != CPU { // its libraries choose an algorithm by the size of the batch
		images = 32
	}
	pixels := e.trial(images)
	size := len(pixels) / images
	together, alone := make([]float32, images*e.dim), make([]float32, images*e.dim)
	if err := e.Encode(ctx, together, pixels, images); err != nil {
		return false, err
	}
	for i := range images {
		if err := e.encode(ctx, alone[i*e.dim:(i+1)*e.dim], pixels[i*size:(i+1)*size], 1, plan{size: e.fixed}); err != nil {
			return false, err
		}
	}
	return slices.Equal(together, alone), nil
}
