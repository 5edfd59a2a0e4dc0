package icon_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/optim"
)

// Laplace is a learned distribution of one's own: q_ij ∝ exp(−‖z_i−z_j‖/b), with d² = xx + yy − 2xy.
type Laplace struct{ Width float64 } // b > 0

func (k Laplace) Validate() error {
	if !(k.Width > 0) {
		return errors.New("width: want a positive number")
	}
	return nil
}

func (k Laplace) Score(xy, xx, yy float64) (s, byXY, byXX, byYY float64) {
	d := math.Sqrt(max(1e-12, xx+yy-2*xy))
	slope := 1 / (k.Width * d)
	return -d / k.Width, slope, -slope / 2, -slope / 2
}

func Example_learnedDistribution() {
	labels := []int{0, 0, 0, 1, 1, 1}
	method := icon.ICon[float64]{
		Supervisory: icon.Labels(labels),
		Learned:     Laplace{Width: 0.5},
		Mapper:      icon.NewEmbedding[float64](len(labels), 2, 0.1, rand.New(rand.NewPCG(1, 1))),
	}
	_, losses, err := method.Fit(context.Background(), nil, len(labels), 200, 0.05, optim.Schedule{})
	fmt.Println(losses[len(losses)-1] < losses[0]/2, err)
	// Output: true <nil>
}
