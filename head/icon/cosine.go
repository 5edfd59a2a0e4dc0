package icon

import (
	"fmt"
	"math"

	"iconic/head/linear"
	"iconic/internal/kernel"
)

// Cosine: q_ij ∝ exp(cos(z_i, z_j)/τ). With u = z/‖z‖, s_ij = u_i·u_j/τ; and by the chain rule through the length, ∂L/∂z = (∂L/∂u − u
// (u·∂L/∂u))/‖z‖.
type Cosine struct{ Temperature float64 } // τ > 0

// Validate implements Learned.
func (k Cosine) Validate() error { return positive("temperature", k.Temperature) }

// Score implements Scorer.
func (k Cosine) Score(xy, xx, yy float64) (s, byXY, byXX, byYY float64) {
	byXY = 1 / (math.Sqrt(xx*yy) * k.Temperature)
	s = xy * byXY
	return s, byXY, -s / (2 * xx), -s / (2 * yy)
}

// cosineRows works on directions; a point's size is its length.
type cosineRows[T kernel.Float] struct{ Cosine }

func (k cosineRows[T]) prepare(z []T, n, d int) (points, size []T, err error) {
	points, size = make([]T, n*d), make([]T, n)
	for i := range n {
		row := z[i*d : (i+1)*d]
		size[i] = T(math.Sqrt(float64(kernel.SquaredNorm(row))))
		if size[i]-size[i] != 0 {
			return nil, nil, fmt.Errorf("representation of point %d is %w: lower the learning rate, or check the features", i, linear.ErrNotFinite)
		}
		if !(size[i] > 0) {
			return nil, nil, fmt.Errorf("representation of point %d is zero and has no direction: use another kernel or another start", i)
		}
		copy(points[i*d:], row)
		kernel.Scale(points[i*d:(i+1)*d], 1/size[i])
	}
	return points, size, nil
}

func (k cosineRows[T]) scores(row []T, _ T, _ []T) { kernel.Scale(row, T(1/k.Temperature)) }

func (k cosineRows[T]) spread(g, _ []T, _ T, _, _ []T) (own T, back []T) {
	kernel.Scale(g, T(1/k.Temperature))
	return 0, nil
}

func (k cosineRows[T]) finish(dz, points, size []T, n int) {
	for i := range size {
		u, d := points[i*n:(i+1)*n], dz[i*n:(i+1)*n]
		along := kernel.Dot(u, d)
		for e := range d {
			d[e] = (d[e] - u[e]*along) / size[i]
		}
	}
}
