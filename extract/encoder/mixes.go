package encoder

import (
	"context"
	"math/rand/v2"
)

// tryCompany encodes an image alone and together with another of four times its amplitude, and sets Mixes if its features differ by more than
// rounding: graphs with one scale for the activations of a whole batch, as the usual int8 rewrite makes, or that normalise over the batch.
func (e *Encoder) tryCompany(ctx context.Context) error {
	if e.fixed == 1 {
		return nil
	}
	size := 3 * e.height * e.width
	noise := rand.New(rand.NewPCG(uint64(size), uint64(e.dim)))
	pixels := make([]float32, 2*size)
	for i := range pixels {
		pixels[i] = float32(noise.NormFloat64()) * float32(1+3*(i/size))
	}
	alone, together := make([]float32, e.dim), make([]float32, 2*e.dim)
	if err := e.Encode(ctx, alone, pixels[:size], 1); err != nil {
		return err
	}
	if err := e.Encode(ctx, together, pixels, 2); err != nil {
		return nil // a graph that takes single images only, though it does not say so: an image at a time still works
	}
	var length, difference float64
	for i, v := range alone {
		d := float64(v - together[i])
		length, difference = length+float64(v)*float64(v), difference+d*d
	}
	most := 1e-3 // of the length; rounding is a hundredth of it
	if e.Provider != CPU {
		most = 1e-2 // with the short mantissas of its libraries, which choose an algorithm by the size of the batch
	}
	e.Mixes = length-length == 0 && !(difference <= most*most*length) // features that are not finite are refused when they are used
	return nil
}
