package encoder

import "context"

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
