package icon_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/optim"
	"iconic/matrix"
)

// Laplace is a user-defined learned distribution: q_ij ∝ exp(−‖z_i−z_j‖/b), with d² = xx + yy − 2xy.
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

// A user-defined supervisory distribution is a sparse matrix: here two pairs of points, and one point that belongs to both.
func ExampleLoss() {
	p := &matrix.Sparse{
		Offset: []int{0, 1, 2, 3, 4, 6},
		Column: []int32{1, 0, 3, 2, 0, 2},
		Weight: []float32{1, 1, 1, 1, 0.5, 0.5},
	}
	z := []float64{0, 0.1, 3, 3.1, 1.5} // five points of one number each
	gradient := make([]float64, len(z))
	loss, err := icon.Loss[float64]{Learned: icon.StudentT{Freedom: 1}}.Gradient(context.Background(), gradient, z, len(z), 1, p)
	fmt.Printf("%.2f nats, %v\n", loss, err)
	// Output: 0.47 nats, <nil>
}

// Views of the same image and neighbours of any image, mixed half and half: six points, which are two views of each of three images.
func ExampleMix() {
	views, err := icon.Views(6, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	neighbours := icon.Build(6, func(i int, add func(int, float64)) { // points 2 apart, around a circle
		add((i+2)%6, 1)
		add((i+4)%6, 1)
	})
	p, err := icon.Mix([]float64{0.5, 0.5}, views, neighbours)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Row(0))
	// Output: [1 2 4] [0.5 0.25 0.25]
}
