package encoder

import (
	"context"
	"slices"
)

// tryCompany encodes an image alone and together with another of four times its amplitude, and sets Mixes if its features differ by more than
// rounding: graphs with one scale for the activations of a whole batch, as the usual int8 rewrite makes, or that normalise over the batch.
// Models that are random are refused.
func (e *Encoder) tryCompany(ctx context.Context) error {
	pixels := e.trial(2)
	size := len(pixels) / 2
	alone, err := e.tryAgain(ctx, pixels[:size])
	if err != nil || e.fixed == 1 {
		return err
	}
	together := make([]float32, 2*e.dim)
	if err := e.Encode(ctx, together, pixels, 2); err != nil {
		return ctx.Err() // or nil, for a graph that takes single images only, though it does not say so: an image at a time still works
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
	single := *e
	single.size = 0
	for i := range images {
		if err := single.Encode(ctx, alone[i*e.dim:(i+1)*e.dim], pixels[i*size:(i+1)*size], 1); err != nil {
			return false, err
		}
	}
	return slices.Equal(together, alone), nil
}
