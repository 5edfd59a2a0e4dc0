package icon

import (
	"fmt"
	"math"

	"iconic/head/linear"
	"iconic/internal/kernel"
)

// Cosine: q_ij ∝ exp(cos(z_i, z_j)/τ). With u = z/‖z‖, s_ij = u_i·u_j/τ; and by the chain rule through the length, ∂L/∂z = (∂L/∂u − u
// (u·∂L/∂u))/‖z‖.
//
// A point of length 0 has no direction, and cosine 0 with every point: u = 0 there, so all its scores are 0, its q is uniform, and it moves no
// other point, as ∂s_ij/∂u_j = u_i/τ = 0. If it moved along a direction v, its cosine with z_j would jump from 0 to cos(v, z_j), so it has no
// derivative there. As the jump along −v is the opposite one, no direction is preferred, and the gradient is taken as 0. Loss and gradient of
// all other points are as above.
type Cosine struct{ Temperature float64 } // τ > 0

// Validate implements Learned.
func (k Cosine) Validate() error { return positive("temperature", k.Temperature) }

// Score implements Scorer.
func (k Cosine) Score(xy, xx, yy float64) (s, byXY, byXX, byYY float64) {
	if xx == 0 || yy == 0 {
		return 0, 0, 0, 0
	}
	byXY = 1 / (math.Sqrt(xx*yy) * k.Temperature)
	s = xy * byXY
	return s, byXY, -s / (2 * xx), -s / (2 * yy)
}

// cosineRows works on directions; a point's size is its length. One whose squares round to 0 has no direction.
type cosineRows[T kernel.Float] struct{ Cosine }

func (k cosineRows[T]) prepare(z []T, n, d int) (points, size []T, err error) {
	points, size = make([]T, n*d), make([]T, n)
	for i := range n {
		row := z[i*d : (i+1)*d]
		size[i] = T(math.Sqrt(float64(kernel.SquaredNorm(row))))
		if size[i]-size[i] != 0 {
			return nil, nil, fmt.Errorf("representation of point %d of %d is %w: lower the learning rate, or check the features", i, n, linear.ErrNotFinite)
		}
		if size[i] == 0 {
			continue
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
		if size[i] == 0 {
			clear(d)
			continue
		}
		along := kernel.Dot(u, d)
		for e := range d {
			d[e] = (d[e] - u[e]*along) / size[i]
		}
	}
}
