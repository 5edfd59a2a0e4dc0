package icon

import "iconic/internal/kernel"

// Gaussian: q_ij ∝ exp(−‖z_i−z_j‖²/2σ²).
//
//	s_ij = (z_i·z_j − ½‖z_i‖² − ½‖z_j‖²)/σ²,   ∂s_ij/∂z_i = (z_j − z_i)/σ²
type Gaussian struct{ Sigma float64 } // σ > 0

// Validate implements Learned.
func (k Gaussian) Validate() error { return positive("sigma", k.Sigma) }

// Score implements Scorer.
func (k Gaussian) Score(xy, xx, yy float64) (s, byXY, byXX, byYY float64) {
	inverse := 1 / (k.Sigma * k.Sigma)
	return (xy - xx/2 - yy/2) * inverse, inverse, -inverse / 2, -inverse / 2
}

type gaussianRows[T kernel.Float] struct {
	plain[T]
	Gaussian
}

func (k gaussianRows[T]) scores(row []T, size T, others []T) {
	inverse := T(1 / (k.Sigma * k.Sigma))
	for j := range row {
		row[j] = (row[j] - size - others[j]) * inverse
	}
}

func (k gaussianRows[T]) spread(g, _ []T, _ T, _, _ []T) (own T, back []T) {
	inverse := T(1 / (k.Sigma * k.Sigma))
	for j := range g {
		g[j] *= inverse
		own += g[j]
	}
	return own, g
}
