package icon

import (
	"fmt"
	"math"

	"iconic/head/train"
	"iconic/internal/kernel"
)

// Learned is a distribution over neighbours in the representation: a softmax of scores, or the cluster kernel.
type Learned interface {
	validate() error
}

// Gaussian: q_ij ∝ exp(−‖z_i−z_j‖²/2σ²).
//
//	s_ij = (z_i·z_j − ½‖z_i‖² − ½‖z_j‖²)/σ²,   ∂s_ij/∂z_i = (z_j − z_i)/σ²
type Gaussian struct{ Sigma float64 } // σ > 0

// Cosine: q_ij ∝ exp(cos(z_i, z_j)/τ). With u = z/‖z‖, s_ij = u_i·u_j/τ; and through the length, ∂L/∂z = (∂L/∂u − u (u·∂L/∂u))/‖z‖.
type Cosine struct{ Temperature float64 } // τ > 0

// Dot: q_ij ∝ exp(z_i·z_j).
type Dot struct{}

// StudentT: q_ij ∝ (1 + ‖z_i−z_j‖²/ν)^(−(ν+1)/2), t-SNE's kernel at ν = 1.
//
//	s_ij = −(ν+1)/2 · ln(1 + d²/ν),   ∂s_ij/∂z_i = −(ν+1)/(ν + d²) · (z_i − z_j)
type StudentT struct{ Freedom float64 } // ν > 0

// Power: q_ij ∝ ‖z_i−z_j‖^(−Exponent), what Student's t becomes as its scale goes to 0, with Exponent = ν+1: the kernel of the
// harmonic loss (Baek et al. 2025, arXiv 2502.01628).
//
//	s_ij = −E/2 · ln d²,   ∂s_ij/∂z_i = −E/d² · (z_i − z_j);   d² is kept above 1e-12
type Power struct{ Exponent float64 } // E > 0

// Cluster: q_ij = Σ_c φ_ic φ_jc / Σ_k φ_kc, φ = softmax(z): the chance to reach j through a cluster that i names. It keeps the
// point itself and has one set of points only.
type Cluster struct{}

func (k Gaussian) validate() error { return positive("sigma", k.Sigma) }
func (k Cosine) validate() error   { return positive("temperature", k.Temperature) }
func (Dot) validate() error        { return nil }
func (k StudentT) validate() error { return positive("degrees of freedom", k.Freedom) }
func (k Power) validate() error    { return positive("exponent", k.Exponent) }
func (Cluster) validate() error    { return nil }

func positive(name string, v float64) error {
	if !(v > 0) || math.IsInf(v, 1) {
		return fmt.Errorf("%s %g: want a positive number", name, v)
	}
	return nil
}

// scores is a softmax kernel over prepared points: how a block of scores comes from products, and how the gradient by scores
// becomes one by points. Both sets are prepared alike.
type scores[T kernel.Float] struct {
	kernel Learned
	d      int
}

// prepare gives the points that products are taken of, and a number for each: the norm under Cosine, half the square else.
func (s scores[T]) prepare(z []T, n int) (points, size []T, err error) {
	size = make([]T, n)
	if _, cosine := s.kernel.(Cosine); !cosine {
		for i := range n {
			size[i] = kernel.SquaredNorm(z[i*s.d:(i+1)*s.d]) / 2
		}
		return z, size, nil
	}
	points = make([]T, n*s.d)
	for i := range n {
		row := z[i*s.d : (i+1)*s.d]
		size[i] = T(math.Sqrt(float64(kernel.SquaredNorm(row))))
		if size[i]-size[i] != 0 {
			return nil, nil, fmt.Errorf("representation of point %d is %w: lower the learning rate, or look at the features", i, train.ErrNotFinite)
		}
		if !(size[i] > 0) {
			return nil, nil, fmt.Errorf("representation of point %d is zero and has no direction: use another kernel or another start", i)
		}
		copy(points[i*s.d:], row)
		kernel.Scale(points[i*s.d:(i+1)*s.d], 1/size[i])
	}
	return points, size, nil
}

// fromProducts turns a row of products x·y_j into scores.
func (s scores[T]) fromProducts(row []T, size T, others []T) {
	switch k := s.kernel.(type) {
	case Gaussian:
		inverse := T(1 / (k.Sigma * k.Sigma))
		for j := range row {
			row[j] = (row[j] - size - others[j]) * inverse
		}
	case Cosine:
		kernel.Scale(row, T(1/k.Temperature))
	case StudentT:
		for j := range row {
			square := max(0, 2*(size+others[j]-row[j]))
			row[j] = T(-(k.Freedom + 1) / 2 * math.Log1p(float64(square)/k.Freedom))
		}
	case Power:
		for j := range row {
			square := max(leastSquare, 2*(size+others[j]-row[j]))
			row[j] = T(-k.Exponent / 2 * math.Log(float64(square)))
		}
	}
}

// leastSquare keeps Power finite where two points meet.
const leastSquare = 1e-12

// spread gives what a row's gradient by scores g means for the points: point i moves by Σ_j w_j y_j − own·x_i, point j by
// w_j x_i − back_j·y_j. It writes w over g and returns own; toward tells whether the terms own and back exist.
func (s scores[T]) spread(g []T, size T, others, products []T) (own T, toward bool) {
	switch k := s.kernel.(type) {
	case Gaussian:
		inverse := T(1 / (k.Sigma * k.Sigma))
		for j := range g {
			g[j] *= inverse
			own += g[j]
		}
		return own, true
	case Cosine:
		kernel.Scale(g, T(1/k.Temperature))
	case StudentT:
		for j := range g {
			square := max(0, 2*(size+others[j]-products[j]))
			g[j] *= T(k.Freedom+1) / (T(k.Freedom) + square)
			own += g[j]
		}
		return own, true
	case Power:
		for j := range g {
			g[j] *= T(k.Exponent) / max(leastSquare, 2*(size+others[j]-products[j]))
			own += g[j]
		}
		return own, true
	}
	return 0, false
}

// finish takes a gradient by prepared points back to one by representations.
func (s scores[T]) finish(dz, points, size []T) {
	if _, ok := s.kernel.(Cosine); !ok {
		return
	}
	for i := range size {
		u, d := points[i*s.d:(i+1)*s.d], dz[i*s.d:(i+1)*s.d]
		along := kernel.Dot(u, d)
		for e := range d {
			d[e] = (d[e] - u[e]*along) / size[i]
		}
	}
}
