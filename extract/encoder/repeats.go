package encoder

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
)

// trial is noise of the given number of images, each of four times the amplitude of the one before.
func (e *Encoder) trial(images int) []float32 {
	size := 3 * e.height * e.width
	noise := rand.New(rand.NewPCG(uint64(size), uint64(e.dim)))
	pixels := make([]float32, images*size)
	for i := range pixels {
		pixels[i] = float32(noise.NormFloat64()) * float32(1+3*(i/size))
	}
	return pixels
}

// tryAgain encodes an image alone, twice, and returns its features. A model that gives others the second time is refused: it draws random
// numbers, as dropout does that was left on when the model was exported.
func (e *Encoder) tryAgain(ctx context.Context, pixels []float32) ([]float32, error) {
	first, second := make([]float32, e.dim), make([]float32, e.dim)
	for _, features := range [][]float32{first, second} {
		if err := e.Encode(ctx, features, pixels, 1); err != nil {
			return nil, err
		}
	}
	most := 1e-4 // the processor gives the same bits
	if e.Provider != CPU {
		most = 1e-2 // its libraries may choose other algorithms, and add in any order
	}
	if apart := distance(first, second); apart > most {
		return nil, fmt.Errorf("model %s gives the same image different features each time (they differ by %.2g %% of their length): export it in evaluation mode, without dropout or other random numbers", e.name, 100*apart)
	}
	return first, nil
}

// distance is the length of a−b as a share of the length of a: NaN if a is not finite, and +Inf if only b is not, or if only a is 0.
func distance(a, b []float32) float64 {
	var length, difference float64
	for i, v := range a {
		d := float64(v) - float64(b[i])
		length, difference = length+float64(v)*float64(v), difference+d*d
	}
	switch {
	case length-length != 0:
		return math.NaN()
	case difference == 0:
		return 0
	case difference != difference:
		return math.Inf(1)
	}
	return math.Sqrt(difference / length)
}
